//! People who did not get in, or could not stay.

use super::*;
use crate::person::BY_ITSELF;

const SECOND: u64 = 1_000_000;

/// What is found where one comes at 100 s, this happens at those seconds, and is
/// let in at 200 s; a fault may have struck from one second to another.
fn found_where(happens: &[(u64, ClientEvent)], fault: Option<(Fault, u64)>) -> Vec<Broken> {
    found_by_where(Rules::default(), happens, fault)
}

fn found_by_where(
    rules: Rules,
    happens: &[(u64, ClientEvent)],
    fault: Option<(Fault, u64)>,
) -> Vec<Broken> {
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
    broken_in(check(entries, rules))
}

/// Its connection ends without a word.
fn ended() -> ClientEvent {
    closed_for(None, "the socket ended")
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
}

#[test]
fn who_does_not_read_is_not_told_that_it_is_let_in() {
    let too_slow = || closed(Some(4008));
    assert_eq!(told(too_slow(), None), [Broken::TurnedAway]);
    let slow = |kind, target| told(too_slow(), from_to(kind, target, 190, 193));
    assert_eq!(slow("slow-readers", "people"), [Broken::TurnedAway]);
    assert_eq!(slow("door-trickling", "gateway-1"), []);
    assert_eq!(slow("gateway-killed", "gateway-1"), [Broken::TurnedAway]);
    let whenever = Rules {
        reads_slowly: true,
        ..Rules::default()
    };
    let happens = [(195, closed(None)), (196, too_slow())];
    assert_eq!(found_by_where(whenever, &happens, None), []);
}

/// A kind of fault, and whom it strikes.
type Struck = (&'static str, &'static str);

const KILLED: Struck = ("gateway-killed", "gateway-1");

/// A code, what explains it, and what does not.
const EXPLAINED: [(u16, Struck, Struck); 9] = [
    (1012, ("rolling-restart", "all nodes"), KILLED),
    (1012, ("clock-off", "gateway-1"), ("clock-off", "broker-1")),
    (
        4008,
        ("door-silent", "gateway-1"),
        ("slow-readers", "people"),
    ),
    (4010, ("gateway-redis-link-cut", "gateway-1"), KILLED),
    (
        4010,
        ("slot-migrated", "the slot of r"),
        ("door-silent", "gateway-1"),
    ),
    (
        4010,
        ("primary-link-silent", "gateway-1"),
        ("sentinels-link-silent", "gateway-1"),
    ),
    (
        4012,
        ("gateway-frozen", "gateway-1"),
        ("gateway-redis-link-silent", "gateway-1"),
    ),
    (4012, ("door-half-open", "gateway-1"), ("crowd", "people")),
    (
        4012,
        ("doors-silent", "people"),
        ("people-weather", "people"),
    ),
];

#[test]
fn a_refusal_that_a_fault_explains() {
    let under = |by, (kind, target), to| told(turned_away(by), from_to(kind, target, 180, to));
    let broken = [Broken::TurnedAway];
    for (by, explains) in [
        (503, ("rolling-restart", "all nodes")),
        (408, ("door-trickling", "gateway-1")),
    ] {
        assert_eq!(under(by, explains, 193), [], "{by}");
        assert_eq!(under(by, explains, 192), broken, "{by}");
    }
    for other in [
        KILLED,
        ("redis-paused", "redis"),
        ("broker-killed", "broker-1"),
        ("ai-link-cut", "broker-1"),
    ] {
        assert_eq!(under(503, other, 196), broken, "{other:?}");
        assert_eq!(under(408, other, 196), broken, "{other:?}");
    }
    // Whoever has a right to come in has it whatever strikes.
    for by in [400, 401, 403, 404, 426, 429, 500, 502] {
        let found = under(by, ("rolling-restart", "all nodes"), 196);
        assert_eq!(found, broken, "{by}");
    }
    // Not even a wrong clock makes a token expire.
    let clock = || from_to("clock-off", "gateway-1", 190, 193);
    assert_eq!(told(turned_away(401), clock()), broken);
    assert_eq!(told(closed(Some(4500)), clock()), broken);
}

