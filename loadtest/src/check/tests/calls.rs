//! Calls of the AI.

use super::*;

/// What is found where the question's only call ended at 12, and then others
/// were made, before the last one's answer was seen; `faults` struck in the
/// meantime.
fn found_with(calls: &[What], faults: &[Fault]) -> Vec<Broken> {
    found_where(0, calls, faults)
}

/// The same where a claim may be told so late.
fn found_where(late_claim_us: u64, calls: &[What], faults: &[Fault]) -> Vec<Broken> {
    let rules = Rules {
        late_claim_us,
        ..Rules::default()
    };
    found_by(rules, |story| {
        let attempts = calls.iter().filter_map(|what| {
            let What::Call(call) = what else { return None };
            Some(call.attempt)
        });
        let attempt = attempts.max().unwrap();
        let reply = Durable {
            attempt: Some(attempt),
            content: words("q1", attempt).concat(),
            ..answered(LIFE, 2, "r1", "q1")
        };
        story[10] = call(1, 1, 10, Some(12));
        story[20] = durable(1, reply.clone());
        story[21] = durable(2, reply.clone());
        story[22] = log("acme", vec![said(LIFE, 1, "q1"), reply]);
        story.extend_from_slice(calls);
        story.extend(faults.iter().cloned().map(What::Fault));
        // Faults are written down in the order of time, calls at the end.
        story.rotate_right(faults.len());
    })
}

#[test]
fn calls_that_are_one_too_many() {
    let struck = [
        struck("broker-killed", "broker-1", 14),
        struck("ai-link-cut", "broker-1", 14),
    ];
    let with = |calls: &[What]| found_with(calls, &struck);
    assert_eq!(with(&[call(1, 1, 13, Some(40))]), [Broken::CallTwice]);
    assert_eq!(with(&[call(1, 2, 13, Some(40))]), []);
    assert_eq!(with(&[call(1, 4, 13, Some(40))]), [Broken::TooManyTries]);
    assert_eq!(with(&[call(4, 1, 13, Some(40))]), [Broken::TooManyTries]);
    assert_eq!(with(&[call(1, 2, 11, Some(25))]), [Broken::CallsAtOnce]);
}

#[test]
fn a_fallback_has_tries_of_its_own_and_is_asked_where_the_ai_failed() {
    let of_fallback = |number, began| {
        let What::Call(call) = call(1, number, began, Some(began)) else {
            panic!("a call");
        };
        What::Call(Call {
            fallback: 1,
            ..call
        })
    };
    let cut = struck("ai-link-cut", "broker-1", 20);
    let with = |calls: &[What]| found_with(calls, std::slice::from_ref(&cut));
    assert_eq!(with(&[of_fallback(2, 13)]), []);
    assert_eq!(with(&[of_fallback(6, 13)]), []);
    assert_eq!(with(&[of_fallback(7, 13)]), [Broken::TooManyTries]);
    let tries: Vec<_> = (2..=4)
        .map(|number| of_fallback(number, 11 + number))
        .collect();
    assert_eq!(with(&tries), []);
    let tries: Vec<_> = (2..=5)
        .map(|number| of_fallback(number, 11 + number))
        .collect();
    assert_eq!(with(&tries), [Broken::TooManyTries]);
    // Broker 1 has nothing against the AI.
    let killed = struck("broker-killed", "broker-1", 20);
    assert_eq!(
        found_with(&[of_fallback(2, 13)], &[killed]),
        [Broken::NeedlessCall]
    );
}

#[test]
fn attempts_are_counted_and_not_their_numbers() {
    // Each begins when the one before it is over.
    let attempts = |numbers: &[u64], struck: &[Fault]| {
        let calls: Vec<_> = numbers
            .iter()
            .zip(13..)
            .map(|(number, began)| call(*number, 1, began, Some(began)))
            .collect();
        found_with(&calls, struck)
    };
    let killed = struck("broker-killed", "broker-1", 20);
    let restarted = struck("redis-restarted", "redis", 20);
    let faults = [killed.clone(), restarted];
    assert_eq!(attempts(&[2, 3], &faults), []);
    // A number is passed over where Redis was restarted, only there, and only one.
    let too_many = [Broken::TooManyTries];
    assert_eq!(attempts(&[3, 4], &faults), []);
    assert_eq!(attempts(&[3, 5], &faults), too_many);
    assert_eq!(attempts(&[3, 4], std::slice::from_ref(&killed)), too_many);
    let paused = struck("redis-paused", "redis", 20);
    assert_eq!(attempts(&[3, 4], &[killed, paused]), too_many);
    let migrated = struck("slot-migrated", "the slot of r", 20);
    assert_eq!(attempts(&[3, 5], &[migrated]), []);
    assert_eq!(attempts(&[2, 3, 4], &faults), too_many);
    // Of one that is lost nobody can know.
    let loses = Fault {
        loses_since: Some(0),
        ..struck("redis-emptied", "redis", 20)
    };
    assert_eq!(attempts(&[2, 3, 4], &[loses]), []);
}

