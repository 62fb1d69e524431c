//! Looks at all partitions, which nodes take again and again.

use std::collections::BTreeSet;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::room::{Partition, RoomKey};
use causerie_testkit::redis::Redis;

use crate::scene::*;

async fn start() -> (Redis, RedisBus) {
    let redis = Redis::start().await;
    let bus = RedisBus::connect(RedisSettings::new(redis.url()), Retention::default()).await;
    (redis, bus.unwrap())
}

async fn commands_done(redis: &Redis) -> u64 {
    let stats = redis.command(&["INFO", "stats"]).await.text();
    let mut lines = stats.lines();
    let count = lines.find_map(|line| line.strip_prefix("total_commands_processed:"));
    count.unwrap().parse().unwrap()
}

/// What a broker does twice a second, and a broker and a gateway each second.
async fn look_at_all(bus: &RedisBus, since_ms: u64) -> BTreeSet<RoomKey> {
    bus.leases().await.unwrap();
    bus.waiting().await.unwrap();
    let looks: Vec<_> = Partition::all().map(|of| (of, since_ms)).collect();
    let changes = bus.changed_in_all(&looks).await;
    assert_eq!(changes.len(), looks.len());
    let rooms = changes.into_iter().flat_map(|some| some.unwrap().rooms);
    rooms.map(|(room, _)| room).collect()
}

fn rooms(count: u64) -> BTreeSet<RoomKey> {
    let room = |number| room(&format!("acme:project:p{number}"));
    (0..count).map(room).collect()
}

#[tokio::test]
async fn where_nothing_happens_redis_is_hardly_asked() {
    let (redis, bus) = start().await;
    look_at_all(&bus, 0).await;
    let before = commands_done(&redis).await;
    for _ in 0..10 {
        look_at_all(&bus, 0).await;
    }
    // Those of scripts count as well. A heartbeat may come in between.
    let each = (commands_done(&redis).await - before) / 10;
    assert!(each < 20, "{each} commands for each look");
}

#[tokio::test]
async fn however_many_rooms_have_changed_all_are_found() {
    let (redis, bus) = start().await;
    let rooms = rooms(1_000);
    for room in &rooms {
        ask(&bus, &for_people(question(room))).await;
    }
    assert_eq!(look_at_all(&bus, 0).await, rooms);
    let later = bus.clock().now_ms() + 60_000;
    assert!(look_at_all(&bus, later).await.is_empty());
    drop(redis);
}

#[tokio::test]
async fn changes_of_long_ago_are_forgotten_by_who_looks() {
    let (redis, bus) = start().await;
    let partition = Partition::FIRST;
    let changed = format!("causerie:{{p{partition}}}:changed");
    redis
        .command(&["ZADD", &changed, "1", "acme:project:p1"])
        .await;
    let gone = async || {
        bus.changed(partition, 2).await.unwrap();
        (redis.command(&["EXISTS", &changed]).await.integer() == 0).then_some(())
    };
    crate::world::eventually(gone).await;
}

#[tokio::test]
async fn a_damaged_partition_is_told_and_takes_none_with_it() {
    let (redis, bus) = start().await;
    let rooms = rooms(300);
    for room in &rooms {
        ask(&bus, &for_people(question(room))).await;
    }
    let asked = question(&room("acme:project:p1"));
    ask(&bus, &asked).await;
    let damaged = room("acme:project:p2").partition();
    for name in ["changed", "tenants", "beats"] {
        let key = format!("causerie:{{p{damaged}}}:{name}");
        redis.command(&["SET", &key, "?"]).await;
    }
    let looks: Vec<_> = Partition::all().map(|of| (of, 0)).collect();
    let changes = bus.changed_in_all(&looks).await;
    let mut found = BTreeSet::new();
    for ((partition, _), changes) in looks.iter().zip(changes) {
        match changes {
            Ok(changes) => found.extend(changes.rooms.into_iter().map(|(room, _)| room)),
            Err(BusError::Unreadable(_)) => assert_eq!(*partition, damaged),
            Err(error) => panic!("{error}"),
        }
    }
    let whole = |room: &&RoomKey| room.partition() != damaged;
    assert_eq!(found, rooms.iter().filter(whole).cloned().collect());
    let waiting = bus.waiting().await.unwrap();
    assert_eq!((waiting.replies, waiting.places.len()), (1, 1));
    assert!(bus.leases().await.unwrap().is_empty());
}
