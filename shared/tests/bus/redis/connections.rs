//! Connections that break, stall, or only look alive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::bus::log::Look;
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::reply::Wake;
use causerie_shared::bus::subscription::Heard;
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::room::RoomKey;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use tokio::time::timeout;

use crate::ear::Ear;
use crate::scene::*;
use crate::world::eventually;

const PATIENCE: Duration = Duration::from_millis(500);

/// A node behind a bad network, and one beside it.
struct Rig {
    redis: Redis,
    proxy: Proxy,
    far: Arc<dyn Bus>,
    near: Arc<dyn Bus>,
}

async fn rig() -> Rig {
    let redis = Redis::options().aof().start().await;
    let proxy = Proxy::start(redis.port()).await;
    Rig {
        far: connect(proxy.url("redis")).await,
        near: connect(redis.url()).await,
        redis,
        proxy,
    }
}

async fn connect(url: String) -> Arc<dyn Bus> {
    let settings = RedisSettings {
        timeout: PATIENCE,
        ..RedisSettings::new(url)
    };
    let bus = RedisBus::connect(settings, Retention::default()).await;
    Arc::new(bus.unwrap())
}

fn rooms(count: usize) -> Vec<RoomKey> {
    (0..count)
        .map(|number| room(&format!("acme:project:p{number}")))
        .collect()
}

async fn hear_gap(ear: &mut Ear) {
    while ear.try_next().await.expect("the feed has ended") != Heard::Gap {}
}

/// The next record, whatever gaps are told before it.
async fn hear_record(ear: &mut Ear) -> RoomKey {
    loop {
        if let Heard::Record { room, .. } = ear.try_next().await.unwrap() {
            return room;
        }
    }
}

#[tokio::test]
async fn every_room_is_heard_again_after_a_cut() {
    let rig = rig().await;
    // Latency is what sets replies against the wrong commands.
    rig.proxy.delay(Duration::from_millis(10));
    let rooms = rooms(300);
    let mut ear = Ear::open(&*rig.far, &[]).await;
    let subscribing = rooms.iter().map(|room| ear.rooms.subscribe(room));
    for subscribed in futures::future::join_all(subscribing).await {
        subscribed.unwrap();
    }
    for _ in 0..3 {
        rig.proxy.cut();
        hear_gap(&mut ear).await;
        for room in &rooms {
            rig.near.publish(room, &typing(room, 1)).await.unwrap();
        }
        let mut heard = Vec::new();
        while heard.len() < rooms.len() {
            heard.push(hear_record(&mut ear).await);
        }
        heard.sort();
        heard.dedup();
        assert_eq!(heard.len(), rooms.len());
    }
}

#[tokio::test]
async fn connections_that_only_look_alive_are_replaced() {
    let rig = rig().await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*rig.far, &[&room]).await;
    rig.proxy.abandon();
    let abandoned = Instant::now();
    hear_gap(&mut ear).await;
    let noticed = abandoned.elapsed();
    assert!(noticed < Duration::from_secs(5), "only after {noticed:?}");
    rig.near.publish(&room, &typing(&room, 1)).await.unwrap();
    assert_eq!(hear_record(&mut ear).await, room);
    eventually(async || rig.far.read(&room, None, 0).await.ok()).await;
}

#[tokio::test]
async fn a_burst_is_heard_whole() {
    let rig = rig().await;
    let room = room("acme:project:p1");
    let mut ear = Ear::with_buffer(&*rig.far, &[&room], 20_000).await;
    burst(&rig.redis, &room, 10_000).await;
    for _ in 0..10_000 {
        assert!(matches!(ear.try_next().await, Some(Heard::Record { .. })));
    }
}

#[tokio::test]
async fn what_a_reader_misses_of_a_burst_is_told() {
    let rig = rig().await;
    let room = room("acme:project:p1");
    let mut ear = Ear::with_buffer(&*rig.far, &[&room], 100).await;
    burst(&rig.redis, &room, 40_000).await;
    hear_gap(&mut ear).await;
}

