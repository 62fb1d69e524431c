//! Connections that break or stall, and a Redis that forgot our scripts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::bus::log::Look;
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::reply::Wake;
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use futures::future::join_all;
use tokio::time::timeout;

use super::subscribing::hears_all;
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
    while ear.record_after_gaps().await.0 != other {}
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
    let name = |number| room(&format!("acme:project:p{number}"));
    let rooms: Vec<_> = (0..5_000).map(name).collect();
    // It is connected by then.
    let ear = Ear::open(&bus, &[&name(5_000)]).await;
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    // As gateways do, for what lies on a node that hangs.
    let mut by_partition: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for room in &rooms {
        let of_partition = by_partition.entry(room.partition().index());
        of_partition.or_default().push(room.clone());
    }
    let subscribing = by_partition.values();
    let heard = join_all(subscribing.map(|rooms| ear.rooms.subscribe_all(rooms))).await;
    assert!(heard.iter().flatten().all(Result::is_ok));
    let look = |room| Look { room, after: None };
    let looks: Vec<_> = rooms.into_iter().map(look).collect();
    let pages = bus.read_all(&looks, 100).await;
    assert!(pages.iter().all(Result::is_ok));
    let subscribed = calls(&redis, "ssubscribe").await;
    let read = calls(&redis, "evalsha").await + calls(&redis, "eval").await;
    // One more of each partition where Redis did not know the script yet.
    assert!(subscribed <= 16 && read <= 3 * 128, "{subscribed}, {read}");
}

#[tokio::test]
async fn what_many_ask_at_once_takes_few_commands() {
    let redis = Redis::start().await;
    let settings = RedisSettings::new(redis.url());
    let bus = RedisBus::connect(settings, Retention::default()).await;
    let bus = bus.unwrap();
    let said = |number| for_people(question(&room(&format!("acme:project:p{number}"))));
    let said: Vec<_> = (0..2_000).map(said).collect();
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    let accepted = join_all(said.iter().map(|said| bus.accept(said))).await;
    assert!(accepted.iter().all(Result::is_ok));
    let asked = calls(&redis, "evalsha").await + calls(&redis, "eval").await;
    // Thirty-two each, over four connections, and the first of each alone.
    assert!(asked <= 2 * 2_000 / 32, "{asked}");
}

#[tokio::test]
async fn deltas_of_many_replies_take_few_commands() {
    const REPLIES: usize = 500;
    let redis = Redis::start().await;
    let settings = RedisSettings::new(redis.url());
    let bus = RedisBus::connect(settings, Retention::default()).await;
    let bus = bus.unwrap();
    let asked = (0..REPLIES).map(|number| question(&room(&format!("acme:project:p{number}"))));
    let asked: Vec<_> = asked.collect();
    let replies = join_all(asked.iter().map(|asked| ask_and_claim(&bus, asked))).await;
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    let deltas: Vec<_> = replies.iter().map(|reply| delta(reply, 0, "a")).collect();
    let appends = replies.iter().zip(&deltas);
    let appends = appends.map(|(reply, delta)| bus.append(&reply.lease, delta));
    let appended = join_all(appends).await;
    assert!(appended.iter().all(Result::is_ok));
    let commands = calls(&redis, "evalsha").await + calls(&redis, "eval").await;
    assert!(commands <= 2 * REPLIES as u64 / 32, "{commands}");
}

#[tokio::test]
async fn confirmations_that_come_late_are_not_taken_for_other_answers() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let settings = RedisSettings::new(proxy.url("redis"));
    let bus = RedisBus::connect(settings, Retention::default()).await;
    let bus = bus.unwrap();
    let name = |number| room(&format!("acme:project:p{number}"));
    let rooms: Vec<_> = (0..3_000).map(name).collect();
    let ear = Ear::open(&bus, &[]).await;
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    // Those of one command take some 200 ms.
    proxy.trickle(400_000);
    let heard = ear.rooms.subscribe_all(&rooms).await;
    assert!(heard.iter().all(Result::is_ok));
    // What is taken for another answer is asked again, room by room.
    assert_eq!(calls(&redis, "ssubscribe").await, 3);
}

