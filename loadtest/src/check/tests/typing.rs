//! People who are shown typing.

use super::*;

const SECOND: u64 = 1_000_000;

/// What is found where the second client is shown typing to the first one at these
/// seconds, or no more, and a fault may strike at one.
fn shown(signs: &[(u64, bool)], then: Option<(u64, What)>) -> Vec<Broken> {
    let before = [
        (0, named(1, "acme")),
        (0, says(1, ClientEvent::Opened)),
        (0, subscribed(1, LIFE, 0, true)),
    ];
    let signs = signs
        .iter()
        .map(|(at, is_typing)| (*at, types("u2", *is_typing)));
    let mut story: Vec<_> = before.into_iter().chain(signs).chain(then).collect();
    story.sort_by_key(|(at, _)| *at);
    let entries = story.into_iter().map(|(at, what)| Entry {
        at: at * SECOND,
        what,
    });
    broken_in(check(entries, Rules::default()))
}

fn types(user: &str, is_typing: bool) -> What {
    let typing = ClientEvent::Typing {
        room: ROOM.into(),
        user: Some(user.into()),
        is_typing,
    };
    says(1, typing)
}

#[test]
fn nobody_is_shown_typing_for_ever() {
    let broken = [Broken::LeftTyping];
    assert_eq!(shown(&[(10, true), (15, false)], None), []);
    assert_eq!(shown(&[(10, true), (16, false)], None), broken);
    assert_eq!(shown(&[(10, true)], None), broken);
    // Each sign counts anew.
    assert_eq!(shown(&[(10, true), (14, true), (19, false)], None), []);
    assert_eq!(shown(&[(10, true), (16, true), (17, false)], None), broken);
}

#[test]
fn typing_ends_with_the_connection_of_who_is_shown_it_and_where_a_fault_parts_people() {
    let away = |at| Some((at, says(1, closed(None))));
    assert_eq!(shown(&[(10, true)], away(15)), [Broken::LeftBehind]);
    let late = shown(&[(10, true)], away(16));
    assert_eq!(late, [Broken::LeftBehind, Broken::LeftTyping]);
    let shown_where = |kind, target, at| {
        let fault = struck(kind, target, 20 * SECOND);
        shown(&[(10, true)], Some((at, What::Fault(fault))))
    };
    for (kind, target) in [
        ("gateway-killed", "gateway-1"),
        ("doors-silent", "people"),
        ("redis-paused", "redis"),
    ] {
        assert_eq!(shown_where(kind, target, 15), [], "{kind}");
        let late = shown_where(kind, target, 16);
        assert_eq!(late, [Broken::LeftTyping], "{kind}");
    }
    for (kind, target) in [
        ("broker-killed", "broker-1"),
        ("ai-link-cut", "broker-1"),
        ("sentinels-link-cut", "gateway-1"),
    ] {
        let found = shown_where(kind, target, 15);
        assert_eq!(found, [Broken::LeftTyping], "{kind}");
    }
}

#[test]
fn what_doors_held_back_may_lack_the_end_of_typing() {
    let shown_after = |kind, at| {
        let fault = struck(kind, "gateway-1", 9 * SECOND);
        shown(&[(at, true)], Some((5, What::Fault(fault))))
    };
    assert_eq!(shown_after("door-trickling", 10), []);
    for (kind, at) in [("door-trickling", 11), ("gateway-redis-link-cut", 10)] {
        assert_eq!(shown_after(kind, at), [Broken::LeftTyping], "{kind}");
    }
}

#[test]
fn nobody_is_shown_themselves() {
    let shown = found(|story| {
        story.insert(12, types("u1", true));
        story.insert(13, types("u1", false));
    });
    assert_eq!(shown, [Broken::WrongPlace]);
}
