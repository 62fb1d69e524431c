//! Replies that failed.

use std::slice::from_ref;

use super::*;

const SECOND: u64 = 1_000_000;

/// What is found where the reply, which was asked for at 100 s and came 60 s
/// later, ended so in this attempt before its first word, and these faults had struck;
/// and how many replies failed for a fault.
fn ended(finish: &str, attempt: u64, struck: &[(u64, Fault)]) -> (Vec<Broken>, u64) {
    ended_by(Rules::default(), reply(finish, attempt, ""), &[], struck)
}

/// The same where the AI had begun to speak, in the first attempt, and failed.
fn broke_off(struck: &[(u64, Fault)]) -> (Vec<Broken>, u64) {
    let [word, _] = words("q1", 1);
    let calls = [call(1, 1, 101 * SECOND, Some(160 * SECOND))];
    ended_by(Rules::default(), reply("error", 1, &word), &calls, struck)
}

fn reply(finish: &str, attempt: u64, content: &str) -> Durable {
    Durable {
        attempt: Some(attempt),
        finish: Some(finish.into()),
        content: content.into(),
        ..answered(LIFE, 2, "r1", "q1")
    }
}

fn ended_by(
    rules: Rules,
    reply: Durable,
    calls: &[What],
    struck: &[(u64, Fault)],
) -> (Vec<Broken>, u64) {
    let question = said(LIFE, 1, "q1");
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
        .chain([(200 * SECOND, log("acme", vec![question, reply]))])
        .chain(calls.iter().cloned().map(|call| (200 * SECOND, call)));
    let entries = story.map(|(at, what)| Entry { at, what });
    let verdict = check(entries, rules);
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
    assert_eq!(broke_off(&[]), failed);
    for (kind, target) in [
        ("gateway-killed", "gateway-1"),
        ("broker-killed", "broker-1"),
        ("redis-paused", "redis"),
    ] {
        let fault = from_to(kind, target, 110, 120);
        assert_eq!(broke_off(&[fault]), failed, "{kind}");
    }
}

#[test]
fn a_reply_that_fails_for_a_fault_between_a_broker_and_the_ai() {
    let under = |from, to| broke_off(&[from_to("ai-link-cut", "broker-1", from, to)]);
    assert_eq!(under(110, 120), (vec![], 1));
    // Who waited in vain leaves the AI alone for a while.
    assert_eq!(under(60, 70), (vec![], 1));
    assert_eq!(under(60, 69), (vec![Broken::Failed], 0));
    assert_eq!(under(160, 165), (vec![], 1));
    assert_eq!(under(161, 165), (vec![Broken::Failed], 0));
}

#[test]
fn what_the_first_ai_has_not_begun_the_fallback_answers_in_full() {
    let failed = (vec![Broken::Failed], 0);
    let cut = from_to("ai-link-cut", "broker-1", 110, 120);
    assert_eq!(ended("error", 1, from_ref(&cut)), failed);
    let alone = Rules {
        has_fallback: false,
        ..Rules::default()
    };
    let unheard = ended_by(alone, reply("error", 1, ""), &[], from_ref(&cut));
    assert_eq!(unheard, (vec![], 1));
    // No fault breaks off what the fallback has begun.
    let word = ai::named("q1/1/2", 2).next().unwrap();
    let of_fallback = What::Call(Call {
        question: "q1".into(),
        attempt: 1,
        r#try: 2,
        fallback: 1,
        began: 115 * SECOND,
        ended: Some(160 * SECOND),
    });
    let calls = [call(1, 1, 105 * SECOND, Some(110 * SECOND)), of_fallback];
    let handed_on = ended_by(
        Rules::default(),
        reply("error", 1, &word),
        &calls,
        from_ref(&cut),
    );
    assert_eq!(handed_on, failed);
}

#[test]
fn a_reply_whose_attempts_are_used_up() {
    let killed = from_to("broker-killed", "broker-1", 110, 120);
    let after = |attempt| ended("error", attempt, from_ref(&killed));
    assert_eq!(after(3), (vec![Broken::Failed], 0));
    assert_eq!(after(4), (vec![], 1));
    assert_eq!(ended("error", 4, &[]), (vec![Broken::Failed], 0));
}

#[test]
fn a_reply_that_is_cut() {
    let fault = from_to("ai-link-cut", "broker-1", 110, 120);
    for finish in ["length", "whatever"] {
        let cut = ended(finish, 1, from_ref(&fault));
        assert_eq!(cut, (vec![Broken::Failed], 0));
    }
}
