//! What `causerie-broker` makes of its configuration, of traces and metrics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod kit;

use std::sync::Arc;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::room::RoomKey;
use causerie_shared::task::Task;
use causerie_testkit::ai::{AiServer, Behaviour, Call, GREETING};
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use kit::{Ear, all, ask_task, room, task};
use serde_json::json;

struct Cluster {
    _redis: Redis,
    bus: Arc<dyn Bus>,
    room: RoomKey,
    ear: Ear,
    openai: AiServer,
    anthropic: AiServer,
}

impl Cluster {
    async fn new() -> (Self, Program) {
        let redis = Redis::start().await;
        let bus = RedisBus::connect(RedisSettings::new(redis.url()), Retention::default());
        let bus: Arc<dyn Bus> = Arc::new(bus.await.unwrap());
        let room = room("acme:user:u1");
        let openai = AiServer::openai().await;
        let anthropic = AiServer::anthropic().await;
        let broker = Program::broker()
            .env("REDIS_URL", redis.url())
            .env("AI_BACKEND", "openai")
            .env("AI_OPENAI_BASE_URL", openai.url())
            .env("AI_OPENAI_MODEL", "gpt")
            .env("AI_ANTHROPIC_BASE_URL", anthropic.url())
            .env("AI_ANTHROPIC_API_KEY", "key")
            .env("AI_ANTHROPIC_MODEL", "claude");
        let cluster = Self {
            ear: Ear::in_rooms(&*bus, std::slice::from_ref(&room)).await,
            _redis: redis,
            bus,
            room,
            openai,
            anthropic,
        };
        (cluster, broker)
    }

    /// Asks, and waits for the reply; the `data` of its `message`.
    async fn answer(&mut self, session: &str, task: &Task) -> serde_json::Value {
        ask_task(&*self.bus, &self.room, session, task).await;
        let records = self.ear.until_replies(1).await;
        all(&records, "message").remove(0)
    }
}

fn last(server: &AiServer) -> Call {
    server.calls().pop().unwrap()
}

async fn reload(node: &mut Node, tenants: &str) {
    std::fs::write(node.config_file(), tenants).unwrap();
    node.reload();
}

#[tokio::test]
async fn a_tenant_has_its_own_prompt_and_model_and_they_follow_the_file() {
    let tenant = |prompt: &str| {
        format!(
            "[[tenants]]\nid = \"acme\"\nhash = \"acme\"\n\
             ai = {{ model = \"big\", system_prompt = \"{prompt}\", max_tokens = 77 }}\n"
        )
    };
    let (mut cluster, broker) = Cluster::new().await;
    let mut node = broker.config(tenant("Be brief.")).start().await;
    let message = cluster.answer("s1", &task("Good morning")).await;
    assert_eq!(message["content"], GREETING);
    let body = last(&cluster.openai).body;
    assert_eq!(
        (&body["model"], &body["max_tokens"]),
        (&json!("big"), &json!(77))
    );
    let expected = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Good morning"},
    ]);
    assert_eq!(body["messages"], expected);

    reload(&mut node, &tenant("Be long.")).await;
    node.log_line("configuration").await;
    // The log line is written when the settings are taken over; the broker
    // hears of it right after.
    let mut round = 2;
    while last(&cluster.openai).body["messages"][0]["content"] != "Be long." {
        assert!(
            round < 100,
            "the new prompt is never used: {}",
            node.output()
        );
        cluster
            .answer(&format!("s{round}"), &task("And now?"))
            .await;
        round += 1;
    }
}

/// No header can hold such a key, which nobody needs before a tenant wants it.
#[tokio::test]
async fn a_change_that_cannot_work_is_told_and_the_old_settings_stay() {
    let tenant = |backend: &str| {
        format!("[[tenants]]\nid = \"acme\"\nhash = \"acme\"\nai = {{ backend = \"{backend}\" }}\n")
    };
    let (mut cluster, broker) = Cluster::new().await;
    let broker = broker.env("AI_ANTHROPIC_API_KEY", "one line\nand another");
    let mut node = broker.config(tenant("openai")).start().await;
    reload(&mut node, &tenant("anthropic")).await;
    node.log_line("the old ones stay").await;
    node.metric_rises("causerie_broker_config_refused_total")
        .await;
    let message = cluster.answer("s1", &task("Good morning")).await;
    assert_eq!(message["content"], GREETING);
    assert_eq!(last(&cluster.openai).body["model"], "gpt");
}

