//! What Redis refuses is told to who asked for it, and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::{Bus, BusError};
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use causerie_testkit::redis_cluster::RedisCluster;
use futures::future::{join_all, try_join_all};

use super::{PATIENCE, hears_all, migrate, ours, rooms};
use crate::ear::Ear;
use crate::scene::*;

/// Our client with no more than these rights.
async fn as_user(rights: &str, redis: &Redis, url: String) -> Arc<dyn Bus> {
    let user = format!("ACL SETUSER causerie on >PASSWORD ~* {rights}");
    let user: Vec<_> = user.split(' ').collect();
    redis.command(&user).await;
    let url = url.replace("://", "://causerie:PASSWORD@");
    ours(url, Duration::from_secs(5)).await
}

#[tokio::test]
async fn a_refusal_is_told_to_who_asked() {
    let redis = Redis::start().await;
    let near = ours(redis.url(), PATIENCE).await;
    let bus = as_user("+@all &causerie:*:room:acme:*", &redis, redis.url()).await;

    let allowed = rooms(50);
    let forbidden = (0..50).map(|number| room(&format!("globex:project:p{number}")));
    let pairs: Vec<_> = allowed.iter().cloned().zip(forbidden).collect();
    let mut ear = Ear::open(&*bus, &[]).await;
    let subscribing = pairs.iter().map(async |(allowed, forbidden)| {
        tokio::join!(ear.rooms.subscribe(allowed), ear.rooms.subscribe(forbidden))
    });
    for (allowed, forbidden) in join_all(subscribing).await {
        allowed.unwrap();
        let Err(BusError::Unavailable(why)) = forbidden else {
            panic!("{forbidden:?}")
        };
        assert!(why.contains("NOPERM"), "{why}");
    }
    hears_all(&mut ear, &*near, &allowed).await;
}

/// Nobody waits for an answer to SUNSUBSCRIBE; here it is an error.
#[tokio::test]
async fn a_refusal_to_let_a_room_go_spoils_no_answer() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let near = ours(redis.url(), PATIENCE).await;
    let far = as_user("+@all -sunsubscribe &*", &redis, proxy.url("redis")).await;
    proxy.delay(Duration::from_millis(10));
    let rooms = rooms(50);
    let (left, entered) = rooms.split_first().unwrap();
    let mut ear = Ear::open(&*far, &[left]).await;
    let leaving = ear.rooms.unsubscribe(left);
    let entering = try_join_all(entered.iter().map(|room| ear.rooms.subscribe(room)));
    tokio::try_join!(leaving, entering).unwrap();
    hears_all(&mut ear, &*near, entered).await;
}

/// In a cluster that is what becomes of it where the room has just moved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_a_room_that_has_moved_spoils_no_answer() {
    let cluster = RedisCluster::start().await;
    let bus = ours(cluster.url(), Duration::from_secs(5)).await;
    let rooms = rooms(500);
    let mut ear = Ear::open(&*bus, &[]).await;
    for rooms in rooms.chunks(100) {
        let (left, entered) = rooms.split_first().unwrap();
        ear.rooms.subscribe(left).await.unwrap();
        migrate(&cluster, left).await;
        let leaving = ear.rooms.unsubscribe(left);
        let entering = try_join_all(entered.iter().map(|room| ear.rooms.subscribe(room)));
        tokio::try_join!(leaving, entering).unwrap();
        hears_all(&mut ear, &*bus, entered).await;
    }
}
