//! What an operator, or another program, has damaged harms itself alone.

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_testkit::redis::Redis;

use crate::scene::*;

async fn connect(redis: &Redis) -> RedisBus {
    let bus = RedisBus::connect(RedisSettings::new(redis.url()), Retention::default());
    bus.await.unwrap()
}

#[tokio::test]
async fn a_lease_and_a_tenant_that_cannot_be_read_are_passed_over() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let partition = room.partition();
    ask_and_claim(&bus, &question_in(&room, "s1")).await;
    ask(&bus, &question_in(&room, "s2")).await;
    let beats = format!("causerie:{{p{partition}}}:beats");
    redis.command(&["HSET", &beats, "who?", "what?"]).await;
    let tenants = format!("causerie:{{p{partition}}}:tenants");
    redis.command(&["SADD", &tenants, "no:tenant"]).await;

    assert_eq!(bus.leases().await.unwrap().len(), 1);
    let waiting = bus.waiting().await.unwrap();
    assert_eq!(waiting.places.len(), 1, "{:?}", waiting.places);
}

#[tokio::test]
async fn a_room_whose_log_is_damaged_is_told_from_a_redis_that_is_away() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    ask(&bus, &question_in(&room, "s1")).await;
    let meta = format!("causerie:{{p{}}}:meta:{room}", room.partition());
    assert_eq!(redis.command(&["EXISTS", &meta]).await.integer(), 1);
    redis.command(&["HSET", &meta, "seq", "many"]).await;

    let read = bus.read(&room, None, 10).await;
    assert!(matches!(read, Err(BusError::Unreadable(_))), "{read:?}");
    drop(redis);
    let read = bus.read(&room, None, 10).await;
    assert!(matches!(read, Err(BusError::Unavailable(_))), "{read:?}");
}
