//! Connections that only look alive: dead, and neither side was told.

use std::time::{Duration, Instant};

use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;

use super::{PATIENCE, hears_all, ours};
use crate::ear::Ear;
use crate::scene::*;
use crate::world::eventually;

/// What we need at the most.
const NOTICED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn connections_that_only_look_alive_are_replaced() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let far = ours(proxy.url("redis"), PATIENCE).await;
    let near = ours(redis.url(), PATIENCE).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*far, &[&room]).await;
    proxy.abandon();
    let abandoned = Instant::now();
    ear.gap().await;
    let noticed = abandoned.elapsed();
    assert!(noticed < NOTICED, "only after {noticed:?}");
    hears_all(&mut ear, &*near, std::slice::from_ref(&room)).await;
    eventually(async || far.read(&room, None, 0).await.ok()).await;
}
