//! What the conformance suite cannot see: that a process which runs for long
//! does not grow.

use bytes::Bytes;

use super::*;
use crate::bus::feed::Feed;
use crate::bus::question::{Awaited, QueueCaps};
use crate::bus::reply::Ending;
use crate::ids::{SessionId, UserId};
use crate::protocol::action::{ClientId, IfBusy};
use crate::record::{Class, Header, Unplaced};

fn event(class: Class) -> Unplaced {
    let header = Header {
        class,
        event: "message".into(),
        position: None,
        ts: 0,
        reply: None,
        in_reply_to: None,
        excluded: None,
        trace: None,
    };
    let tail = r#""type":"message"}"#.into();
    Unplaced { header, tail }
}

fn question(room: &RoomKey) -> Question {
    let reply = Awaited {
        message_id: MessageId::generate(room.partition()),
        if_busy: IfBusy::Queue,
        task: Bytes::from_static(b"task"),
        cancelled: event(Class::Final),
        caps: QueueCaps {
            session: 10,
            user: 10,
            tenant: 10,
        },
    };
    Question {
        room: room.clone(),
        user: UserId::new("u1").unwrap(),
        client_id: ClientId::generate(),
        dedup_window: Duration::from_secs(600),
        session: SessionId::generate(),
        message_id: MessageId::generate(room.partition()),
        event: event(Class::Durable),
        reply: Some(reply),
    }
}

/// A question and its whole reply, and one that is cancelled.
async fn talk(bus: &MemoryBus, room: &RoomKey) {
    bus.accept(&question(room)).await.unwrap();
    let claim = ClaimId::generate();
    let claimed = bus.claim(room.partition(), &room.tenant, &claim).await;
    let ending = Ending {
        before: Vec::new(),
        message: event(Class::Final),
        says_cancelled: false,
        after: Vec::new(),
        turn: Some(Bytes::from_static(b"turn")),
        dead_letter: None,
    };
    let lease = claimed.unwrap().unwrap().lease;
    bus.finish(&lease, &ending).await.unwrap();

    let cancelled = question(room);
    bus.accept(&cancelled).await.unwrap();
    let reply = cancelled.reply.unwrap().message_id;
    assert_eq!(bus.cancel(room, &reply).await.unwrap(), Cancelled::Finished);
}

/// How many things the bus holds, of whatever kind.
async fn held(bus: &MemoryBus) -> usize {
    let parts = Partition::all();
    parts.map(|partition| bus.part(partition).size()).sum()
}

fn let_pass(bus: &MemoryBus, time: Duration) {
    let passed = u64::try_from(time.as_millis()).unwrap();
    bus.clock.set(bus.clock.now_ms() + passed);
}

/// A machine that sleeps stops the clock: what is heard after it wakes must not
/// bear the time at which it fell asleep, nor expired tokens hold on.
#[tokio::test]
async fn the_clock_goes_right_again_after_the_machine_has_slept() {
    let bus = MemoryBus::new(Retention::default());
    let now_ms = bus.clock.now_ms();
    bus.clock.set(now_ms - 8 * 3_600_000);
    bus.waiting().await.unwrap();
    assert!((now_ms..now_ms + 60_000).contains(&bus.clock.now_ms()));
}

#[tokio::test]
async fn all_is_let_go_in_time() {
    let retention = Retention::default();
    let bus = MemoryBus::new(retention.clone());
    for n in 0..300 {
        let room = format!("acme:user:u{n}").parse().unwrap();
        talk(&bus, &room).await;
    }
    assert!(held(&bus).await > 1_000);
    let_pass(&bus, retention.max_age + Duration::from_secs(1));
    assert_eq!(held(&bus).await, 0);
}

#[tokio::test]
async fn a_busy_room_stays_within_its_bounds() {
    let retention = Retention {
        max_events: 10,
        max_age: Duration::from_secs(3600),
        ..Retention::default()
    };
    let bus = MemoryBus::new(retention);
    let room = "acme:project:p1".parse().unwrap();
    let mut most = 0;
    for hour in 0..24 {
        for _ in 0..60 {
            talk(&bus, &room).await;
            let_pass(&bus, Duration::from_secs(60));
        }
        let now = held(&bus).await;
        match hour {
            0 => {}
            1 => most = now,
            // A sweep sooner or later makes a small difference.
            _ => assert!(now <= most + most / 10, "hour {hour}: {most}, now {now}"),
        }
    }
}

#[tokio::test]
async fn what_is_in_use_stays() {
    let retention = Retention::default();
    let bus = MemoryBus::new(retention.clone());
    let [heard, waited_in, run_in] = ["acme:project:p1", "acme:project:p2", "acme:project:p3"]
        .map(|room| room.parse::<RoomKey>().unwrap());
    let ear = bus.subscriptions(Arc::new(Feed::new(1).0));
    ear.subscribe(&heard).await.unwrap();
    bus.accept(&question(&waited_in)).await.unwrap();
    bus.accept(&question(&run_in)).await.unwrap();
    let claim = ClaimId::generate();
    let claim = || bus.claim(run_in.partition(), &run_in.tenant, &claim);
    let lease = claim().await.unwrap().unwrap().lease;
    let mut epochs = Vec::new();
    for room in [&heard, &waited_in, &run_in] {
        epochs.push(bus.read(room, None, 0).await.unwrap().head.epoch);
    }
    let_pass(&bus, retention.max_age * 2);
    for (room, epoch) in [&heard, &waited_in, &run_in].into_iter().zip(epochs) {
        let head = bus.read(room, None, 0).await.unwrap().head;
        assert_eq!(head.epoch, epoch);
    }
    let waiting = bus.waiting().await.unwrap();
    assert_eq!(waiting.places[&run_in.tenant], [waited_in.partition()]);
    assert_eq!(claim().await.unwrap().unwrap().lease, lease);
}

#[tokio::test]
async fn others_hear_orders_as_long_as_they_are_there() {
    let bus = MemoryBus::new(Retention::default());
    let _own = bus.orders(1);
    assert!(!bus.may_others_hear());
    let another = bus.orders(1);
    assert!(bus.may_others_hear());
    drop(another);
    assert!(!bus.may_others_hear());
}

#[tokio::test]
async fn who_has_gone_is_forgotten() {
    let bus = MemoryBus::new(Retention::default());
    let room = "acme:project:p1".parse().unwrap();
    let ear = bus.subscriptions(Arc::new(Feed::new(1).0));
    ear.subscribe(&room).await.unwrap();
    drop(bus.wakes(1));
    talk(&bus, &room).await;
    assert_eq!(bus.wakes.count(), 0);
    drop(ear);
    assert!(!bus.part_of(&room).is_heard(&room));
}
