//! Connections that only look alive: dead, and neither side was told.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use causerie_testkit::redis_cluster::RedisCluster;
use futures::future::join_all;

use super::{PATIENCE, hears_all, ours};
use crate::ear::Ear;
use crate::redis::moving::owner_of;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_to_a_node_of_a_cluster_are_replaced() {
    let cluster = RedisCluster::start().await;
    let proxied = Ipv4Addr::new(127, 0, 0, 9);
    let proxies = cluster.ports();
    let proxies = proxies.map(|port| Proxy::in_place_of(port, proxied));
    let proxies = join_all(proxies).await;
    let url = cluster.url().replace("127.0.0.1", &proxied.to_string());
    let far = ours(url, PATIENCE).await;
    let near = ours(cluster.url(), PATIENCE).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*far, &[&room]).await;
    far.read(&room, None, 0).await.unwrap();
    proxies[owner_of(&cluster, &room).await].abandon();
    let abandoned = Instant::now();
    eventually(async || far.read(&room, None, 0).await.ok()).await;
    let noticed = abandoned.elapsed();
    assert!(noticed < NOTICED, "only after {noticed:?}");
    ear.gap().await;
    hears_all(&mut ear, &*near, std::slice::from_ref(&room)).await;
}
