//! Ledgers that were broken on purpose: the checker finds each fault, and none
//! in a good one.

use std::collections::BTreeSet;

use causerie_testkit::ai;

use super::*;
use crate::ledger::{Call, Durable, Log};

const ROOM: &str = "project:p1";
const LIFE: &str = "aaaaaaaa";
const NEXT_LIFE: &str = "bbbbbbbb";

fn closed(code: Option<u16>) -> ClientEvent {
    let reason = String::new();
    ClientEvent::Closed { code, reason }
}

fn says(client: ClientNumber, event: ClientEvent) -> What {
    What::Client { client, event }
}

fn named(client: ClientNumber, tenant: &str) -> What {
    let named = ClientEvent::Named {
        tenant: tenant.into(),
        user: format!("u{client}"),
    };
    says(client, named)
}

fn subscribed(client: ClientNumber, epoch: &str, seq: u64, recovered: bool) -> What {
    let subscribed = ClientEvent::Subscribed {
        room: ROOM.into(),
        epoch: epoch.into(),
        seq,
        recovered,
    };
    says(client, subscribed)
}

fn said(epoch: &str, seq: u64, message: &str) -> Durable {
    Durable {
        epoch: epoch.into(),
        seq,
        kind: "new_message".into(),
        message: message.into(),
        in_reply_to: None,
        attempt: None,
        finish: None,
        content: format!("{message}?"),
    }
}

/// The two words that the AI says in the first try of an attempt.
fn words(question: &str, attempt: u64) -> [String; 2] {
    let words: Vec<_> = ai::named(&format!("{question}/{attempt}/1"), 2).collect();
    words.try_into().unwrap()
}

fn answered(epoch: &str, seq: u64, message: &str, question: &str) -> Durable {
    Durable {
        kind: "message".into(),
        in_reply_to: Some(question.into()),
        attempt: Some(1),
        finish: Some("stop".into()),
        content: words(question, 1).concat(),
        ..said(epoch, seq, message)
    }
}

fn durable(client: ClientNumber, event: Durable) -> What {
    let room = ROOM.into();
    says(client, ClientEvent::Durable { room, event })
}

/// A word of the reply to `q1`.
fn delta(client: ClientNumber, attempt: u64, index: i64) -> What {
    let word = &words("q1", attempt)[index as usize];
    delta_saying(client, attempt, index, word)
}

fn delta_saying(client: ClientNumber, attempt: u64, index: i64, text: &str) -> What {
    let delta = ClientEvent::Delta {
        room: ROOM.into(),
        message: "r1".into(),
        attempt,
        index,
        text: text.into(),
    };
    says(client, delta)
}

/// The reply to `q1` up to a word.
fn snapshot(client: ClientNumber, attempt: u64, index: i64) -> What {
    let text = words("q1", attempt)[..=index as usize].concat();
    let snapshot = ClientEvent::Snapshot {
        room: ROOM.into(),
        message: "r1".into(),
        attempt,
        index,
        text,
    };
    says(client, snapshot)
}

fn typing(client: ClientNumber, is_typing: bool) -> What {
    let room = ROOM.into();
    says(client, ClientEvent::Typing { room, is_typing })
}

fn sent(client: ClientNumber, id: &str) -> What {
    let sent = ClientEvent::Sent {
        id: id.into(),
        room: ROOM.into(),
        text: "q1?".into(),
        ai: true,
    };
    says(client, sent)
}

fn acked(client: ClientNumber, id: &str, message: &str, seq: u64) -> What {
    let acked = ClientEvent::Acked {
        id: id.into(),
        message: message.into(),
        room: ROOM.into(),
        epoch: LIFE.into(),
        seq,
    };
    says(client, acked)
}

fn call(attempt: u64, number: u64, began: u64, ended: Option<u64>) -> What {
    What::Call(Call {
        question: "q1".into(),
        attempt,
        r#try: number,
        began,
        ended,
    })
}

