//! Partitions that move from one node of a cluster to another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::bus::feed::Heard;
use causerie_shared::bus::question::{Accepted, Question};
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::position::Position;
use causerie_shared::room::RoomKey;
use causerie_testkit::redis_cluster::RedisCluster;

use crate::ear::Ear;
use crate::patient::Patient;
use crate::scene::*;

pub struct Rig {
    pub cluster: RedisCluster,
    pub bus: Arc<dyn Bus>,
    /// The same node, that tries again.
    patient: Arc<dyn Bus>,
    pub room: RoomKey,
    /// The room's, and who serves it at first.
    pub slot: u32,
    pub owner: usize,
}

pub async fn rig() -> Rig {
    let cluster = RedisCluster::start().await;
    let settings = RedisSettings {
        timeout: Duration::from_secs(1),
        ..RedisSettings::new(cluster.url())
    };
    let bus = RedisBus::connect(settings, Retention::default()).await;
    let bus: Arc<dyn Bus> = Arc::new(bus.unwrap());
    let room = room("acme:project:p1");
    let slot = slot_of(&cluster, &room).await;
    Rig {
        owner: cluster.owner(0, slot).await,
        cluster,
        patient: Arc::new(Patient {
            bus: Arc::clone(&bus),
        }),
        bus,
        room,
        slot,
    }
}

async fn say(bus: &dyn Bus, said: &Question) -> Position {
    // The answer may have been lost on its way, and the verb tried again.
    match accept(bus, said).await {
        Accepted::Stored(receipt) | Accepted::Repeat(receipt) => receipt.position,
        refused @ (Accepted::Busy | Accepted::Full { .. }) => panic!("{refused:?}"),
    }
}

