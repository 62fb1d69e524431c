//! A Redis that stalls, or is slow, is no dead one: its connections are kept.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use causerie_shared::bus::{Bus, BusError};
use causerie_shared::record::Record;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use futures::future::join_all;
use tokio::time::timeout;

use super::fred::ours;
use crate::ear::Ear;
use crate::scene::*;
use crate::world::eventually;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing is asked or published twice, and no room is read again.
#[tokio::test]
async fn a_redis_that_stalls_keeps_its_connections() {
    let mut redis = Redis::start().await;
    let bus = ours(redis.url(), PATIENCE).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    let before = client_ids(&redis).await;
    redis.pause();
    let first = typing(&room, 1);
    let mut publishing = std::pin::pin!(bus.publish(&room, &first));
    // Connections are taken for silent by then, and others tried.
    let until_tried = timeout(Duration::from_secs(4), &mut publishing).await;
    until_tried.unwrap_err();
    redis.resume();
    publishing.await.unwrap();
    let resumed = Instant::now();
    while resumed.elapsed() < Duration::from_secs(2) {
        bus.ping().await.unwrap();
    }
    assert_eq!(client_ids(&redis).await, before);
    let heard = ear.until_now(&*bus, &room).await;
    assert_eq!(heard.len(), 1);
}

/// What is asked stands behind what was asked before, for longer than a connection
/// that is silent is waited for.
#[tokio::test]
async fn a_connection_that_is_slow_is_kept() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let bus = ours(proxy.url("redis"), PATIENCE).await;
    bus.ping().await.unwrap();
    let before = client_ids(&redis).await;
    let asked = Instant::now();
    let published = publish_much(&*bus, &proxy, 20).await;
    assert!(published.iter().all(Result::is_ok), "{published:?}");
    let took = asked.elapsed();
    assert!(took > Duration::from_secs(5), "only {took:?}");
    assert_eq!(client_ids(&redis).await, before);
}

/// Redis is asked for the time once all is connected, and tells it as it wakes.
#[tokio::test]
async fn a_stall_does_not_put_the_clock_forward() {
    let mut redis = Redis::start().await;
    let bus = ours(redis.url(), PATIENCE).await;
    redis.pause();
    {
        let mut pinging = std::pin::pin!(bus.ping());
        // Less than until it is asked again, which would put it right.
        let stalled = timeout(Duration::from_secs(3), &mut pinging).await;
        stalled.unwrap_err();
        redis.resume();
        pinging.await.unwrap();
    }
    let resumed = Instant::now();
    while resumed.elapsed() < Duration::from_secs(1) {
        bus.ping().await.unwrap();
        // Of this machine, as Redis's.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = u64::try_from(now.as_millis()).unwrap();
        let off = bus.clock().now_ms().abs_diff(now);
        assert!(off < 500, "{off} ms");
    }
}

#[tokio::test]
async fn a_redis_that_is_always_slow_puts_the_clock_right() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let bus = ours(proxy.url("redis"), PATIENCE).await;
    proxy.delay(Duration::from_millis(400));
    // It has been set for the first time by then, and is next in five seconds.
    bus.ping().await.unwrap();
    let right = bus.clock().now_ms();
    bus.clock().set(right + 60_000);
    eventually(async || {
        let off = bus.clock().now_ms().abs_diff(right);
        (off < 30_000).then_some(())
    })
    .await;
}

/// Everybody has given up waiting, and answers come all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_over_which_answers_come_too_late_is_kept() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let bus = ours(proxy.url("redis"), Duration::from_secs(1)).await;
    let room = room("acme:project:p1");
    bus.ping().await.unwrap();
    let before = client_ids(&redis).await;
    let asked = Instant::now();
    let published = publish_much(&*bus, &proxy, 30).await;
    assert!(published.iter().any(Result::is_err), "{published:?}");
    while asked.elapsed() < Duration::from_secs(7) {
        bus.publish(&room, &typing(&room, 1)).await.unwrap_err();
    }
    assert_eq!(client_ids(&redis).await, before);
}

/// At once, over a way that takes long for so much.
async fn publish_much(bus: &dyn Bus, proxy: &Proxy, count: usize) -> Vec<Result<(), BusError>> {
    proxy.trickle(100_000);
    let room = room("acme:project:p1");
    let large = Record {
        frame: vec![b' '; 30_000].into(),
        ..typing(&room, 1)
    };
    join_all((0..count).map(|_| bus.publish(&room, &large))).await
}

/// Of the connections that there are, but for that of who asks.
async fn client_ids(redis: &Redis) -> BTreeSet<String> {
    let clients = redis.command(&["CLIENT", "LIST"]).await.text();
    let others = clients
        .lines()
        .filter(|line| !line.contains("cmd=client|list"));
    let ids = others.filter_map(|line| line.split(' ').next());
    ids.map(ToOwned::to_owned).collect()
}