#[tokio::test]
async fn a_fallback_is_asked_for_its_own_model() {
    let (mut cluster, broker) = Cluster::new().await;
    let tenants = "[[tenants]]\nid = \"acme\"\nhash = \"acme\"\nai = { model = \"big\" }\n";
    let node = broker
        .config(tenants)
        .env("AI_FALLBACKS", "anthropic")
        .env("AI_RETRIES", "0")
        .start()
        .await;
    cluster
        .openai
        .script(["server-error".parse::<Behaviour>().unwrap()]);
    let message = cluster.answer("s1", &task("Good morning")).await;
    assert_eq!(message["content"], GREETING);
    assert_eq!(last(&cluster.openai).body["model"], "big");
    assert_eq!(last(&cluster.anthropic).body["model"], "claude");
    node.metric_becomes("causerie_broker_replies_total", 1.0)
        .await;
}

#[tokio::test]
async fn a_backend_that_fails_ends_the_reply_with_an_error_and_the_session_goes_on() {
    let (mut cluster, broker) = Cluster::new().await;
    let node = broker.env("AI_RETRIES", "0").start().await;
    for (behaviour, code, can_retry, text) in [
        ("server-error", "ai_unavailable", true, ""),
        ("unauthorized", "ai_unavailable", false, ""),
        ("break-off", "ai_unavailable", true, "One two "),
    ] {
        cluster
            .openai
            .script([behaviour.parse::<Behaviour>().unwrap()]);
        ask_task(&*cluster.bus, &cluster.room, "s1", &task("Good morning")).await;
        let records = cluster.ear.until_replies(1).await;
        let error = &all(&records, "ai_processing_error")[0];
        assert_eq!(
            (&error["code"], &error["canRetry"]),
            (&json!(code), &json!(can_retry))
        );
        let message = &all(&records, "message")[0];
        assert_eq!(message["finish_reason"], "error", "{behaviour}");
        assert_eq!(message["message_id"], error["message_id"]);
        assert_eq!(message["content"], text, "{behaviour}");
    }
    let message = cluster.answer("s1", &task("Good evening")).await;
    assert_eq!(message["finish_reason"], "stop");
    node.metric_becomes("causerie_broker_replies_total", 4.0)
        .await;
}

#[tokio::test]
async fn a_clients_trace_goes_on_to_the_model() {
    let (mut cluster, broker) = Cluster::new().await;
    let node = broker.start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut traced = task("Good morning");
    traced.traceparent = Some(format!("00-{trace}-00f067aa0ba902b7-01"));
    cluster.answer("s1", &traced).await;
    let passed = last(&cluster.openai).traceparent.unwrap();
    assert!(passed.starts_with(&format!("00-{trace}-")), "{passed}");
    assert!(
        !passed.contains("00f067aa0ba902b7"),
        "a span of its own: {passed}"
    );
    let line = node.log_line("reply finished").await;
    assert!(line.contains(trace), "{line}");
}

#[tokio::test]
async fn what_happens_can_be_measured_and_no_content_is_logged() {
    let (mut cluster, broker) = Cluster::new().await;
    let node = broker.start().await;
    cluster.answer("s1", &task("My secret is xyzzy")).await;
    node.log_line("reply finished").await;
    for (metric, least) in [
        ("causerie_broker_replies_total", 1.0),
        ("causerie_broker_deltas_total", 1.0),
        ("causerie_broker_tokens_total", 2.0),
        ("causerie_broker_question_waited_seconds_count", 1.0),
        ("causerie_broker_first_text_seconds_count", 1.0),
        ("causerie_broker_reply_seconds_count", 1.0),
        ("causerie_broker_append_seconds_count", 1.0),
    ] {
        let value = node.metric(metric).await;
        assert!(value >= least, "{metric} is {value}");
    }
    let output = node.output();
    assert!(output.contains("reply finished"));
    assert!(
        !output.contains("xyzzy") && !output.contains(GREETING),
        "{output}"
    );
}

#[tokio::test]
async fn a_model_call_that_fails_tells_where_and_what_to_look_at() {
    for (base_url, place, key) in [
        (
            "http://me:s3cret@127.0.0.1:1/v1",
            "127.0.0.1:1",
            "AI_OPENAI_BASE_URL",
        ),
        ("", "127.0.0.1:", "AI_OPENAI_MODEL"),
    ] {
        let (mut cluster, broker) = Cluster::new().await;
        let nowhere = format!("{}nowhere", cluster.openai.url());
        let base_url = if base_url.is_empty() {
            nowhere
        } else {
            base_url.to_owned()
        };
        let node = broker
            .env("AI_OPENAI_BASE_URL", base_url)
            .env("AI_RETRIES", "0")
            .start()
            .await;
        cluster.answer("s1", &task("Good morning")).await;
        let line = node.log_line("AI call failed").await;
        for part in [place, "\"gpt\"", key] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!node.output().contains("s3cret"), "{line}");
    }
}