#[test]
fn calls_that_nothing_explains() {
    let second_attempt = |fault: Fault| found_with(&[call(2, 1, 14, Some(16))], &[fault]);
    assert_eq!(second_attempt(struck("redis-restarted", "redis", 11)), []);
    assert_eq!(
        second_attempt(struck("rolling-restart", "all nodes", 11)),
        []
    );
    let both = struck("gateway-and-broker-killed", "gateway-1, broker-2", 11);
    assert_eq!(second_attempt(both), []);
    for fault in [
        struck("broker-killed", "broker-1", 9),
        struck("gateway-redis-link-cut", "gateway-1", 11),
        struck("sentinels-link-cut", "broker-1", 11),
        struck("crowd", "people", 11),
        struck("ai-link-cut", "broker-1", 11),
    ] {
        assert_eq!(second_attempt(fault), [Broken::NeedlessCall]);
    }
    let second_try = |fault: Fault| found_with(&[call(1, 2, 14, Some(16))], &[fault]);
    assert_eq!(second_try(struck("ai-link-cut", "broker-1", 11)), []);
    let of_another = struck("broker-frozen", "broker-1", 11);
    assert_eq!(second_try(of_another.clone()), [Broken::NeedlessCall]);
    // The second try has not come to the AI.
    let third_try = |fault: Fault| found_with(&[call(1, 3, 14, Some(16))], &[fault]);
    assert_eq!(third_try(struck("ai-link-cut", "broker-1", 11)), []);
    assert_eq!(third_try(of_another), [Broken::NeedlessCall]);
}

/// Another took the reply over before who had it learnt that.
#[test]
fn a_reply_may_be_got_long_before_its_call() {
    let bad_until = |until| {
        let trickles = struck("broker-redis-link-trickling", "broker-1", until);
        found_where(2, &[call(2, 1, 14, Some(16))], &[trickles])
    };
    assert_eq!(bad_until(8), []);
    assert_eq!(bad_until(7), [Broken::NeedlessCall]);
}

#[test]
fn a_question_may_be_stored_before_anybody_hears_of_it() {
    let rules = Rules {
        late_claim_us: 0,
        ..Rules::default()
    };
    let restarted = |until| {
        found_by(rules, move |story| {
            // It was sent at 7, and heard of at 10, when its call had begun.
            story[10] = call(2, 1, 9, Some(9));
            story[12] = delta(1, 2, 0);
            story[13] = delta(2, 2, 0);
            story[17] = snapshot(2, 2, 0);
            story[18] = delta(1, 2, 1);
            story[19] = delta(2, 2, 1);
            let reply = Durable {
                attempt: Some(2),
                content: words("q1", 2).concat(),
                ..answered(LIFE, 2, "r1", "q1")
            };
            story[20] = durable(1, reply.clone());
            story[21] = durable(2, reply.clone());
            story[22] = log("acme", vec![said(LIFE, 1, "q1"), reply]);
            story.insert(0, What::Fault(struck("redis-restarted", "redis", until)));
        })
    };
    assert_eq!(restarted(7), []);
    assert_eq!(restarted(6), [Broken::NeedlessCall]);
}

#[test]
fn calls_for_what_is_answered() {
    let with =
        |calls: &[What], until| found_with(calls, &[struck("broker-frozen", "broker-1", until)]);
    // The answer is seen at 21 where one fault struck.
    assert_eq!(with(&[call(2, 1, 21, Some(30))], 30), []);
    let again = with(&[call(2, 1, 22, Some(30))], 30);
    assert_eq!(again, [Broken::NeedlessCall]);
}

#[test]
fn a_broker_that_stood_still_may_call_before_it_learns_that_another_has_answered() {
    let wakes_at = |began| {
        found(move |story| {
            story.truncate(8);
            let reply = Durable {
                attempt: Some(2),
                content: words("q1", 2).concat(),
                ..answered(LIFE, 2, "r1", "q1")
            };
            let question = said(LIFE, 1, "q1");
            let frozen = struck("broker-frozen", "broker-1", 30);
            story.insert(0, What::Fault(frozen));
            for event in [&question, &reply] {
                story.extend([1, 2].map(|client| durable(client, event.clone())));
            }
            story.push(call(2, 1, 10, Some(11)));
            story.push(call(1, 1, began, Some(began + 1)));
            story.push(log("acme", vec![question, reply]));
        })
    };
    assert_eq!(wakes_at(5_000_030), []);
    assert_eq!(wakes_at(5_000_031), [Broken::NeedlessCall]);
}