fn fault(until: u64, may_lose: bool) -> What {
    What::Fault(Fault {
        kind: "redis emptied".into(),
        target: "redis".into(),
        until,
        streaming: 1,
        may_lose,
    })
}

fn log(tenant: &str, events: Vec<Durable>) -> What {
    What::Log(Log {
        tenant: tenant.into(),
        room: ROOM.into(),
        events,
    })
}

/// Two clients hear one question and its reply, the second one comes back in
/// the middle.
fn good() -> Vec<What> {
    let question = said(LIFE, 1, "q1");
    let reply = answered(LIFE, 2, "r1", "q1");
    vec![
        named(1, "acme"),                   // 0
        named(2, "acme"),                   // 1
        says(1, ClientEvent::Opened),       // 2
        says(2, ClientEvent::Opened),       // 3
        subscribed(1, LIFE, 0, true),       // 4
        subscribed(2, LIFE, 0, true),       // 5
        sent(1, "m1"),                      // 6
        acked(1, "m1", "q1", 1),            // 7
        durable(1, question.clone()),       // 8
        durable(2, question.clone()),       // 9
        call(1, 1, 10, Some(20)),           // 10
        typing(1, true),                    // 11
        delta(1, 1, 0),                     // 12
        delta(2, 1, 0),                     // 13
        says(2, closed(None)),              // 14
        says(2, ClientEvent::Opened),       // 15
        subscribed(2, LIFE, 1, true),       // 16
        snapshot(2, 1, 0),                  // 17
        delta(1, 1, 1),                     // 18
        delta(2, 1, 1),                     // 19
        durable(1, reply.clone()),          // 20
        durable(2, reply.clone()),          // 21
        log("acme", vec![question, reply]), // 22
    ]
}

fn verdict_on(story: Vec<What>) -> Verdict {
    verdict_with(Rules::default(), story)
}

fn verdict_with(rules: Rules, story: Vec<What>) -> Verdict {
    let entries = story.into_iter().enumerate();
    let entries = entries.map(|(at, what)| Entry {
        at: at as u64,
        what,
    });
    check(entries, rules)
}

/// Which promises were broken, each once.
fn broken_in(verdict: Verdict) -> Vec<Broken> {
    let broken = verdict.violations.iter().map(|v| v.broken);
    let broken: BTreeSet<_> = broken.collect();
    broken.into_iter().collect()
}

/// What is found in the good ledger once it was changed.
fn found(change: impl FnOnce(&mut Vec<What>)) -> Vec<Broken> {
    let mut story = good();
    change(&mut story);
    broken_in(verdict_on(story))
}

#[test]
fn a_good_ledger_breaks_nothing() {
    let verdict = verdict_on(good());
    assert_eq!(verdict.violations, []);
    assert_eq!(verdict.counts["questions answered"], 1);
    assert_eq!(verdict.counts["durable events seen"], 4);
    assert_eq!(verdict.counts["replies seen to their last word"], 2);
}

#[test]
fn an_event_that_is_missing_in_a_stream() {
    assert_eq!(found(|story| drop(story.remove(8))), [Broken::Hole]);
}

#[test]
fn an_event_that_comes_twice() {
    assert_eq!(
        found(|story| story.insert(10, durable(2, said(LIFE, 1, "q1")))),
        [Broken::Double]
    );
}

#[test]
fn two_events_at_one_place() {
    let changed = |story: &mut Vec<What>| story[9] = durable(2, said(LIFE, 1, "another"));
    assert_eq!(found(changed), [Broken::TwoOrders, Broken::NotTold]);
}

#[test]
fn one_message_stored_twice() {
    let changed = |story: &mut Vec<What>| {
        let twice = [
            said(LIFE, 1, "q1"),
            answered(LIFE, 2, "r1", "q1"),
            said(LIFE, 3, "q1"),
        ];
        story[22] = log("acme", twice.to_vec());
    };
    assert!(found(changed).contains(&Broken::TwoOrders));
}

