//! A primary that dies, freezes or has to go, and the replica that a Sentinel puts in
//! its place.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::feed::Heard;
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::room::RoomKey;
use causerie_testkit::redis::Redis;
use causerie_testkit::replicated::Replicated;
use tokio::time::timeout;

use super::subscribing::{channel_of, hears_all};
use crate::ear::Ear;
use crate::patient::Patient;
use crate::scene::*;
use crate::world::eventually;

/// As a node that tries again.
async fn connect(redis: &Replicated) -> Arc<dyn Bus> {
    let settings = RedisSettings {
        timeout: Duration::from_secs(1),
        ..RedisSettings::new(redis.url())
    };
    let bus = RedisBus::connect(settings, Retention::default()).await;
    Arc::new(Patient {
        bus: Arc::new(bus.unwrap()),
    })
}

/// Waits until somebody hears the room at this server.
pub async fn heard_at(server: &Redis, room: &RoomKey) {
    let channel = channel_of(room);
    eventually(async || {
        let heard = server.command(&["PUBSUB", "SHARDCHANNELS"]).await;
        let mut heard = heard.list().iter().map(ToString::to_string);
        heard.any(|heard| heard == channel).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_goes_on_where_its_primary_died() {
    let mut redis = Replicated::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    for _ in 0..5 {
        ask(&*bus, &for_people(question(&room))).await;
    }
    let before = head(&*bus, &room).await;
    let primary = redis.hold_in_step().await;
    redis.server_mut(primary).kill();
    redis.taken_over(primary).await;

    let after = head(&*bus, &room).await;
    assert_eq!(after.seq, before.seq);
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(missed(&*bus, &room, &before).await, Some(vec![]));
    while ear.try_next().await.unwrap() != Heard::Gap {}
    ask(&*bus, &for_people(question(&room))).await;
    loop {
        if let Heard::Record { record, .. } = ear.try_next().await.unwrap() {
            assert_eq!(seqs([&*record]), [6]);
            return;
        }
    }
}

/// The one that was primary takes messages as ever, until it is made a replica.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_planned_fail_over_all_goes_to_the_new_primary_at_once() {
    let redis = Replicated::start().await;
    for server in 0..redis.servers().count() {
        // Else it would refuse them, once no replica listens to it any more.
        let any = ["CONFIG", "SET", "min-replicas-to-write", "0"];
        redis.server(server).command(&any).await;
    }
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    let old = redis.primary().await;
    redis.fail_over().await;
    let new = redis.taken_over(old).await;
    let heard = timeout(Duration::from_secs(2), heard_at(redis.server(new), &room));
    heard.await.expect("still heard at the old one");
    let acknowledged = [(); 5].map(|()| for_people(question(&room)));
    for said in &acknowledged {
        ask(&*bus, said).await;
    }
    let before = head(&*bus, &room).await;
    // Sentinels take some ten seconds until they make the old one a replica.
    redis.ready().await;
    assert_eq!(head(&*bus, &room).await, before);
    ear.gap().await;
    hears_all(&mut ear, &*bus, &[room]).await;
}

/// A connection to it is made, and nothing said over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_primary_is_not_waited_for_once_another_is_known() {
    let mut redis = Replicated::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    let old = redis.primary().await;
    redis.fail_over().await;
    let new = redis.taken_over(old).await;
    // Who hears connects again before the Sentinels have told who is the primary.
    for kind in ["normal", "pubsub"] {
        let kill = ["CLIENT", "KILL", "TYPE", kind];
        redis.server(old).command(&kill).await;
    }
    redis.server_mut(old).pause();
    let heard = heard_at(redis.server(new), &room);
    let heard = timeout(Duration::from_millis(2_500), heard).await;
    heard.expect("the frozen one is waited for");
    hears_all(&mut ear, &*bus, std::slice::from_ref(&room)).await;

    // It wakes, and says what it still has to say.
    redis.server_mut(old).resume();
    hears_all(&mut ear, &*bus, &[room]).await;
}