/// As many records at once as only a script can publish.
async fn burst(redis: &Redis, room: &RoomKey, count: usize) {
    let script = "for i = 1, ARGV[2] do redis.call('SPUBLISH', KEYS[1], ARGV[1]) end";
    let channel = format!("causerie:{{p{}}}:room:{room}", room.partition());
    let record = typing(room, 1).encode();
    let record = std::str::from_utf8(&record).unwrap();
    let count = count.to_string();
    let command = ["EVAL", script, "1", &channel, record, &count];
    redis.command(&command).await;
}

#[tokio::test]
async fn a_redis_that_pauses_is_told_in_time_and_used_again() {
    let mut rig = rig().await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*rig.near, &[&room]).await;
    rig.redis.pause();
    let asked = Instant::now();
    let refused = rig.near.accept(&question(&room)).await;
    assert!(matches!(refused, Err(BusError::Unavailable(_))));
    assert!(asked.elapsed() < 2 * PATIENCE, "{:?}", asked.elapsed());
    let other = crate::scene::room("acme:project:p2");
    let refused = ear.rooms.subscribe(&other).await;
    assert!(matches!(refused, Err(BusError::Unavailable(_))));

    rig.redis.resume();
    let said = for_people(question(&room));
    eventually(async || rig.near.accept(&said).await.ok()).await;
    eventually(async || ear.rooms.subscribe(&other).await.ok()).await;
    rig.far.publish(&other, &typing(&other, 1)).await.unwrap();
    while hear_record(&mut ear).await != other {}
}

#[tokio::test]
async fn brokers_are_woken_again_after_a_cut() {
    let rig = rig().await;
    let room = room("acme:user:u1");
    let mut wakes = rig.far.wakes(1_000);
    let mut woken = async |what: &str| {
        let expected = Wake::Runnable {
            partition: room.partition(),
            tenant: room.tenant.clone(),
        };
        eventually(async || {
            let _ = rig.near.accept(&question(&room)).await.unwrap();
            let wake = timeout(Duration::from_millis(50), wakes.recv()).await;
            wake.ok()
                .map(|wake| assert_eq!(wake, Some(expected.clone()), "{what}"))
        })
        .await;
    };
    woken("at first").await;
    rig.proxy.cut();
    woken("after the cut").await;
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_loaded_again() {
    let rig = rig().await;
    let room = room("acme:project:p1");
    ask(&*rig.near, &question(&room)).await;
    rig.redis.command(&["SCRIPT", "FLUSH"]).await;
    ask(&*rig.near, &question(&room)).await;
    assert_eq!(head(&*rig.near, &room).await.seq, 2);
}

#[tokio::test]
async fn many_rooms_take_few_commands() {
    let redis = Redis::start().await;
    let bus = RedisBus::connect(RedisSettings::new(redis.url()), Retention::default()).await;
    let bus = bus.unwrap();
    let rooms = rooms(5_000);
    let ear = Ear::open(&bus, &[]).await;
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    let heard = ear.rooms.subscribe_all(&rooms).await;
    assert!(heard.iter().all(Result::is_ok));
    let look = |room| Look { room, after: None };
    let looks: Vec<_> = rooms.into_iter().map(look).collect();
    let pages = bus.read_all(&looks, 100).await;
    assert!(pages.iter().all(Result::is_ok));
    let subscribed = calls(&redis, "ssubscribe").await;
    let read = calls(&redis, "evalsha").await + calls(&redis, "eval").await;
    // One more of each partition where Redis did not know the script yet.
    assert!(subscribed <= 6 && read <= 3 * 128, "{subscribed}, {read}");
}

/// How often a command was carried out.
async fn calls(redis: &Redis, command: &str) -> u64 {
    let stats = redis.command(&["INFO", "commandstats"]).await.text();
    let name = format!("cmdstat_{command}:calls=");
    let mut found = stats.lines().filter_map(|line| line.strip_prefix(&name));
    let calls = found.next().and_then(|rest| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}
