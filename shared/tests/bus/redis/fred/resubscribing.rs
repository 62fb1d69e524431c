//! Trap 3: fred's own means to subscribe again send an empty SUBSCRIBE and
//! PSUBSCRIBE, whose errors are given to the subscriptions that follow.

use std::time::Duration;

use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use futures::future::try_join_all;

use super::{PATIENCE, alone, channel_of, hears_all, ours, rooms};
use crate::ear::Ear;
use crate::world::eventually;

/// Without any, the errors may come before there is a command to take them.
const LATENCY: Duration = Duration::from_millis(10);

#[tokio::test]
async fn every_room_is_heard_again_after_a_cut() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let far = ours(proxy.url("redis"), PATIENCE).await;
    let near = ours(redis.url(), PATIENCE).await;
    proxy.delay(LATENCY);
    let rooms = rooms(300);
    let mut ear = Ear::open(&*far, &[]).await;
    let subscribing = rooms.iter().map(|room| ear.rooms.subscribe(room));
    try_join_all(subscribing).await.unwrap();
    for _ in 0..3 {
        proxy.cut();
        ear.gap().await;
        hears_all(&mut ear, &*near, &rooms).await;
    }
}

#[tokio::test]
async fn fred_alone_gets_one_of_five_subscriptions_back() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let client = alone(&proxy.url("redis")).build_subscriber_client();
    let client = client.unwrap();
    client.init().await.unwrap();
    proxy.delay(LATENCY);
    for room in &rooms(5) {
        client.ssubscribe(channel_of(room)).await.unwrap();
    }
    let mut connections = client.reconnect_rx();
    proxy.cut();
    connections.recv().await.unwrap();
    // What the task of `manage_subscriptions` does.
    let refused = client.resubscribe_all().await.unwrap_err();
    assert!(refused.details().contains("'subscribe'"), "{refused:?}");
    let back = async || redis.command(&["PUBSUB", "SHARDCHANNELS"]).await;
    eventually(async || (back().await.list().len() == 1).then_some(())).await;
}