/// Speaks until what is said is heard.
async fn is_heard_again(bus: &dyn Bus, ear: &mut Ear, room: &RoomKey) {
    while ear.try_next().await.unwrap() != Heard::Gap {}
    let last = say(bus, &for_people(question(room))).await;
    loop {
        if let Heard::Record { record, .. } = ear.try_next().await.unwrap()
            && record.header.position.as_ref() == Some(&last)
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_with_half_a_partition() {
    let rig = rig().await;
    let claimed = ask_and_claim(&*rig.patient, &question(&rig.room)).await;
    for _ in 0..3 {
        ask(&*rig.patient, &question(&rig.room)).await;
    }
    let before = head(&*rig.patient, &rig.room).await;
    let mut ear = Ear::open(&*rig.patient, &[&rig.room]).await;

    let to = (rig.owner + 1) % 3;
    half_migrate(&rig, to).await;
    let said = for_people(question(&rig.room));
    let refused = rig.bus.accept(&said).await;
    assert!(
        matches!(refused, Err(BusError::Unavailable(_))),
        "{refused:?}"
    );
    let refused = rig.bus.read(&rig.room, Some(&before), 10).await;
    assert!(
        matches!(refused, Err(BusError::Unavailable(_))),
        "{refused:?}"
    );
    let refused = rig.bus.beat(&claimed.lease, 1).await;
    assert!(
        matches!(refused, Err(BusError::Unavailable(_))),
        "{refused:?}"
    );

    // The others are looked at all the same.
    let healthy = room_elsewhere(&rig).await;
    let elsewhere = ask_and_claim(&*rig.patient, &question(&healthy)).await;
    ask(&*rig.patient, &question(&healthy)).await;
    let leases = rig.bus.leases().await.unwrap();
    let held: Vec<_> = leases.into_iter().map(|seen| seen.lease).collect();
    assert_eq!(held, [elsewhere.lease]);
    let waiting = rig.bus.waiting().await.unwrap();
    let places: Vec<_> = waiting.places.into_values().flatten().collect();
    assert_eq!(places, [healthy.partition()]);

    rig.cluster.migrate_slot(rig.slot, to).await;
    assert_eq!(say(&*rig.patient, &said).await.seq, before.seq + 1);
    let missed = missed(&*rig.patient, &rig.room, &before).await;
    assert_eq!(missed, Some(vec![before.seq + 1]));
    finish(&*rig.patient, &claimed, "done").await;
    is_heard_again(&*rig.patient, &mut ear, &rig.room).await;
}

/// Begins to move the slot, as far as three of its keys.
async fn half_migrate(rig: &Rig, to: usize) {
    let (source, target) = (rig.cluster.node(rig.owner), rig.cluster.node(to));
    let slot = rig.slot.to_string();
    let id = async |node: usize| {
        let id = rig.cluster.node(node).command(&["CLUSTER", "MYID"]).await;
        id.text()
    };
    let (from_id, to_id) = (id(rig.owner).await, id(to).await);
    let importing = ["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id];
    target.command(&importing).await;
    let migrating = ["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id];
    source.command(&migrating).await;
    let keys = ["CLUSTER", "GETKEYSINSLOT", &slot, "3"];
    for key in source.command(&keys).await.list() {
        let port = target.port().to_string();
        let migrate = ["MIGRATE", "127.0.0.1", &port, &key.text(), "0", "5000"];
        source.command(&migrate).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_goes_on_where_its_partition_went() {
    let rig = rig().await;
    let mut ear = Ear::open(&*rig.patient, &[&rig.room]).await;
    let speaker = {
        let (bus, room) = (Arc::clone(&rig.patient), rig.room.clone());
        tokio::spawn(async move {
            for _ in 0..200 {
                say(&*bus, &for_people(question(&room))).await;
            }
        })
    };
    ear.durable(20).await;
    rig.cluster
        .migrate_slot(rig.slot, (rig.owner + 1) % 3)
        .await;
    speaker.await.unwrap();
    is_heard_again(&*rig.patient, &mut ear, &rig.room).await;
    let log = whole_log(&*rig.patient, &rig.room).await;
    assert_eq!(seqs(&log), (1..=201).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_goes_on_when_its_master_dies() {
    let mut rig = rig().await;
    let mut ear = Ear::open(&*rig.patient, &[&rig.room]).await;
    let mut before = head(&*rig.patient, &rig.room).await;
    for _ in 0..20 {
        before = say(&*rig.patient, &for_people(question(&rig.room))).await;
    }
    rig.cluster.node_mut(rig.owner).kill();
    rig.cluster.taken_over(rig.slot, rig.owner).await;
    let after = say(&*rig.patient, &for_people(question(&rig.room))).await;
    assert_ne!(after.epoch, before.epoch);
    // What was confirmed to us may not have reached the replica; if so, whoever
    // saw it is told.
    let missed = missed(&*rig.patient, &rig.room, &before).await;
    match missed {
        Some(missed) => assert_eq!(missed, (before.seq + 1..=after.seq).collect::<Vec<_>>()),
        None => assert!(after.seq <= before.seq),
    }
    is_heard_again(&*rig.patient, &mut ear, &rig.room).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_hangs_is_replaced_and_in_nobodys_way() {
    let mut rig = rig().await;
    let healthy = room_elsewhere(&rig).await;
    let mut ear = Ear::open(&*rig.patient, &[&rig.room, &healthy]).await;
    for room in [&rig.room, &healthy] {
        say(&*rig.patient, &for_people(question(room))).await;
    }
    rig.cluster.node_mut(rig.owner).pause();
    // Long enough that heartbeats are missed, too short for a replica to take over.
    let paused = Instant::now();
    let mut number = 0;
    while paused.elapsed() < Duration::from_millis(2_500) {
        ask(&*rig.bus, &for_people(question(&healthy))).await;
        number += 1;
        rooms_are_entered_beside_one_that_hangs(&rig, &ear, &healthy, number).await;
    }
    rig.cluster.taken_over(rig.slot, rig.owner).await;
    say(&*rig.patient, &for_people(question(&rig.room))).await;
    is_heard_again(&*rig.patient, &mut ear, &rig.room).await;
    rig.cluster.node_mut(rig.owner).resume();
}

/// One by itself, and a crowd; the rooms of a partition share its node.
async fn rooms_are_entered_beside_one_that_hangs(
    rig: &Rig,
    ear: &Ear,
    healthy: &RoomKey,
    round: u32,
) {
    let beside = |room: &RoomKey, number| {
        let name = |other| crate::scene::room(&format!("acme:project:r{round}n{number}x{other}"));
        let mut names = (0..).map(name);
        names
            .find(|other| other.partition() == room.partition())
            .unwrap()
    };
    let [hanging, alone] = [&rig.room, healthy].map(|room| beside(room, 0));
    let crowd: Vec<_> = (1..=20).map(|number| beside(healthy, number)).collect();
    let asked = Instant::now();
    let entered = async {
        ear.rooms.subscribe(&alone).await.unwrap();
        let heard = ear.rooms.subscribe_all(&crowd).await;
        assert!(heard.iter().all(Result::is_ok), "{heard:?}");
        asked.elapsed()
    };
    // By now a replica may have taken over.
    let (_, took) = tokio::join!(ear.rooms.subscribe(&hanging), entered);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// A room that another master serves.
async fn room_elsewhere(rig: &Rig) -> RoomKey {
    for number in 2.. {
        let room = room(&format!("acme:project:p{number}"));
        if owner_of(&rig.cluster, &room).await != rig.owner {
            return room;
        }
    }
    unreachable!("one master serves all partitions")
}

/// Who serves a room, by number.
pub async fn owner_of(cluster: &RedisCluster, room: &RoomKey) -> usize {
    cluster.owner(0, slot_of(cluster, room).await).await
}

async fn slot_of(cluster: &RedisCluster, room: &RoomKey) -> u32 {
    let prefix = format!("causerie:{{p{}}}:", room.partition());
    cluster.slot_of(&prefix).await
}
