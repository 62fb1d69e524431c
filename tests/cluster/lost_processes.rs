//! A program is killed in the middle of a sentence.

use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use serde_json::json;

use crate::kit::device::Device;
use crate::kit::words;

const WORDS: usize = 300;

async fn talkative() -> Cluster {
    let words = Behaviour::new(Plot::Tokens(WORDS)).at_pace(Duration::from_millis(10));
    Cluster::options().behaviour(words).start().await
}

#[tokio::test]
async fn a_killed_brokers_reply_begins_again_and_is_said_whole_and_once() {
    let mut cluster = talkative().await;
    let mut one = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let mut two = Device::connect(&cluster.gateways[1], "acme", "u1", &[]).await;
    let asked = one.ask(json!({"user_input": "Tell me all."})).await;
    let question = asked["message_id"].as_str().unwrap();
    one.running("user:u1", 5).await;

    let mut holder = None;
    for (number, broker) in cluster.brokers.iter().enumerate() {
        if broker.metric("causerie_broker_slots_taken").await > 0.0 {
            holder = Some(number);
        }
    }
    cluster.brokers[holder.expect("some broker makes it")].kill();

    for device in [&mut one, &mut two] {
        let answer = device.answer(question).await;
        assert_eq!(answer["data"]["content"], words(WORDS));
        assert_eq!(answer["data"]["finish_reason"], "stop");
        assert_eq!(answer["data"]["metadata"]["attempt"], 2);
        let reply = device.view.reply(device.view.reply_to(question).unwrap());
        let reply = reply.unwrap();
        assert_eq!((reply.attempt, reply.restarts), (2, 1), "{reply:?}");
    }
    let calls: Vec<_> = cluster.ai.calls();
    assert_eq!(calls.len(), 2, "one call an attempt: {calls:?}");
}

#[tokio::test]
async fn a_killed_gateways_clients_miss_nothing_at_the_other() {
    let mut cluster = talkative().await;
    let mut still = Device::connect(&cluster.gateways[1], "acme", "u1", &[]).await;
    let mut moved = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let asked = moved.ask(json!({"user_input": "Tell me all."})).await;
    let question = asked["message_id"].as_str().unwrap();
    moved.running("user:u1", 5).await;

    cluster.gateways[0].kill();
    moved.until_closed().await;
    moved.come_back_at(&cluster.gateways[1]).await;

    for device in [&mut still, &mut moved] {
        let answer = device.answer(question).await;
        assert_eq!(answer["data"]["content"], words(WORDS));
        assert_eq!(answer["data"]["metadata"]["attempt"], 1);
    }
    let [still, moved] = [&still, &moved].map(|device| &device.view.room("user:u1").events);
    assert_eq!(still, moved);
    assert_eq!(cluster.ai.calls().len(), 1);
}
