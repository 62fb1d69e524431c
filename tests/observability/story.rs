//! People talk, and things fail: what each metric is there for, as far as one run has it.

use std::path::Path;
use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::certificates::{Authority, Certified, Trust};
use causerie_testkit::client::http;
use causerie_testkit::client::sse;
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::collector::Collector;
use causerie_testkit::process::{Node, Program};
use causerie_testkit::prometheus::Prometheus;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const PROJECT: &str = "project:p1";
/// How many questions are asked at once: brokers have four slots.
const CROWD: usize = 12;
const CERTIFICATE: &str = "server.crt";
const KEY: &str = "server.key";

/// An installation, and beside it a program that takes TLS and has limits.
pub(crate) struct Story {
    pub(crate) cluster: Cluster,
    secure: Node,
    authority: Authority,
    certificate: TempDir,
    _collector: Collector,
}

impl Story {
    pub(crate) async fn start(prometheus: &Prometheus) -> Self {
        let collector = Collector::start().await;
        let words = Behaviour::new(Plot::Tokens(40)).at_pace(Duration::from_millis(10));
        let cluster = Cluster::options()
            .durable()
            .behaviour(words)
            .env("AI_PRICES", "fake=2.5/10")
            .env("AI_FALLBACKS", "echo")
            .env("AI_RETRIES", "1")
            .env("AI_BREAKER_FAILURES", "2")
            .env("AI_BREAKER_OPEN_FOR", "1s")
            .env("AI_MAX_CONCURRENT", "2")
            .env("AI_MAX_CONCURRENT_PER_TENANT", "2")
            .env("AI_MAX_REPLY_BYTES", "8K")
            .env("STATUS_INTERVAL", "1s")
            .env("AUDIT_ENABLED", "true")
            .env("REDIS_TIMEOUT", "1s")
            .env("FILTER_FLAG", "plum")
            .env("TELEMETRY_OTLP_ENDPOINT", collector.url());
        let cluster = cluster.start().await;
        let folder = TempDir::new().unwrap();
        let authority = Authority::new();
        let secure = secure(folder.path(), &authority).start().await;
        let story = Self {
            cluster,
            secure,
            authority,
            certificate: folder,
            _collector: collector,
        };
        prometheus.scrape(&story.nodes());
        prometheus.until("count(up == 1) == 5").await;
        story
    }

    pub(crate) fn nodes(&self) -> Vec<(&'static str, &Node)> {
        let gateways = self.cluster.gateways.iter();
        let brokers = self.cluster.brokers.iter();
        gateways
            .map(|node| ("causerie-gateway", node))
            .chain(brokers.map(|node| ("causerie-broker", node)))
            .chain([("causerie", &self.secure)])
            .collect()
    }

    pub(crate) async fn tell(&mut self, prometheus: &Prometheus) {
        let mut anna = self.come_in(0, "anna", "none", "1").await;
        let mut bert = self.come_in(1, "bert", "websocket", "2").await;
        self.converse(&mut anna, &mut bert).await;
        self.over_http().await;
        self.be_refused(anna).await;
        self.meet_limits().await;
        // Each is seen before the next hides it.
        rises(prometheus, "causerie_rate_limited_total").await;
        self.a_crowd_asks(&mut bert, prometheus).await;
        self.models_fail(&mut bert).await;
        rises(prometheus, "causerie_ai_fallbacks_total").await;
        self.a_broker_dies(&mut bert, prometheus).await;
        rises(prometheus, "causerie_broker_takeovers_total").await;
        self.come_back().await;
        self.an_admin_rules().await;
        self.redis_hangs(&mut bert).await;
        rises(prometheus, "causerie_bus_errors_total").await;
        self.redis_dies(prometheus).await;
        for name in [
            "causerie_redis_connection_errors_total",
            "causerie_redis_resubscriptions_total",
            "causerie_feed_gaps_total",
            "causerie_gaps_total",
            "causerie_repairs_total",
            "causerie_presence_renewals_total",
            "causerie_trace_spans_total",
        ] {
            rises(prometheus, name).await;
        }
        self.are_changed(prometheus).await;
        // Rates want two samples of the last that sprang up.
        prometheus
            .until("min(count_over_time(causerie_bus_errors_total[1m])) > 3")
            .await;
    }

