//! Who is shown typing while a real Redis is away or slow.

use std::time::Duration;

use causerie_gateway::settings::Settings;
use causerie_testkit::client::ws::Client;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::redis::{ROOM, bus_at, node_at, patient_bus_at, say_at_last};
use crate::support::Node;

fn typing() -> Value {
    json!({"action": "typing", "is_typing": true, "room": ROOM})
}

/// What was heard of somebody's typing, in its order.
fn signs_of(listener: &Client, user: &str) -> Vec<bool> {
    let frames = listener.frames().into_iter();
    let signs = frames
        .filter(|frame| frame["type"] == "typing_indicator" && frame["data"]["user_id"] == user);
    signs
        .map(|frame| frame["data"]["is_typing"] == true)
        .collect()
}

#[tokio::test]
async fn who_typed_while_redis_was_away_is_not_left_typing_after_it() {
    let mut redis = Redis::start().await;
    // Longer than a sign of typing lasts.
    let bus = patient_bus_at(redis.url(), Duration::from_secs(4)).await;
    let node = Node::start(&bus, Settings::default()).await;
    let mut listener = node.in_project("u0").await;
    let mut typists = Vec::new();
    for user in ["u1", "u2", "u3"] {
        typists.push(node.in_project(user).await);
    }
    redis.pause();
    for typist in &mut typists[..2] {
        typist.request(typing()).await;
    }
    bus.ping().await.unwrap_err();
    redis.resume();
    say_at_last(&mut typists[2], ROOM).await;
    listener.expect_type("new_message").await;
    // Signs are transient: one may be lost while the node finds its place.
    let settled = async {
        let is_left = |user| signs_of(&listener, user).last() == Some(&true);
        while signs_of(&listener, "u3").is_empty() || ["u1", "u2"].into_iter().any(is_left) {
            typists[2].request(typing()).await;
        }
    };
    timeout(Duration::from_secs(10), settled).await.unwrap();
}

#[tokio::test]
async fn a_slow_answer_to_one_sign_of_typing_makes_no_other_late() {
    const TYPISTS: usize = 30;
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let node = node_at(proxy.url("redis")).await;
    let good = node_at(redis.url()).await;
    let mut listener = good.in_project("listener").await;
    let mut typists = Vec::new();
    for number in 0..TYPISTS {
        typists.push(node.in_project(&format!("u{number}")).await);
    }
    // One after the other they would take three times as long as a sign lasts, and
    // those that came too late would not be shown.
    proxy.delay(Duration::from_millis(150));
    for typist in &mut typists {
        typist.request(typing()).await;
    }
    for number in 0..TYPISTS {
        let user = format!("u{number}");
        let is_of = |frame: &Value| frame["data"]["user_id"] == user.as_str();
        let shown = listener.expect("a sign", is_of).await;
        assert_eq!(shown["data"]["is_typing"], true, "{user}");
    }
}

#[tokio::test]
async fn that_a_typist_has_gone_is_told_when_redis_is_back() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let bus = bus_at(proxy.url("redis")).await;
    let node = Node::start(&bus, Settings::default()).await;
    let good = node_at(redis.url()).await;
    let mut listener = good.in_project("u0").await;
    let mut typist = node.in_project("u1").await;
    typist.request(typing()).await;
    listener.expect_type("typing_indicator").await;
    proxy.block();
    typist.vanish().await;
    // By the second time the sign has been given up.
    bus.ping().await.unwrap_err();
    bus.ping().await.unwrap_err();
    assert_eq!(signs_of(&listener, "u1"), [true]);
    proxy.resume();
    let ended = |frame: &Value| frame["data"]["is_typing"] == false;
    listener.expect("its end", ended).await;
}
