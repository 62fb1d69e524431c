//! Ledgers that were broken on purpose: the checker finds each fault, and none
//! in a good one.

use super::*;
use crate::ledger::{Call, Durable, Log};

const ROOM: &str = "project:p1";
const LIFE: &str = "aaaaaaaa";
const NEXT_LIFE: &str = "bbbbbbbb";

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
        finish: None,
        content: "What?".into(),
    }
}

fn answered(epoch: &str, seq: u64, message: &str, question: &str) -> Durable {
    Durable {
        kind: "message".into(),
        in_reply_to: Some(question.into()),
        finish: Some("stop".into()),
        content: "one two".into(),
        ..said(epoch, seq, message)
    }
}

fn durable(client: ClientNumber, event: Durable) -> What {
    let room = ROOM.into();
    says(client, ClientEvent::Durable { room, event })
}

fn delta(client: ClientNumber, attempt: u64, index: i64, text: &str) -> What {
    let delta = ClientEvent::Delta {
        room: ROOM.into(),
        message: "r1".into(),
        attempt,
        index,
        text: text.into(),
    };
    says(client, delta)
}

fn snapshot(client: ClientNumber, attempt: u64, index: i64, text: &str) -> What {
    let snapshot = ClientEvent::Snapshot {
        room: ROOM.into(),
        message: "r1".into(),
        attempt,
        index,
        text: text.into(),
    };
    says(client, snapshot)
}

fn typing(client: ClientNumber, is_typing: bool) -> What {
    let room = ROOM.into();
    says(client, ClientEvent::Typing { room, is_typing })
}

fn sent(client: ClientNumber, id: &str) -> What {
    let id = id.into();
    says(client, ClientEvent::Sent { id, ai: true })
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
        number: 10 * attempt + number,
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
        delta(1, 1, 0, "one "),             // 12
        delta(2, 1, 0, "one "),             // 13
        subscribed(2, LIFE, 1, true),       // 14
        snapshot(2, 1, 0, "one "),          // 15
        delta(1, 1, 1, "two"),              // 16
        delta(2, 1, 1, "two"),              // 17
        durable(1, reply.clone()),          // 18
        durable(2, reply.clone()),          // 19
        log("acme", vec![question, reply]), // 20
    ]
}

fn verdict_on(story: Vec<What>) -> Verdict {
    let entries = story.into_iter().enumerate();
    let entries = entries.map(|(at, what)| Entry {
        at: at as u64,
        what,
    });
    check(entries, Rules::default())
}

/// What is found in the good ledger once it was changed.
fn found(change: impl FnOnce(&mut Vec<What>)) -> Vec<Broken> {
    let mut story = good();
    change(&mut story);
    let mut broken: Vec<_> = verdict_on(story)
        .violations
        .iter()
        .map(|v| v.broken)
        .collect();
    broken.sort();
    broken.dedup();
    broken
}

#[test]
fn a_good_ledger_breaks_nothing() {
    let verdict = verdict_on(good());
    assert_eq!(verdict.violations, []);
    assert_eq!(verdict.counts["questions answered"], 1);
    assert_eq!(verdict.counts["durable events seen"], 4);
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
    assert_eq!(found(changed), [Broken::TwoOrders]);
}

#[test]
fn one_message_stored_twice() {
    let changed = |story: &mut Vec<What>| {
        let twice = [
            said(LIFE, 1, "q1"),
            answered(LIFE, 2, "r1", "q1"),
            said(LIFE, 3, "q1"),
        ];
        story[20] = log("acme", twice.to_vec());
    };
    assert!(found(changed).contains(&Broken::TwoOrders));
}

