//! How a WebSocket ends while something goes on.

use std::time::Duration;

use causerie_testkit::client::raw::{RawSocket, frame, opcode};
use causerie_testkit::client::ws::Connect;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::held_bus::HeldBus;
use crate::support::node::{Node, token};

#[tokio::test]
async fn who_closes_does_not_wait_for_what_they_asked_for_and_that_is_done() {
    let bus = HeldBus::new();
    let node = Node::on(bus.clone(), "").await;
    let token = token(json!({"projects": ["p1"]}));
    let mut onlooker = Connect::to(&node.ws())
        .param("token", &token)
        .param("room", "project:p1")
        .open()
        .await;
    let path = format!("/ws?token={token}&room=project:p1");
    let mut socket = RawSocket::open(&node.url, &path, &[]).await;
    for kind in ["ready", "subscribed", "subscribed", "subscribed"] {
        onlooker.expect_type(kind).await;
        assert_eq!(socket.read_frame().await.unwrap().opcode, opcode::TEXT);
    }

    bus.hold(Some("acme:project:p1".parse().unwrap()));
    let data = json!({"user_input": "bye", "room": "project:p1", "ai": false});
    let message = json!({"action": "sendMessage", "data": data}).to_string();
    let wire = [
        frame(true, opcode::TEXT, message.as_bytes()),
        frame(true, opcode::CLOSE, &1000_u16.to_be_bytes()),
    ];
    socket.send(&wire.concat()).await;
    assert_eq!(socket.read_close().await, Some(1000));
    let end = timeout(Duration::from_secs(1), socket.read_frame()).await;
    assert_eq!(end.expect("an end within a second"), None);

    bus.hold(None);
    let is_it = |frame: &Value| frame["type"] == "new_message";
    onlooker.expect("what was said before", is_it).await;
}
