//! A primary that dies, and the replica that a Sentinel puts in its place.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::feed::Heard;
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::replicated::Replicated;

use crate::ear::Ear;
use crate::patient::Patient;
use crate::scene::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_goes_on_where_its_primary_died() {
    let mut redis = Replicated::start().await;
    let settings = RedisSettings {
        timeout: Duration::from_secs(1),
        ..RedisSettings::new(redis.url())
    };
    let bus = RedisBus::connect(settings, Retention::default()).await;
    let bus: Arc<dyn Bus> = Arc::new(Patient {
        bus: Arc::new(bus.unwrap()),
    });
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    for _ in 0..5 {
        ask(&*bus, &for_people(question(&room))).await;
    }
    let before = head(&*bus, &room).await;
    let primary = redis.primary().await;
    redis.hold_in_step().await;
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
