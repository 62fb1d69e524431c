//! Connections that break.

use std::time::Duration;

use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use futures::future::try_join_all;

use super::{PATIENCE, hears_all, ours, rooms};
use crate::ear::Ear;

/// So that many subscriptions are under way at the same time.
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
