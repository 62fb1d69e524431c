//! People talk, and things fail: what each metric is there for, as far as one run has it.

use std::path::Path;
use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::certificates::{Authority, Trust};
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

const PROJECT: &str = "project:p1";

/// An installation, and beside it a program that takes TLS and has limits.
pub(crate) struct Story {
    cluster: Cluster,
    secure: Node,
    authority: Authority,
    _certificate: TempDir,
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
            _certificate: folder,
            _collector: collector,
        };
        prometheus.scrape(&story.nodes());
        prometheus.until("count(up == 1) == 5").await;
        story
    }

    fn nodes(&self) -> Vec<(&'static str, &Node)> {
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
        prometheus
            .until("sum(causerie_rate_limited_total) > 0")
            .await;
        self.models_fail(&mut bert).await;
        prometheus
            .until("sum(causerie_ai_fallbacks_total) > 0")
            .await;
        self.a_broker_dies(&mut bert, prometheus).await;
        prometheus
            .until("sum(causerie_broker_takeovers_total) > 0")
            .await;
        self.come_back().await;
        self.an_admin_rules().await;
        self.redis_hangs(&mut bert).await;
        prometheus.until("sum(causerie_bus_errors_total) > 0").await;
        self.redis_dies().await;
        prometheus
            .until("sum(causerie_redis_resubscriptions_total) > 0")
            .await;
        prometheus.until("sum(causerie_feed_gaps_total) > 0").await;
        self.cluster.gateways[0].reload();
        prometheus
            .until(r#"causerie_config_reloads_total{result="ok"} > 0"#)
            .await;
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
        let reply = ack["data"]["reply_message_id"].clone();
        bert.request(json!({"action": "cancel", "data": {"message_id": reply}}))
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

    async fn models_fail(&self, bert: &mut Client) {
        self.cluster.ai.script(vec![Behaviour::new(Plot::Cut); 8]);
        for _ in 0..3 {
            ask(bert).await;
        }
    }

    async fn a_broker_dies(&mut self, bert: &mut Client, prometheus: &Prometheus) {
        let slow = Behaviour::new(Plot::Tokens(300)).at_pace(Duration::from_millis(10));
        // A breaker closes when somebody is answered behind it.
        while !prometheus
            .query("max(causerie_ai_breaker_state) > 0")
            .await
            .is_empty()
        {
            ask(bert).await;
        }
        self.cluster.ai.script([slow]);
        let asked = json!({"user_input": "Tell me all.", "room": PROJECT});
        let ack = bert
            .request(json!({"action": "sendMessage", "data": asked}))
            .await;
        bert.expect("some text", |frame| frame["type"] == "message_delta")
            .await;
        let mut holder = 0;
        for (number, broker) in self.cluster.brokers.iter().enumerate() {
            if broker.metric("causerie_broker_slots_taken").await > 0.0 {
                holder = number;
            }
        }
        self.cluster.brokers[holder].kill();
        is_answered(bert, &ack).await;
        self.cluster.restart_broker(holder).await;
        prometheus.scrape(&self.nodes());
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

    async fn redis_dies(&mut self) {
        self.cluster.redis().kill();
        self.cluster.redis().restart().await;
        for node in self.cluster.gateways.iter().chain(&self.cluster.brokers) {
            node.ready().await;
        }
    }

    async fn redis_hangs(&mut self, bert: &mut Client) {
        self.cluster.redis().pause();
        let asked = json!({"user_input": "Are you there?", "room": PROJECT});
        let refused = bert
            .request(json!({"action": "sendMessage", "data": asked}))
            .await;
        assert_eq!(refused["type"], "error", "{refused}");
        self.cluster.redis().resume();
        self.cluster.gateways[1].ready().await;
        ask(bert).await;
    }
}

/// The tenant `demo`, with one message a minute.
fn secure(folder: &Path, authority: &Authority) -> Program {
    let certified = authority.certify("127.0.0.1");
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    Program::causerie()
        .env("TLS_CERT_FILE", put("server.crt", &certified.certificate))
        .env("TLS_KEY_FILE", put("server.key", &certified.key))
        .env("LIMITS_EXEMPT", "192.0.2.0/24")
        .env("LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION", "1")
}

async fn ask(client: &mut Client) {
    let asked = json!({"user_input": "What now?", "room": PROJECT});
    let ack = client
        .request(json!({"action": "sendMessage", "data": asked}))
        .await;
    is_answered(client, &ack).await;
}

async fn is_answered(client: &mut Client, ack: &Value) {
    let question = &ack["data"]["message_id"];
    client
        .expect("the answer", |frame| {
            frame["type"] == "message" && frame["data"]["in_reply_to"] == *question
        })
        .await;
}
