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

/// A wish whose connection ends before it is answered.
fn lost_wish(message: &str) -> Vec<What> {
    vec![
        wish(message),
        says(2, closed(None)),
        says(2, ClientEvent::Opened),
        subscribed(2, LIFE, 1, true),
    ]
}

fn nothing_runs(client: ClientNumber) -> What {
    refused(client, "x1", "not_found", false)
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
    let two = vec![wish("q1"), wish("q2"), promise(), nothing_runs(2)];
    assert_eq!(promised(two), []);
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
    let of_another = vec![of_another, nothing_runs(1), wish("q2"), promise()];
    assert_eq!(promised(of_another), another);
    let lost = |since| promised(vec![wish("q1"), promise_of("r9"), loss(since, 3_000_000)]);
    // A reply that is lost may have been made up to its end, after the fault.
    assert_eq!(lost(11), []);
    assert_eq!(lost(8_000_000), []);
    assert_eq!(lost(8_000_001), another);
}

#[test]
fn a_wish_that_is_never_answered() {
    let comes =
        |place: usize, what: Vec<What>| found(|story| drop(story.splice(place..place, what)));
    assert_eq!(comes(22, vec![wish("r1")]), [Broken::Unacked]);
    assert_eq!(comes(22, vec![wish("r1"), nothing_runs(2)]), []);
    // Of two under one id each has its answer.
    let twice = comes(22, vec![wish("r1"), wish("r1"), nothing_runs(2)]);
    assert_eq!(twice, [Broken::Unacked]);
    // The connection ends, and on the next one it is not uttered again.
    assert_eq!(comes(12, vec![wish("r1")]), []);
}

#[test]
fn a_wish_that_is_refused_while_the_reply_is_made() {
    let refused_under = |fault: Option<Fault>, message: &str, ended| {
        found(|story| {
            story[10] = call(1, 1, 10, ended);
            let refused = [wish(message), nothing_runs(2)];
            story.splice(11..11, refused);
            story.splice(0..0, fault.map(What::Fault));
        })
    };
    let broken = [Broken::RefusedForNothing];
    for message in ["r1", "q1"] {
        let refused = |ended| refused_under(None, message, ended);
        assert_eq!(refused(Some(1_500_012)), []);
        assert_eq!(refused(Some(1_500_013)), broken);
        assert_eq!(refused(None), broken);
    }
    // What ended before the storage lost that may be made again.
    let lost = |since| {
        let fault = Fault {
            loses_since: Some(since),
            ..struck("redis-truncated", "redis", 20)
        };
        refused_under(Some(fault), "r1", None)
    };
    assert_eq!(lost(13), []);
    assert_eq!(lost(14), broken);
}

#[test]
fn a_reply_that_nobody_wanted_to_end() {
    let cancelled_with = |then: Vec<What>| {
        let then = [then, vec![call(1, 1, 10, Some(11))]].concat();
        broken_in(verdict_on(story_of(then, &[cancelled(1)])))
    };
    assert_eq!(cancelled_with(lost_wish("q1")), []);
    assert_eq!(cancelled_with(lost_wish("r1")), []);
    assert_eq!(cancelled_with(vec![]), [Broken::CancelledByNobody]);
    assert_eq!(cancelled_with(lost_wish("q2")), [Broken::CancelledByNobody]);
}

#[test]
fn a_reply_whose_end_was_promised_ends_so() {
    let ended = |finish: &str, fault: Option<What>| {
        let fault: Vec<_> = fault.into_iter().collect();
        let then = vec![wish("r1"), promise(), call(1, 1, 10, Some(11))];
        let reply = Durable {
            finish: Some(finish.into()),
            ..answered(LIFE, 2, "r1", "q1")
        };
        broken_in(verdict_on(story_of([then, fault].concat(), &[reply])))
    };
    assert_eq!(ended("cancelled", None), []);
    // The model had said all: that is no other end.
    assert_eq!(ended("stop", None), [Broken::NotCancelled]);
    // The wish may be lost with what was stored at 11.
    assert_eq!(ended("stop", Some(loss(11, 40))), []);
    assert_eq!(ended("stop", Some(loss(12, 40))), [Broken::NotCancelled]);
}

#[test]
fn what_is_interrupted_before_it_is_answered_ends_so() {
    let interrupted = |question: u64, reply: u64, finish: &str| {
        let first = Durable {
            seq: reply,
            finish: Some(finish.into()),
            ..answered(LIFE, 0, "r1", "q1")
        };
        let mut events = vec![first, said(LIFE, question, "q2")];
        events.sort_by_key(|event| event.seq);
        events.push(answered(LIFE, 4, "r2", "q2"));
        let then = vec![
            asks(1, "m2", "q2?", IfBusy::Interrupt),
            acked(1, "m2", "q2", question),
            call(1, 1, 10, Some(11)),
            call_for("q2", 1, 1, 12, Some(13)),
        ];
        broken_in(verdict_on(story_of(then, &events)))
    };
    assert_eq!(interrupted(2, 3, "cancelled"), []);
    assert_eq!(interrupted(2, 3, "stop"), [Broken::NotCancelled]);
    // It was answered just before.
    assert_eq!(interrupted(3, 2, "stop"), []);
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
        let question = Durable {
            user: Some(format!("u{client}")),
            ..said(LIFE, 2, "q2")
        };
        let events = [question, first, second];
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
    // Over a connection that is dead without a word nobody can tell the AI to end.
    let half_open = What::Fault(struck("ai-link-half-open", "broker-1", 3_000_000));
    let untold = |began| [half_open.clone(), call(1, 1, began, Some(60_000_000))];
    assert_eq!(cancelled_in(1, &untold(9)), []);
    // But over one that was made since: it struck at 12.
    assert_eq!(cancelled_in(1, &untold(12)), []);
    let over_another = cancelled_in(1, &untold(13));
    assert_eq!(over_another, [Broken::CalledAfterCancel]);
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
        let call = call(1, 1, at, Some(at));
        let then = [vec![fault], lost_wish("r1"), vec![call]].concat();
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
