//! Trap 5: a connection that only looks alive is not noticed.

use std::time::{Duration, Instant};

use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use tokio::time::timeout;

use super::{PATIENCE, alone, channel_of, connected, hears_all, ours};
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

/// Even where it is told to look for connections that do not answer: it counts
/// from the last command, and who only hears sends none.
#[tokio::test]
async fn fred_alone_hears_nothing_and_does_not_notice() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let mut builder = alone(&proxy.url("redis"));
    builder.with_connection_config(|connection| {
        connection.unresponsive.max_timeout = Some(Duration::from_secs(1));
        connection.unresponsive.interval = Duration::from_millis(200);
    });
    let client = connected(&builder).await;
    let channel = channel_of(&room("acme:project:p1"));
    client.ssubscribe(channel.clone()).await.unwrap();
    let mut messages = client.message_rx();
    let mut errors = client.error_rx();
    let mut unresponsive = client.unresponsive_rx();
    proxy.abandon();
    redis.command(&["SPUBLISH", &channel, "text"]).await;
    let noticed = async {
        tokio::select! {
            message = messages.recv() => panic!("{message:?}"),
            error = errors.recv() => panic!("{error:?}"),
            server = unresponsive.recv() => panic!("{server:?}"),
        }
    };
    let noticed = timeout(NOTICED, noticed).await;
    assert!(noticed.is_err() && client.is_connected());
}
