//! Somebody comes in the middle of a reply.

use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use serde_json::{Value, json};

use crate::kit::device::Device;

fn of_type(device: &Device, kind: &str) -> Vec<Value> {
    let mut frames = device.client.frames();
    frames.retain(|frame| frame["type"] == kind);
    frames
}

#[tokio::test]
async fn a_late_joiner_gets_a_snapshot_and_exactly_what_follows() {
    let words = Behaviour::new(Plot::Tokens(300)).at_pace(Duration::from_millis(10));
    let cluster = Cluster::options().behaviour(words).start().await;
    let mut early = Device::connect(&cluster.gateways[0], "acme", "u1", &["project:p1"]).await;
    early
        .ask(json!({"user_input": "Go on.", "project_id": "p1"}))
        .await;
    let reply = early.running("project:p1", 10).await;

    // One on the same gateway, one on a gateway that knows nothing of the room yet.
    let mut late = Vec::new();
    for gateway in &cluster.gateways {
        let device = Device::connect(gateway, "acme", "u2", &["project:p1"]).await;
        late.push(device);
    }
    let end = early.reply(&reply).await;
    let deltas = of_type(&early, "message_delta");
    for device in &mut late {
        assert_eq!(device.reply(&reply).await, end);

        let snapshots = of_type(device, "message_snapshot");
        let [snapshot] = &snapshots[..] else {
            panic!("one snapshot: {snapshots:?}")
        };
        let index = snapshot["data"]["index"].as_i64().unwrap();
        assert!((9..300).contains(&index), "{snapshot}");
        let so_far = deltas
            .iter()
            .filter(|delta| delta["data"]["index"].as_i64() <= Some(index));
        let so_far: String = so_far
            .map(|delta| delta["data"]["text"].as_str().unwrap())
            .collect();
        assert_eq!(snapshot["data"]["text"], so_far);

        let mut after = deltas.clone();
        after.retain(|delta| delta["data"]["index"].as_i64() > Some(index));
        assert_eq!(of_type(device, "message_delta"), after);
    }
    for gateway in &cluster.gateways {
        gateway.metric_rises("causerie_snapshots_total").await;
    }
}
