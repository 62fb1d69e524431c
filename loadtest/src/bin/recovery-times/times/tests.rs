use causerie_loadtest::ledger::Durable;

use super::*;

fn fault(kind: Kind, target: &str) -> What {
    What::Fault(Fault {
        kind: kind.name().to_owned(),
        target: target.to_owned(),
        until: 0,
        streaming: 1,
        loses_since: None,
    })
}

fn of(client: ClientNumber, event: ClientEvent) -> What {
    What::Client { client, event }
}

fn subscribed(room: &str, seq: u64) -> ClientEvent {
    ClientEvent::Subscribed {
        room: room.to_owned(),
        epoch: "aaaaaaaa".to_owned(),
        seq,
        recovered: true,
    }
}

/// Something is lost: the room goes on from `seq`.
fn lost(room: &str, seq: u64) -> ClientEvent {
    ClientEvent::Subscribed {
        room: room.to_owned(),
        epoch: "bbbbbbbb".to_owned(),
        seq,
        recovered: false,
    }
}

fn durable(seq: u64) -> Durable {
    Durable {
        epoch: "aaaaaaaa".to_owned(),
        seq,
        kind: "new_message".to_owned(),
        message: format!("m{seq}"),
        session: None,
        user: None,
        in_reply_to: None,
        finish: None,
        attempt: None,
        content: String::new(),
    }
}

fn said(room: &str, seq: u64) -> ClientEvent {
    ClientEvent::Durable {
        room: room.to_owned(),
        event: durable(seq),
    }
}

fn delta(room: &str, attempt: u64) -> ClientEvent {
    ClientEvent::Delta {
        room: room.to_owned(),
        message: "reply".to_owned(),
        attempt,
        index: 0,
        text: "a".to_owned(),
    }
}

/// The end of the reply that [`delta`] is a piece of.
fn answered(room: &str, seq: u64, attempt: u64) -> ClientEvent {
    ClientEvent::Durable {
        room: room.to_owned(),
        event: Durable {
            kind: "message".to_owned(),
            message: "reply".to_owned(),
            attempt: Some(attempt),
            ..durable(seq)
        },
    }
}

const CLOSED: ClientEvent = ClientEvent::Closed {
    code: None,
    reason: String::new(),
};

fn times(lines: Vec<(u64, What)>) -> Times {
    let mut times = Times::default();
    for (at, what) in lines {
        times.take(Entry { at, what });
    }
    times.end();
    times
}

#[test]
fn one_is_back_when_it_has_what_others_had_when_it_connected() {
    let mut lines = vec![
        (1, of(1, subscribed("tenant", 0))),
        (1, of(1, subscribed("project:p1", 5))),
        (2, of(2, subscribed("project:p1", 5))),
        (10, fault(Kind::GatewayKilled, "all")),
        (12, of(1, CLOSED)),
        (20, of(2, said("project:p1", 6))),
        (30, of(1, ClientEvent::Opened)),
        (31, of(1, subscribed("tenant", 0))),
        (32, of(1, subscribed("project:p1", 5))),
    ];
    let never = times(lines.clone());
    assert_eq!(never.measured[&Kind::GatewayKilled].never, 1);
    lines.push((40, of(1, said("project:p1", 6))));
    let back = &times(lines).measured[&Kind::GatewayKilled];
    assert_eq!((&*back.times, &*back.from_fault), (&[28][..], &[30][..]));
    assert_eq!((back.never, back.faults), (0, 1));
}

#[test]
fn a_reply_goes_on_with_its_next_attempt() {
    let begun = vec![
        (1, of(1, delta("project:p1", 1))),
        (10, fault(Kind::BrokerKilled, "all")),
        (11, of(1, delta("project:p1", 1))),
    ];
    let never = times(begun.clone());
    assert_eq!(never.measured[&Kind::BrokerKilled].never, 1);
    let goes_on = vec![(50, of(1, delta("project:p1", 2)))];
    let taken = &times([begun, goes_on].concat()).measured[&Kind::BrokerKilled];
    assert_eq!((&*taken.times, taken.never), (&[40][..], 0));
}

#[test]
fn delivery_counts_from_when_redis_serves_again_and_where_it_was_struck() {
    let times = times(vec![
        (1, of(1, delta("project:p1", 1))),
        (1, of(2, delta("project:p2", 1))),
        (10, fault(Kind::ClusterMasterKilled, "project:p1 tenant")),
        (15, of(1, delta("project:p1", 1))),
        (20, What::FaultOver),
        (25, of(2, delta("project:p2", 1))),
        (27, of(1, delta("project:p1", 1))),
        (29, of(1, delta("project:p1", 1))),
    ]);
    let measured = &times.measured[&Kind::ClusterMasterKilled];
    assert_eq!((&*measured.times, measured.never), (&[7][..], 0));
}

#[test]
fn a_new_attempt_may_show_itself_only_by_its_end() {
    let begun = vec![
        (1, of(1, delta("project:p1", 1))),
        (10, fault(Kind::BrokerKilled, "all")),
    ];
    let ends = |attempt| vec![(50, of(1, answered("project:p1", 1, attempt)))];
    let taken = &times([begun.clone(), ends(2)].concat()).measured[&Kind::BrokerKilled];
    assert_eq!((&*taken.times, taken.never), (&[40][..], 0));
    // Its broker was not struck.
    let ended = &times([begun, ends(1)].concat()).measured[&Kind::BrokerKilled];
    assert!(ended.times.is_empty() && ended.never == 0, "{ended:?}");
}

#[test]
fn a_reply_that_was_lost_is_not_waited_for_in_the_next_fault() {
    let times = times(vec![
        (1, of(1, delta("project:p1", 1))),
        (10, fault(Kind::RedisRestarted, "all")),
        (20, What::FaultOver),
        (25, of(1, lost("project:p1", 4))),
        (30, fault(Kind::RedisRestarted, "all")),
        (40, What::FaultOver),
    ]);
    let measured = &times.measured[&Kind::RedisRestarted];
    assert_eq!((&*measured.times, measured.never), (&[5][..], 0));
}

#[test]
fn nobody_is_to_reach_what_was_lost() {
    let times = times(vec![
        (1, of(1, subscribed("project:p1", 5))),
        (1, of(2, subscribed("project:p1", 4))),
        (2, of(1, said("project:p1", 6))),
        (10, fault(Kind::SentinelFailover, "all")),
        (11, of(1, CLOSED)),
        (11, of(2, CLOSED)),
        (20, of(1, ClientEvent::Opened)),
        (20, of(2, ClientEvent::Opened)),
        (21, of(1, lost("project:p1", 4))),
        // Has missed nothing that is still there.
        (22, of(2, subscribed("project:p1", 4))),
    ]);
    assert_eq!(times.measured[&Kind::SentinelFailover].never, 0);
}
