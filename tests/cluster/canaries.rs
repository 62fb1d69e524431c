//! What people and models write reaches those it is meant for, and no log, span or
//! metric: a canary of its own sits in each field that can be filled from outside.
//!
//! None sits where `docs/privacy.md` and `docs/audit.md` say that the log has it: the ids
//! of users, projects and connections, which are masked where they have a form; the name
//! of an API key; the type of what a server publishes.
//!
//! Spans are looked at where they are sent, in a collector, and where else they show: a line
//! of the log has the fields of the span that it is told in.

mod done;
mod refused;
mod requests;
mod said;
mod servers;

use std::collections::BTreeSet;

use causerie_testkit::client::http::{self, Answer};
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::collector::{Collector, Span};
use causerie_testkit::process::Node;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_keys;
use crate::kit::cage::Cage;
use crate::status;

const ORIGIN: &str = "https://canaryorigin.example";

/// Ids may be a person's number or worse; rooms are logged.
const USER: &str = "01711234567";
const PROJECT: &str = "4111111111111111";

/// An installation that logs all it can, at the level at which the least is kept
/// back.
async fn talkative(listed: &str, collector: &Collector) -> Cluster {
    let tenants = json!([{
        "id": "acme", "hash": "acme-hash", "origins": [ORIGIN], "visitors": true,
        "auth": {"jwt_secret": Cluster::secret("acme")},
        "filter": {"flag": [listed], "report_to": PROJECT},
    }]);
    Cluster::options()
        .env("TELEMETRY_LOG_LEVEL", "trace")
        .env("TELEMETRY_OTLP_ENDPOINT", collector.url())
        .env("AI_RETRIES", "0")
        .env("AUDIT_ENABLED", "true")
        .env("TENANTS", tenants.to_string())
        .env("AUTH_VISITOR_SECRET", "the secret of all visitors' tokens")
        .env("AUTH_API_KEY_SECRET", api_keys::SECRET)
        .env("AUTH_JWT_SECRET", status::SECRET)
        .start()
        .await
}

/// A token, and the name that it gives its user.
fn token(cage: &mut Cage, what: &str) -> (String, String) {
    let name = cage.plant(&format!("the name of {what}"));
    let token = Token::of("acme", USER)
        .project(PROJECT)
        .role("publisher")
        .claim("name", json!(name))
        .claim("email", json!(cage.plant(&format!("the email of {what}"))));
    let token = token.sign(&Cluster::secret("acme"));
    cage.keep(what, &token);
    (token, name)
}

/// A connection with something in each place of a handshake.
async fn connect(cluster: &Cluster, cage: &mut Cage, token: &str) -> Client {
    let language = cage.plant("Accept-Language");
    let mut connect = Connect::to(&cluster.gateways[0].ws_url())
        .param("room", &format!("project:{PROJECT}"))
        .param("attempt", &cage.plant("attempt"))
        .param("last", &cage.plant("last"))
        .param("away_ms", &cage.plant("away_ms"))
        .param(
            &cage.plant("a parameter's name"),
            &cage.plant("a parameter"),
        )
        .header("origin", ORIGIN)
        .header(&language, &language)
        .subprotocol("picasso-chat-v1")
        .subprotocol(&cage.plant("a subprotocol"))
        .subprotocol(&format!("bearer.{token}"));
    for name in [
        "user-agent",
        "cookie",
        "referer",
        "x-forwarded-for",
        "x-api-key",
        "tracestate",
    ] {
        connect = connect.header(name, &cage.plant(name));
    }
    joined(connect).await
}

async fn joined(connect: Connect) -> Client {
    let mut client = connect.open().await;
    client
        .expect("the project", |frame| {
            frame["type"] == "subscribed" && frame["room"] == format!("project:{PROJECT}")
        })
        .await;
    client
}

