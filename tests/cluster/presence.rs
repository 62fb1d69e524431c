//! Who is in a room, over two gateways, one of which dies.

use std::time::{Duration, Instant};

use causerie_testkit::client::http::request;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use causerie_testkit::token::Token;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::device::Device;

const ROOM: &str = "project:p1";

/// Who is in `room`, with how many connections, as `gateway` tells.
async fn present(gateway: &Node, room: &str) -> Vec<(String, u64)> {
    let token = Token::of("acme", "boss")
        .role("admin")
        .claim("projects", json!("*"));
    let bearer = format!("Bearer {}", token.sign(&Cluster::secret("acme")));
    let url = format!("{}/api/rooms/{room}/presence", gateway.url());
    let answer = request(Method::GET, &url, &[("authorization", &bearer)], None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let users = answer["users"].as_array().unwrap().iter();
    let one = |user: &Value| {
        let id = user["user_id"].as_str().unwrap().to_owned();
        (id, user["connections"].as_u64().unwrap())
    };
    users.map(one).collect()
}

/// Waits until these are in `room`; how long that took.
async fn until_present(gateway: &Node, room: &str, expected: &[(&str, u64)]) -> Duration {
    let since = Instant::now();
    loop {
        let found = present(gateway, room).await;
        let found: Vec<_> = found
            .iter()
            .map(|(id, count)| (id.as_str(), *count))
            .collect();
        if found == expected {
            return since.elapsed();
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{found:?}");
    }
}

/// What a device was told so far of who is in the room.
async fn told(device: &mut Device) -> Vec<(String, String)> {
    device.catch_up().await;
    let frames = device.client.frames().into_iter();
    let of_room = frames.filter(|frame| frame["room"] == ROOM);
    let told = of_room.filter_map(|frame| {
        let event = frame["type"].as_str()?.strip_prefix("user_")?.to_owned();
        Some((event, frame["data"]["user_id"].as_str()?.to_owned()))
    });
    told.collect()
}

/// Waits until a device was told this and nothing else.
async fn until_told(device: &mut Device, expected: &[(&str, &str)]) {
    let (expected, since) = (tells(expected), Instant::now());
    loop {
        let found = told(device).await;
        if found == expected {
            return;
        }
        let is_begin = expected.starts_with(&found);
        let is_late = since.elapsed() > Duration::from_secs(30);
        assert!(is_begin && !is_late, "{found:?}");
    }
}

fn tells(events: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(event, user): &(&str, &str)| ((*event).to_owned(), (*user).to_owned());
    events.iter().map(owned).collect()
}

#[tokio::test]
async fn a_user_with_devices_at_two_gateways_joins_once_and_leaves_once() {
    let cluster = Cluster::options().brokers(0).start().await;
    let [here, there] = [&cluster.gateways[0], &cluster.gateways[1]];
    let mut watcher = Device::connect(here, "acme", "u1", &[ROOM]).await;
    let one = Device::connect(here, "acme", "u2", &[ROOM]).await;
    let two = Device::connect(there, "acme", "u2", &[ROOM]).await;
    for gateway in [here, there] {
        until_present(gateway, ROOM, &[("u1", 1), ("u2", 2)]).await;
        until_present(gateway, "user:u2", &[("u2", 2)]).await;
    }
    one.client.vanish().await;
    until_present(there, ROOM, &[("u1", 1), ("u2", 1)]).await;
    until_told(&mut watcher, &[("joined", "u2")]).await;
    two.client.vanish().await;
    until_present(here, ROOM, &[("u1", 1)]).await;
    until_told(&mut watcher, &[("joined", "u2"), ("left", "u2")]).await;
    until_present(here, "user:u2", &[]).await;
}

#[tokio::test]
async fn a_killed_gateways_ghosts_are_gone_within_ten_seconds() {
    let mut cluster = Cluster::options().brokers(0).start().await;
    let mut watcher = Device::connect(&cluster.gateways[1], "acme", "u1", &[ROOM]).await;
    let mut devices = Vec::new();
    for user in ["u2", "u3", "u4"] {
        devices.push(Device::connect(&cluster.gateways[0], "acme", user, &[ROOM]).await);
    }
    let all = [("u1", 1), ("u2", 1), ("u3", 1), ("u4", 1)];
    until_present(&cluster.gateways[1], ROOM, &all).await;
    let status = json!({"action": "status", "data": {"status": "busy"}});
    assert_eq!(devices[0].client.request(status).await["type"], "ack");
    // It is told soon after the acknowledgement.
    let busy = ("status_changed".to_owned(), "u2".to_owned());
    let since = Instant::now();
    while !told(&mut watcher).await.contains(&busy) {
        assert!(since.elapsed() < Duration::from_secs(30), "{busy:?}");
    }

    cluster.gateways[0].kill();
    let since = Instant::now();
    // One comes back at the other gateway, and has not left.
    devices[0].until_closed().await;
    devices[0].come_back_at(&cluster.gateways[1]).await;
    until_present(&cluster.gateways[1], ROOM, &[("u1", 1), ("u2", 1)]).await;
    let gone = tells(&[("left", "u3"), ("left", "u4")]);
    let told = loop {
        let told = told(&mut watcher).await;
        if gone.iter().all(|event| told.contains(event)) {
            break told;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{told:?}");
    };
    for user in ["user:u3", "user:u4"] {
        until_present(&cluster.gateways[1], user, &[]).await;
    }
    let took = since.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    for (event, user, count) in [
        ("joined", "u2", 1),
        ("status_changed", "u2", 1),
        ("left", "u2", 0),
        ("left", "u3", 1),
        ("left", "u4", 1),
    ] {
        let event = (event.to_owned(), user.to_owned());
        let found = told.iter().filter(|told| **told == event).count();
        assert_eq!(found, count, "{event:?}: {told:?}");
    }
    cluster.gateways[1]
        .metric_rises("causerie_presence_sweeps_total")
        .await;
}

#[tokio::test]
async fn a_gateway_that_hung_tells_anew_who_is_there() {
    let mut cluster = Cluster::options().brokers(0).start().await;
    let mut watcher = Device::connect(&cluster.gateways[1], "acme", "u1", &[ROOM]).await;
    let mut person = Device::connect(&cluster.gateways[0], "acme", "u2", &[ROOM]).await;
    let both = [("u1", 1), ("u2", 1)];
    until_present(&cluster.gateways[1], ROOM, &both).await;
    cluster.gateways[0].pause();
    until_present(&cluster.gateways[1], ROOM, &[("u1", 1)]).await;
    cluster.gateways[0].resume();
    until_present(&cluster.gateways[1], ROOM, &both).await;
    person.catch_up().await;
    let all = [("joined", "u2"), ("left", "u2"), ("joined", "u2")];
    until_told(&mut watcher, &all).await;
}

#[tokio::test]
async fn who_is_there_is_known_again_where_redis_lost_it() {
    let mut cluster = Cluster::options().brokers(0).start().await;
    let _one = Device::connect(&cluster.gateways[0], "acme", "u1", &[ROOM]).await;
    let _two = Device::connect(&cluster.gateways[1], "acme", "u2", &[ROOM]).await;
    let both = [("u1", 1), ("u2", 1)];
    until_present(&cluster.gateways[1], ROOM, &both).await;
    cluster.redis().command(&["FLUSHALL"]).await;
    until_present(&cluster.gateways[0], ROOM, &both).await;
}

/// How often a gateway has asked Redis for `verb`.
async fn asked(gateway: &Node, verb: &str) -> f64 {
    let label = format!("verb=\"{verb}\"");
    let metrics = gateway.metrics().await;
    let of_verb =
        |line: &&str| line.starts_with("causerie_bus_verb_seconds_count{") && line.contains(&label);
    let line = metrics
        .lines()
        .find(of_verb)
        .expect("the verb was asked for");
    let (_, count) = line.rsplit_once(' ').unwrap();
    count.parse().unwrap()
}

#[tokio::test]
async fn a_crowd_that_comes_over_costs_few_commands() {
    const CROWD: usize = 200;
    // All are told of each.
    let options = Cluster::options().env("PRESENCE_ANNOUNCE_UP_TO", "1000");
    let mut cluster = options.brokers(0).start().await;
    let names: Vec<_> = (100..100 + CROWD)
        .map(|number| format!("u{number}"))
        .collect();
    let connecting = names
        .iter()
        .map(|name| Device::connect(&cluster.gateways[0], "acme", name, &[ROOM]));
    let mut crowd = join_all(connecting).await;
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    until_present(&cluster.gateways[1], ROOM, &all).await;
    cluster.gateways[0].kill();
    for device in &mut crowd {
        device.until_closed().await;
    }
    let there = &cluster.gateways[1];
    join_all(crowd.iter_mut().map(|device| device.come_back_at(there))).await;
    until_present(there, "tenant", &all).await;
    until_present(there, ROOM, &all).await;
    // Each is told of in three rooms.
    let told = there.metric("causerie_presence_told_total").await;
    assert!(told >= 3.0 * CROWD as f64, "{told}");
    let asked = asked(there, "attend").await;
    assert!(asked < told / 4.0, "{asked} commands for {told}");
    crowd[0].catch_up().await;
    let left = crowd[0].client.frames().into_iter();
    let left = left.filter(|frame| frame["type"] == "user_left");
    assert_eq!(left.count(), 0);
}
