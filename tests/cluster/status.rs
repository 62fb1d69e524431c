//! How the installation fares, as an operator sees it from any gateway.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::cluster::{Cluster, Options};
use causerie_testkit::process::Node;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::device::Device;

/// The installation's own, under which alone one is an operator.
pub(crate) const SECRET: &str = "the installation's own, for operators";

/// A cluster that has operators, and shows itself every second.
pub(crate) fn options() -> Options {
    Cluster::options()
        .env("AUTH_JWT_SECRET", SECRET)
        .env("STATUS_INTERVAL", "1s")
        .env("STATUS_WINDOW", "10s")
        // Where many tests run they are late.
        .env("STATUS_EVENT_LOOP_LAG", "60s")
}

pub(crate) fn operator() -> String {
    Token::of("acme", "ops").role("operator").sign(SECRET)
}

/// Watches the status at a gateway.
pub(crate) struct Watching {
    pub(crate) socket: Client,
    /// When the last status was made that was looked at.
    seen_ms: u64,
}

impl Watching {
    pub(crate) async fn at(gateway: &Node) -> Self {
        let connect = Connect::to(&format!("{}/status", gateway.ws_url()))
            .subprotocol("picasso-chat-v1")
            .subprotocol(&format!("bearer.{}", operator()));
        Self {
            socket: connect.open().await,
            seen_ms: 0,
        }
    }

    /// Waits for a status that is as wanted, and later than those before.
    pub(crate) async fn expect(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let seen_ms = self.seen_ms;
        let is_wanted = |frame: &Value| {
            frame["type"] == "system_status_update"
                && frame["ts"].as_u64() > Some(seen_ms)
                && fits(&frame["data"])
        };
        let frame = self.socket.expect(what, is_wanted).await;
        self.seen_ms = frame["ts"].as_u64().unwrap();
        frame["data"].clone()
    }
}

pub(crate) async fn get(gateway: &Node, path: &str) -> Answer {
    let bearer = format!("Bearer {}", operator());
    let headers = [("authorization", &*bearer)];
    request(
        Method::GET,
        &format!("{}{path}", gateway.url()),
        &headers,
        None,
    )
    .await
}