#[test]
fn what_was_said_once_and_stored_twice() {
    let changed = |story: &mut Vec<What>| {
        let again = Durable {
            content: "q1?".into(),
            ..said(LIFE, 3, "q2")
        };
        for client in [1, 2] {
            story.push(durable(client, again.clone()));
        }
        let twice = [said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1"), again];
        story.push(log("acme", twice.to_vec()));
    };
    assert_eq!(found(changed), [Broken::StoredTwice]);
}

#[test]
fn a_life_that_nobody_told_of() {
    let changed = |story: &mut Vec<What>| story[9] = durable(2, said(NEXT_LIFE, 1, "q1"));
    assert!(found(changed).contains(&Broken::UnknownLife));
}

#[test]
fn a_life_that_is_replayed_to_who_was_away_through_it() {
    const LAST_LIFE: &str = "cccccccc";
    let away = |told: &'static str| {
        found(move |story| {
            // Nobody has asked anything.
            story.truncate(6);
            let first = said(LIFE, 1, "q1");
            story.extend([1, 2].map(|client| durable(client, first.clone())));
            let during = said(NEXT_LIFE, 2, "q2");
            let after = said(LAST_LIFE, 3, "q3");
            story.extend([
                subscribed(1, NEXT_LIFE, 1, true),
                durable(1, during.clone()),
                subscribed(1, LAST_LIFE, 2, true),
                durable(1, after.clone()),
                subscribed(2, told, 1, true),
                durable(2, during.clone()),
                subscribed(2, LAST_LIFE, 2, true),
                durable(2, after.clone()),
                log("acme", vec![first, during, after]),
            ]);
        })
    };
    assert_eq!(away(LAST_LIFE), []);
    // A new life is no former one.
    assert_eq!(away(LIFE), [Broken::UnknownLife]);
}

#[test]
fn a_stream_that_goes_on_elsewhere() {
    let changed = |story: &mut Vec<What>| story[16] = subscribed(2, LIFE, 0, true);
    assert!(found(changed).contains(&Broken::WrongPlace));
}

#[test]
fn a_loss_that_is_told_though_nothing_can_be_lost() {
    let changed = |story: &mut Vec<What>| story[16] = subscribed(2, LIFE, 1, false);
    assert_eq!(found(changed), [Broken::LostForNoReason]);
    // That the storage lost something excuses nothing where it did not.
    let elsewhere = |story: &mut Vec<What>| {
        story[16] = subscribed(2, LIFE, 1, false);
        story.insert(10, fault(11, true));
    };
    assert_eq!(found(elsewhere), [Broken::LostForNoReason]);
}

#[test]
fn who_was_away_for_too_long_is_not_brought_up_to_date() {
    let told_with = |rules| {
        let mut story = good();
        story[21] = subscribed(2, LIFE, 2, false);
        broken_in(verdict_with(rules, story))
    };
    let rules = Rules::default();
    assert_eq!(told_with(rules), [Broken::LostForNoReason]);
    let max_recover = 0;
    assert_eq!(
        told_with(Rules {
            max_recover,
            ..rules
        }),
        []
    );
}

#[test]
fn an_acknowledged_message_that_is_gone() {
    let gone = |story: &mut Vec<What>| story[22] = log("acme", vec![]);
    let broken = [Broken::AckedAndGone, Broken::NotTold, Broken::LeftBehind];
    assert_eq!(found(gone), broken);
}

#[test]
fn what_is_stored_otherwise_than_it_was_sent() {
    let cut = |story: &mut Vec<What>| {
        let question = Durable {
            content: "q".into(),
            ..said(LIFE, 1, "q1")
        };
        story[22] = log("acme", vec![question, answered(LIFE, 2, "r1", "q1")]);
    };
    assert_eq!(found(cut), [Broken::StoredOtherwise]);
    let no_message = |story: &mut Vec<What>| {
        let event = Durable {
            kind: "memory_stored".into(),
            ..said(LIFE, 1, "q1")
        };
        story[22] = log("acme", vec![event, answered(LIFE, 2, "r1", "q1")]);
    };
    assert_eq!(found(no_message), [Broken::StoredOtherwise]);
    let elsewhere = |story: &mut Vec<What>| {
        let events = vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1")];
        story[22] = What::Log(Log {
            tenant: "acme".into(),
            room: "user:u1".into(),
            events,
        });
    };
    assert_eq!(found(elsewhere), [Broken::StoredOtherwise]);
    let not_asked_for = |story: &mut Vec<What>| {
        let sent = ClientEvent::Sent {
            id: "m1".into(),
            room: "user:u1".into(),
            text: "q1?".into(),
            ai: true,
        };
        story[6] = says(1, sent);
    };
    assert_eq!(
        found(not_asked_for),
        [Broken::StoredOtherwise, Broken::Unacked]
    );
}

