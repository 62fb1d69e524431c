//! Who goes on asking for what was refused is held off, however they ask.

use causerie_testkit::DEADLINE;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::Connect;
use causerie_testkit::process::Node;
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{comes_from, limited, token};

const FLOODER: &str = "192.0.2.1";

/// Those of an address would take ten times as long.
const FEW: [(&str, &str); 3] = [
    ("LIMITS_VIOLATIONS_BEFORE_CLOSE", "5"),
    ("LIMITS_HOLD_OFF", "1h"),
    ("LIMITS_CONNECTIONS_PER_MINUTE_PER_IP", "1000"),
];

async fn gets(node: &Node, path: &str, token: &str) -> Answer {
    let (url, bearer) = (format!("{}{path}", node.url()), format!("Bearer {token}"));
    let headers = [("x-forwarded-for", FLOODER), ("authorization", &*bearer)];
    request(Method::GET, &url, &headers, None).await
}

fn is_held_off(answer: &Answer) -> bool {
    answer.status == 429 && answer.json()["retry_after_ms"].as_u64().unwrap() > 3_500_000
}

/// Asks again and again until nobody may come in any more from there.
async fn floods(node: &Node, path: &str) {
    let (own, deadline) = (token("u1"), Instant::now() + DEADLINE);
    loop {
        let answer = gets(node, path, &own).await;
        if is_held_off(&answer) {
            return;
        }
        assert!(Instant::now() < deadline, "{answer:?}");
    }
}

async fn is_counted(node: &Node, transport: &str) {
    let wanted = format!("causerie_floods_total{{transport=\"{transport}\"}} 1\n");
    node.metric_rises("causerie_floods_total").await;
    let metrics = node.metrics().await;
    assert!(metrics.contains(&wanted), "{metrics}");
    node.log_line("asked again and again for what was refused")
        .await;
}

#[tokio::test]
async fn requests_without_end_hold_off_their_address_at_all_gateways() {
    let redis = Redis::start().await;
    let rate = [("LIMITS_REQUESTS_PER_SECOND", "1"), ("LIMITS_BURST", "1")];
    let settings = [&FEW[..], &rate].concat();
    let [here, there] = [
        limited(&redis, &settings).await,
        limited(&redis, &settings).await,
    ];
    floods(&here, "/api/rooms/tenant/history").await;
    is_counted(&here, "http").await;
    let deadline = Instant::now() + DEADLINE;
    while !is_held_off(&comes_from(&there, FLOODER, "token=x").await) {
        assert!(
            Instant::now() < deadline,
            "the other gateway knows of nothing"
        );
    }
    let query = format!("token={}", token("u1"));
    assert_eq!(comes_from(&there, "192.0.2.2", &query).await.status, 426);
}

#[tokio::test]
async fn streams_without_end_hold_off_their_address() {
    let redis = Redis::start().await;
    let rate = [("LIMITS_CONNECTIONS_PER_MINUTE_PER_USER", "1")];
    let node = limited(&redis, &[&FEW[..], &rate].concat()).await;
    // One that is opened would not end.
    let query = format!("token={}", token("u1"));
    assert_eq!(comes_from(&node, FLOODER, &query).await.status, 426);
    floods(&node, "/api/rooms/tenant/events").await;
    is_counted(&node, "sse").await;
}

#[tokio::test]
async fn a_user_who_floods_over_many_connections_is_closed() {
    let redis = Redis::start().await;
    // Each connection by itself is slow enough.
    let rate = [
        ("LIMITS_MESSAGES_PER_MINUTE_PER_USER", "1"),
        ("LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION", "1000000"),
        ("LIMITS_REQUESTS_PER_SECOND", "100000"),
        ("LIMITS_BURST", "100000"),
    ];
    let node = limited(&redis, &[&FEW[..], &rate].concat()).await;
    let mut client = Connect::to(&node.ws_url())
        .param("token", &token("u1"))
        .header("x-forwarded-for", FLOODER)
        .open()
        .await;
    let message = json!({"action": "sendMessage", "data": {"user_input": "hello", "ai": false}});
    let fatal = loop {
        let answer = client.request(message.clone()).await;
        if answer["fatal"] == true {
            break answer;
        }
    };
    assert_eq!(fatal["code"], "rate_limited", "{fatal}");
    assert_eq!(client.expect_close().await.code, Some(4508));
    is_counted(&node, "websocket").await;
    assert!(is_held_off(&comes_from(&node, FLOODER, "token=x").await));
}