/// How often a command was carried out.
async fn calls(redis: &Redis, command: &str) -> u64 {
    let stats = redis.command(&["INFO", "commandstats"]).await.text();
    let name = format!("cmdstat_{command}:calls=");
    let mut found = stats.lines().filter_map(|line| line.strip_prefix(&name));
    let calls = found.next().and_then(|rest| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test]
async fn a_subscription_that_nobody_waits_for_any_more_is_ended() {
    let mut rig = rig().await;
    let [given_up, unanswered, wanted] = ["g1", "u1", "w1"].map(|name| {
        let name = format!("acme:project:{name}");
        room(&name)
    });
    let ear = Ear::open(&*rig.near, &[]).await;
    {
        let mut asking = std::pin::pin!(ear.rooms.subscribe(&given_up));
        assert!(futures::poll!(&mut asking).is_pending());
    }
    ear.rooms.unsubscribe(&given_up).await.unwrap();
    rig.redis.pause();
    let refused = ear.rooms.subscribe(&unanswered).await;
    assert!(matches!(refused, Err(BusError::Unavailable(_))));
    // Redis carries out what it was sent, and then this.
    let ending = ear.rooms.unsubscribe(&unanswered).await;
    rig.redis.resume();
    ending.unwrap();
    eventually(async || ear.rooms.subscribe(&wanted).await.ok()).await;
    let heard = rig.redis.command(&["PUBSUB", "SHARDCHANNELS"]).await;
    let heard: Vec<_> = heard.list().iter().map(ToString::to_string).collect();
    let wanted = format!("causerie:{{p{}}}:room:{wanted}", wanted.partition());
    assert_eq!(heard, [wanted]);
}

/// More is not answered than may be: the connection is given up, and with it what is
/// heard over it.
#[tokio::test]
async fn a_redis_that_cannot_be_told_who_left_is_connected_to_anew() {
    let mut rig = rig().await;
    let [left, stays] = ["l1", "s1"].map(|name| room(&format!("acme:project:{name}")));
    let mut ear = Ear::open(&*rig.near, &[&left, &stays]).await;
    rig.redis.pause();
    for _ in 0..=100 {
        let leaves = (0..1_000).map(|_| ear.rooms.unsubscribe(&left));
        for left in join_all(leaves).await {
            left.unwrap();
        }
    }
    rig.redis.resume();
    ear.gap().await;
    rig.far.publish(&stays, &typing(&stays, 1)).await.unwrap();
    assert_eq!(ear.record_after_gaps().await.0, stays);
}

#[tokio::test]
async fn a_crowd_that_leaves_is_let_go_to_the_last() {
    let rig = rig().await;
    let name = |number| room(&format!("acme:project:p{number}"));
    // Thrice as many as may wait.
    let rooms: Vec<_> = (0..12_000).map(name).collect();
    let ear = Ear::open(&*rig.near, &[]).await;
    for some in rooms.chunks(1_000) {
        let heard = ear.rooms.subscribe_all(some).await;
        assert!(heard.iter().all(Result::is_ok));
    }
    rig.redis.command(&["CONFIG", "RESETSTAT"]).await;
    // Who waits may be told that it takes long: it is done all the same.
    let _ = join_all(rooms.iter().map(|room| ear.rooms.unsubscribe(room))).await;
    eventually(async || {
        let channels = rig.redis.command(&["PUBSUB", "SHARDCHANNELS"]).await;
        let channels = channels.list().iter().map(ToString::to_string);
        (!channels
            .into_iter()
            .any(|channel| channel.contains(":room:")))
        .then_some(())
    })
    .await;
    let commands = calls(&rig.redis, "sunsubscribe").await;
    assert!(commands <= 12_000 / 10, "{commands}");
}

/// What waits together is asked for together: nobody's time is up with another's.
#[tokio::test]
async fn who_asks_late_is_not_told_the_time_out_of_who_asked_before() {
    let mut redis = Redis::start().await;
    let connect = async |timeout| {
        let settings = RedisSettings {
            timeout,
            pool: 1,
            ..RedisSettings::new(redis.url())
        };
        let bus = RedisBus::connect(settings, Retention::default()).await;
        Arc::new(bus.unwrap())
    };
    let bus = connect(2 * PATIENCE).await;
    let hurried = connect(PATIENCE + PATIENCE / 2).await;
    let room = room("acme:project:p1");
    redis.pause();
    let accept = || {
        let (bus, question) = (Arc::clone(&bus), for_people(question(&room)));
        tokio::spawn(async move { bus.accept(&question).await })
    };
    let early = [accept(), accept()];
    hurried.ping().await.unwrap_err();
    let late = accept();
    for early in early {
        early.await.unwrap().unwrap_err();
    }
    redis.resume();
    late.await.unwrap().unwrap();
}

/// Whether Redis would answer a new connection is tried, and that must leave nothing
/// behind.
#[tokio::test]
async fn a_redis_that_pauses_is_left_with_no_more_connections_than_before() {
    let mut redis = Redis::start().await;
    let bus = connect(redis.url()).await;
    // Ours, and that of who asks for the list.
    let expected = 4 + 1;
    let is_as_expected = async |redis: &Redis| connections(redis).await == expected;
    eventually(async || is_as_expected(&redis).await.then_some(())).await;
    redis.pause();
    // Longer than a heartbeat and what is tried then take.
    let paused = Instant::now();
    while paused.elapsed() < Duration::from_secs(7) {
        bus.ping().await.unwrap_err();
    }
    redis.resume();
    eventually(async || bus.ping().await.ok()).await;
    eventually(async || is_as_expected(&redis).await.then_some(())).await;
    bus.ping().await.unwrap();
    assert!(is_as_expected(&redis).await);
}

async fn connections(redis: &Redis) -> usize {
    let clients = redis.command(&["CLIENT", "LIST"]).await.text();
    clients.lines().count()
}

/// As where a name, or a virtual address, has come to stand for another server: who is no
/// primary any more keeps its connections.
#[tokio::test]
async fn a_server_demoted_under_its_connections_is_left_for_who_took_its_place() {
    let first = Redis::start().await;
    let second = Redis::options().replica_of(&first).start().await;
    let proxy = Proxy::start(first.port()).await;
    let bus = connect(proxy.url("redis")).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    ask(&*bus, &question(&room)).await;
    let has_it = async || {
        let room = format!("causerie:{{p{}}}:meta:acme:project:p1", room.partition());
        let exists = second.command(&["EXISTS", &room]).await.integer();
        (exists == 1).then_some(())
    };
    eventually(has_it).await;
    second.command(&["REPLICAOF", "NO", "ONE"]).await;
    // To a port where nobody is: what is published elsewhere never comes to it.
    first.command(&["REPLICAOF", "127.0.0.1", "1"]).await;
    // Who only hears notices by itself.
    let noticed = async || (connections_that_hear(&first).await == 0).then_some(());
    eventually(noticed).await;
    proxy.lead_to(second.port());
    let led = Instant::now();
    ear.gap().await;
    let took = led.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    eventually(async || bus.accept(&question(&room)).await.ok()).await;
    let took = led.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let near = connect(second.url()).await;
    hears_all(&mut ear, &*near, &[room]).await;
}

/// How many connections have subscribed to something.
async fn connections_that_hear(redis: &Redis) -> usize {
    let clients = redis.command(&["CLIENT", "LIST"]).await.text();
    let hear = |line: &&str| line.contains(" ssub=") && !line.contains(" ssub=0 ");
    clients.lines().filter(hear).count()
}
