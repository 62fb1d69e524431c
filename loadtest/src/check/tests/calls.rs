//! Calls of the AI.

use super::*;

/// What is found where the question's only call ended at 12, and then others
/// were made, before its answer was seen; `faults` struck in the meantime.
fn found_with(calls: &[What], faults: &[Fault]) -> Vec<Broken> {
    found(|story| {
        story[10] = call(1, 1, 10, Some(12));
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
        struck("redis-link-cut", "gateway-1", 11),
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
    let third_try = found_with(&[call(1, 3, 14, Some(16))], &[of_another]);
    assert_eq!(third_try, []);
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

#[test]
fn a_takeover_may_overlap_for_as_long_as_it_takes_to_learn_of_it() {
    let taken_over = |ended, until| {
        found(move |story| {
            story[10] = call(1, 1, 10, ended);
            story.push(call(2, 1, 15, Some(18)));
            let fault = struck("broker-frozen", "broker-1", until);
            story.insert(0, What::Fault(fault));
        })
    };
    assert_eq!(taken_over(Some(5_000_015), 12), []);
    assert_eq!(taken_over(Some(5_000_016), 12), [Broken::CallsAtOnce]);
    assert_eq!(taken_over(None, 12), [Broken::CallsAtOnce]);
    // A frozen broker learns of it when it wakes.
    assert_eq!(taken_over(Some(5_000_030), 30), []);
    assert_eq!(taken_over(Some(5_000_031), 30), [Broken::CallsAtOnce]);
    // That is when the fault is over, and not when it should have been.
    let over = found(|story| {
        story[10] = call(1, 1, 10, Some(5_000_023));
        story.push(call(2, 1, 15, Some(18)));
        let fault = struck("broker-frozen", "broker-1", 9_000_000);
        story.insert(13, What::Fault(fault));
        story.push(What::FaultOver);
    });
    assert_eq!(over, []);
}
