//! Redis stands still, or is restarted, in the middle of a sentence.

use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use serde_json::json;

use crate::kit::device::Device;
use crate::kit::words;

const WORDS: usize = 1500;

/// Its replies take fifteen seconds: longer than Redis is away.
async fn talkative() -> Cluster {
    let words = Behaviour::new(Plot::Tokens(WORDS)).at_pace(Duration::from_millis(10));
    Cluster::options()
        .durable()
        .behaviour(words)
        .env("REDIS_TIMEOUT", "1s")
        .start()
        .await
}

#[tokio::test]
async fn a_redis_that_stands_still_delays_and_nothing_else() {
    let mut cluster = talkative().await;
    let mut one = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let mut two = Device::connect(&cluster.gateways[1], "acme", "u1", &[]).await;
    let asked = one.ask(json!({"user_input": "Tell me all."})).await;
    let question = asked["message_id"].as_str().unwrap();
    one.running("user:u1", 5).await;

    cluster.redis().pause();
    // Each try waits for Redis as long as a gateway may, and is then refused.
    // Together they last longer than the watch for dead brokers.
    let late = json!({"action": "sendMessage", "id": "late",
        "data": {"user_input": "Still there?", "session_id": "other", "ai": false}});
    for _ in 0..5 {
        let refusal = two.client.request(late.clone()).await;
        assert_eq!(refusal["code"], "overloaded", "{refusal}");
        assert_eq!(refusal["canRetry"], true, "{refusal}");
        assert!(refusal["retry_after_ms"].as_u64() > Some(0), "{refusal}");
    }
    cluster.redis().resume();
    let ack = loop {
        let answer = two.client.request(late.clone()).await;
        if answer["type"] == "ack" {
            break answer["data"].clone();
        }
    };

    for device in [&mut one, &mut two] {
        let answer = device.answer(question).await;
        assert_eq!(answer["data"]["content"], words(WORDS));
        assert_eq!(answer["data"]["metadata"]["attempt"], 1);
        let room = device.view.room("user:u1");
        assert_eq!(room.said(), ["Tell me all.", "Still there?"]);
        assert_eq!(ack["seq"], 2);
    }
    assert_eq!(cluster.ai.calls().len(), 1);
}

#[tokio::test]
async fn a_redis_that_restarts_with_its_data_begins_a_life_that_goes_on() {
    let mut cluster = talkative().await;
    let mut one = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let asked = one.ask(json!({"user_input": "Tell me all."})).await;
    let question = asked["message_id"].as_str().unwrap();
    one.running("user:u1", 5).await;

    cluster.redis().kill();
    cluster.redis().restart().await;

    let answer = one.answer(question).await;
    assert_eq!(answer["data"]["content"], words(WORDS));
    assert_eq!(answer["data"]["metadata"]["attempt"], 1);
    assert_ne!(answer["epoch"], asked["epoch"], "a new life has begun");
    assert_eq!(answer["seq"], 2);
    let frames = one.client.frames();
    let told = frames
        .iter()
        .rfind(|frame| frame["type"] == "subscribed" && frame["room"] == "user:u1");
    let told = told.unwrap();
    assert_eq!(told["epoch"], answer["epoch"], "{told}");
    assert_eq!(told["recovered"], true, "{told}");
    assert_eq!(cluster.ai.calls().len(), 1);
}
