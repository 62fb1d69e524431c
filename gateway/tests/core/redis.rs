//! Over a real Redis: what is lost on the way is found and mended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use causerie_gateway::settings::Settings;
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::protocol::data::FinishReason;
use causerie_shared::room::RoomKey;
use causerie_testkit::client::raw::{RawSocket, opcode};
use causerie_testkit::client::ws::Client;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Node, TENANT, ask, at, begin_reply, in_short, say};

pub(crate) const ROOM: &str = "project:p1";

pub(crate) async fn bus_at(url: String) -> Arc<dyn Bus> {
    patient_bus_at(url, Duration::from_secs(1)).await
}

pub(crate) async fn patient_bus_at(url: String, timeout: Duration) -> Arc<dyn Bus> {
    let settings = RedisSettings {
        timeout,
        ..RedisSettings::new(url)
    };
    Arc::new(
        RedisBus::connect(settings, Retention::default())
            .await
            .unwrap(),
    )
}

pub(crate) async fn node_at(url: String) -> Node {
    Node::start(&bus_at(url).await, Settings::default()).await
}

/// Says something as soon as Redis takes it.
pub(crate) async fn say_at_last(client: &mut Client, id: &str) -> Value {
    loop {
        let message =
            json!({"action": "sendMessage", "id": id, "user_input": id, "room": ROOM, "ai": false});
        let answer = client.request(message).await;
        if answer["type"] == "ack" {
            return answer["data"].clone();
        }
        assert_eq!(answer["code"], "overloaded", "{answer}");
        assert!(answer["retry_after_ms"].as_u64().unwrap() > 0);
    }
}

/// From now on channels can be heard, but nothing can be read.
async fn forbid_reading(redis: &Redis) {
    let forbid = ["ACL", "SETUSER", "default", "-evalsha", "-eval"];
    redis.command(&forbid).await;
}

async fn expect_event(client: &mut Client, seq: u64) {
    client
        .expect("an event", |frame| {
            frame["type"] == "new_message" && frame["seq"] == seq
        })
        .await;
}

