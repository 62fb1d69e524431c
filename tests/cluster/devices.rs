//! Two devices of one user, on two gateways.

use std::sync::Arc;
use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use serde_json::json;

use crate::kit::device::Device;

/// The events of a reply and its question, as they stood on the wire.
fn stream(device: &Device) -> Vec<Arc<str>> {
    let kinds = [
        "new_message",
        "ai_processing_start",
        "message_delta",
        "message",
    ];
    let mut texts = device.client.texts();
    texts.retain(|text| {
        let kind = |kind: &&str| text.contains(&format!(r#""type":"{kind}""#));
        kinds.iter().any(kind)
    });
    texts
}

#[tokio::test]
async fn two_devices_of_one_user_see_the_same_stream() {
    let words = Behaviour::new(Plot::Tokens(100)).at_pace(Duration::from_millis(5));
    let cluster = Cluster::options().behaviour(words).start().await;
    let mut phone = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let mut laptop = Device::connect(&cluster.gateways[1], "acme", "u1", &[]).await;
    let mut stranger = Device::connect(&cluster.gateways[1], "acme", "u2", &[]).await;

    let asked = phone.ask(json!({"user_input": "What now?"})).await;
    let question = asked["message_id"].as_str().unwrap();
    let answer = phone.answer(question).await;
    assert_eq!(laptop.answer(question).await, answer);

    let seen = stream(&phone);
    assert_eq!(seen, stream(&laptop));
    let deltas = seen.iter().filter(|text| text.contains("message_delta"));
    assert!(deltas.count() > 2, "it was streamed: {seen:?}");
    for text in seen.iter().filter(|text| text.contains(r#""seq""#)) {
        let head = |name: &str| text.find(&format!(r#""{name}":"#)).unwrap();
        assert_eq!(head("seq"), 1, "{text}");
        assert!(
            head("epoch") < head("ts") && head("ts") < head("type"),
            "{text}"
        );
    }
    // A room is its members' own.
    stranger.catch_up().await;
    assert!(
        stream(&stranger).is_empty(),
        "{:?}",
        stranger.client.texts()
    );
}
