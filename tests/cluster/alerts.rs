//! What is wrong is told once when it begins and once when it is over, whoever watches.

use std::collections::BTreeMap;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::client::ws::Connect;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use serde_json::{Value, json};

use crate::kit::device::Device;
use crate::status::{Watching, get, nodes, options};

/// How often the frames tell of that alert, by what they tell.
fn told(frames: &[Value], alert: &str) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for frame in frames {
        if frame["type"] == "performance_alert" && frame["data"]["alert"] == alert {
            let state = frame["data"]["state"].as_str().unwrap();
            *told.entry(state.to_owned()).or_default() += 1;
        }
    }
    told
}

fn once_and_over() -> BTreeMap<String, usize> {
    ["raised", "cleared"]
        .map(|state| (state.to_owned(), 1))
        .into()
}

/// Waits until the socket has told that.
async fn expect_alert(watching: &mut Watching, alert: &str, state: &str) -> Value {
    let is_it = |frame: &Value| {
        let data = &frame["data"];
        frame["type"] == "performance_alert" && data["alert"] == alert && data["state"] == state
    };
    let frame = watching.socket.expect(alert, is_it).await;
    frame["data"].clone()
}

/// The kinds of what is kept of that alert, the oldest first.
async fn kept(gateway: &Node, alert: &str) -> Vec<String> {
    let path = "/api/websocket/status/history?limit=500";
    let history = get(gateway, path).await.json();
    let entries = history["entries"].as_array().unwrap().iter().rev();
    let of_it = entries.filter(|entry| entry["alert"] == alert);
    of_it
        .map(|entry| entry["kind"].as_str().unwrap().to_owned())
        .collect()
}

const RAISED_AND_CLEARED: [&str; 2] = ["alert_raised", "alert_cleared"];

#[tokio::test]
async fn a_broker_that_dies_is_told_of_once_and_so_is_its_return() {
    let mut cluster = options().env("STATUS_TENANTS", "acme").start().await;
    let mut device = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let mut stranger = Device::connect(&cluster.gateways[1], "bolt", "u1", &[]).await;
    let mut here = Watching::at(&cluster.gateways[0]).await;
    let mut there = Watching::at(&cluster.gateways[1]).await;
    here.expect("all programs", |status| nodes(status, "up").len() == 4)
        .await;

    cluster.brokers[0].kill();
    let alert = "node_gone:broker-1";
    for watching in [&mut here, &mut there] {
        let told = expect_alert(watching, alert, "raised").await;
        assert_eq!(told["severity"], "warning");
        assert_eq!(told["node"], "broker-1");
        let is_degraded = |status: &Value| status["status"] == "degraded";
        watching.expect("one word", is_degraded).await;
    }
    let gateway = &cluster.gateways[1];
    let alerts = get(gateway, "/api/websocket/status/alerts").await;
    assert_eq!(alerts.json()["alerts"][0]["alert"], alert);
    let health = get(gateway, "/api/websocket/status/health").await;
    assert_eq!(health.json()["checks"]["nobody_gone"], false);

    cluster.restart_broker(0).await;
    for watching in [&mut here, &mut there] {
        let recovery = watching.socket.expect_type("recovery_attempt").await;
        assert_eq!(recovery["data"]["name"], "broker-1");
        assert_eq!(recovery["data"]["outcome"], "recovered");
        expect_alert(watching, alert, "cleared").await;
        watching
            .expect("all is well", |status| status["status"] == "ok")
            .await;
        assert_eq!(told(&watching.socket.frames(), alert), once_and_over());
    }
    let gateway = &cluster.gateways[0];
    assert_eq!(kept(gateway, alert).await, RAISED_AND_CLEARED);
    for (kind, least) in [("recovery", 1), ("figures", 1), ("health_check", 0)] {
        let path = format!("/api/websocket/status/history?kind={kind}");
        let entries = get(gateway, &path).await.json()["entries"].take();
        assert!(
            entries.as_array().unwrap().len() >= least,
            "{kind}: {entries}"
        );
    }
    let bad = get(gateway, "/api/websocket/status/history?kind=gossip").await;
    assert_eq!(bad.status, 400);

    // The tenant that shall hear of it does, in its log, and another does not.
    for state in ["raised", "cleared"] {
        let is_it = |frame: &Value| frame["data"]["state"] == state && frame["seq"].is_u64();
        device.client.expect(state, is_it).await;
    }
    device.client.ping().await;
    assert_eq!(told(&device.client.frames(), alert), once_and_over());
    stranger.client.ping().await;
    assert_eq!(told(&stranger.client.frames(), alert), BTreeMap::new());
}

#[tokio::test]
async fn another_that_watches_raises_nothing_again() {
    let mut cluster = options().start().await;
    let mut watching = Watching::at(&cluster.gateways[0]).await;
    let all = watching
        .expect("all programs", |status| nodes(status, "up").len() == 4)
        .await;
    // Watch at the one that does not watch over all.
    let watcher = usize::from(all["is_watcher"] == false);
    let mut watching = Watching::at(&cluster.gateways[1 - watcher]).await;
    cluster.brokers[0].kill();
    let alert = "node_gone:broker-1";
    expect_alert(&mut watching, alert, "raised").await;
    cluster.gateways[watcher].kill();
    let killed = format!("node_gone:gateway-{}", watcher + 1);
    watching
        .expect("another watcher", |status| status["is_watcher"] == true)
        .await;
    expect_alert(&mut watching, &killed, "raised").await;
    cluster.restart_broker(0).await;
    expect_alert(&mut watching, alert, "cleared").await;
    let frames = watching.socket.frames();
    assert_eq!(told(&frames, alert), once_and_over());
    let survivor = &cluster.gateways[1 - watcher];
    survivor.metric_rises("causerie_status_watcher").await;
    assert_eq!(kept(survivor, alert).await, RAISED_AND_CLEARED);
    assert_eq!(kept(survivor, &killed).await, ["alert_raised"]);
}