/// The nodes that are in that state.
pub(crate) fn nodes(status: &Value, state: &str) -> Vec<String> {
    let nodes = status["nodes"].as_array().unwrap().iter();
    let nodes = nodes.filter(|node| node["state"] == state);
    nodes
        .map(|node| node["node"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_operator_sees_all_programs_at_any_gateway() {
    let cluster = options().start().await;
    let mut device = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let mut watching = Watching::at(&cluster.gateways[1]).await;
    assert_eq!(watching.socket.subprotocol(), Some("picasso-chat-v1"));
    cluster.gateways[1]
        .metric_rises("causerie_status_sockets")
        .await;
    let all = ["broker-1", "broker-2", "gateway-1", "gateway-2"];
    watching
        .expect("all programs", |status| {
            nodes(status, "up") == all && status["connections"]["total"] == 1
        })
        .await;

    let ack = device.ask(json!({"user_input": "Hello?"})).await;
    device.answer(ack["message_id"].as_str().unwrap()).await;
    let status = watching
        .expect("what was said", |status| {
            let figures = &status["figures"];
            figures["per_second"]["messages"].as_f64() > Some(0.0)
                && figures["per_second"]["replies"].as_f64() > Some(0.0)
                && figures["latency_ms"]["p95"].as_f64() > Some(0.0)
                && figures["first_text_ms"]["p50"].as_f64() > Some(0.0)
        })
        .await;
    assert_eq!(status["status"], "ok");
    assert_eq!(status["store"]["is_reachable"], true);
    assert_eq!(status["ai_backends"]["openai"], json!({"closed": 2}));
    for node in status["nodes"].as_array().unwrap() {
        assert!(node["memory_bytes"].as_u64() > Some(1 << 20), "{node}");
        assert!(node["since_ms"].as_u64() > Some(1_600_000_000_000));
        assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
    }

    // The same over HTTP, at the other gateway.
    let gateway = &cluster.gateways[0];
    let live = get(gateway, "/api/status/live").await.json();
    assert_eq!(nodes(&live, "up"), all);
    for path in ["/api/status/connections", "/api/websocket/connections"] {
        let connections = get(gateway, path).await.json();
        assert_eq!(connections["by_transport"]["websocket"], 1, "{path}");
        assert_eq!(connections["nodes"][0]["node"], "gateway-1", "{path}");
    }
    for path in ["/api/status/metrics", "/api/websocket/metrics"] {
        let metrics = get(gateway, path).await.json();
        assert_eq!(metrics["totals"]["gateways"], 2, "{path}");
        assert_eq!(metrics["nodes"].as_array().unwrap().len(), 4, "{path}");
    }
    let summary = get(gateway, "/api/websocket/status").await.json();
    assert_eq!(
        (&summary["status"], &summary["connections"]),
        (&json!("ok"), &json!(1))
    );
    let system = get(gateway, "/api/websocket/status/system").await.json();
    assert_eq!(system["nodes"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn who_dies_is_gone_and_who_ends_is_not_missed() {
    let mut cluster = options().start().await;
    let mut watching = Watching::at(&cluster.gateways[0]).await;
    watching
        .expect("all programs", |status| nodes(status, "up").len() == 4)
        .await;
    cluster.brokers[0].kill();
    let status = watching
        .expect("a dead broker", |status| {
            nodes(status, "gone") == ["broker-1"] && status["status"] == "degraded"
        })
        .await;
    assert_eq!(status["totals"]["brokers"], 1);
    let metrics = cluster.gateways[0].metrics().await;
    let gone = "causerie_nodes{program=\"broker\",state=\"gone\"} 1\n";
    assert!(metrics.contains(gone), "{metrics}");

    cluster.brokers[1].terminate();
    cluster.gateways[1].terminate();
    let status = watching
        .expect("those that ended", |status| {
            nodes(status, "up") == ["gateway-1"]
        })
        .await;
    assert_eq!(nodes(&status, "gone"), ["broker-1"]);
}

#[tokio::test]
async fn while_redis_is_silent_the_status_says_so() {
    let mut cluster = options().start().await;
    let mut watching = Watching::at(&cluster.gateways[0]).await;
    watching
        .expect("all programs", |status| nodes(status, "up").len() == 4)
        .await;
    cluster.redis().pause();
    let status = watching
        .expect("no Redis", |status| status["status"] == "critical")
        .await;
    assert_eq!(status["store"]["is_reachable"], false);
    assert_eq!(nodes(&status, "up").len(), 4, "nothing is known of them");
    cluster.redis().resume();
    watching
        .expect("Redis again", |status| {
            status["status"] == "ok" && nodes(status, "up").len() == 4
        })
        .await;
}

#[tokio::test]
async fn one_who_watches_is_told_what_is_answered_there() {
    let cluster = options().start().await;
    let mut socket = Watching::at(&cluster.gateways[0]).await.socket;
    let pong = socket.request(json!({"action": "ping", "id": "p1"})).await;
    assert_eq!((&pong["type"], &pong["id"]), (&json!("pong"), &json!("p1")));
    socket.send(json!({"action": "sendMessage"})).await;
    let error = socket.expect_type("error").await;
    assert_eq!(error["code"], "unknown_action");

    // Nobody else watches, and none with a token that has expired.
    let gateway = &cluster.gateways[0];
    let url = format!("{}/status", gateway.ws_url());
    let user = Connect::to(&url).param("token", &Cluster::token("acme", "u1"));
    assert_eq!(user.try_open().await.unwrap_err().status, 403);
    // A token holds for a minute after its end.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let almost_a_minute_ago = now - Duration::from_secs(56);
    let short = Token::of("acme", "ops")
        .role("operator")
        .claim("exp", json!(almost_a_minute_ago.as_secs()))
        .sign(SECRET);
    let mut short = Connect::to(&url).param("token", &short).open().await;
    assert_eq!(short.expect_close().await.code, Some(4500));
}
