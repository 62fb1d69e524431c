//! Pages of a room's log are bounded in bytes, and nothing is missing for that.

use causerie_testkit::client::http::request;
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::Connect;
use causerie_testkit::process::Node;
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{SECRET, limited, token};

/// Of a kind that one page holds one of.
const LONG: usize = 10_000;
const MESSAGES: u64 = 8;
const PAGE_BYTES: usize = 16_384;

/// Says so much in the user's own room; the epoch of its log.
async fn say_much(node: &Node, bearer: &str) -> String {
    let url = format!("{}/api/actions", node.url());
    let data = json!({"user_input": "x".repeat(LONG), "ai": false});
    let frame = json!({"action": "sendMessage", "data": data});
    let mut epoch = String::new();
    for _ in 0..MESSAGES {
        let answer = request(
            Method::POST,
            &url,
            &[("authorization", bearer)],
            Some(&frame),
        )
        .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        epoch = answer.json()["data"]["epoch"].as_str().unwrap().to_owned();
    }
    epoch
}

fn seqs(events: &Value) -> Vec<u64> {
    let events = events.as_array().unwrap();
    let seqs = events.iter().map(|event| event["seq"].as_u64().unwrap());
    seqs.collect()
}

#[tokio::test]
async fn pages_end_early_and_nothing_is_missing() {
    let redis = Redis::start().await;
    let small = [("HISTORY_PAGE_BYTES", "16K")];
    let [here, there] = [limited(&redis, &small).await, limited(&redis, &small).await];
    let own = token("u1");
    let bearer = format!("Bearer {own}");
    let epoch = say_much(&here, &bearer).await;
    let all: Vec<u64> = (1..=MESSAGES).collect();

    // Over HTTP, forwards and backwards.
    let read = async |query: String| {
        let url = format!("{}/api/rooms/user:me/history?{query}", there.url());
        let answer = request(Method::GET, &url, &[("authorization", &bearer)], None).await;
        assert!(
            answer.body.len() <= PAGE_BYTES + 256,
            "{}",
            answer.body.len()
        );
        let history = answer.json();
        (seqs(&history["events"]), history["has_more"] == true)
    };
    let (mut forwards, mut has_more) = (Vec::new(), true);
    while has_more {
        let (page, more) = read(format!("after={}", forwards.last().unwrap_or(&0))).await;
        assert_eq!(page.len(), 1);
        forwards.extend(page);
        has_more = more;
    }
    assert_eq!(forwards, all);
    let (mut backwards, mut has_more) = (Vec::new(), true);
    while has_more {
        let before = backwards
            .last()
            .map_or(String::new(), |seq| format!("before={seq}"));
        let (page, more) = read(before).await;
        assert_eq!(page.len(), 1);
        backwards.extend(page);
        has_more = more;
    }
    backwards.reverse();
    assert_eq!(backwards, all);

    // Over WebSocket and SSE, by one who missed all, where nobody was yet.
    let position = format!("user:me@{epoch}:0");
    let mut socket = Connect::to(&there.ws_url())
        .param("token", &own)
        .param("room", &position)
        .open()
        .await;
    for seq in &all {
        let event = socket.expect_type("new_message").await;
        assert_eq!(event["seq"], *seq);
    }
    drop(socket);
    let fresh = limited(&redis, &small).await;
    let url = format!("{}/api/events?room={position}", fresh.url());
    let mut stream = Sse::open(&url, &[("authorization", &bearer)]).await;
    for seq in &all {
        let event = stream.expect_name("new_message").await.json();
        assert_eq!(event["seq"], *seq);
    }
}

/// Publishes so many events to the tenant's room, each as another server's.
async fn publish_many(node: &Node, count: usize) {
    let url = format!("{}/api/publish", node.url());
    let price = json!({"rooms": ["tenant"], "type": "price", "durable": true, "data": {}});
    let publish = async |number: usize| {
        let server = Token::of("acme", &format!("server-{number}")).role("publisher");
        let bearer = format!("Bearer {}", server.sign(SECRET));
        let headers = [("authorization", &*bearer)];
        request(Method::POST, &url, &headers, Some(&price)).await
    };
    for begin in (0..count).step_by(50) {
        for published in join_all((begin..begin + 50).map(publish)).await {
            assert_eq!(published.status, 200, "{published:?}");
        }
    }
}

/// A visitor is shown announcements alone: to find one, all of a log may have to be read.
#[tokio::test]
async fn each_step_through_what_is_not_shown_counts_as_a_request() {
    let redis = Redis::start().await;
    publish_many(&limited(&redis, &[]).await, 1_200).await;
    for (burst, status) in [("3", 429), ("9", 200)] {
        let few = [("LIMITS_REQUESTS_PER_SECOND", "1"), ("LIMITS_BURST", burst)];
        let node = limited(&redis, &few).await;
        let (session, history) = (
            format!("{}/api/auth/session", node.url()),
            format!("{}/api/rooms/tenant/history?limit=1", node.url()),
        );
        let (origin, tenant) = (
            ("origin", "https://acme.example"),
            json!({"tenant_hash": "h-acme"}),
        );
        let visitor = request(Method::POST, &session, &[origin], Some(&tenant)).await;
        let visitor = format!("Bearer {}", visitor.json()["token"].as_str().unwrap());
        let headers = [origin, ("authorization", &*visitor)];
        let read = request(Method::GET, &history, &headers, None).await;
        assert_eq!(read.status, status, "{read:?}");
    }
}