#[test]
fn two_messages_that_are_acknowledged_as_one() {
    // The same id of another user, who gets the first one's `ack`.
    let as_one = |story: &mut Vec<What>| {
        story.insert(8, sent(2, "m1"));
        story.insert(9, acked(2, "m1", "q1", 1));
    };
    assert_eq!(found(as_one), [Broken::AckedAsAnother]);
    // Both devices of one user: one message.
    let by_both = |story: &mut Vec<What>| {
        let named = ClientEvent::Named {
            tenant: "acme".into(),
            user: "u1".into(),
        };
        story[1] = says(2, named);
        story.insert(8, sent(2, "m1"));
        story.insert(9, acked(2, "m1", "q1", 1));
    };
    assert_eq!(found(by_both), []);
}

/// What is found where the storage lost what two clients have seen, `then`
/// comes, and the log holds `kept` in the end.
fn found_after_a_loss(then: Vec<What>, kept: Vec<Durable>) -> Vec<Broken> {
    let mut story = good();
    story.truncate(10);
    story.push(fault(11, true));
    story.extend(then);
    story.push(log("acme", kept));
    let verdict = verdict_on(story);
    assert_eq!(verdict.counts["messages lost with the storage"], 1);
    broken_in(verdict)
}

#[test]
fn who_has_seen_what_the_storage_lost_is_told() {
    let told = |client| subscribed(client, NEXT_LIFE, 0, false);
    assert_eq!(found_after_a_loss(vec![told(1), told(2)], vec![]), []);
    let only_one = found_after_a_loss(vec![told(1)], vec![]);
    assert_eq!(only_one, [Broken::NotTold, Broken::LeftBehind]);
    // A connection that ends tells nothing, whatever its code.
    let sent_away = says(2, closed(Some(4010)));
    let came_back = says(2, ClientEvent::Opened);
    let untold = found_after_a_loss(vec![told(1), sent_away, came_back], vec![]);
    assert_eq!(untold, [Broken::NotTold, Broken::LeftBehind]);
}

#[test]
fn who_has_seen_what_the_storage_lost_is_told_before_what_follows() {
    let new = said(NEXT_LIFE, 2, "q2");
    let goes_on = |client, recovered| {
        let told = subscribed(client, NEXT_LIFE, 1, recovered);
        [told, durable(client, new.clone())]
    };
    let kept = vec![new.clone()];
    let both = [goes_on(1, false), goes_on(2, false)].concat();
    assert_eq!(found_after_a_loss(both, kept.clone()), []);
    let late = subscribed(2, NEXT_LIFE, 2, false);
    let too_late = [&goes_on(1, false)[..], &goes_on(2, true), &[late]].concat();
    let broken = found_after_a_loss(too_late, kept);
    assert_eq!(broken, [Broken::LostForNoReason, Broken::NotTold]);
}

#[test]
fn a_client_that_has_not_seen_all() {
    let late = |story: &mut Vec<What>| {
        story.truncate(21);
        story.push(log(
            "acme",
            vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1")],
        ));
    };
    assert_eq!(found(late), [Broken::LeftBehind, Broken::LeftTyping]);
    let gone = |story: &mut Vec<What>| {
        story.push(says(2, closed(None)));
    };
    assert_eq!(found(gone), [Broken::LeftBehind]);
}