fn events(client: &Client) -> Vec<u64> {
    let frames = client.frames();
    let events = frames.iter().filter(|frame| frame["type"] == "new_message");
    events.map(|frame| frame["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_node_that_loses_its_link_again_and_again_misses_nothing() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let good = node_at(redis.url()).await;
    let bad = node_at(proxy.url("redis")).await;
    let mut talker = good.in_project("u1").await;
    let mut listener = bad.in_project("u2").await;
    for seq in 1..=120 {
        say(&mut talker, ROOM, "x").await;
        if seq % 30 == 0 {
            proxy.cut();
        }
    }
    expect_event(&mut listener, 120).await;
    assert_eq!(events(&listener), (1..=120).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reply_goes_on_after_a_cut_with_a_snapshot_or_its_deltas() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let bus = bus_at(redis.url()).await;
    let good = Node::start(&bus, Settings::default()).await;
    let bad = node_at(proxy.url("redis")).await;
    let mut asker = good.in_project("u1").await;
    let mut listener = bad.in_project("u2").await;
    ask(&mut asker, ROOM).await;
    let mut making = begin_reply(&bus, ROOM).await;
    making.say("a").await;
    listener.expect_type("message_delta").await;
    proxy.block();
    making.say("b").await;
    making.say("c").await;
    proxy.resume();
    listener.expect_type("message_snapshot").await;
    making.say("d").await;
    making.finish(FinishReason::Stop).await;
    listener.expect_type("message").await;
    let expected = [
        "subscribed 0 true",
        "1",
        "start",
        "delta 0",
        "snapshot 2 abc",
        "delta 3",
        "2",
    ];
    assert_eq!(in_short(&listener, ROOM), expected);
}

#[tokio::test]
async fn while_redis_is_paused_messages_are_refused_and_then_all_goes_on() {
    let mut redis = Redis::start().await;
    let node = node_at(redis.url()).await;
    let mut client = node.in_project("u1").await;
    say(&mut client, ROOM, "before").await;
    redis.pause();
    let message =
        json!({"action": "sendMessage", "id": "m1", "user_input": "x", "room": ROOM, "ai": false});
    let refused = client.request(message).await;
    assert_eq!(refused["code"], "overloaded", "{refused}");
    redis.resume();
    say_at_last(&mut client, "m1").await;
    expect_event(&mut client, 2).await;
    assert_eq!(events(&client), [1, 2]);
}

/// Has an action done in each of the rooms.
async fn in_each(client: &mut Client, rooms: &[String], action: impl Fn(&str) -> Value) {
    for room in rooms {
        let mut action = action(room);
        action["id"] = json!(room.replace(':', "-"));
        client.send(action).await;
    }
    let mut done = 0;
    while done < rooms.len() {
        let frame = client.next_within(Duration::from_secs(30)).await.unwrap();
        assert_ne!(frame["type"], "error", "{frame}");
        done += usize::from(frame["type"] == "ack");
    }
}

/// How many scripts were run since that was last set to 0.
async fn scripts_run(redis: &Redis) -> u64 {
    let stats = redis.command(&["INFO", "commandstats"]).await.text();
    let calls = |command: &str| {
        let name = format!("cmdstat_{command}:calls=");
        let mut lines = stats.lines().filter_map(|line| line.strip_prefix(&name));
        let calls = lines.next().and_then(|rest| rest.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    };
    calls("eval") + calls("evalsha")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_rooms_missed_is_read_with_few_scripts() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let rooms: Vec<_> = (0..1_000)
        .map(|number| format!("project:p{number}"))
        .collect();
    let settings = Settings {
        max_rooms: rooms.len() + 2,
        shards: 2,
        ..Settings::default()
    };
    let far = Node::start(&bus_at(proxy.url("redis")).await, settings).await;
    let near = node_at(redis.url()).await;
    let (mut listener, mut talker) = (far.client("u1").await, near.client("u2").await);
    let subscribe = |room: &str| json!({"action": "subscribe", "data": {"room": room}});
    in_each(&mut listener, &rooms, subscribe).await;
    proxy.block();
    let say =
        |room: &str| json!({"action": "sendMessage", "user_input": "x", "room": room, "ai": false});
    in_each(&mut talker, &rooms, say).await;
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    proxy.resume();

    let mut unread: BTreeSet<_> = rooms.iter().map(String::as_str).collect();
    while !unread.is_empty() {
        let frame = listener.next_within(Duration::from_secs(30)).await.unwrap();
        if frame["type"] == "new_message" {
            unread.remove(frame["room"].as_str().unwrap());
        }
    }
    // One for each partition and shard, unless something else was found first.
    let scripts = scripts_run(&redis).await;
    assert!(scripts <= 2 * 2 * 128, "{scripts}");
}

#[tokio::test]
async fn a_restart_with_its_data_begins_a_new_life_and_loses_nothing() {
    let mut redis = Redis::options().aof().start().await;
    let node = node_at(redis.url()).await;
    let mut client = node.in_project("u1").await;
    let old = say(&mut client, ROOM, "before").await["epoch"].clone();
    say(&mut client, ROOM, "before").await;
    expect_event(&mut client, 2).await;
    redis.restart().await;
    let new = say_at_last(&mut client, "after").await;
    assert_ne!(new["epoch"], old);
    expect_event(&mut client, 3).await;
    let of_room: Vec<_> = in_short(&client, ROOM);
    assert_eq!(
        of_room,
        ["subscribed 0 true", "1", "2", "subscribed 2 true", "3"]
    );
    let back = node.connect("u2").param("room", &at(ROOM, &old, 1));
    let mut back = node.joined(back, 3).await;
    expect_event(&mut back, 3).await;
    assert_eq!(in_short(&back, ROOM), ["subscribed 1 true", "2", "3"]);
}

#[tokio::test]
async fn one_of_an_earlier_life_recovers_page_by_page_at_a_node_that_never_saw_it() {
    let mut redis = Redis::options().aof().start().await;
    let one = node_at(redis.url()).await;
    let mut talker = one.in_project("u1").await;
    let old = say(&mut talker, ROOM, "before").await["epoch"].clone();
    for _ in 2..=300 {
        say(&mut talker, ROOM, "before").await;
    }
    redis.restart().await;
    say_at_last(&mut talker, "after").await;
    let two = node_at(redis.url()).await;
    let mut first = two.in_project("u2").await;
    let back = two.connect("u3").param("room", &at(ROOM, &old, 10));
    let mut back = two.joined(back, 3).await;
    expect_event(&mut back, 301).await;
    assert_eq!(events(&back), (11..=301).collect::<Vec<_>>());
    // And the room goes on for all.
    say(&mut talker, ROOM, "more").await;
    for client in [&mut first, &mut back] {
        expect_event(client, 302).await;
    }
}

#[tokio::test]
async fn lost_data_is_told_and_the_stream_goes_on() {
    let mut redis = Redis::start().await;
    let node = node_at(redis.url()).await;
    let mut client = node.in_project("u1").await;
    for _ in 0..3 {
        say(&mut client, ROOM, "before").await;
    }
    expect_event(&mut client, 3).await;
    redis.restart().await;
    let after = say_at_last(&mut client, "after").await;
    client
        .expect("news of the loss", |frame| {
            frame["type"] == "subscribed" && frame["room"] == ROOM && frame["recovered"] == false
        })
        .await;
    let next = say(&mut client, ROOM, "more").await;
    assert_eq!(next["epoch"], after["epoch"]);
    client
        .expect("live events of the new life", |frame| {
            frame["type"] == "new_message"
                && frame["seq"] == next["seq"]
                && frame["epoch"] == next["epoch"]
        })
        .await;
}

#[tokio::test]
async fn one_who_comes_while_redis_is_away_is_served_when_it_is_back() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    // Its actions wait for longer than a peer may be silent.
    let settings = Settings {
        heartbeat_interval: Duration::from_secs(1),
        ..Settings::default()
    };
    let node = Node::start(&bus_at(proxy.url("redis")).await, settings).await;
    proxy.block();
    let mut client = node.connect("u1").open().await;
    client.expect_type("ready").await;
    client.ping().await;
    proxy.resume();
    for _ in 0..2 {
        client.expect_type("subscribed").await;
    }
    say(&mut client, "user:me", "hello").await;
    client.expect_type("new_message").await;
}

#[tokio::test]
async fn a_first_room_left_while_redis_is_away_stays_left() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let node = node_at(proxy.url("redis")).await;
    proxy.block();
    let mut client = node.connect("u1").param("room", ROOM).open().await;
    let left = client
        .request(json!({"action": "unsubscribe", "data": {"room": ROOM}}))
        .await;
    assert_eq!(left["type"], "ack", "{left}");
    proxy.resume();
    for _ in 0..2 {
        client.expect_type("subscribed").await;
    }
    say_at_last(&mut client, ROOM).await;
    say(&mut client, "user:me", "hello").await;
    client.expect_type("new_message").await;
    assert_eq!(in_short(&client, ROOM), ["null"]);
}

#[tokio::test]
async fn one_who_cannot_join_anew_is_told_that_it_is_out() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let node = node_at(proxy.url("redis")).await;
    let mut client = node.in_project("u1").await;
    proxy.block();
    // Only Redis can judge that position.
    let again = json!({"room": ROOM, "epoch": "zzzzzzzz", "seq": 1});
    let answer = client
        .request(json!({"action": "subscribe", "data": again}))
        .await;
    assert_eq!(answer["code"], "overloaded", "{answer}");
    assert_eq!(client.expect_type("unsubscribed").await["room"], ROOM);
    proxy.resume();
    say_at_last(&mut client, ROOM).await;
    say(&mut client, "user:me", "hello").await;
    client.expect_type("new_message").await;
    assert_eq!(in_short(&client, ROOM), ["subscribed 0 true", "null"]);
}

#[tokio::test]
async fn while_a_room_cannot_be_read_those_who_come_are_told() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let node = node_at(proxy.url("redis")).await;
    let mut first = node.in_project("u1").await;
    let mut second = node.client("u2").await;
    forbid_reading(&redis).await;
    proxy.cut();
    let subscribe = json!({"action": "subscribe", "data": {"room": ROOM}});
    loop {
        // Until the node has found that it may have missed something.
        let answer = second.request(subscribe.clone()).await;
        if answer["type"] == "error" {
            assert_eq!(answer["code"], "overloaded", "{answer}");
            break;
        }
    }
    second.ping().await;
    redis.command(&["ACL", "SETUSER", "default", "+@all"]).await;
    loop {
        let answer = second.request(subscribe.clone()).await;
        if answer["type"] == "ack" {
            break;
        }
    }
    say_at_last(&mut second, ROOM).await;
    for client in [&mut first, &mut second] {
        client.expect_type("new_message").await;
    }
}

