//! Sessions whose questions did not wait for their turn.

use super::*;

/// Two questions of a session, replies in the order in which they came, and the
/// call for each question, which is named.
fn session(replies: [&str; 2], second_began: u64, first_ended: u64) -> Vec<Broken> {
    session_under(None, replies, second_began, first_ended)
}

/// The same, where a fault struck.
fn session_under(
    fault: Option<Fault>,
    replies: [&str; 2],
    second_began: u64,
    first_ended: u64,
) -> Vec<Broken> {
    let mut events = vec![said(LIFE, 1, "q1"), said(LIFE, 2, "q2")];
    for (seq, question) in (3..).zip(replies) {
        events.push(answered(LIFE, seq, &question.replace('q', "r"), question));
    }
    let mut story: Vec<_> = fault.into_iter().map(What::Fault).collect();
    story.extend([named(1, "acme"), says(1, ClientEvent::Opened)]);
    story.extend(
        events
            .iter()
            .take(2)
            .flat_map(|asked| sends(1, asked, true)),
    );
    story.extend([
        call_for("q1", 1, 1, 10, Some(first_ended)),
        call_for("q2", 1, 1, second_began, Some(second_began + 5)),
        log("acme", events),
    ]);
    let violations = verdict_on(story).violations;
    violations
        .iter()
        .map(|violation| violation.broken)
        .collect()
}

#[test]
fn one_question_after_the_other() {
    assert_eq!(session(["q1", "q2"], 30, 20), []);
    assert_eq!(session(["q2", "q1"], 30, 20), [Broken::OutOfTurn]);
}

#[test]
fn no_call_beside_that_for_the_question_before() {
    assert_eq!(session(["q1", "q2"], 30, 500_030), []);
    assert_eq!(session(["q1", "q2"], 30, 500_031), [Broken::OutOfTurn]);
}

#[test]
fn a_reply_whose_end_was_lost_is_made_again_beside_a_later_one() {
    let lost_since = |since| {
        let fault = Fault {
            loses_since: Some(since),
            ..struck("sentinel-failover-lagging", "the primary", 1_000_000)
        };
        session_under(Some(fault), ["q1", "q2"], 30, 9_000_000)
    };
    assert_eq!(lost_since(30), []);
    // What is lost came after the later one was begun.
    assert_eq!(lost_since(31), [Broken::OutOfTurn]);
}

#[test]
fn a_call_goes_on_for_longer_where_a_fault_hides_that_its_caller_hung_up() {
    let under = |kind: &str, target: &str, ended| {
        let fault = struck(kind, target, 1_000_000);
        session_under(Some(fault), ["q1", "q2"], 30, ended)
    };
    for kind in ["ai-link-silent", "broker-frozen"] {
        assert_eq!(under(kind, "broker-1", 6_000_000), []);
        assert_eq!(under(kind, "broker-1", 6_000_001), [Broken::OutOfTurn]);
    }
    let of_a_gateway = under("gateway-frozen", "gateway-1", 500_031);
    assert_eq!(of_a_gateway, [Broken::OutOfTurn]);
}
