//! Users whose connections are ended, and tokens that are revoked.

use causerie_shared::api_key::KeyScope;
use causerie_testkit::client::http::request;
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Client, Connect};
use reqwest::Method;
use serde_json::json;

use crate::api_keys::kept;
use crate::auth::now;
use crate::support::node::{Node, token};
use crate::support::troubled_bus::{Trouble, TroubledBus};

async fn connect(node: &Node, token: &str) -> Client {
    let mut client = Connect::to(&node.ws()).param("token", token).open().await;
    client.expect_type("ready").await;
    client
}

#[tokio::test]
async fn who_may_rule_over_users() {
    let node = Node::start().await;
    let admin = token(json!({"sub": "a1", "roles": ["admin"]}));
    let publisher = token(json!({"sub": "a1", "roles": ["publisher"]}));
    let server = kept(&node, "acme", &[KeyScope::Admin]).await;
    let other = kept(&node, "acme", &[KeyScope::Publish, KeyScope::Read]).await;
    for verb in ["disconnect", "revoke"] {
        let path = format!("/api/users/u9/{verb}");
        for (who, status) in [
            (&admin, 200),
            (&server, 200),
            (&publisher, 200),
            (&other, 403),
        ] {
            let answer = node.post(&path, who, &json!({})).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
        let done = node.post(&path, &server, &json!({})).await.json();
        assert_eq!(done["user_id"], "u9");
        let bad = node
            .post(&format!("/api/users/me/{verb}"), &admin, &json!({}))
            .await;
        assert_eq!(bad.status, 400, "{bad:?}");
    }
}

#[tokio::test]
async fn a_user_who_is_disconnected_may_come_back() {
    let node = Node::start().await;
    let server = kept(&node, "acme", &[KeyScope::Admin]).await;
    let stranger = kept(&node, "other", &[KeyScope::Admin]).await;
    let own = token(json!({}));
    let mut person = connect(&node, &own).await;
    let mut other = connect(&node, &token(json!({"sub": "u2"}))).await;
    let path = "/api/users/u1/disconnect";
    // Another tenant's user of that name is another.
    assert_eq!(node.post(path, &stranger, &json!({})).await.status, 200);
    assert_eq!(node.post(path, &server, &json!({})).await.status, 200);
    assert_eq!(person.expect_close().await.code, Some(4510));
    connect(&node, &own).await.ping().await;
    other.ping().await;
}

#[tokio::test]
async fn tokens_made_before_a_revocation_hold_no_more() {
    let node = Node::start().await;
    let server = kept(&node, "acme", &[KeyScope::Admin]).await;
    // One was made by a clock that is fast.
    let [old, unsaid, ahead] = [
        json!({"iat": now() - 60}),
        json!({}),
        json!({"iat": now() + 30}),
    ]
    .map(token);
    let mut clients = Vec::new();
    for token in [&old, &unsaid, &ahead] {
        clients.push(connect(&node, token).await);
    }
    let bearer = format!("Bearer {old}");
    let url = node.at("/api/events");
    let mut stream = Sse::open(&url, &[("authorization", &bearer)]).await;
    stream.expect_name("ready").await;

    let done = node.post("/api/users/u1/revoke", &server, &json!({})).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.json()["revoked_until"].as_u64().unwrap() / 1_000 >= now() - 5);
    for client in &mut clients {
        let fault = client.expect_type("error").await;
        assert_eq!(fault["fatal"], true, "{fault}");
        assert!(
            fault["content"].as_str().unwrap().contains("revoked"),
            "{fault}"
        );
        assert_eq!(client.expect_close().await.code, Some(4500));
    }
    stream.expect_name("fault").await;
    stream.expect_end().await;
    let path = "/api/rooms/user:me/history";
    for (token, status) in [(&old, 401), (&unsaid, 401), (&ahead, 200)] {
        assert_eq!(node.get(path, token).await.status, status);
    }
    // Nor does one come back by showing such a token later.
    let shown = json!({"action": "authenticate", "data": {"token": old}});
    let mut back = connect(&node, &ahead).await;
    assert_eq!(back.request(shown).await["code"], "unauthorized");
    let theirs = token(json!({"sub": "u2"}));
    assert_eq!(node.get(path, &theirs).await.status, 200);
}

#[tokio::test]
async fn who_is_revoked_gets_no_more_of_a_reply() {
    let node = Node::start().await;
    let server = kept(&node, "acme", &[KeyScope::Admin]).await;
    let bearer = format!("Bearer {}", token(json!({"iat": now() - 60})));
    let headers = [("authorization", &*bearer)];
    let question = |session: &str| json!({"user_input": "hello", "session_id": session});
    let url = node.at("/api/chat/stream");
    let mut stream = Sse::post(&url, &headers, &question("s1")).await;
    stream.expect_name("ack").await;
    node.next_question().await.start().await;
    let (url, body) = (node.at("/api/chat"), question("s2"));
    let asked = async { request(Method::POST, &url, &headers, Some(&body)).await };
    let revoke = async {
        node.next_question().await.start().await;
        node.post("/api/users/u1/revoke", &server, &json!({})).await
    };
    let (answer, revoked) = tokio::join!(asked, revoke);
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert_eq!(answer.status, 401, "{answer:?}");
    let fault = stream.expect_name("fault").await.json();
    assert_eq!(fault["code"], "unauthorized", "{fault}");
    stream.expect_end().await;
}

#[tokio::test]
async fn who_is_revoked_sees_no_more_of_the_status() {
    let node = Node::start().await;
    let server = kept(&node, "acme", &[KeyScope::Admin]).await;
    let operator = token(json!({"iat": now() - 60, "roles": ["operator"]}));
    let url = node.at("/ws/status").replacen("http", "ws", 1);
    let mut watching = Connect::to(&url).param("token", &operator).open().await;
    watching.expect_type("system_status_update").await;
    let revoked = node.post("/api/users/u1/revoke", &server, &json!({})).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert_eq!(watching.expect_close().await.code, Some(4500));
}

#[tokio::test]
async fn a_revocation_that_was_missed_is_looked_for() {
    let bus = TroubledBus::new();
    let node = Node::on(bus.clone(), "").await;
    let server = kept(&node, "acme", &[KeyScope::Admin]).await;
    let mut person = connect(&node, &token(json!({"iat": now() - 60}))).await;
    let mut other = connect(&node, &token(json!({"sub": "u2", "iat": now() - 60}))).await;
    bus.set(Trouble {
        loses_orders: true,
        ..Trouble::default()
    });
    let revoked = node.post("/api/users/u1/revoke", &server, &json!({})).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    bus.until_lost().await;
    person.ping().await;
    bus.set(Trouble::default());
    assert_eq!(person.expect_close().await.code, Some(4500));
    other.ping().await;
}