/// What is kept of who did what, once somebody's coming is in it.
async fn audit_log(cluster: &Cluster) -> String {
    let boss = Token::of("acme", "boss").role("admin");
    let bearer = format!("Bearer {}", boss.sign(&Cluster::secret("acme")));
    let url = format!("{}/api/audit?limit=500", cluster.gateways[1].url());
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    loop {
        let headers = [("authorization", &*bearer)];
        let answer = http::request(Method::GET, &url, &headers, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = answer.json().to_string();
        let is_there = |what: &str| text.contains(&format!(r#""what":"{what}""#));
        if ["connect", "refuse", "join", "filter"]
            .into_iter()
            .all(is_there)
        {
            return text;
        }
        assert!(tokio::time::Instant::now() < deadline, "{text}");
    }
}

#[tokio::test]
async fn each_canary_reaches_its_reader_and_no_log_or_metric() {
    let mut cage = Cage::default();
    let listed = cage.plant("a word of a list");
    let collector = Collector::start().await;
    let mut cluster = talkative(&listed, &collector).await;
    let (token, name) = token(&mut cage, "the token");
    let key = servers::key(&cluster, &mut cage).await;
    let mut writer = connect(&cluster, &mut cage, &token).await;
    let reader = Connect::to(&cluster.gateways[1].ws_url()).param("token", &token);
    let reader = reader.param("room", &format!("project:{PROJECT}"));
    let mut reader = joined(reader).await;

    servers::until_present(&cluster, &key, &name).await;

    said::a_conversation(&cluster, &mut cage, &mut writer, &mut reader).await;
    said::a_word_of_a_list(&listed, &mut cage, &mut writer, &mut reader).await;
    said::a_failed_reply(&cluster, &mut cage, &mut writer, &mut reader).await;
    done::other_actions(&mut cage, &mut writer, &mut reader).await;
    let renewed = done::another_token(&mut cage, &mut writer, &mut reader).await;
    servers::until_present(&cluster, &key, &renewed).await;
    done::bad_frames(&mut cage, &mut writer).await;
    requests::over_http(&cluster, &mut cage, &token).await;
    requests::actions_over_http(&cluster, &mut cage, &token, &mut reader).await;
    requests::bad_parts_of_urls(&cluster, &mut cage, &token).await;
    requests::of_an_operator(&cluster, &mut cage).await;
    servers::publish(&cluster, &mut cage, &key, &mut reader).await;
    servers::look(&cluster, &mut cage, &key).await;
    refused::a_visitor(&cluster, &mut cage).await;
    refused::bad_requests(&cluster, &mut cage).await;
    writer.close(1000, &cage.plant("a close reason")).await;
    drop(reader);

    let audit = audit_log(&cluster).await;
    assert_eq!(cage.seen_in(&audit), [""; 0], "in the audit log: {audit}");
    for id in [USER, PROJECT] {
        assert!(!audit.contains(id), "{id} is in the audit log");
    }
    for node in cluster.gateways.iter().chain(&cluster.brokers) {
        let metrics = node.metrics().await;
        assert_eq!(cage.seen_in(&metrics), [""; 0], "in metrics: {metrics}");
        let log = node.output();
        assert!(log.contains("\"level\":\"TRACE\""), "{log}");
        if let Some(field) = cage.seen_in(&log).first() {
            let line = log.lines().find(|line| cage.seen_in(line).contains(field));
            panic!("{field} is in the log: {line:?}");
        }
        for id in [USER, PROJECT] {
            assert!(!log.contains(id), "{id} is in the log");
        }
    }
    let question = ["message", "name", "otel.kind", "tenant"].as_slice();
    let request = [
        "http.request.method",
        "http.route",
        "name",
        "otel.kind",
        "otel.name",
    ];
    let request = request.as_slice();
    let reply = [
        "attempt",
        "name",
        "otel.kind",
        "question",
        "reply",
        "tenant",
    ]
    .as_slice();
    assert_eq!(spans(&cluster.gateways), spans_of(&[question, request]));
    assert_eq!(spans(&cluster.brokers), spans_of(&[reply]));
    let log = cluster.gateways[0].output();
    for masked in ["acme:user:[phone]", "acme:project:[card]"] {
        assert!(log.contains(masked), "no room is logged as {masked}");
    }
    no_span_holds_one(&mut cluster, &collector, &cage).await;
}

/// All spans are sent when the processes have ended.
async fn no_span_holds_one(cluster: &mut Cluster, collector: &Collector, cage: &Cage) {
    for node in cluster.gateways.iter_mut().chain(&mut cluster.brokers) {
        node.terminate();
        assert!(node.wait(causerie_testkit::DEADLINE).await.success());
    }
    let spans = collector.spans();
    for span in &spans {
        let text = format!("{span:?}");
        assert_eq!(cage.seen_in(&text), [""; 0], "in a span: {text}");
        for id in [USER, PROJECT] {
            assert!(!text.contains(id), "{id} is in a span: {text}");
        }
    }
    let names = |span: &Span| span.name.split(' ').next().unwrap_or_default().to_owned();
    let names: BTreeSet<String> = spans.iter().map(names).collect();
    for name in [
        "question", "redis", "reply", "chat", "deliver", "GET", "POST",
    ] {
        assert!(names.contains(name), "no span {name} among {names:?}");
    }
    let has_rooms = spans
        .iter()
        .any(|span| format!("{span:?}").contains("acme:project:[card]"));
    assert!(has_rooms, "no room is told of in a span");
}

/// The fields of each kind of our spans in what these processes log.
fn spans(nodes: &[Node]) -> BTreeSet<Vec<String>> {
    let logs: Vec<String> = nodes.iter().map(Node::output).collect();
    let lines = logs.iter().flat_map(|log| log.lines());
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = lines.filter(|line| {
        let target = line["target"].as_str();
        target.is_some_and(|target| target.starts_with("causerie"))
    });
    ours.filter_map(|line| Some(line["span"].as_object()?.keys().cloned().collect()))
        .collect()
}

fn spans_of(kinds: &[&[&str]]) -> BTreeSet<Vec<String>> {
    let kinds = kinds.iter();
    let kinds = kinds.map(|kind| kind.iter().map(ToString::to_string).collect());
    kinds.collect()
}

async fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    http::request(Method::GET, url, headers, None).await
}