#[test]
fn questions_without_their_one_answer() {
    let none = |story: &mut Vec<What>| {
        story.retain(|what| !matches!(what, What::Log(_)));
        let other = Durable {
            content: "Well?".into(),
            ..said(LIFE, 2, "r1")
        };
        story.push(log("acme", vec![said(LIFE, 1, "q1"), other]));
    };
    assert_eq!(found(none), [Broken::Unanswered]);
    let two = |story: &mut Vec<What>| {
        for client in [1, 2] {
            story.push(durable(client, answered(LIFE, 3, "r2", "q1")));
        }
        let events = [
            said(LIFE, 1, "q1"),
            answered(LIFE, 2, "r1", "q1"),
            answered(LIFE, 3, "r2", "q1"),
        ];
        story.push(log("acme", events.to_vec()));
    };
    assert_eq!(found(two), [Broken::AnsweredTwice]);
}

#[test]
fn pieces_that_do_not_make_the_text() {
    let other = |story: &mut Vec<What>| story[18] = delta_saying(1, 1, 1, "three");
    assert_eq!(found(other), [Broken::WrongText]);
    let twice = |story: &mut Vec<What>| story.insert(13, delta(1, 1, 0));
    assert_eq!(found(twice), [Broken::PieceTwice]);
    // The end brings what is missing of it.
    let last = |story: &mut Vec<What>| drop(story.remove(18));
    assert_eq!(found(last), []);
}

#[test]
fn a_hole_in_a_reply_is_mended_before_what_follows() {
    let hole = |story: &mut Vec<What>| drop(story.remove(12));
    assert_eq!(found(hole), [Broken::PieceMissing]);
    let mended = |story: &mut Vec<What>| story[12] = snapshot(1, 1, 0);
    assert_eq!(found(mended), []);
    // Who comes back in the middle has its old text, and that may be too old.
    let no_snapshot = |story: &mut Vec<What>| drop(story.remove(17));
    assert_eq!(found(no_snapshot), [Broken::PieceMissing]);
    let first_seen_in_the_middle = |story: &mut Vec<What>| {
        story.remove(17);
        story.remove(13);
    };
    assert_eq!(found(first_seen_in_the_middle), [Broken::PieceMissing]);
    // The end will do.
    let at_its_end = |story: &mut Vec<What>| {
        story.remove(19);
        story.remove(17);
    };
    assert_eq!(found(at_its_end), []);
}

#[test]
fn texts_that_were_said_in_another_call() {
    let replied_with = |content: String| {
        found(move |story| {
            let reply = Durable {
                content,
                ..answered(LIFE, 2, "r1", "q1")
            };
            story.truncate(12);
            story.extend([1, 2].map(|client| durable(client, reply.clone())));
            story.push(log("acme", vec![said(LIFE, 1, "q1"), reply]));
        })
    };
    let [first, last] = words("q1", 1);
    assert_eq!(replied_with([&*first, &last].concat()), []);
    // Of another question, of another attempt, of two attempts, not to the end.
    let [other, of_other] = words("q2", 1);
    let [again, at_last] = words("q1", 2);
    for text in [
        [&*other, &of_other].concat(),
        [&*again, &at_last].concat(),
        [&*first, &at_last].concat(),
        first,
    ] {
        assert_eq!(replied_with(text), [Broken::WrongText]);
    }
}

#[test]
fn a_text_that_was_wrong_until_it_was_replaced() {
    let of_another = |story: &mut Vec<What>| {
        story[13] = delta_saying(2, 1, 0, &words("q2", 1)[0]);
    };
    assert_eq!(found(of_another), [Broken::WrongText]);
}

