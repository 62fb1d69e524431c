//! Trap 4: where a slot moves to another node, its subscriptions end in silence.

use std::time::Duration;

use causerie_testkit::redis_cluster::RedisCluster;
use fred::interfaces::{EventInterface, PubsubInterface};
use tokio::time::timeout;

use super::{PATIENCE, alone, channel_of, hears_all, migrate, ours, subscriber};
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
async fn fred_alone_does_not_know_that_its_subscription_ended() {
    let cluster = RedisCluster::start().await;
    let client = subscriber(&alone(&cluster.url())).await;
    let channel = channel_of(&room("acme:project:p1"));
    client.ssubscribe(channel.clone()).await.unwrap();
    let publish = async || {
        let heard = client.spublish::<u64, _, _>(channel.clone(), "text").await;
        heard.unwrap()
    };
    assert_eq!(publish().await, 1);

    let mut errors = client.error_rx();
    let mut connections = client.reconnect_rx();
    migrate(&cluster, &room("acme:project:p1")).await;
    assert_eq!(publish().await, 0);
    assert!(errors.try_recv().is_err() && connections.try_recv().is_err());
    assert!(client.tracked_shard_channels().contains(&*channel));
}