#[test]
fn what_was_said_once_and_stored_twice() {
    let changed = |story: &mut Vec<What>| {
        for client in [1, 2] {
            story.push(durable(client, said(LIFE, 3, "q2")));
        }
        let twice = [
            said(LIFE, 1, "q1"),
            answered(LIFE, 2, "r1", "q1"),
            said(LIFE, 3, "q2"),
        ];
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
fn a_stream_that_goes_on_elsewhere() {
    let changed = |story: &mut Vec<What>| story[14] = subscribed(2, LIFE, 0, true);
    assert!(found(changed).contains(&Broken::WrongPlace));
}

#[test]
fn a_loss_that_is_told_though_nothing_can_be_lost() {
    let changed = |story: &mut Vec<What>| story[14] = subscribed(2, LIFE, 1, false);
    assert_eq!(found(changed), [Broken::LostForNoReason]);
    let excused = |story: &mut Vec<What>| {
        story[14] = subscribed(2, LIFE, 1, false);
        story.insert(10, fault(11, true));
    };
    assert_eq!(found(excused), []);
}

#[test]
fn an_acknowledged_message_that_is_gone() {
    let gone = |story: &mut Vec<What>| story[20] = log("acme", vec![]);
    assert_eq!(found(gone), [Broken::AckedAndGone]);
}

#[test]
fn who_has_seen_what_the_storage_lost_is_told() {
    let lost = |told: &[ClientNumber]| {
        let mut story = good();
        story.truncate(10);
        story.push(fault(11, true));
        for client in told {
            story.push(subscribed(*client, NEXT_LIFE, 0, false));
        }
        let verdict = verdict_on(story);
        let broken: Vec<_> = verdict.violations.iter().map(|v| v.broken).collect();
        (broken, verdict.counts["messages lost with the storage"])
    };
    assert_eq!(lost(&[1, 2]), (vec![], 1));
    assert_eq!(lost(&[1]), (vec![Broken::NotTold], 1));
}

#[test]
fn a_client_that_has_not_seen_all() {
    let late = |story: &mut Vec<What>| {
        story.truncate(19);
        story.push(log(
            "acme",
            vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1")],
        ));
    };
    assert_eq!(found(late), [Broken::LeftBehind, Broken::LeftTyping]);
    let gone = |story: &mut Vec<What>| {
        let closed = ClientEvent::Closed {
            code: None,
            reason: String::new(),
        };
        story.push(says(2, closed));
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
    let other = |story: &mut Vec<What>| story[16] = delta(1, 1, 1, "three");
    assert_eq!(found(other), [Broken::WrongText]);
    let twice = |story: &mut Vec<What>| story.insert(13, delta(1, 1, 0, "one "));
    assert_eq!(found(twice), [Broken::PieceTwice]);
    // Whoever misses a piece waits for a snapshot, or the message.
    let hole = |story: &mut Vec<What>| drop(story.remove(12));
    assert_eq!(found(hole), []);
}

#[test]
fn a_restart_begins_the_text_again_and_what_is_late_is_dropped() {
    let restarted = |story: &mut Vec<What>| {
        story.insert(18, delta(1, 2, 0, "one two"));
        story.insert(19, delta(1, 1, 2, "late"));
    };
    assert_eq!(found(restarted), []);
}

#[test]
fn what_follows_a_replys_end() {
    let late = |story: &mut Vec<What>| story.push(delta(1, 1, 2, "three"));
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
    assert_eq!(with(&[call(4, 1, 30, Some(40))]), [Broken::TooManyTries]);
    assert_eq!(with(&[call(1, 2, 15, Some(25))]), [Broken::CallsAtOnce]);
}

#[test]
fn what_a_former_attempt_said() {
    let replied = |content: &str, loss: Option<What>| {
        let mut story = good();
        story.truncate(11);
        story.push(call(2, 1, 30, Some(40)));
        story.extend(loss);
        let reply = Durable {
            content: content.to_owned(),
            ..answered(LIFE, 2, "r1", "q1")
        };
        story.extend([1, 2].map(|client| durable(client, reply.clone())));
        story.push(log("acme", vec![said(LIFE, 1, "q1"), reply]));
        let violations = verdict_on(story).violations;
        violations.iter().map(|v| v.broken).collect::<Vec<_>>()
    };
    assert_eq!(replied("w0@21 w1@21", None), []);
    for wrong in ["w0@11 w1@11", "w0@21 w1@11", "w0@77 w1@77"] {
        assert_eq!(replied(wrong, None), [Broken::FormerAttempt], "{wrong}");
    }
    // The storage may lose a takeover.
    assert_eq!(replied("w0@11 w1@11", Some(fault(35, true))), []);
}

#[test]
fn a_takeover_may_overlap_for_as_long_as_it_takes_to_learn_of_it() {
    let taken_over = |ended| {
        found(move |story| {
            story[10] = call(1, 1, 10, ended);
            story.push(call(2, 1, 15, Some(18)));
        })
    };
    assert_eq!(taken_over(Some(5_000_015)), []);
    assert_eq!(taken_over(Some(5_000_016)), [Broken::CallsAtOnce]);
    assert_eq!(taken_over(None), [Broken::CallsAtOnce]);
    // A frozen broker learns of it when it wakes.
    let frozen = found(|story| {
        story[10] = call(1, 1, 10, Some(5_000_040));
        story.push(call(2, 1, 15, Some(18)));
        story.insert(13, fault(30, false));
    });
    assert_eq!(frozen, [Broken::CallsAtOnce]);
    let over = found(|story| {
        story[10] = call(1, 1, 10, Some(5_000_020));
        story.push(call(2, 1, 15, Some(18)));
        story.insert(13, fault(9_000_000, false));
        story.push(What::FaultOver);
    });
    assert_eq!(over, []);
}