#[test]
fn a_restart_begins_the_text_again_and_what_is_late_is_dropped() {
    let restarted = |story: &mut Vec<What>| {
        story.truncate(20);
        story.push(call(2, 1, 30, Some(40)));
        let reply = Durable {
            attempt: Some(2),
            content: words("q1", 2).concat(),
            ..answered(LIFE, 2, "r1", "q1")
        };
        story.push(delta(1, 2, 0));
        story.push(delta_saying(1, 1, 2, "late"));
        story.push(delta(1, 2, 1));
        story.extend([1, 2].map(|client| durable(client, reply.clone())));
        story.push(log("acme", vec![said(LIFE, 1, "q1"), reply]));
    };
    assert_eq!(found(restarted), []);
    let in_the_old_text = |story: &mut Vec<What>| {
        restarted(story);
        story[21] = delta_saying(1, 2, 0, &words("q1", 1)[0]);
    };
    assert_eq!(found(in_the_old_text), [Broken::WrongText]);
}

#[test]
fn what_follows_a_replys_end() {
    let late = |story: &mut Vec<What>| story.push(delta_saying(1, 1, 2, "three"));
    assert_eq!(found(late), [Broken::AfterTheEnd]);
}

#[test]
fn typing_that_never_ends() {
    let typing = |story: &mut Vec<What>| story.push(typing(2, true));
    assert_eq!(found(typing), [Broken::LeftTyping]);
}

#[test]
fn what_crosses_tenants() {
    let crossed = |story: &mut Vec<What>| story[1] = named(2, "bolt");
    assert!(found(crossed).contains(&Broken::CrossedTenants));
}

#[test]
fn a_message_without_its_ack() {
    let unacked = |story: &mut Vec<What>| story.push(sent(1, "m2"));
    assert_eq!(found(unacked), [Broken::Unacked]);
}

#[test]
fn calls_that_are_one_too_many() {
    let with = |calls: &[What]| {
        let calls = calls.to_vec();
        found(move |story| story.extend(calls))
    };
    assert_eq!(with(&[call(1, 1, 30, Some(40))]), [Broken::CallTwice]);
    assert_eq!(with(&[call(1, 2, 30, Some(40))]), []);
    assert_eq!(with(&[call(1, 4, 30, Some(40))]), [Broken::TooManyTries]);
    assert!(with(&[call(4, 1, 30, Some(40))]).contains(&Broken::TooManyTries));
    assert_eq!(with(&[call(1, 2, 15, Some(25))]), [Broken::CallsAtOnce]);
}

/// Another broker takes over while the first call goes on until `ended`; the
/// reply is of this attempt.
fn taken_over(ended: Option<u64>, attempt: u64) -> Vec<What> {
    let mut story = good();
    story.truncate(10);
    story.extend([call(1, 1, 10, ended), call(2, 1, 15, Some(18))]);
    let reply = Durable {
        attempt: Some(attempt),
        content: words("q1", attempt).concat(),
        ..answered(LIFE, 2, "r1", "q1")
    };
    story.extend([1, 2].map(|client| durable(client, reply.clone())));
    story.push(log("acme", vec![said(LIFE, 1, "q1"), reply]));
    story
}

#[test]
fn a_takeover_may_overlap_for_as_long_as_it_takes_to_learn_of_it() {
    let ends = |ended| found(move |story| *story = taken_over(ended, 2));
    assert_eq!(ends(Some(5_000_015)), []);
    assert_eq!(ends(Some(5_000_016)), [Broken::CallsAtOnce]);
    assert_eq!(ends(None), [Broken::CallsAtOnce]);
    // A frozen broker learns of it when it wakes.
    let frozen = found(|story| {
        *story = taken_over(Some(5_000_040), 2);
        story.insert(13, fault(30, false));
    });
    assert_eq!(frozen, [Broken::CallsAtOnce]);
    let over = found(|story| {
        *story = taken_over(Some(5_000_016), 2);
        story.insert(13, fault(9_000_000, false));
        story.push(What::FaultOver);
    });
    assert_eq!(over, []);
}

#[test]
fn a_reply_of_who_was_taken_over() {
    let of_former = found(|story| *story = taken_over(Some(20), 1));
    assert_eq!(of_former, [Broken::FormerAttempt]);
    // Unless the storage has lost the takeover.
    let lost = found(|story| {
        *story = taken_over(Some(20), 1);
        story.insert(13, fault(30, true));
    });
    assert_eq!(lost, []);
}
