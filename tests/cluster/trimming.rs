//! A room's log has only so many bytes, however many events it may have.

use causerie_testkit::client::http::request;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::{post, return_at};

const MAX_BYTES: i64 = 256 << 10;
const EVENTS: usize = 100;

#[tokio::test]
async fn large_events_let_go_of_the_oldest_and_who_missed_these_is_told() {
    let options = Cluster::options().brokers(0);
    let mut cluster = options.env("HISTORY_MAX_BYTES", "256K").start().await;
    let server = Token::of("acme", "shop").role("publisher").project("p1");
    let server = server.sign(&Cluster::secret("acme"));
    let mut epoch = String::new();
    for number in 1..=EVENTS {
        let data = json!({"number": number, "picture": "x".repeat(8 << 10)});
        let body = json!({
            "rooms": ["project:p1"], "type": "drawn", "data": data, "durable": true,
        });
        let at = number % 2;
        let answer = post(cluster.gateways[at].url(), "/api/publish", &server, &body).await;
        let result = answer.json()["results"][0].clone();
        assert_eq!(result["seq"], number, "{answer:?}");
        epoch = result["epoch"].as_str().unwrap().to_owned();
    }

    let history = history(&cluster).await;
    let seqs: Vec<_> = history.iter().map(|event| event["seq"].clone()).collect();
    let first = history[0]["seq"].as_u64().unwrap();
    let last = EVENTS as u64;
    assert_eq!(seqs, (first..=last).map(Value::from).collect::<Vec<_>>());
    assert!((15..=31).contains(&seqs.len()), "{seqs:?}");
    let keys = cluster.redis().command(&["KEYS", "*:log:*"]).await;
    let log = keys.list()[0].text();
    let usage = ["MEMORY", "USAGE", &log, "SAMPLES", "0"];
    let bytes = cluster.redis().command(&usage).await.integer();
    assert!(bytes < MAX_BYTES * 5 / 4, "{bytes}");

    let gateway = &cluster.gateways[0];
    let at = |seq: u64| format!("project:p1@{epoch}:{seq}");
    let lost = return_at(gateway, &at(1), 0).await;
    assert_eq!(lost.subscribed["recovered"], false, "{}", lost.subscribed);
    assert_eq!(lost.subscribed["seq"], last, "{}", lost.subscribed);
    let kept = return_at(gateway, &at(first - 1), seqs.len()).await;
    assert_eq!(kept.subscribed["recovered"], true, "{}", kept.subscribed);
    assert_eq!(kept.missed.len(), seqs.len());
}

/// All that the room remembers.
async fn history(cluster: &Cluster) -> Vec<Value> {
    let url = cluster.gateways[0].url();
    let url = format!("{url}/api/rooms/project:p1/history?after=0&limit=500");
    let bearer = format!("Bearer {}", Cluster::token("acme", "u2"));
    let answer = request(Method::GET, &url, &[("authorization", &bearer)], None).await;
    let page = answer.json();
    assert_eq!(page["has_more"], false, "{answer:?}");
    page["events"].as_array().unwrap().clone()
}
