//! What an operator sees of a conversation.

use std::time::Instant;

use causerie_testkit::DEADLINE;
use causerie_testkit::client::raw::{RawSocket, opcode};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
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

/// Monitoring made for what Causerie replaces finds what it looks for.
#[tokio::test]
async fn the_metrics_of_before_are_there_under_their_names() {
    let cluster = Cluster::start().await;
    let gateway = &cluster.gateways[0];
    for (name, kind) in [
        ("websocket_connections_total", "gauge"),
        ("websocket_connections_count", "counter"),
        ("websocket_disconnections_total", "counter"),
        ("websocket_messages_sent_total", "counter"),
        ("websocket_messages_received_total", "counter"),
        ("websocket_errors_total", "counter"),
        ("websocket_active_sessions", "gauge"),
    ] {
        let metrics = gateway.metrics().await;
        let shown = format!("# TYPE {name} {kind}\n{name} 0\n");
        assert!(metrics.contains(&shown), "{shown} is not in {metrics}");
    }

    let mut device = Device::connect(gateway, "acme", "u1", &[]).await;
    let other = Device::connect(gateway, "acme", "u1", &[]).await;
    let ack = device.ask(json!({"user_input": "Hello?"})).await;
    device.answer(ack["message_id"].as_str().unwrap()).await;
    device.client.request(json!({"action": "dance"})).await;
    assert_eq!(gateway.metric("websocket_connections_total").await, 2.0);
    assert_eq!(gateway.metric("websocket_connections_count").await, 2.0);
    assert_eq!(gateway.metric("websocket_active_sessions").await, 1.0);
    assert_eq!(
        gateway.metric("websocket_messages_received_total").await,
        2.0
    );
    assert_eq!(gateway.metric("websocket_errors_total").await, 1.0);
    let given = device.client.frames().len() as f64;
    assert!(given > 4.0);
    assert!(gateway.metric("websocket_messages_sent_total").await >= given);
    let metrics = gateway.metrics().await;
    assert!(metrics.contains("# TYPE websocket_message_latency_ms histogram"));
    assert!(gateway.metric("websocket_message_latency_ms_count").await >= 4.0);

    drop((device, other));
    gateway
        .metric_becomes("websocket_connections_total", 0.0)
        .await;
    assert_eq!(gateway.metric("websocket_disconnections_total").await, 2.0);
    assert_eq!(gateway.metric("websocket_connections_count").await, 2.0);
    gateway
        .metric_becomes("websocket_active_sessions", 0.0)
        .await;
}

#[tokio::test]
async fn what_a_model_costs_is_counted_where_it_has_a_price() {
    let cluster = Cluster::options()
        .brokers(1)
        .env("AI_PRICES", "dear=9/9,fake=2.5/10");
    let cluster = cluster.start().await;
    let broker = &cluster.brokers[0];
    let mut device = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let ack = device.ask(json!({"user_input": "Hello?"})).await;
    device.answer(ack["message_id"].as_str().unwrap()).await;
    // Told after the reply.
    broker
        .metric_becomes("causerie_broker_replies_total", 1.0)
        .await;
    let cost = broker.metric("causerie_ai_cost_millionths_total").await;
    let tokens = |kind: &str| format!("causerie_broker_tokens_total{{kind=\"{kind}\"}}");
    let metrics = broker.metrics().await;
    let [prompt, reply] = ["prompt", "completion"].map(|kind| {
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(&tokens(kind)));
        line.unwrap().trim().parse::<f64>().unwrap()
    });
    assert_eq!(cost, (prompt * 2.5 + reply * 10.0).round());
    assert!(!metrics.contains("model=\"dear\""), "{metrics}");
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

/// Waits until so many connections are shown in that state.
async fn until_in_state(gateway: &Node, state: &str, transport: &str, count: u32) {
    let gauge = "causerie_connections_by_state";
    let line = format!("\n{gauge}{{state=\"{state}\",transport=\"{transport}\"}} {count}\n");
    let deadline = Instant::now() + DEADLINE;
    loop {
        let metrics = gateway.metrics().await;
        if metrics.contains(&line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn connections_are_shown_by_state_and_transport() {
    let mut cluster = Cluster::options().brokers(0).start().await;
    let token = Cluster::token("acme", "u1");
    let path = format!("/ws?token={token}");
    let port = cluster.gateways[0].port();
    let address = format!("127.0.0.1:{port}");

    let mut socket = RawSocket::connect(&address).await;
    until_in_state(&cluster.gateways[0], "waiting", "none", 1).await;
    // Nobody joins a room while Redis says nothing of it.
    cluster.redis().pause();
    socket.shake_hands(&path, &[]).await;
    let gateway = &cluster.gateways[0];
    until_in_state(gateway, "joining", "websocket", 1).await;
    until_in_state(gateway, "waiting", "none", 0).await;
    cluster.redis().resume();
    let gateway = &cluster.gateways[0];
    until_in_state(gateway, "joined", "websocket", 1).await;
    let url = format!("{}/api/events?token={token}", gateway.url());
    let mut stream = Sse::open(&url, &[]).await;
    stream.expect_name("ready").await;
    until_in_state(gateway, "joined", "sse", 1).await;
    until_in_state(gateway, "joining", "websocket", 0).await;

    // It says goodbye, and does not hang up.
    socket.send_frame(true, opcode::CLOSE, &[]).await;
    until_in_state(gateway, "closing", "websocket", 1).await;
    drop((socket, stream));
    for transport in ["websocket", "sse"] {
        for state in ["joining", "joined", "closing"] {
            until_in_state(gateway, state, transport, 0).await;
        }
    }
}
