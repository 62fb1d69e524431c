//! Whether what was planned is what counts.

use super::turns::LONGEST_BACKLOG;
use super::*;
use crate::load::behaviour::Timers;
use crate::load::dialect::{Causerie, Who};
use crate::load::target::Doors;

const ROOM: &str = "room";

/// One who speaks each second, and is in.
fn talkers(until: Nanos) -> Talkers {
    let dialect = Causerie {
        tenant: "demo".to_owned(),
        jwt_secret: "secret".to_owned(),
    };
    let setting = Setting {
        doors: Doors::new(vec!["ws://127.0.0.1:1".parse().unwrap()], Vec::new()).unwrap(),
        dialect: Arc::new(dialect),
        deflate: false,
        bytes: 64,
        pace: Pace::default(),
    };
    let role = Role {
        who: Who {
            user: "u1".to_owned(),
            rooms: vec![ROOM.into()],
        },
        door: 0,
        opens_at: 0,
        act: Act::Speak {
            sender: 0,
            room: ROOM.into(),
            hearers: 1,
        },
    };
    let mut talkers = Talkers::new(vec![role], Arc::new(setting), Arc::default());
    for _ in 0..3 {
        talkers.on_joined(0, 0);
    }
    talkers.rhythm = Rhythm {
        until,
        speakers: 1,
        speak_every: Some(SECOND),
        ..Rhythm::default()
    };
    talkers
}

#[test]
fn what_is_sent_late_counts_from_when_it_was_due() {
    let mut talkers = talkers(5 * SECOND);
    let (mut out, mut timers) = (Vec::new(), Timers::default());
    timers.set(SECOND, 0, Turn::Act);
    // Its thread was busy for long.
    let now = 9 * SECOND;
    let mut sent = Vec::new();
    while let Some((due, client, _)) = timers.take_due(now) {
        out.clear();
        let mut hands = Hands {
            now,
            out: &mut out,
            backlog: 0,
            hangs_up: false,
            timers: &mut timers,
        };
        talkers.on_turn(client, due, &mut hands);
        sent.push(Stamp::find(&out).unwrap());
    }
    let sent: Vec<_> = sent
        .iter()
        .map(|stamp| (stamp.number, stamp.sent / SECOND))
        .collect();
    assert_eq!(sent, [(0, 1), (1, 2), (2, 3), (3, 4)]);
}

#[test]
fn what_a_server_does_not_take_is_not_heaped_up_and_counts_as_lost() {
    let mut talkers = talkers(SECOND);
    let (mut out, mut timers) = (Vec::new(), Timers::default());
    let mut hands = Hands {
        now: 0,
        out: &mut out,
        backlog: LONGEST_BACKLOG,
        hangs_up: false,
        timers: &mut timers,
    };
    talkers.on_turn(0, 0, &mut hands);
    assert!(out.is_empty());
    assert_eq!(talkers.findings().counts.lost(), 1);
}
