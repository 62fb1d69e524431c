//! Rooms on the nodes of a cluster, and rooms that move from one to another.

use std::time::Duration;

use causerie_testkit::redis_cluster::RedisCluster;
use futures::future::try_join_all;
use tokio::time::timeout;

use super::{PATIENCE, hears_all, migrate, ours, rooms};
use crate::ear::Ear;
use crate::scene::*;

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
