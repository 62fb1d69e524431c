//! Trap 9: an SSUBSCRIBE of several channels is refused where they lie in
//! several slots, and spoils the answers that follow where they do not.

use causerie_testkit::redis::Redis;
use causerie_testkit::redis_cluster::RedisCluster;
use fred::interfaces::{KeysInterface, PubsubInterface};
use fred::types::{RespVersion, Value};
use futures::future::try_join_all;

use super::{PATIENCE, alone, channel_of, connected, hears_all, ours, rooms};
use crate::ear::Ear;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fred_alone_cannot_subscribe_to_two_slots_at_once() {
    let cluster = RedisCluster::start().await;
    let client = connected(&alone(&cluster.url())).await;
    let channels: Vec<_> = rooms(2).iter().map(channel_of).collect();
    let refused = client.ssubscribe(channels).await.unwrap_err();
    assert!(refused.details().starts_with("CROSSSLOT"), "{refused:?}");
}

#[tokio::test]
async fn fred_alone_takes_the_second_confirmation_for_another_answer() {
    let redis = Redis::start().await;
    let client = connected(&alone(&redis.url())).await;
    redis.command(&["SET", "key", "value"]).await;
    let channels: Vec<_> = rooms(2).iter().map(channel_of).collect();
    let (subscribed, got) = tokio::join!(
        client.ssubscribe(channels.clone()),
        client.get::<Value, _>("key")
    );
    subscribed.unwrap();
    let second = ["ssubscribe", &channels[1]].map(Value::from);
    let got = got.unwrap().into_array();
    assert_eq!(got, [&second[..], &[Value::from(2)]].concat());
}

#[tokio::test]
async fn fred_alone_runs_no_command_beside_subscriptions_in_resp2() {
    let redis = Redis::start().await;
    let mut builder = alone(&redis.url());
    builder.with_config(|config| config.version = RespVersion::RESP2);
    let client = connected(&builder).await;
    client.ssubscribe("channel").await.unwrap();
    let refused = client.get::<String, _>("key").await.unwrap_err();
    assert!(refused.details().contains("in this context"), "{refused:?}");
}
