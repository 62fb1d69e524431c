//! Rooms on the nodes of a cluster, and rooms that move from one to another.

use std::time::{Duration, Instant};

use causerie_testkit::redis_cluster::RedisCluster;
use futures::future::try_join_all;
use tokio::time::timeout;

use super::{PATIENCE, channel_of, hears_all, migrate, ours, rooms};
use crate::ear::Ear;
use crate::scene::*;
use crate::world::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_room_is_heard_again_after_its_move() {
    let cluster = RedisCluster::start().await;
    let bus = ours(cluster.url(), 2 * PATIENCE).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    migrate(&cluster, &room).await;
    let told = timeout(Duration::from_secs(5), ear.gap()).await;
    told.expect("no gap was told in time");
    hears_all(&mut ear, &*bus, &[room]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_of_all_partitions_are_heard_together() {
    let cluster = RedisCluster::start().await;
    let bus = ours(cluster.url(), 10 * PATIENCE).await;
    let rooms = rooms(500);
    let mut ear = Ear::open(&*bus, &[]).await;
    let subscribing = rooms.iter().map(|room| ear.rooms.subscribe(room));
    try_join_all(subscribing).await.unwrap();
    hears_all(&mut ear, &*bus, &rooms).await;
}

/// The node that is asked is dead, and another takes its place while its answer is
/// awaited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_is_entered_while_its_master_is_dead_is_heard_at_the_next() {
    let mut cluster = RedisCluster::start().await;
    let bus = ours(cluster.url(), 40 * PATIENCE).await;
    let rooms = rooms(101);
    let (entered, others) = rooms.split_first().unwrap();
    let mut ear = Ear::open(&*bus, &[]).await;
    let heard = ear.rooms.subscribe_all(others).await;
    assert!(heard.iter().all(Result::is_ok), "{heard:?}");

    let slot = cluster.slot_of(&channel_of(entered)).await;
    let owner = cluster.owner(0, slot).await;
    cluster.node_mut(owner).kill();
    let entering = async {
        ear.rooms.subscribe(entered).await.unwrap();
        Instant::now()
    };
    let taking_over = async {
        cluster.taken_over(slot, owner).await;
        Instant::now()
    };
    let (entered_at, taken_over) = tokio::join!(entering, taking_over);
    let after = entered_at.saturating_duration_since(taken_over);
    assert!(after < Duration::from_secs(2), "only after {after:?}");
    hears_all(&mut ear, &*bus, std::slice::from_ref(entered)).await;
}

/// Each for good, though it may be at neither node when it is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_that_are_left_while_they_move_are_heard_no_more() {
    let cluster = RedisCluster::start().await;
    let bus = ours(cluster.url(), 20 * PATIENCE).await;
    let moves = room("acme:project:p1");
    let together = (2..).map(|number| room(&format!("acme:project:p{number}")));
    let together = together.filter(|room| room.partition() == moves.partition());
    let rooms: Vec<_> = together.take(2_000).collect();
    let ear = Ear::open(&*bus, &[]).await;
    for _ in 0..5 {
        let heard = ear.rooms.subscribe_all(&rooms).await;
        assert!(heard.iter().all(Result::is_ok), "{heard:?}");
        let leaving = async {
            for room in &rooms {
                ear.rooms.unsubscribe(room).await.unwrap();
            }
        };
        tokio::join!(leaving, migrate(&cluster, &moves));
    }
    eventually(async || (heard_anywhere(&cluster).await == 0).then_some(())).await;
}

/// How many rooms are heard, by whom and of which master ever.
async fn heard_anywhere(cluster: &RedisCluster) -> usize {
    let mut heard = 0;
    for node in 0..cluster.size() {
        let channels = cluster.node(node).command(&["PUBSUB", "SHARDCHANNELS"]);
        let channels = channels.await;
        let channels = channels.list().iter().map(ToString::to_string);
        heard += channels.filter(|name| name.contains(":room:")).count();
    }
    heard
}
