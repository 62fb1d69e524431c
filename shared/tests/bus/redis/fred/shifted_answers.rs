//! Trap 2: SUBSCRIBE and its like return before they are sent. An error of one
//! is given to the next command, whose answer goes to the one after it.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::question::Accepted;
use causerie_shared::bus::{Bus, BusError};
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use causerie_testkit::redis_cluster::RedisCluster;
use fred::interfaces::{KeysInterface, PubsubInterface};
use futures::future::{join_all, try_join_all};

use super::{PATIENCE, alone, connected, hears_all, migrate, ours, rooms};
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

/// fred does not wait for an answer to SUNSUBSCRIBE; here it is an error.
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

/// The node that serves a slot says of what it does not have: ask that one.
async fn begin_to_move(cluster: &RedisCluster, slot: u32) {
    let from = cluster.owner(0, slot).await;
    let to = (from + 1) % 3;
    let (from, to) = (cluster.node(from), cluster.node(to));
    let from_id = from.command(&["CLUSTER", "MYID"]).await.text();
    let to_id = to.command(&["CLUSTER", "MYID"]).await.text();
    let slot = slot.to_string();
    to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])
        .await;
    from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])
        .await;
}

/// fred asks the other node whether it may, and takes the next answer that comes
/// from there for the answer to that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_asked_elsewhere_spoils_no_answer() {
    let cluster = RedisCluster::start().await;
    let bus = ours(cluster.url(), Duration::from_secs(3)).await;
    let (moving, others) = (room("acme:project:moving"), rooms(300));
    let slot = cluster
        .slot_of(&format!("causerie:{{p{}}}:", moving.partition()))
        .await;
    begin_to_move(&cluster, slot).await;
    let others = others
        .iter()
        .filter(|other| other.partition() != moving.partition());
    let others: Vec<_> = others.collect();
    for _ in 0..3 {
        let is_put_off = async {
            let refused = bus.accept(&for_people(question(&moving))).await;
            assert!(
                matches!(refused, Err(BusError::Unavailable(_))),
                "{refused:?}"
            );
        };
        let are_answered = others.iter().map(async |other| {
            let said = for_people(question(other));
            let Accepted::Stored(receipt) = bus.accept(&said).await.unwrap() else {
                panic!("it was said before");
            };
            assert_eq!(receipt.message_id, said.message_id);
        });
        tokio::join!(is_put_off, join_all(are_answered));
    }
}

#[tokio::test]
async fn fred_alone_gives_answers_to_the_wrong_callers() {
    let redis = Redis::start().await;
    let client = connected(&alone(&redis.url())).await;
    for key in ["p1", "p2", "p3"] {
        redis.command(&["SET", key, &format!("{key}'s")]).await;
    }
    let get = |key: &'static str| client.get::<String, _>(key);
    // Redis refuses to subscribe to nothing.
    let nothing = client.subscribe(Vec::<String>::new());
    let (nothing, p1, p2, p3) = tokio::join!(nothing, get("p1"), get("p2"), get("p3"));
    assert_eq!(nothing, Ok(()));
    let of_subscribe = p1.unwrap_err();
    assert!(of_subscribe.details().contains("'subscribe'"));
    assert_eq!((p2.unwrap(), p3.unwrap()), ("p1's".into(), "p2's".into()));
}