#[tokio::test]
async fn a_store_that_is_silent_is_told_of_and_kept_when_it_is_back() {
    let mut cluster = options().start().await;
    let mut watching = Watching::at(&cluster.gateways[0]).await;
    watching
        .expect("all programs", |status| nodes(status, "up").len() == 4)
        .await;
    cluster.redis().pause();
    let alert = "store_unreachable:gateway-1";
    let told_of = expect_alert(&mut watching, alert, "raised").await;
    assert_eq!(told_of["severity"], "critical");
    cluster.redis().resume();
    expect_alert(&mut watching, alert, "cleared").await;
    let is_of_store = |frame: &Value| frame["data"]["what"] == "store";
    let recovery = watching.socket.expect("Redis is back", is_of_store).await;
    assert_eq!(recovery["data"]["outcome"], "recovered");
    assert!(recovery["data"]["tries"].as_u64() >= Some(1));
    watching
        .expect("all is well", |status| status["status"] == "ok")
        .await;
    // Who watches is told first, and it is kept afterwards.
    let gateway = &cluster.gateways[0];
    gateway
        .log_line(r#""message":"recovery","what":"store""#)
        .await;
    assert_eq!(kept(gateway, alert).await, RAISED_AND_CLEARED);
    assert_eq!(told(&watching.socket.frames(), alert), once_and_over());
}

/// By its heartbeats a broker tells that its breaker is open, and that it is closed again.
#[tokio::test]
async fn a_backend_that_fails_is_told_of_and_so_is_its_recovery() {
    let options = options().brokers(1).env("AI_RETRIES", "0");
    let options = options.env("AI_BREAKER_FAILURES", "2");
    let cluster = options.env("AI_BREAKER_OPEN_FOR", "3s").start().await;
    let [here, there] = [&cluster.gateways[0], &cluster.gateways[1]];
    let mut elsewhere = Watching::at(here).await;
    let mut watching = Watching::at(there).await;
    watching
        .expect("the backend", |status| {
            status["ai_backends"]["openai"] == json!({"closed": 1})
        })
        .await;

    let refusal = Plot::Refuse {
        status: 500,
        retry_after: None,
    };
    cluster
        .ai
        .script([refusal.clone(), refusal].map(Behaviour::new));
    let mut device = Device::connect(here, "acme", "u1", &[]).await;
    let mut ask = async || {
        let ack = device.ask(json!({"user_input": "Hello?"})).await;
        let answer = device.answer(ack["message_id"].as_str().unwrap()).await;
        answer["data"]["finish_reason"].clone()
    };
    assert_eq!([ask().await, ask().await], ["error", "error"]);
    let alert = "ai_backend:openai";
    let told_of = expect_alert(&mut watching, alert, "raised").await;
    assert_eq!(told_of["severity"], "warning");
    expect_alert(&mut elsewhere, alert, "raised").await;
    for gateway in [here, there] {
        let live = get(gateway, "/api/status/live").await.json();
        assert_eq!(live["ai_backends"]["openai"], json!({"open": 1}), "{live}");
        let alerts = live["alerts"].as_array().unwrap();
        assert!(alerts.iter().any(|one| one["alert"] == alert), "{live}");
    }

    // It is left alone for a while, and people are told so meanwhile.
    while ask().await != "stop" {}
    assert_eq!(cluster.ai.calls().len(), 3);
    let is_recovery = |frame: &Value| {
        let data = &frame["data"];
        data["what"] == "ai_backend" && data["outcome"] == "recovered"
    };
    let recovery = watching.socket.expect("its recovery", is_recovery).await;
    assert_eq!(recovery["data"]["name"], "openai");
    assert_eq!(recovery["data"]["node"], "broker-1");
    expect_alert(&mut watching, alert, "cleared").await;
    assert_eq!(kept(here, alert).await, RAISED_AND_CLEARED);
    assert_eq!(told(&watching.socket.frames(), alert), once_and_over());
}

#[tokio::test]
async fn connections_in_vain_and_a_full_gateway_are_told_of() {
    let options = options().env("WEBSOCKET_MAX_CONNECTIONS", "1");
    let cluster = options.env("STATUS_MIN_SAMPLES", "2").start().await;
    let gateway = &cluster.gateways[0];
    let mut watching = Watching::at(gateway).await;
    let _device = Device::connect(gateway, "acme", "u1", &[]).await;
    let token = Cluster::token("acme", "u2");
    let refused = Connect::to(&gateway.ws_url()).param("token", &token);
    assert_eq!(refused.try_open().await.unwrap_err().status, 503);
    let critical = expect_alert(&mut watching, "connection_success:critical", "raised").await;
    assert_eq!(critical["severity"], "critical");
    assert_eq!(critical["threshold"], 95.0);
    let full = expect_alert(&mut watching, "connections_full:gateway-1", "raised").await;
    assert_eq!(full["severity"], "informational");
    let is_critical = |status: &Value| status["status"] == "critical";
    watching.expect("one word", is_critical).await;
    let shown = gateway.metric("causerie_alerts").await;
    assert!(shown >= 2.0, "{shown}");
    // The window goes by, and with it what was in vain.
    expect_alert(&mut watching, "connection_success:critical", "cleared").await;
}
