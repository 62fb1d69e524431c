//! How fast one connection may go.

use std::time::Duration;

use causerie_testkit::client::ws::{Client, Connect};
use serde_json::{Value, json};

use crate::support::node::{Node, token};

/// Loopback is not exempt there.
const NOBODY: &str = "limits.exempt=192.0.2.1";

async fn come_in(node: &Node) -> Client {
    let connect = Connect::to(&node.ws()).param("token", &token(json!({})));
    let mut client = connect.open().await;
    client.expect_type("ready").await;
    client
}

fn message() -> Value {
    json!({"action": "sendMessage", "data": {"user_input": "hello", "ai": false}})
}

#[tokio::test]
async fn one_message_too_many_is_told_when_to_come_again() {
    let node = Node::set(&[NOBODY, "limits.messages_per_minute_per_connection=3"]).await;
    let mut client = come_in(&node).await;
    for _ in 0..3 {
        assert_eq!(client.request(message()).await["type"], "ack");
    }
    let error = client.request(message()).await;
    assert_eq!(
        (&error["type"], &error["code"], &error["canRetry"]),
        (&json!("error"), &json!("rate_limited"), &json!(true))
    );
    assert_eq!(
        (&error["scope"], &error["limit"], &error["fatal"]),
        (&json!("connection"), &json!(3), &json!(false))
    );
    let content = "Too many messages: 3 a minute are allowed.";
    assert_eq!(error["content"], content);
    let wait = error["retry_after_ms"].as_u64().unwrap();
    assert!((15_000..=20_000).contains(&wait), "{wait}");
    // What is no message goes on.
    let typing = json!({"action": "typing", "data": {"is_typing": true}});
    assert_eq!(client.request(typing).await["type"], "ack");
    client.ping().await;
    // Nobody else is held up by it.
    let mut other = come_in(&node).await;
    assert_eq!(other.request(message()).await["type"], "ack");
}

#[tokio::test]
async fn typing_has_a_limit_and_its_end_has_none() {
    let node = Node::set(&[NOBODY, "limits.typing_per_minute=2"]).await;
    let mut client = come_in(&node).await;
    let sign = |is_typing: bool| json!({"action": "typing", "data": {"is_typing": is_typing}});
    for _ in 0..2 {
        assert_eq!(client.request(sign(true)).await["type"], "ack");
    }
    assert_eq!(client.request(sign(true)).await["code"], "rate_limited");
    assert_eq!(client.request(sign(false)).await["type"], "ack");
    // To show how far one has read is much the same.
    let read = json!({"action": "read", "data": {"room": "user:me", "seq": 1}});
    assert_eq!(client.request(read).await["code"], "rate_limited");
}

#[tokio::test]
async fn who_waits_as_they_are_told_stays() {
    let rates = ["limits.requests_per_second=20", "limits.burst=2"];
    let strict = "limits.violations_before_close=1";
    let node = Node::set(&[NOBODY, rates[0], rates[1], strict]).await;
    let mut client = come_in(&node).await;
    let (mut done, mut refused) = (0, 0);
    while done < 40 {
        let answer = client.request(json!({"action": "nonsense"})).await;
        match answer["code"].as_str() {
            Some("unknown_action") => done += 1,
            Some("rate_limited") => {
                refused += 1;
                assert_eq!(answer["limit"], 20);
                // It is the client who waits here, as it should.
                let wait = answer["retry_after_ms"].as_u64().unwrap();
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            _ => panic!("{answer}"),
        }
    }
    assert!(refused > 10, "{refused}");
}

#[tokio::test]
async fn who_goes_on_asking_is_told_and_sent_away() {
    let node = Node::set(&[NOBODY, "limits.messages_per_minute_per_connection=1"]).await;
    let mut client = come_in(&node).await;
    let mut other = come_in(&node).await;
    let fatal = loop {
        let answer = client.request(message()).await;
        if answer["fatal"] == true {
            break answer;
        }
    };
    assert_eq!(fatal["code"], "rate_limited");
    let closed = client.expect_close().await;
    assert_eq!(closed.code, Some(4508), "{closed:?}");
    assert_eq!(other.request(message()).await["type"], "ack");
}

#[tokio::test]
async fn loopback_is_exempt_in_causerie() {
    let node = Node::start().await;
    let mut client = come_in(&node).await;
    for _ in 0..150 {
        assert_eq!(client.request(message()).await["type"], "ack");
    }
}
