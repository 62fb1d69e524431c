//! Ledgers that were broken on purpose: the checker finds each fault, and none
//! in a good one.

mod admissions;
mod calls;
mod cancels;
mod coming_and_going;
mod endings;
mod lines;
mod losses;
mod origins;
mod refusals;
mod replies;
mod sends;
mod streams;
mod turns;
mod typing;

use std::collections::BTreeSet;

use causerie_testkit::ai;

use super::*;
use crate::ledger::{Call, Durable, Fault, IfBusy, Log};
use crate::person::DROPPED;

const ROOM: &str = "project:p1";
const LIFE: &str = "aaaaaaaa";
const NEXT_LIFE: &str = "bbbbbbbb";

/// It is told to go, or goes by itself.
fn closed(code: Option<u16>) -> ClientEvent {
    let reason = match code {
        Some(_) => "",
        None => DROPPED,
    };
    closed_for(code, reason)
}

fn closed_for(code: Option<u16>, reason: &str) -> ClientEvent {
    let reason = reason.to_owned();
    ClientEvent::Closed { code, reason }
}

fn says(client: ClientNumber, event: ClientEvent) -> What {
    What::Client { client, event }
}

fn named(client: ClientNumber, tenant: &str) -> What {
    let named = ClientEvent::Named {
        tenant: tenant.into(),
        user: format!("u{client}"),
        rooms: vec![],
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
        session: Some("s1".into()),
        user: Some("u1".into()),
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
        user: None,
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
    let typing = ClientEvent::Typing {
        room: ROOM.into(),
        user: None,
        is_typing,
    };
    says(client, typing)
}

fn sent(client: ClientNumber, id: &str) -> What {
    asks(client, id, "q1?", IfBusy::Queue)
}

/// The AI is asked in the room.
fn asks(client: ClientNumber, id: &str, text: &str, if_busy: IfBusy) -> What {
    asks_in(ROOM, client, id, text, if_busy)
}

fn asks_in(room: &str, client: ClientNumber, id: &str, text: &str, if_busy: IfBusy) -> What {
    let sent = ClientEvent::Sent {
        id: id.into(),
        room: room.into(),
        session: Some("s1".into()),
        text: text.into(),
        ai: true,
        if_busy,
    };
    says(client, sent)
}

fn refused(client: ClientNumber, id: &str, code: &str, can_retry: bool) -> What {
    let refused = ClientEvent::Refused {
        id: Some(id.into()),
        code: code.into(),
        can_retry,
    };
    says(client, refused)
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

/// `event` is sent and acknowledged where it stands; it asks the AI, or nobody.
fn sends(client: ClientNumber, event: &Durable, ai: bool) -> [What; 2] {
    let Durable {
        epoch,
        seq,
        message,
        session,
        content,
        ..
    } = event.clone();
    let (id, room) = (format!("id of {message}"), ROOM.to_owned());
    let sent = ClientEvent::Sent {
        id: id.clone(),
        room: room.clone(),
        session,
        text: content,
        ai,
        if_busy: IfBusy::Queue,
    };
    let acked = ClientEvent::Acked {
        id,
        message,
        room,
        epoch,
        seq,
    };
    [says(client, sent), says(client, acked)]
}

fn call(attempt: u64, number: u64, began: u64, ended: Option<u64>) -> What {
    call_for("q1", attempt, number, began, ended)
}

fn call_for(question: &str, attempt: u64, number: u64, began: u64, ended: Option<u64>) -> What {
    What::Call(Call {
        question: question.into(),
        attempt,
        r#try: number,
        fallback: 0,
        began,
        ended,
    })
}

/// The storage loses what was stored since then.
fn loss(since: u64, until: u64) -> What {
    What::Fault(Fault {
        loses_since: Some(since),
        ..struck("redis-truncated", "redis", until)
    })
}

pub(super) fn struck(kind: &str, target: &str, until: u64) -> Fault {
    Fault {
        kind: kind.into(),
        target: target.into(),
        until,
        streaming: 1,
        loses_since: None,
    }
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
    found_by(Rules::default(), change)
}

fn found_by(rules: Rules, change: impl FnOnce(&mut Vec<What>)) -> Vec<Broken> {
    let mut story = good();
    change(&mut story);
    broken_in(verdict_with(rules, story))
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
fn a_broken_promise_names_its_round() {
    let mut all = Verdict::default();
    for round in 1..=2 {
        let mut verdict = Verdict::default();
        verdict.broken(Broken::Hole, 1_500_000, "client 3");
        all.add(round, verdict);
    }
    let lines: Vec<_> = all.violations.iter().map(Violation::to_string).collect();
    let named = |round| format!("1.500 s: Hole: client 3 (round {round})");
    assert_eq!(lines, [named(1), named(2)]);
}

#[test]
fn a_verdict_says_how_much_was_judged() {
    let mut story = good();
    story.insert(10, What::Fault(struck("crowd", "people", 40)));
    let verdict = verdict_on(story);
    let extent = "2 people, 1 messages acknowledged, 4 pieces of replies seen, 1 questions, \
                  1 calls of the AI, 1 faults";
    assert_eq!(verdict.extent(), extent);
    assert_eq!(verdict.missing(), [""; 0]);
    let of_nobody = verdict_on(vec![]).missing();
    let all = extent.split(", ").filter_map(|part| part.split_once(' '));
    let all: Vec<_> = all.map(|(_, what)| what).collect();
    assert_eq!(of_nobody, all);
}

#[test]
fn the_guide_says_of_each_promise_what_it_means() {
    let names = include_str!("broken.rs").lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.strip_suffix(',')?;
        name.chars().all(char::is_alphanumeric).then_some(name)
    });
    let names: BTreeSet<_> = names.collect();
    let guide = include_str!("../../../docs/chaos.md").lines();
    let rows = guide.skip_while(|line| !line.starts_with("| promise |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with("| "));
    let rows = rows.filter_map(|row| row.split('`').nth(1));
    assert_eq!(rows.collect::<BTreeSet<_>>(), names);
}
