//! A primary that dies, and the replica that a Sentinel puts in its place.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::feed::Heard;
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis::Redis;
use causerie_testkit::sentinel::Sentinels;

use crate::ear::Ear;
use crate::patient::Patient;
use crate::scene::*;
use crate::world::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_goes_on_where_its_primary_died() {
    let mut primary = Redis::start().await;
    let replica = Redis::options().replica_of(&primary).start().await;
    let sentinels = Sentinels::watch(&primary, 1).await;
    eventually(async || sentinels.know(1).await.then_some(())).await;

    let settings = RedisSettings {
        timeout: Duration::from_secs(1),
        ..RedisSettings::new(sentinels.url())
    };
    let bus = RedisBus::connect(settings, Retention::default()).await;
    let bus: Arc<dyn Bus> = Arc::new(Patient(Arc::new(bus.unwrap())));
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    for _ in 0..5 {
        ask(&*bus, &for_people(question(&room))).await;
    }
    let before = head(&*bus, &room).await;
    eventually(async || (offset(&primary).await == offset(&replica).await).then_some(())).await;
    primary.kill();
    let promoted = async || sentinels.primary_port().await == Some(replica.port());
    eventually(async || promoted().await.then_some(())).await;

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

/// How far the server is in the stream of changes.
async fn offset(redis: &Redis) -> String {
    let info = redis.command(&["INFO", "replication"]).await.text();
    let mut lines = info.lines();
    let line = lines.find(|line| line.starts_with("master_repl_offset:"));
    line.unwrap().to_owned()
}