/// Another broker takes over because the first one stood still `until`, while
/// its call goes on until `ended`; the reply is of this attempt.
fn taken_over(until: u64, ended: Option<u64>, attempt: u64) -> Vec<What> {
    let mut story = good();
    story.truncate(10);
    let frozen = struck("broker-frozen", "broker-1", until);
    story.insert(0, What::Fault(frozen));
    story.extend([call(1, 1, 10, ended), call(2, 1, 12, Some(18))]);
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
    let ends = |until, ended| found(move |story| *story = taken_over(until, ended, 2));
    assert_eq!(ends(11, Some(5_000_012)), []);
    assert_eq!(ends(11, Some(5_000_013)), [Broken::CallsAtOnce]);
    assert_eq!(ends(11, None), [Broken::CallsAtOnce]);
    // A frozen broker learns of it when it wakes.
    assert_eq!(ends(30, Some(5_000_030)), []);
    assert_eq!(ends(30, Some(5_000_031)), [Broken::CallsAtOnce]);
    // That is when the fault is over, and not when it should have been.
    let over = found(|story| {
        *story = taken_over(9_000_000, Some(5_000_016), 2);
        story.push(What::FaultOver); // at 16
    });
    assert_eq!(over, []);
    // One that hides nothing of what a broker does grants it nothing.
    let of_another = |kind: &str, target: &str| {
        found(|story| {
            *story = taken_over(11, Some(5_000_014), 2);
            story.insert(0, What::Fault(struck(kind, target, 9_000_000)));
        })
    };
    let broken = [Broken::CallsAtOnce];
    assert_eq!(of_another("ai-link-silent", "broker-1"), []);
    assert_eq!(of_another("gateway-frozen", "gateway-1"), broken);
    assert_eq!(of_another("doors-silent", "people"), broken);
}

#[test]
fn a_reply_of_who_was_taken_over() {
    let of_former = found(|story| *story = taken_over(11, Some(20), 1));
    assert_eq!(of_former, [Broken::FormerAttempt]);
    // Unless the storage has lost the takeover.
    let lost = found(|story| {
        *story = taken_over(11, Some(20), 1);
        story.insert(13, loss(0, 30));
    });
    assert_eq!(lost, []);
}

#[test]
fn a_claim_that_was_carried_out_when_its_broker_had_given_it_up() {
    const SECOND: u64 = 1_000_000;
    // The question is sent at 10 s, and answered in the second attempt at 13 s.
    let found_after = |kind: &str, over, first_call: Option<What>| {
        let question = said(LIFE, 1, "q1");
        let reply = Durable {
            attempt: Some(2),
            content: words("q1", 2).concat(),
            ..answered(LIFE, 2, "r1", "q1")
        };
        let fault = What::Fault(struck(kind, "broker-1", over));
        let before = [
            (0, named(1, "acme")),
            (0, says(1, ClientEvent::Opened)),
            (0, subscribed(1, LIFE, 0, true)),
            (SECOND, fault),
        ];
        let [sent, acked] = sends(1, &question, true);
        let asked = [sent, acked, durable(1, question.clone())].map(|what| (10 * SECOND, what));
        let second_call = call(2, 1, 12 * SECOND, Some(13 * SECOND));
        let calls = first_call.into_iter().chain([second_call]);
        let after = [
            (13 * SECOND, durable(1, reply.clone())),
            (20 * SECOND, log("acme", vec![question, reply])),
        ];
        let story = before.into_iter().chain(asked).chain(after);
        let story = story.chain(calls.map(|what| (20 * SECOND, what)));
        let entries = story.map(|(at, what)| Entry { at, what });
        broken_in(check(entries, Rules::default()))
    };
    let needless = [Broken::NeedlessCall];
    let trickling = "broker-redis-link-trickling";
    assert_eq!(found_after(trickling, 8 * SECOND, None), []);
    assert_eq!(found_after(trickling, 8 * SECOND - 1, None), needless);
    assert_eq!(found_after("ai-link-trickling", 9 * SECOND, None), needless);
    // A broker that called the AI may have learnt so late of its claim.
    let late = || Some(call(1, 1, 10 * SECOND, Some(11 * SECOND)));
    assert_eq!(found_after(trickling, 8 * SECOND, late()), []);
    assert_eq!(found_after(trickling, 8 * SECOND - 1, late()), needless);
}
