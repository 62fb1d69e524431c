//! A gateway is told to end while people talk.

use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use serde_json::json;

use crate::kit::device::{Device, PATIENCE};

#[tokio::test]
async fn clients_of_a_gateway_that_ends_are_sent_away_and_miss_nothing() {
    let words = Behaviour::new(Plot::Tokens(300)).at_pace(Duration::from_millis(10));
    let mut cluster = Cluster::options().behaviour(words).start().await;
    let mut still = Device::connect(&cluster.gateways[1], "acme", "u1", &[]).await;
    let mut sent = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let asked = sent.ask(json!({"user_input": "Tell me all."})).await;
    let question = asked["message_id"].as_str().unwrap();
    sent.running("user:u1", 5).await;

    cluster.gateways[0].terminate();
    let closed = sent.until_closed().await;
    assert_eq!(closed.code, Some(1012), "{closed:?}");
    let after = closed.reason.strip_prefix("reconnect after=");
    let after: Option<u64> = after.and_then(|ms| ms.parse().ok());
    assert!(after.is_some(), "{closed:?}");
    sent.come_back_at(&cluster.gateways[1]).await;

    assert_eq!(
        sent.answer(question).await,
        still.answer(question).await,
        "both see the same end"
    );
    let [still, sent] = [&still, &sent].map(|device| &device.view.room("user:u1").events);
    assert_eq!(still, sent);
    assert_eq!(cluster.ai.calls().len(), 1);

    let status = cluster.gateways[0].wait(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
}