    async fn come_in(&self, gateway: usize, user: &str, last: &str, attempt: &str) -> Client {
        let connect = Connect::to(&self.cluster.gateways[gateway].ws_url())
            .param("token", &Cluster::token("acme", user))
            .param("room", PROJECT)
            .param("last", last)
            .param("attempt", attempt)
            .param("away_ms", "1500");
        let mut client = connect.open().await;
        client
            .expect("the project", |frame| {
                frame["type"] == "subscribed" && frame["room"] == PROJECT
            })
            .await;
        client
    }

    async fn converse(&self, anna: &mut Client, bert: &mut Client) {
        let said = json!({"user_input": "A plum?", "room": PROJECT, "ai": false});
        let frame = json!({"action": "sendMessage", "id": "once", "data": said});
        for _ in 0..2 {
            anna.request(frame.clone()).await;
        }
        ask(anna).await;
        let asked = json!({"user_input": "And?", "room": PROJECT});
        let ack = bert
            .request(json!({"action": "sendMessage", "data": asked}))
            .await;
        let id = ack["data"]["message_id"].clone();
        bert.request(json!({"action": "cancel", "data": {"message_id": id}}))
            .await;
        for (action, data) in [
            ("typing", json!({"room": PROJECT, "is_typing": true})),
            ("status", json!({"status": "away"})),
            ("subscribe", json!({"room": "project:p2"})),
            ("unsubscribe", json!({"room": "project:p2"})),
            ("delete", json!({"room": PROJECT, "message_id": id})),
            (
                "authenticate",
                json!({"token": Cluster::token("acme", "bert")}),
            ),
        ] {
            bert.request(json!({"action": action, "data": data})).await;
        }
        bert.ping().await;
    }

