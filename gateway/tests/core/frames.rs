//! Frames that cannot be carried out: each gives its error, and the next good one
//! works. What breaks the WebSocket protocol is in `tests/websocket`.

use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::client::ws::Client;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::Node;

async fn error_after(client: &mut Client, code: &str) -> Value {
    let error = client.expect_type("error").await;
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(error["fatal"], false);
    client.ping().await;
    error
}

#[tokio::test]
async fn a_connection_begins_with_ready_and_its_rooms() {
    let node = Node::alone().await;
    let mut client = node.in_project("u1").await;
    client.ping().await;
    let frames = client.frames();
    assert_eq!(frames[0]["type"], "ready");
    assert_eq!(frames[0]["data"]["user_id"], "u1");
    assert_eq!(frames[0]["data"]["max_message_bytes"], 102_400);
    let mut rooms: Vec<_> = frames[1..4]
        .iter()
        .map(|frame| frame["room"].as_str().unwrap())
        .collect();
    rooms.sort_unstable();
    assert_eq!(rooms, ["project:p1", "tenant", "user:u1"]);
}

#[tokio::test]
async fn a_bad_frame_is_answered_and_the_next_good_one_works() {
    let node = Node::alone().await;
    let mut client = node.client("u1").await;
    for (bad, code) in [
        ("{", "invalid_json"),
        ("", "invalid_json"),
        ("[]", "invalid_message"),
        (r#"{"action":7}"#, "invalid_message"),
        (r#"{"action":"dance"}"#, "unknown_action"),
        (
            r#"{"action":"typing","is_typing":"yes"}"#,
            "invalid_message",
        ),
        (
            &format!("{}1{}", "[".repeat(99), "]".repeat(99)),
            "invalid_message",
        ),
    ] {
        client.send_text(bad).await;
        error_after(&mut client, code).await;
    }
    client
        .send_message(Message::Binary(Bytes::from_static(b"\0")))
        .await;
    error_after(&mut client, "invalid_message").await;
    let long = "x".repeat(33 * 1024);
    client
        .send(json!({"action": "sendMessage", "id": "c7", "user_input": long}))
        .await;
    let error = error_after(&mut client, "message_too_large").await;
    assert_eq!(error["id"], "c7");
}

#[tokio::test]
async fn a_frame_over_the_limit_closes_with_1009_though_more_is_sent() {
    let node = Node::alone().await;
    let mut client = node.client("u1").await;
    client.send_text(&"x".repeat(1 << 20)).await;
    assert_eq!(client.expect_close().await.code, Some(1009));
}

#[tokio::test]
async fn a_close_is_answered() {
    let node = Node::alone().await;
    let client = node.client("u1").await;
    assert_eq!(client.close(1000, "bye").await.code, Some(1000));
    node.gateway.registry.wait_until_empty().await;
}

#[tokio::test]
async fn one_who_sends_no_more_or_vanishes_is_gone() {
    let node = Node::alone().await;
    let mut socket = RawSocket::open(&node.address, "/ws?user=u1", &[]).await;
    socket.shut_down_writing().await;
    while socket.read_frame().await.is_some() {}
    node.client("u1").await.vanish().await;
    node.gateway.registry.wait_until_empty().await;
}
