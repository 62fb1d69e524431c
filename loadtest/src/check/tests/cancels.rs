//! What was cancelled.

use super::*;

/// The reply to `q1`, cancelled in this attempt.
fn cancelled(attempt: u64) -> Durable {
    let said = if attempt == 0 { "" } else { &words("q1", 1)[0] };
    Durable {
        attempt: Some(attempt),
        finish: Some("cancelled".into()),
        content: said.into(),
        ..answered(LIFE, 2, "r1", "q1")
    }
}

/// The question is asked, `then` comes, and both see and keep the events.
fn story_of(then: Vec<What>, events: &[Durable]) -> Vec<What> {
    let mut story = good();
    story.truncate(10);
    story.extend(then);
    for event in events {
        story.extend([1, 2].map(|client| durable(client, event.clone())));
    }
    let kept = [&[said(LIFE, 1, "q1")], events].concat();
    story.push(log("acme", kept));
    story
}

fn wish(message: &str) -> What {
    let (id, message) = ("x1".into(), message.into());
    says(2, ClientEvent::Cancelling { id, message })
}

fn promise() -> What {
    promise_of("r1")
}

fn promise_of(reply: &str) -> What {
    let (id, reply) = ("x1".into(), reply.into());
    says(2, ClientEvent::Cancelled { id, reply })
}

#[test]
fn the_reply_that_is_promised_to_end_is_the_one_that_was_to() {
    let promised = |before: Vec<What>| {
        let then = [before, vec![call(1, 1, 10, Some(11))]].concat();
        broken_in(verdict_on(story_of(then, &[cancelled(1)])))
    };
    assert_eq!(promised(vec![wish("r1"), promise()]), []);
    assert_eq!(promised(vec![wish("q1"), promise()]), []);
    // Two wishes may have one id.
    assert_eq!(promised(vec![wish("q1"), wish("q2"), promise()]), []);
    let another = [Broken::CancelledAnother];
    assert_eq!(promised(vec![wish("q1"), promise_of("r9")]), another);
    // Of the wrong wish, though somebody else has that one.
    let of_another = says(
        1,
        ClientEvent::Cancelling {
            id: "x1".into(),
            message: "r1".into(),
        },
    );
    assert_eq!(promised(vec![of_another, wish("q2"), promise()]), another);
    let lost = |since| promised(vec![wish("q1"), promise_of("r9"), loss(since, 3_000_000)]);
    // A reply that is lost may have been made up to its end, after the fault.
    assert_eq!(lost(11), []);
    assert_eq!(lost(8_000_000), []);
    assert_eq!(lost(8_000_001), another);
}

#[test]
fn a_reply_that_nobody_wanted_to_end() {
    let cancelled_with = |then: Vec<What>| {
        let then = [then, vec![call(1, 1, 10, Some(11))]].concat();
        broken_in(verdict_on(story_of(then, &[cancelled(1)])))
    };
    assert_eq!(cancelled_with(vec![wish("q1")]), []);
    assert_eq!(cancelled_with(vec![wish("r1")]), []);
    assert_eq!(cancelled_with(vec![]), [Broken::CancelledByNobody]);
    assert_eq!(
        cancelled_with(vec![wish("q2")]),
        [Broken::CancelledByNobody]
    );
}

#[test]
fn a_question_that_interrupts_ends_the_replies_before_it() {
    let interrupted_by = |client: ClientNumber, if_busy: IfBusy, ended| {
        let then = vec![
            asks(client, "m2", "q2?", if_busy),
            acked(client, "m2", "q2", 2), // at 11
            call(1, 1, 10, Some(ended)),
            call_for("q2", 1, 1, 14, Some(16)),
        ];
        let first = Durable {
            seq: 3,
            ..cancelled(1)
        };
        let second = answered(LIFE, 4, "r2", "q2");
        let events = [said(LIFE, 2, "q2"), first, second];
        // Turns have their own tests: here the first call may go on beside the
        // second one.
        let rules = Rules {
            hang_up_us: 5_000_000,
            abort_us: 0,
            ..Rules::default()
        };
        broken_in(verdict_with(rules, story_of(then, &events)))
    };
    assert_eq!(interrupted_by(1, IfBusy::Interrupt, 5_000_011), []);
    let goes_on = interrupted_by(1, IfBusy::Interrupt, 5_000_012);
    assert_eq!(goes_on, [Broken::CalledAfterCancel]);
    let queued = interrupted_by(1, IfBusy::Queue, 12);
    assert_eq!(queued, [Broken::CancelledByNobody]);
    // Another user's session is another one.
    let of_another = interrupted_by(2, IfBusy::Interrupt, 12);
    assert_eq!(of_another, [Broken::CancelledByNobody]);
}

