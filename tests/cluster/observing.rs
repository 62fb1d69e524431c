//! What an operator sees of a conversation.

use causerie_testkit::cluster::Cluster;
use serde_json::json;

use crate::kit::device::Device;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test]
async fn a_trace_goes_from_the_clients_frame_to_the_model() {
    let cluster = Cluster::start().await;
    let mut device = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let frame = json!({
        "action": "sendMessage",
        "traceparent": format!("00-{TRACE}-b7ad6b7169203331-01"),
        "data": {"user_input": "Where am I?"},
    });
    let ack = device.client.request(frame).await;
    device
        .answer(ack["data"]["message_id"].as_str().unwrap())
        .await;
    let calls = cluster.ai.calls();
    let traceparent = calls[0].traceparent.as_deref().unwrap_or_default();
    assert!(traceparent.contains(TRACE), "{traceparent}");
}

#[tokio::test]
async fn metrics_tell_of_a_conversation() {
    let cluster = Cluster::start().await;
    let mut device = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let ack = device.ask(json!({"user_input": "Hello?"})).await;
    device.answer(ack["message_id"].as_str().unwrap()).await;

    let gateway = &cluster.gateways[0];
    assert!(gateway.metric("causerie_connections").await >= 1.0);
    assert!(gateway.metric("causerie_rooms").await >= 2.0);
    assert!(gateway.metric("causerie_deliveries_total").await >= 4.0);
    let latency = gateway
        .metric("causerie_publish_to_deliver_seconds_count")
        .await;
    assert!(latency >= 4.0, "{latency}");
    let mut first_texts = 0.0;
    for broker in &cluster.brokers {
        let metrics = broker.metrics().await;
        assert!(metrics.contains("causerie_broker_queue_depth"), "{metrics}");
        first_texts += broker
            .metric("causerie_broker_first_text_seconds_count")
            .await;
    }
    assert!(first_texts >= 1.0);
}

#[tokio::test]
async fn what_has_not_happened_is_shown_as_zero() {
    let cluster = Cluster::start().await;
    let gateway = cluster.gateways[0].metrics().await;
    for series in [
        "causerie_connections{transport=\"sse\"}",
        "causerie_deliveries_total",
        "causerie_drops_total{reason=\"slow_text\"}",
        "causerie_feed_overflows_total",
        "causerie_gaps_total{kind=\"reply\"}",
        "causerie_repairs_total{outcome=\"lost\"}",
        "causerie_recoveries_total{from=\"log\"}",
        "causerie_shard_stalls_total",
    ] {
        let line = format!("\n{series} 0\n");
        assert!(gateway.contains(&line), "{series} is not 0 in {gateway}");
    }
    let broker = cluster.brokers[0].metrics().await;
    for series in [
        "causerie_broker_takeovers_total",
        "causerie_broker_dead_letters_total",
        "causerie_broker_replies_total{finish_reason=\"error\"}",
    ] {
        let line = format!("\n{series} 0\n");
        assert!(broker.contains(&line), "{series} is not 0 in {broker}");
    }
}