#[test]
fn who_is_in_may_stay() {
    let sent_away = |code, fault| found_where(&[(195, closed(Some(code)))], fault);
    let broken = [Broken::SentAway];
    for (code, explains, other) in EXPLAINED {
        let under = |(kind, target), to| sent_away(code, from_to(kind, target, 180, to));
        assert_eq!(sent_away(code, None), broken, "{code}");
        assert_eq!(under(explains, 192), [], "{code} {explains:?}");
        assert_eq!(under(explains, 191), broken, "{code} {explains:?}");
        assert_eq!(under(other, 195), broken, "{code} {other:?}");
    }
    // Nothing explains these.
    for code in [
        1000, 1001, 1002, 1005, 1007, 1009, 1011, 1013, 4500, 4503, 4508, 4509,
    ] {
        let restart = from_to("rolling-restart", "all nodes", 180, 195);
        assert_eq!(sent_away(code, restart), broken, "{code}");
    }
}

#[test]
fn only_who_reads_nothing_is_sent_away_for_it() {
    let slow = || from_to("slow-readers", "people", 170, 192);
    let sent_away_at = |at, rests: &[(u64, ClientEvent)]| {
        let closed = [(at, closed(Some(4008)))];
        found_where(&[rests, &closed].concat(), slow())
    };
    let rests = [
        (172, ClientEvent::StopsReading),
        (182, ClientEvent::ReadsAgain),
    ];
    assert_eq!(sent_away_at(185, &[]), [Broken::SentAway]);
    assert_eq!(sent_away_at(186, &rests[..1]), []);
    assert_eq!(sent_away_at(185, &rests), []);
    assert_eq!(sent_away_at(186, &rests), [Broken::SentAway]);
}

#[test]
fn nobody_else_loses_a_connection_while_some_read_nothing() {
    let ends = |rests: &[(u64, ClientEvent)]| {
        let ended = [(195, ended())];
        let slow = from_to("slow-readers", "people", 180, 198);
        found_where(&[rests, &ended].concat(), slow)
    };
    let stops = (172, ClientEvent::StopsReading);
    let reads_again = |at| [stops.clone(), (at, ClientEvent::ReadsAgain)];
    assert_eq!(ends(&[]), [Broken::SentAway]);
    assert_eq!(ends(std::slice::from_ref(&stops)), []);
    assert_eq!(ends(&reads_again(185)), []);
    assert_eq!(ends(&reads_again(184)), [Broken::SentAway]);
}

#[test]
fn a_connection_ends_without_a_word_only_by_a_fault_at_its_gateway_or_on_the_way_there() {
    let ends = |fault| found_where(&[(195, ended())], fault);
    let broken = [Broken::SentAway];
    assert_eq!(ends(None), broken);
    for (kind, target) in [
        KILLED,
        ("gateway-frozen", "gateway-1"),
        ("gateway-and-broker-killed", "gateway-1, broker-1"),
        ("door-cut", "gateway-1"),
        ("door-trickling", "gateway-1"),
        ("doors-silent", "people"),
        ("people-weather", "people"),
    ] {
        assert_eq!(ends(from_to(kind, target, 180, 192)), [], "{kind}");
        assert_eq!(ends(from_to(kind, target, 180, 191)), broken, "{kind}");
    }
    for (kind, target) in [
        ("broker-killed", "broker-1"),
        ("broker-frozen", "broker-1"),
        ("ai-link-cut", "broker-1"),
        ("gateway-redis-link-cut", "gateway-1"),
        ("redis-paused", "redis"),
        ("cluster-master-killed", "the slot of r"),
        ("door-delayed", "gateway-1"),
        ("crowd", "people"),
        ("rolling-restart", "all nodes"),
        ("clock-off", "gateway-1"),
    ] {
        assert_eq!(ends(from_to(kind, target, 180, 195)), broken, "{kind}");
    }
}

#[test]
fn who_is_not_served_does_not_go_by_itself() {
    let goes = |reason| found_where(&[(195, closed_for(None, reason))], None);
    for reason in ["heartbeat lost", "cannot send"] {
        assert_eq!(goes(reason), [Broken::SentAway], "{reason}");
    }
    for reason in BY_ITSELF {
        assert_eq!(goes(reason), [], "{reason}");
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
    for (kind, target) in [
        ("redis-paused", "redis"),
        ("sentinel-failover", "the primary"),
        ("rolling-restart", "all nodes"),
    ] {
        assert_eq!(
            away_since(175, from_to(kind, target, 180, 190)),
            [],
            "{kind}"
        );
    }
    // At another door is another gateway.
    for (kind, target) in [
        ("broker-frozen", "broker-1"),
        ("gateway-frozen", "gateway-1"),
        ("door-silent", "gateway-1"),
        ("gateway-redis-link-cut", "gateway-1"),
    ] {
        let found = away_since(175, from_to(kind, target, 176, 199));
        assert_eq!(found, [Broken::KeptOut], "{kind}");
    }
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
