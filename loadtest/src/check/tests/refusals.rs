//! What people were refused.

use super::*;

const SECOND: u64 = 1_000_000;

/// What is found where a message, which is to be treated so while its session is
/// busy, is refused, and stored when it is sent again; a fault may have struck.
fn refused_as(code: &str, if_busy: IfBusy, fault: Option<Fault>) -> Vec<Broken> {
    let mut story = good();
    let say = || asks(1, "m1", "q1?", if_busy);
    story.splice(6..7, [say(), refused(1, "m1", code, true), say()]);
    story.splice(0..0, fault.map(What::Fault));
    // Refused at 8 s, if a fault struck.
    found_each_second(story)
}

/// What is found for nothing where something happens each second.
fn found_each_second(story: Vec<What>) -> Vec<Broken> {
    let entries = story.into_iter().zip(0..).map(|(what, at)| Entry {
        at: at * SECOND,
        what,
    });
    let broken = check(entries, Rules::default());
    let broken = broken.violations.iter().map(|violation| violation.broken);
    let refused = broken.filter(|broken| *broken == Broken::RefusedForNothing);
    refused.collect()
}

const FOR_NOTHING: [Broken; 1] = [Broken::RefusedForNothing];

#[test]
fn a_storage_that_was_not_there_needs_a_fault() {
    let until = |kind, target, seconds| {
        let fault = struck(kind, target, seconds * SECOND);
        refused_as("overloaded", IfBusy::Queue, Some(fault))
    };
    assert_eq!(refused_as("overloaded", IfBusy::Queue, None), FOR_NOTHING);
    for (kind, target) in [
        ("redis-paused", "redis"),
        ("sentinel-failover", "the primary"),
        ("cluster-master-killed", "the slot of r"),
        ("gateway-redis-link-cut", "gateway-1"),
        ("primary-link-silent", "gateway-2"),
        ("gateway-and-broker-frozen", "gateway-1, broker-1"),
    ] {
        assert_eq!(until(kind, target, 6), [], "{kind}");
        assert_eq!(until(kind, target, 5), FOR_NOTHING, "{kind}");
    }
    for (kind, target) in [
        ("broker-killed", "broker-1"),
        ("gateway-killed", "gateway-1"),
        ("broker-redis-link-cut", "broker-1"),
        ("master-link-cut", "broker-1"),
        ("sentinels-link-silent", "gateway-1"),
        ("ai-link-cut", "broker-1"),
        ("door-cut", "gateway-1"),
        ("crowd", "people"),
        ("rolling-restart", "all nodes"),
    ] {
        assert_eq!(until(kind, target, 8), FOR_NOTHING, "{kind}");
    }
}

#[test]
fn who_reads_slowly_hears_late_that_the_storage_was_not_there() {
    let heard_late = |until| {
        let mut story = good();
        let (id, message) = ("x1".into(), "r1".into());
        story.push(refused(2, "x1", "overloaded", true));
        story.insert(5, says(2, ClientEvent::Cancelling { id, message }));
        let fault = struck("redis-paused", "redis", until * SECOND);
        story.insert(0, What::Fault(fault));
        found_each_second(story)
    };
    // Said at 6 s.
    assert_eq!(heard_late(6), []);
    assert_eq!(heard_late(5), FOR_NOTHING);
}

#[test]
fn who_asks_too_much_has_to_wait() {
    let rules = Rules {
        asks_too_much: true,
        ..Rules::default()
    };
    let refused_as = |code| {
        found_by(rules, |story| {
            let again = [refused(1, "m1", code, true), sent(1, "m1")];
            story.splice(7..7, again);
        })
    };
    assert_eq!(refused_as("overloaded"), []);
    assert_eq!(refused_as("internal"), FOR_NOTHING);
}

#[test]
fn who_does_not_want_to_wait_need_not() {
    assert_eq!(refused_as("conflict", IfBusy::Reject, None), []);
    for if_busy in [IfBusy::Queue, IfBusy::Interrupt] {
        assert_eq!(refused_as("conflict", if_busy, None), FOR_NOTHING);
    }
}

#[test]
fn nothing_explains_that_a_right_is_denied() {
    let paused = || Some(struck("redis-paused", "redis", 40 * SECOND));
    for code in [
        "forbidden",
        "not_found",
        "invalid_message",
        "unauthorized",
        "internal",
        "rate_limited",
    ] {
        assert_eq!(
            refused_as(code, IfBusy::Reject, paused()),
            FOR_NOTHING,
            "{code}"
        );
    }
    let wish = |code: &str| {
        let (id, message) = ("x1".into(), "r1".into());
        let wish = says(2, ClientEvent::Cancelling { id, message });
        let refused = refused(2, "x1", code, false);
        found(|story| drop(story.splice(22..22, [wish, refused])))
    };
    assert_eq!(wish("not_found"), []);
    assert_eq!(wish("conflict"), FOR_NOTHING);
    assert_eq!(wish("forbidden"), FOR_NOTHING);
}

#[test]
fn an_error_that_answers_nothing() {
    let error = || ClientEvent::Refused {
        id: None,
        code: "invalid_json".into(),
        can_retry: false,
    };
    assert_eq!(found(|story| story.push(says(1, error()))), FOR_NOTHING);
}