    async fn over_http(&self) {
        let gateway = self.cluster.gateways[1].url().to_owned();
        let bearer = format!("Bearer {}", Cluster::token("bolt", "carl"));
        let headers = [("authorization", &*bearer)];
        let mut stream = sse::Sse::open(&format!("{gateway}/api/events"), &headers).await;
        stream.expect_name("ready").await;
        let url = format!("{gateway}/api/chat");
        let said = json!({"user_input": "Hello?"});
        let answer = http::request(Method::POST, &url, &headers, Some(&said)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    async fn be_refused(&self, mut client: Client) {
        client.request(json!({"action": "dance"})).await;
        client.send_text(&"x".repeat(200 << 10)).await;
        client.expect_close().await;
        let gateway = self.cluster.gateways[0].url();
        let answer = http::get(&format!("{gateway}/api/events?token=bad")).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }

    async fn meet_limits(&self) {
        let config = Trust::in_authority(&self.authority).config();
        let origin = format!("https://localhost:{}", self.secure.port());
        let connect = Connect::to(&self.secure.ws_url()).param("t", "demo");
        let mut client = connect
            .header("origin", &origin)
            .over_tls(&config)
            .open()
            .await;
        for _ in 0..3 {
            let frame = json!({"action": "sendMessage", "data": {"user_input": "x", "ai": false}});
            client.request(frame).await;
        }
        let plain = self.secure.url().replacen("https", "http", 1);
        assert_eq!(http::get(&plain).await.status, 400);
    }

    /// More questions than brokers have slots.
    async fn a_crowd_asks(&self, bert: &mut Client, prometheus: &Prometheus) {
        let slow = Behaviour::new(Plot::Tokens(150)).at_pace(Duration::from_millis(10));
        self.cluster.ai.script(vec![slow; CROWD]);
        let mut acks = Vec::new();
        for number in 0..CROWD {
            let session = format!("s{number}");
            let asked = json!({"user_input": "And me?", "room": PROJECT, "session_id": session});
            let frame = json!({"action": "sendMessage", "data": asked});
            acks.push(bert.request(frame).await);
        }
        rises(prometheus, "causerie_broker_queue_age_seconds").await;
        for ack in acks {
            is_answered(bert, &ack).await;
        }
    }

    /// With a position, which the room has moved on from.
    async fn come_back(&self) {
        let mut client = self.come_in(0, "dora", "none", "1").await;
        let subscribed = |frame: &Value| frame["type"] == "subscribed" && frame["room"] == PROJECT;
        let frames = client.frames();
        let at = frames.iter().find(|frame| subscribed(frame)).unwrap();
        let position = format!("{PROJECT}@{}:{}", at["epoch"].as_str().unwrap(), at["seq"]);
        ask(&mut client).await;
        client.vanish().await;
        let connect = Connect::to(&self.cluster.gateways[0].ws_url())
            .param("token", &Cluster::token("acme", "dora"))
            .param("room", &position);
        let mut client = connect.open().await;
        client
            .expect("what was missed", |frame| frame["type"] == "message")
            .await;
    }

    /// The configuration and the certificate are read again.
    async fn are_changed(&mut self, prometheus: &Prometheus) {
        let renewed = self.authority.certify_until("127.0.0.1", 2051);
        put(self.certificate.path(), &renewed);
        self.secure.reload();
        self.cluster.gateways[0].reload();
        prometheus
            .until(r#"causerie_config_reloads_total{result="ok",job="causerie-gateway"} > 0"#)
            .await;
        prometheus
            .until("changes(causerie_tls_certificate_expiry_seconds[1h]) > 0")
            .await;
    }

    async fn an_admin_rules(&self) {
        let gateway = self.cluster.gateways[0].url();
        let boss = Token::of("acme", "boss").role("admin").role("publisher");
        let bearer = format!("Bearer {}", boss.sign(&Cluster::secret("acme")));
        let headers = [("authorization", &*bearer)];
        for what in ["disconnect", "revoke"] {
            let url = format!("{gateway}/api/users/nobody/{what}");
            let answer = http::request(Method::POST, &url, &headers, Some(&json!({}))).await;
            assert!(answer.status < 300, "{answer:?}");
        }
        let url = format!("{gateway}/api/publish");
        let event = json!({"rooms": ["user:boss"], "type": "invoice_paid", "id": "1"});
        for _ in 0..2 {
            let answer = http::request(Method::POST, &url, &headers, Some(&event)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let url = format!("{gateway}/api/connections/0123456789ab-0123456789abcdef");
        let answer = http::request(Method::GET, &url, &headers, None).await;
        assert_eq!(answer.status, 503, "no gateway has it: {answer:?}");
        let url = format!("{gateway}/api/client-config?t=acme-hash");
        http::request(Method::GET, &url, &headers, None).await;
    }
}

/// Waits until this has been more than 0.
pub(crate) async fn rises(prometheus: &Prometheus, name: &str) {
    let query = format!("sum(max_over_time({name}[1h])) > 0");
    prometheus.until(&query).await;
}

/// The tenant `demo`, with one message a minute.
fn secure(folder: &Path, authority: &Authority) -> Program {
    put(folder, &authority.certify_until("127.0.0.1", 2049));
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    Program::causerie()
        .env("TLS_CERT_FILE", path(CERTIFICATE))
        .env("TLS_KEY_FILE", path(KEY))
        .env("LIMITS_EXEMPT", "192.0.2.0/24")
        .env("LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION", "1")
}

fn put(folder: &Path, certified: &Certified) {
    std::fs::write(folder.join(CERTIFICATE), &certified.certificate).unwrap();
    std::fs::write(folder.join(KEY), &certified.key).unwrap();
}

pub(crate) async fn ask(client: &mut Client) {
    let asked = json!({"user_input": "What now?", "room": PROJECT});
    let ack = client
        .request(json!({"action": "sendMessage", "data": asked}))
        .await;
    is_answered(client, &ack).await;
}

pub(crate) async fn is_answered(client: &mut Client, ack: &Value) {
    let question = &ack["data"]["message_id"];
    client
        .expect("the answer", |frame| {
            frame["type"] == "message" && frame["data"]["in_reply_to"] == *question
        })
        .await;
}