#[tokio::test]
async fn a_room_that_could_not_be_read_is_not_heard_either() {
    let redis = Redis::start().await;
    let node = node_at(redis.url()).await;
    let mut client = node.client("u1").await;
    forbid_reading(&redis).await;
    let answer = client
        .request(json!({"action": "subscribe", "data": {"room": ROOM}}))
        .await;
    assert_eq!(answer["code"], "overloaded", "{answer}");
    let given_up = async {
        loop {
            let heard = redis.command(&["PUBSUB", "SHARDCHANNELS"]).await;
            let heard = format!("{heard:?}");
            if !heard.contains(ROOM) {
                return heard;
            }
        }
    };
    let heard = timeout(Duration::from_secs(10), given_up).await.unwrap();
    assert!(heard.contains("user:u1"), "{heard}");
}

#[tokio::test]
async fn a_room_whose_log_is_damaged_harms_itself_alone() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let node = node_at(proxy.url("redis")).await;
    let mut first = node.in_project("u1").await;
    say(&mut first, ROOM, "before").await;
    let mut other = node.client("u2").await;
    let key = RoomKey::new(TENANT.parse().unwrap(), ROOM.parse().unwrap());
    let meta = format!("causerie:{{p{}}}:meta:{key}", key.partition());
    redis.command(&["HSET", &meta, "seq", "many"]).await;
    proxy.cut();
    assert_eq!(first.expect_close().await.code, Some(4010));
    let subscribe = json!({"action": "subscribe", "data": {"room": ROOM}});
    let answer = other.request(subscribe).await;
    assert_eq!(answer["code"], "internal", "{answer}");
    let mut back = node.connect("u1").param("room", ROOM).open().await;
    for _ in 0..2 {
        back.expect_type("subscribed").await;
    }
    say(&mut back, "user:me", "hello").await;
    back.expect_type("new_message").await;
}

