//! Where in its ledger a promise was broken.

use super::*;

/// The lines of what is found in the good ledger once it was changed, counted
/// from 1, and the times.
fn places(change: impl FnOnce(&mut Vec<What>)) -> Vec<(Broken, Option<usize>, u64)> {
    let mut story = good();
    change(&mut story);
    let violations = verdict_on(story).violations.into_iter();
    violations
        .map(|violation| (violation.broken, violation.line, violation.at))
        .collect()
}

#[test]
fn what_is_found_at_a_line_stands_there() {
    let twice = |story: &mut Vec<What>| story.insert(19, delta(1, 1, 1));
    assert_eq!(places(twice), [(Broken::PieceTwice, Some(20), 19)]);
}

#[test]
fn what_is_found_in_the_end_stands_where_it_was_heard_of() {
    let unacked = |story: &mut Vec<What>| story.insert(9, sent(1, "m2"));
    assert_eq!(places(unacked), [(Broken::Unacked, Some(10), 9)]);
    // The second one heard it first.
    let never_sent = |story: &mut Vec<What>| {
        let more = said(LIFE, 3, "q2");
        story.extend([2, 1].map(|client| durable(client, more.clone())));
        let kept = vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1"), more];
        story.push(log("acme", kept));
    };
    assert_eq!(places(never_sent), [(Broken::NeverSent, Some(24), 23)]);
}

#[test]
fn what_is_wrong_only_in_a_log_stands_where_the_log_was_read() {
    let twice = |story: &mut Vec<What>| {
        let (question, reply) = (said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1"));
        let kept = vec![question.clone(), reply];
        story.push(log("acme", kept));
        story.push(What::Log(Log {
            tenant: "acme".into(),
            room: "user:u1".into(),
            events: vec![question],
        }));
    };
    let orders = (Broken::TwoOrders, Some(25), 24);
    assert!(places(twice).contains(&orders), "{:?}", places(twice));
}

#[test]
fn a_call_stands_where_it_was_written_down() {
    let again = |story: &mut Vec<What>| story.push(call(2, 1, 1_000, Some(1_001)));
    let needless = (Broken::NeedlessCall, Some(24), 1_000);
    assert!(places(again).contains(&needless), "{:?}", places(again));
}

#[test]
fn it_says_who_where_and_when() {
    let mut story = good();
    story.insert(19, delta(1, 1, 1));
    let says = verdict_on(story).violations[0].to_string();
    let expected = "0.000 s: PieceTwice: client 1 (acme/u1): project:p1: r1 1/1 (line 20)";
    assert_eq!(says, expected);
}