#[tokio::test]
async fn who_waits_as_told_is_never_held_off() {
    let redis = Redis::start().await;
    let rate = [
        ("LIMITS_REQUESTS_PER_SECOND", "20"),
        ("LIMITS_BURST", "1"),
        ("LIMITS_VIOLATIONS_BEFORE_CLOSE", "1"),
    ];
    let node = limited(&redis, &rate).await;
    let (own, mut refused) = (token("u1"), 0);
    while refused < 30 {
        let answer = gets(&node, "/api/rooms/tenant/history", &own).await;
        if answer.status == 429 {
            refused += 1;
            // It is the client who waits here, as it should.
            let wait_ms = answer.json()["retry_after_ms"].as_u64().unwrap();
            sleep(std::time::Duration::from_millis(wait_ms)).await;
        }
    }
    assert!(node.metric("causerie_violations_total").await < 1.0);
    assert!(node.metric("causerie_floods_total").await < 1.0);
}

/// Without a Redis nobody counts, and everybody else is let in.
#[tokio::test]
async fn a_held_off_address_is_refused_without_asking_redis() {
    let mut redis = Redis::start().await;
    let rate = [("LIMITS_REQUESTS_PER_SECOND", "1"), ("LIMITS_BURST", "1")];
    let settings = [&FEW[..], &rate].concat();
    let [here, there] = [
        limited(&redis, &settings).await,
        limited(&redis, &settings).await,
    ];
    floods(&here, "/api/rooms/tenant/history").await;
    // The other one learns of it from Redis, once.
    let deadline = Instant::now() + DEADLINE;
    while !is_held_off(&comes_from(&there, FLOODER, "token=x").await) {
        assert!(
            Instant::now() < deadline,
            "the other gateway knows of nothing"
        );
    }
    redis.kill();
    let query = format!("token={}", token("u1"));
    for node in [&here, &there] {
        for query in ["token=x", &*query, "t=h-acme"] {
            let answer = comes_from(node, FLOODER, query).await;
            assert!(is_held_off(&answer), "{answer:?}");
        }
        let metrics = node.metrics().await;
        let word = "causerie_refusals_total{reason=\"held_off\"}";
        assert!(metrics.contains(word), "{metrics}");
        assert_eq!(comes_from(node, "192.0.2.2", &query).await.status, 426);
    }
}

/// They are many who know nothing of each other, so it takes ten times as many.
#[tokio::test]
async fn those_with_made_up_tokens_and_keys_are_held_off_too() {
    let rate = [
        ("LIMITS_REQUESTS_PER_SECOND", "1"),
        ("LIMITS_BURST", "1"),
        ("LIMITS_VIOLATIONS_BEFORE_CLOSE", "1"),
        ("AUTH_API_KEY_SECRET", "keys-keys-keys-keys-keys-keys-keys"),
    ];
    let made_up = [
        Token::of("acme", "u1").sign("somebody else's secret, of length"),
        format!("ck_{}_{}", "0".repeat(12), "0".repeat(64)),
    ];
    for credential in made_up {
        let redis = Redis::start().await;
        let node = limited(&redis, &[&FEW[1..], &rate].concat()).await;
        let (mut asked, deadline) = (0, Instant::now() + DEADLINE);
        let path = "/api/rooms/tenant/history";
        while !is_held_off(&gets(&node, path, &credential).await) {
            asked += 1;
            assert!(Instant::now() < deadline, "{asked} times");
        }
        assert!(asked > 10, "held off after {asked}");
        is_counted(&node, "http").await;
        // Whoever it was, they are all at one address.
        assert!(is_held_off(&gets(&node, path, &token("u2")).await));
    }
}