/// Its connection is reset, which is met on writing, and not on reading as when
/// somebody closes it.
#[tokio::test]
async fn what_one_asked_for_who_vanished_is_done_all_the_same() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let good = node_at(redis.url()).await;
    let slow = node_at(proxy.url("redis")).await;
    let mut listener = good.in_project("u1").await;
    let mut socket = RawSocket::open(&slow.address, "/ws?user=u2", &[]).await;
    let mut rooms = 0;
    while rooms < 2 {
        let frame = socket.read_frame().await.unwrap().text();
        rooms += usize::from(frame.contains(r#""subscribed""#));
    }
    proxy.delay(Duration::from_millis(300));
    let message = json!({
        "action": "sendMessage", "user_input": "x", "room": ROOM, "ai": false,
    });
    let message = message.to_string();
    socket
        .send_frame(true, opcode::TEXT, message.as_bytes())
        .await;
    socket.send_frame(true, opcode::PING, b"").await;
    // Read, and not done yet.
    assert_eq!(socket.read_frame().await.unwrap().opcode, opcode::PONG);
    let outbox = Arc::clone(&slow.gateway.registry.all()[0].outbox);
    socket.vanish();
    while !outbox.is_closed() {
        outbox.ping();
        tokio::task::yield_now().await;
    }
    expect_event(&mut listener, 1).await;
}

/// A browser can only ask so whether the server lives: were it to wait behind what
/// waits for Redis, all would leave at once, and come back into the same.
#[tokio::test]
async fn a_ping_is_answered_while_an_action_waits_for_redis() {
    let mut redis = Redis::start().await;
    let bus = patient_bus_at(redis.url(), Duration::from_secs(600)).await;
    let node = Node::start(&bus, Settings::default()).await;
    let mut client = node.in_project("u1").await;
    redis.pause();
    let message = json!({"action": "sendMessage", "id": "c1", "user_input": "x", "room": ROOM});
    client.send(message).await;
    client.ping().await;
    assert!(!client.frames().iter().any(|frame| frame["id"] == "c1"));
    redis.resume();
    client
        .expect("the ack", |frame| {
            frame["type"] == "ack" && frame["id"] == "c1"
        })
        .await;
}
