//! People who did not get in.

use super::*;

const SECOND: u64 = 1_000_000;

/// What is found where one comes at 100 s, this happens at those seconds, and is
/// let in at 200 s; a fault may have struck from one second to another.
fn found_where(happens: &[(u64, ClientEvent)], fault: Option<(Fault, u64)>) -> Vec<Broken> {
    let came = [
        (0, named(1, "acme")),
        (100 * SECOND, says(1, ClientEvent::Opened)),
    ];
    let happens = happens.iter().cloned();
    let happens = happens.map(|(at, event)| (at * SECOND, says(1, event)));
    let fault = fault.map(|(fault, at)| (at * SECOND, What::Fault(fault)));
    let mut story: Vec<_> = came.into_iter().chain(happens).chain(fault).collect();
    story.push((200 * SECOND, says(1, ClientEvent::Opened)));
    story.sort_by_key(|(at, _)| *at);
    let entries = story.into_iter().map(|(at, what)| Entry { at, what });
    broken_in(check(entries, Rules::default()))
}

fn turned_away(status: impl Into<Option<u16>>) -> ClientEvent {
    ClientEvent::NotLetIn {
        status: status.into(),
        reason: String::new(),
    }
}

fn from_to(kind: &str, target: &str, from: u64, to: u64) -> Option<(Fault, u64)> {
    Some((struck(kind, target, to * SECOND), from))
}

/// Away since 195 s, and told this when it wants to come back.
fn told(what: ClientEvent, fault: Option<(Fault, u64)>) -> Vec<Broken> {
    found_where(&[(195, closed(None)), (196, what)], fault)
}

#[test]
fn a_refusal_that_nothing_explains() {
    for by in [400, 401, 403, 404, 426, 429, 500, 503] {
        assert_eq!(told(turned_away(by), None), [Broken::TurnedAway], "{by}");
    }
    for code in [1012, 4010, 4500, 4503] {
        let found = told(closed(Some(code)), None);
        assert_eq!(found, [Broken::TurnedAway], "{code}");
    }
    // Nobody refused this one, and it got in with its next try.
    assert_eq!(told(turned_away(None), None), []);
    assert_eq!(told(closed(None), None), []);
    // Nor this one, which did not read that it was let in.
    assert_eq!(told(closed(Some(4008)), None), []);
}

#[test]
fn a_refusal_that_a_fault_explains() {
    let killed = |from, to| from_to("gateway-killed", "gateway-1", from, to);
    for by in [408, 429, 502, 503] {
        assert_eq!(told(turned_away(by), killed(190, 193)), [], "{by}");
        assert_eq!(told(turned_away(by), killed(183, 186)), [], "{by}");
        let late = told(turned_away(by), killed(183, 185));
        assert_eq!(late, [Broken::TurnedAway], "{by}");
    }
    for (kind, target) in [("broker-killed", "broker-1"), ("ai-link-cut", "broker-1")] {
        let found = told(turned_away(503), from_to(kind, target, 190, 193));
        assert_eq!(found, [Broken::TurnedAway], "{kind}");
    }
    // Whoever has a right to come in has it whatever strikes.
    for by in [400, 401, 403, 404, 426] {
        let found = told(turned_away(by), killed(190, 193));
        assert_eq!(found, [Broken::TurnedAway], "{by}");
    }
    // But to a clock that is wrong.
    let clock = || from_to("clock-off", "broker-1", 190, 193);
    assert_eq!(told(turned_away(401), clock()), []);
    assert_eq!(told(closed(Some(4500)), clock()), []);
    assert_eq!(told(turned_away(403), clock()), [Broken::TurnedAway]);
}

#[test]
fn who_has_a_connection_was_let_in() {
    for code in [1012, 4008, 4012] {
        assert_eq!(found_where(&[(195, closed(Some(code)))], None), []);
    }
}

#[test]
fn who_does_not_get_in_for_long() {
    let away_since = |since, fault| found_where(&[(since, closed(None))], fault);
    assert_eq!(away_since(190, None), []);
    assert_eq!(away_since(189, None), [Broken::KeptOut]);
    // While a fault lasts nobody need come in, but before and after it.
    let silent = |from, to| from_to("doors-silent", "people", from, to);
    assert_eq!(away_since(175, silent(180, 190)), []);
    assert_eq!(away_since(175, silent(180, 189)), [Broken::KeptOut]);
    assert_eq!(away_since(169, silent(180, 195)), [Broken::KeptOut]);
    let of_a_broker = from_to("broker-frozen", "broker-1", 176, 199);
    assert_eq!(away_since(175, of_a_broker), [Broken::KeptOut]);
}

#[test]
fn who_has_never_been_in_waits_since_the_first_try() {
    let first = |at| {
        let story = [
            (0, named(1, "acme")),
            (at, says(1, turned_away(None))),
            (20 * SECOND, says(1, turned_away(None))),
            (30 * SECOND, says(1, ClientEvent::Opened)),
        ];
        let entries = story.map(|(at, what)| Entry { at, what });
        broken_in(check(entries, Rules::default()))
    };
    assert_eq!(first(20 * SECOND), []);
    assert_eq!(first(20 * SECOND - 1), [Broken::KeptOut]);
}