#[test]
fn an_interruption_that_is_lost_has_left_no_trace() {
    let lost = |if_busy, since| {
        let then = vec![
            loss(since, 40),
            asks(1, "m2", "q2?", if_busy),
            acked(1, "m2", "q2", 2), // at 12
            call(1, 1, 10, Some(12)),
        ];
        let mut story = story_of(then, &[]);
        story.pop();
        let reply = Durable {
            epoch: NEXT_LIFE.into(),
            ..cancelled(1)
        };
        for client in [1, 2] {
            story.push(subscribed(client, NEXT_LIFE, 1, false));
            story.push(durable(client, reply.clone()));
        }
        story.push(log("acme", vec![said(LIFE, 1, "q1"), reply]));
        broken_in(verdict_on(story))
    };
    let told = Broken::LostForNoReason;
    assert_eq!(lost(IfBusy::Interrupt, 12), [told]);
    let queued = lost(IfBusy::Queue, 12);
    assert_eq!(queued, [told, Broken::CancelledByNobody]);
    let too_late = lost(IfBusy::Interrupt, 13);
    assert_eq!(
        too_late,
        [told, Broken::AckedAndGone, Broken::CancelledByNobody]
    );
}

#[test]
fn calls_for_what_was_cancelled_before() {
    let cancelled_in = |attempt, calls: &[What]| {
        let then = [&[wish("r1"), promise()], calls].concat(); // promised at 11
        broken_in(verdict_on(story_of(then, &[cancelled(attempt)])))
    };
    // Before it had begun: then it never does.
    assert_eq!(cancelled_in(0, &[]), []);
    let never = cancelled_in(0, &[call(1, 1, 11, Some(12))]);
    assert_eq!(never, [Broken::CalledAfterCancel]);
    // While it ran: then it ends within a second.
    assert_eq!(cancelled_in(1, &[call(1, 1, 9, Some(1_500_011))]), []);
    for ended in [Some(1_500_012), None] {
        let goes_on = cancelled_in(1, &[call(1, 1, 9, ended)]);
        assert_eq!(goes_on, [Broken::CalledAfterCancel]);
    }
    for kind in ["broker-frozen", "ai-link-silent"] {
        let fault = What::Fault(struck(kind, "broker-1", 3_000_000));
        let late = |ended| cancelled_in(1, &[fault.clone(), call(1, 1, 9, Some(ended))]);
        assert_eq!(late(8_000_000), []);
        assert_eq!(late(8_000_001), [Broken::CalledAfterCancel]);
    }
}

#[test]
fn a_call_that_the_network_held_until_its_reply_was_cancelled() {
    let handed_on = |kind: &str, target: &str, at| {
        let fault = What::Fault(struck(kind, target, 3_000_000));
        let then = vec![fault, wish("r1"), call(1, 1, at, Some(at))];
        broken_in(verdict_on(story_of(then, &[cancelled(1)])))
    };
    assert_eq!(handed_on("ai-link-silent", "broker-1", 8_000_000), []);
    let late = handed_on("ai-link-silent", "broker-1", 8_000_001);
    assert_eq!(late, [Broken::NeedlessCall]);
    let of_another = handed_on("door-silent", "gateway-1", 2_000_000);
    assert_eq!(of_another, [Broken::NeedlessCall]);
}

#[test]
fn who_does_not_want_to_wait_is_refused_for_good() {
    let not_to_wait = |text: &'static str| {
        found(move |story| {
            story.push(asks(1, "m2", text, IfBusy::Reject));
            story.push(refused(1, "m2", "conflict", true));
        })
    };
    assert_eq!(not_to_wait("Me?"), []);
    assert_eq!(not_to_wait("q1?"), [Broken::RefusedAndStored]);
}
