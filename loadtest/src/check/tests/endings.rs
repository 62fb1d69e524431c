//! Replies that failed.

use super::*;

const SECOND: u64 = 1_000_000;

/// What is found where the reply, which was asked for at 100 s and came 60 s
/// later, ended so in this attempt, and these faults had struck; and how many
/// replies failed for a fault.
fn ended(finish: &str, attempt: u64, struck: &[(u64, Fault)]) -> (Vec<Broken>, u64) {
    let question = said(LIFE, 1, "q1");
    let reply = Durable {
        attempt: Some(attempt),
        finish: Some(finish.into()),
        content: String::new(),
        ..answered(LIFE, 2, "r1", "q1")
    };
    let faults = struck.iter().cloned();
    let faults = faults.map(|(at, fault)| (at, What::Fault(fault)));
    let before = [
        named(1, "acme"),
        says(1, ClientEvent::Opened),
        subscribed(1, LIFE, 0, true),
    ];
    let asked = sends(1, &question, true)
        .into_iter()
        .chain([durable(1, question.clone())]);
    let story = before.into_iter().map(|what| (0, what));
    let story = story
        .chain(faults)
        .chain(asked.map(|what| (100 * SECOND, what)))
        .chain([(160 * SECOND, durable(1, reply.clone()))])
        .chain([(200 * SECOND, log("acme", vec![question, reply]))]);
    let entries = story.map(|(at, what)| Entry { at, what });
    let verdict = check(entries, Rules::default());
    let count = "replies that failed for a fault";
    let failed = verdict.counts.get(count).copied().unwrap_or(0);
    assert_eq!(verdict.counts.get("questions answered"), None);
    (broken_in(verdict), failed)
}

/// A fault that strikes at this second, and is over at that.
fn from_to(kind: &str, target: &str, from: u64, to: u64) -> (u64, Fault) {
    (from * SECOND, struck(kind, target, to * SECOND))
}

#[test]
fn a_reply_that_fails_for_nothing() {
    let failed = (vec![Broken::Failed], 0);
    assert_eq!(ended("error", 1, &[]), failed);
    for (kind, target) in [
        ("gateway-killed", "gateway-1"),
        ("broker-killed", "broker-1"),
        ("redis-paused", "redis"),
    ] {
        let fault = from_to(kind, target, 110, 120);
        assert_eq!(ended("error", 1, &[fault]), failed, "{kind}");
    }
}

#[test]
fn a_reply_that_fails_for_a_fault_between_a_broker_and_the_ai() {
    let under = |from, to| ended("error", 1, &[from_to("ai-link-cut", "broker-1", from, to)]);
    assert_eq!(under(110, 120), (vec![], 1));
    // Who waited in vain leaves the AI alone for a while.
    assert_eq!(under(60, 70), (vec![], 1));
    assert_eq!(under(60, 69), (vec![Broken::Failed], 0));
    assert_eq!(under(160, 165), (vec![], 1));
    assert_eq!(under(161, 165), (vec![Broken::Failed], 0));
}

#[test]
fn a_reply_whose_attempts_are_used_up() {
    let killed = from_to("broker-killed", "broker-1", 110, 120);
    let after = |attempt| ended("error", attempt, std::slice::from_ref(&killed));
    assert_eq!(after(3), (vec![Broken::Failed], 0));
    assert_eq!(after(4), (vec![], 1));
    assert_eq!(ended("error", 4, &[]), (vec![Broken::Failed], 0));
}

#[test]
fn a_reply_that_is_cut() {
    let fault = from_to("ai-link-cut", "broker-1", 110, 120);
    for finish in ["length", "whatever"] {
        let cut = ended(finish, 1, std::slice::from_ref(&fault));
        assert_eq!(cut, (vec![Broken::Failed], 0));
    }
}
