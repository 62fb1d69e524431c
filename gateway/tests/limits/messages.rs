//! Messages of one user at all gateways, and what goes along with them.

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::process::Node;
use causerie_testkit::redis::Redis;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{limited, token};

fn message(metadata: &Value) -> Value {
    let data = json!({"user_input": "hello", "ai": false, "metadata": metadata});
    json!({"action": "sendMessage", "data": data})
}

async fn come_in(node: &Node, token: &str) -> Client {
    let mut client = Connect::to(&node.ws_url())
        .param("token", token)
        .open()
        .await;
    client.expect_type("ready").await;
    client
}

async fn act(node: &Node, token: &str, frame: &Value) -> Answer {
    let (url, bearer) = (
        format!("{}/api/actions", node.url()),
        format!("Bearer {token}"),
    );
    request(
        Method::POST,
        &url,
        &[("authorization", &bearer)],
        Some(frame),
    )
    .await
}

fn is_too_many_of_the_user(error: &Value, limit: u32) {
    let expected = json!(["rate_limited", "user", limit]);
    assert_eq!(
        json!([error["code"], error["scope"], error["limit"]]),
        expected
    );
    assert!(error["retry_after_ms"].as_u64().unwrap() > 0, "{error}");
}

#[tokio::test]
async fn a_user_has_so_many_messages_over_all_connections() {
    let redis = Redis::start().await;
    let few = [("LIMITS_MESSAGES_PER_MINUTE_PER_USER", "3")];
    let [here, there] = [limited(&redis, &few).await, limited(&redis, &few).await];
    let (own, message) = (token("u1"), message(&json!({})));
    let mut first = come_in(&here, &own).await;
    let mut second = come_in(&there, &own).await;
    assert_eq!(first.request(message.clone()).await["type"], "ack");
    assert_eq!(second.request(message.clone()).await["type"], "ack");
    assert_eq!(act(&here, &own, &message).await.status, 200);
    is_too_many_of_the_user(&first.request(message.clone()).await, 3);
    is_too_many_of_the_user(&second.request(message.clone()).await, 3);
    let refused = act(&there, &own, &message).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    is_too_many_of_the_user(&refused.json(), 3);
    // What is no message goes on, and so do others.
    first.ping().await;
    assert_eq!(act(&there, &token("u2"), &message).await.status, 200);
}

#[tokio::test]
async fn a_visitor_has_a_number_of_their_own() {
    let redis = Redis::start().await;
    let few = [
        ("LIMITS_MESSAGES_PER_MINUTE_PER_USER", "100"),
        ("LIMITS_MESSAGES_PER_MINUTE_PER_VISITOR", "2"),
    ];
    let [here, there] = [limited(&redis, &few).await, limited(&redis, &few).await];
    let url = format!("{}/api/auth/session", here.url());
    let visit = json!({"tenant_hash": "h-acme"});
    let page = [("origin", "https://acme.example")];
    let visitor = request(Method::POST, &url, &page, Some(&visit))
        .await
        .json();
    let visitor = visitor["token"].as_str().unwrap();
    let message = message(&json!({}));
    for node in [&here, &there] {
        assert_eq!(act(node, visitor, &message).await.status, 200);
    }
    is_too_many_of_the_user(&act(&here, visitor, &message).await.json(), 2);
    for node in [&here, &there, &here] {
        assert_eq!(act(node, &token("u1"), &message).await.status, 200);
    }
}

#[tokio::test]
async fn metadata_is_small_on_every_transport() {
    let redis = Redis::start().await;
    let node = limited(&redis, &[("LIMITS_MAX_METADATA_BYTES", "100")]).await;
    let own = token("u1");
    let mut client = come_in(&node, &own).await;
    let fits = message(&json!({"a": "x".repeat(92)}));
    let over = message(&json!({"a": "x".repeat(93)}));
    assert_eq!(client.request(fits.clone()).await["type"], "ack");
    assert_eq!(act(&node, &own, &fits).await.status, 200);
    let url = format!("{}/api/chat", node.url());
    let bearer = format!("Bearer {own}");
    let headers = [("authorization", &*bearer)];
    let question = json!({"user_input": "hello", "metadata": over["data"]["metadata"]});
    let chat = request(Method::POST, &url, &headers, Some(&question)).await;
    let acted = act(&node, &own, &over).await;
    assert_eq!(
        (acted.status, chat.status),
        (413, 413),
        "{acted:?} {chat:?}"
    );
    for error in [client.request(over).await, acted.json(), chat.json()] {
        assert_eq!(error["code"], "message_too_large", "{error}");
        assert_eq!(error["limit"], 100);
        let told = "`metadata` is over 100 bytes of JSON: send less along.";
        assert_eq!(error["content"], told);
    }
}

/// Each is told to a whole room.
#[tokio::test]
async fn signs_of_typing_have_a_limit_over_http_too() {
    let redis = Redis::start().await;
    let few = [("LIMITS_TYPING_PER_MINUTE", "2")];
    let [here, there] = [limited(&redis, &few).await, limited(&redis, &few).await];
    let own = token("u1");
    let sign = |is_typing: bool| json!({"action": "typing", "data": {"is_typing": is_typing}});
    assert_eq!(act(&here, &own, &sign(true)).await.status, 200);
    let status = json!({"action": "status", "data": {"status": "away"}});
    assert_eq!(act(&there, &own, &status).await.status, 200);
    let refused = act(&here, &own, &sign(true)).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    is_too_many_of_the_user(&refused.json(), 2);
    // Its end is always told, and what is said has a limit of its own.
    assert_eq!(act(&there, &own, &sign(false)).await.status, 200);
    assert_eq!(act(&here, &own, &message(&json!({}))).await.status, 200);
}

#[tokio::test]
async fn what_a_connection_is_refused_is_counted() {
    let redis = Redis::start().await;
    let few = [("LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION", "1")];
    let node = limited(&redis, &few).await;
    let (mut client, message) = (come_in(&node, &token("u1")).await, message(&json!({})));
    assert_eq!(client.request(message.clone()).await["type"], "ack");
    let refused = client.request(message).await;
    assert_eq!(refused["scope"], "connection", "{refused}");
    node.metric_becomes("causerie_errors_total", 1.0).await;
    let metrics = node.metrics().await;
    for counted in [
        r#"causerie_rate_limited_total{what="messages",scope="connection"} 1"#,
        r#"causerie_errors_total{code="rate_limited",category="limit",severity="informational"} 1"#,
    ] {
        assert!(metrics.contains(counted), "{counted}: {metrics}");
    }
}
