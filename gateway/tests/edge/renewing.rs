//! New tokens for live connections.

use causerie_testkit::client::ws::{Client, Connect};
use serde_json::{Value, json};

use crate::auth::now;
use crate::support::node::{Node, token};

/// Connects, and waits until the own rooms and `project:p1` are joined.
async fn connect(node: &Node, token: &str) -> Client {
    let connect = Connect::to(&node.ws())
        .param("token", token)
        .param("room", "project:p1");
    let mut client = connect.open().await;
    for _ in 0..3 {
        client.expect_type("subscribed").await;
    }
    client
}

async fn authenticate(client: &mut Client, token: &str) -> Value {
    let data = json!({"token": token});
    client
        .request(json!({"action": "authenticate", "data": data}))
        .await
}

/// With a minute of leeway it holds for some two seconds.
fn about_to_end() -> String {
    token(json!({"projects": ["p1"], "exp": now() - 58}))
}

#[tokio::test]
async fn a_renewed_connection_outlives_its_first_token() {
    let node = Node::start().await;
    let short = about_to_end();
    let mut renewed = connect(&node, &short).await;
    let mut other = connect(&node, &short).await;
    let ack = authenticate(&mut renewed, &token(json!({"projects": ["p1"]}))).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let fault = other.expect_type("error").await;
    assert_eq!(fault["code"], "unauthorized", "{fault}");
    assert_eq!(other.expect_close().await.code, Some(4500));
    // The same look would have found this one.
    renewed.ping().await;
    let data = json!({"user_input": "still here", "room": "project:p1", "ai": false});
    let said = renewed
        .request(json!({"action": "sendMessage", "data": data}))
        .await;
    assert_eq!(said["type"], "ack", "{said}");
}

#[tokio::test]
async fn rooms_that_the_new_token_does_not_allow_are_left() {
    let node = Node::start().await;
    let mut client = connect(&node, &token(json!({"projects": ["p1"]}))).await;
    let narrow = token(json!({"projects": ["p2"], "roles": ["publisher"]}));
    let ack = authenticate(&mut client, &narrow).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let frames = client.frames();
    let left: Vec<&Value> = frames
        .iter()
        .filter(|frame| frame["type"] == "unsubscribed")
        .collect();
    assert_eq!(
        left,
        [&json!({"type": "unsubscribed", "room": "project:p1"})]
    );
    // All that it says holds from here on, and nothing of the former.
    for (room, kind) in [
        ("project:p1", "error"),
        ("project:p2", "ack"),
        ("tenant", "ack"),
    ] {
        let data = json!({"user_input": "hello", "room": room, "ai": false});
        let answer = client
            .request(json!({"action": "sendMessage", "data": data}))
            .await;
        assert_eq!(answer["type"], kind, "{room}: {answer}");
    }
    let again = json!({"action": "subscribe", "data": {"room": "project:p1"}});
    assert_eq!(client.request(again).await["code"], "forbidden");
}

#[tokio::test]
async fn a_token_that_does_not_do_changes_nothing() {
    let node = Node::start().await;
    let good = token(json!({"projects": ["p1"]}));
    let mut client = connect(&node, &good).await;
    for (token, code) in [
        (token(json!({"sub": "u2"})), "forbidden"),
        (token(json!({"tenant": "other"})), "forbidden"),
        (token(json!({"exp": now() - 61})), "unauthorized"),
        (format!("{good}x"), "unauthorized"),
        (String::new(), "unauthorized"),
        ("ck_16a1b2c3d4e5_".to_owned(), "unauthorized"),
    ] {
        let error = authenticate(&mut client, &token).await;
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(error["fatal"], false, "{error}");
    }
    let none = json!({"action": "authenticate"});
    assert_eq!(client.request(none).await["code"], "invalid_message");
    let data = json!({"user_input": "as before", "room": "project:p1", "ai": false});
    let said = client
        .request(json!({"action": "sendMessage", "data": data}))
        .await;
    assert_eq!(said["type"], "ack", "{said}");
}

#[tokio::test]
async fn over_http_it_tells_whether_a_token_would_do() {
    let node = Node::start().await;
    let caller = token(json!({}));
    for (token, status) in [(token(json!({})), 200), (token(json!({"sub": "u2"})), 403)] {
        let body = json!({"action": "authenticate", "id": "a1", "data": {"token": token}});
        let answer = node.post("/api/actions", &caller, &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.json()["id"], "a1");
    }
}
