//! Nodes of a cluster that fail: each takes with it what it serves, and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::bus::BusError;
use causerie_shared::room::RoomKey;
use causerie_testkit::redis::Redis;
use causerie_testkit::redis_cluster::RedisCluster;
use futures::future::{join, join_all};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::fred::ours;
use super::moving::{Rig, owner_of, rig};
use super::sentinel::heard_at;
use crate::ear::Ear;
use crate::scene::*;
use crate::world::eventually;

/// Within which a node answers that nothing is the matter with.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Rooms of the node that `rig` is about, and rooms of the others.
async fn rooms_by_owner(rig: &Rig) -> (Vec<RoomKey>, Vec<RoomKey>) {
    let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
    // Of partitions enough for each connection.
    for number in 0..60 {
        let room = room(&format!("acme:project:p{number}"));
        if owner_of(&rig.cluster, &room).await == rig.owner {
            here.push(room);
        } else {
            elsewhere.push(room);
        }
    }
    (here, elsewhere)
}

/// Has these rooms read again and again, all at the same time.
fn readers(rig: &Rig, rooms: Vec<RoomKey>) -> JoinSet<()> {
    let readers = rooms.into_iter().map(|room| {
        let bus = Arc::clone(&rig.bus);
        async move {
            loop {
                // Whether it is answered, or refused, is not what this is about.
                let _ = bus.read(&room, None, 1).await;
                tokio::task::yield_now().await;
            }
        }
    });
    readers.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_master_stops_only_its_own_slots() {
    let mut rig = rig().await;
    let (here, elsewhere) = rooms_by_owner(&rig).await;
    let _reading = readers(&rig, here);
    let read = async |room: &RoomKey| {
        let asked = Instant::now();
        rig.bus.read(room, None, 1).await.map(|_| asked.elapsed())
    };
    join_all(elsewhere.iter().map(read)).await;
    rig.cluster.node_mut(rig.owner).kill();
    let killed = Instant::now();
    let mut took = Vec::new();
    while killed.elapsed() < Duration::from_secs(2) {
        took.extend(join_all(elsewhere.iter().map(read)).await);
        rig.bus.ping().await.unwrap();
    }
    let took: Result<Vec<_>, BusError> = took.into_iter().collect();
    let longest = took.unwrap().into_iter().max().unwrap();
    assert!(longest < AT_ONCE, "{longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_which_one_node_is_named_goes_on_without_it() {
    let mut cluster = RedisCluster::start().await;
    let url = format!("redis-cluster://127.0.0.1:{}", cluster.node(0).port());
    let bus = ours(url, Duration::from_secs(1)).await;
    let room = room("acme:project:p1");
    let slot = format!("causerie:{{p{}}}:", room.partition());
    let slot = cluster.slot_of(&slot).await;
    // The room goes to the node that is named.
    cluster.migrate_slot(slot, 0).await;
    eventually(async || bus.read(&room, None, 1).await.ok()).await;
    cluster.node_mut(0).kill();
    cluster.taken_over(slot, 0).await;
    let taken_over = Instant::now();
    eventually(async || bus.read(&room, None, 1).await.ok()).await;
    let took = taken_over.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_master_that_hangs_is_answered_by_who_takes_its_place() {
    let mut rig = rig().await;
    let patient = ours(rig.cluster.url(), Duration::from_secs(20)).await;
    let (here, elsewhere) = rooms_by_owner(&rig).await;
    rig.cluster.node_mut(rig.owner).pause();
    let mut waiting = JoinSet::new();
    for room in here.iter().cycle().take(8_000) {
        let (bus, room) = (Arc::clone(&patient), room.clone());
        waiting.spawn(async move { bus.read(&room, None, 1).await });
    }
    let replica = rig.cluster.node(rig.owner + 3);
    replica.command(&["CLUSTER", "FAILOVER", "TAKEOVER"]).await;
    let other = (rig.owner + 1) % 3;
    let is_replaced = async || rig.cluster.owner(other, rig.slot).await != rig.owner;
    eventually(async || is_replaced().await.then_some(())).await;
    // Whether the one that hangs ever goes on is not waited for.
    let ended = timeout(Duration::from_secs(5), waiting.join_all()).await;
    for read in ended.expect("they wait for ever") {
        read.unwrap();
    }
    rig.cluster.node_mut(rig.owner).resume();
    let resumed = Instant::now();
    patient.read(&elsewhere[0], None, 1).await.unwrap();
    let took = resumed.elapsed();
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_starts_while_a_node_is_dead() {
    let mut rig = rig().await;
    let slot = rig.cluster.slot_of("causerie:installation").await;
    let needed = rig.cluster.owner(0, slot).await;
    // With its replica: nobody takes its place.
    let dead = (needed + 1) % 3;
    for node in 0..rig.cluster.size() {
        let lives_on = ["CONFIG", "SET", "cluster-require-full-coverage", "no"];
        rig.cluster.node(node).command(&lives_on).await;
    }
    for node in [dead + 3, dead] {
        rig.cluster.node_mut(node).kill();
    }
    let url = rig.cluster.url();
    let started = ours(url, Duration::from_secs(1)).await;
    let (mut served, mut waiting) = (0, 0);
    for number in 0..30 {
        let room = room(&format!("acme:project:p{number}"));
        let slot = format!("causerie:{{p{}}}:", room.partition());
        let asked = ["CLUSTER", "KEYSLOT", &slot];
        let slot = rig.cluster.node(needed).command(&asked).await.integer();
        let slot = u32::try_from(slot).unwrap();
        if rig.cluster.owner(needed, slot).await == dead {
            waiting += 1;
        } else {
            started.read(&room, None, 1).await.unwrap();
            served += 1;
        }
    }
    assert!(served > 0 && waiting > 0, "{served}, {waiting}");
    // Once it is back it is used, by who has never seen it.
    rig.cluster.node_mut(dead).restart().await;
    for number in 0..30 {
        let room = room(&format!("acme:project:p{number}"));
        eventually(async || started.read(&room, None, 1).await.ok()).await;
    }
}

/// With full coverage, Redis's default, those that live refuse everything meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_cluster_is_not_connected_to_again_and_again() {
    let mut rig = rig().await;
    let (_, elsewhere) = rooms_by_owner(&rig).await;
    for node in [rig.owner, rig.owner + 3] {
        rig.cluster.node_mut(node).kill();
    }
    let lives = rig.cluster.node((rig.owner + 1) % 3);
    let is_broken = async || {
        let info = lives.command(&["CLUSTER", "INFO"]).await.text();
        info.contains("cluster_state:fail").then_some(())
    };
    eventually(is_broken).await;
    let reading = readers(&rig, elsewhere.clone());
    // Everybody has been told by then.
    rig.bus.read(&elsewhere[0], None, 1).await.unwrap_err();
    let before = connections_made(lives).await;
    let counted = Instant::now();
    while counted.elapsed() < Duration::from_secs(3) {
        rig.bus.read(&elsewhere[0], None, 1).await.unwrap_err();
    }
    let made = connections_made(lives).await - before;
    // Twice a second it is looked what is served where, at every node that lives. When
    // each refusal had a connection made anew these were 149.
    assert!(made <= 30, "{made}");
    drop(reading);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_of_a_node_that_hangs_fail_alone() {
    let mut rig = rig().await;
    let (here, elsewhere) = rooms_by_owner(&rig).await;
    let ear = Ear::open(&*rig.bus, &[]).await;
    let rooms = [here[0].clone(), elsewhere[0].clone()];
    let owner = owner_of(&rig.cluster, &rooms[1]).await;
    rig.cluster.node_mut(rig.owner).pause();
    let asked = Instant::now();
    let healthy = async {
        heard_at(rig.cluster.node(owner), &rooms[1]).await;
        asked.elapsed()
    };
    let (heard, took) = join(ear.rooms.subscribe_all(&rooms), healthy).await;
    rig.cluster.node_mut(rig.owner).resume();
    assert!(took < AT_ONCE, "{took:?}");
    assert!(heard[0].is_err() && heard[1].is_ok(), "{heard:?}");
}

async fn connections_made(node: &Redis) -> u64 {
    let stats = node.command(&["INFO", "stats"]).await.text();
    let name = "total_connections_received:";
    let mut made = stats.lines().filter_map(|line| line.strip_prefix(name));
    made.next().unwrap().trim().parse().unwrap()
}
