//! What compression saves where people read: replies.

use std::collections::HashMap;

use causerie_shared::protocol::data::FinishReason;
use causerie_testkit::client::raw::{Frame, RawSocket, frame, opcode};
use serde_json::{Value, json};

use crate::support::node::{Node, token};

const PROSE: &str = include_str!("../../../docs/architecture.md");

/// What frames take on the wire, and what they would take.
#[derive(Debug, Default, Clone, Copy)]
struct Bytes {
    sent: usize,
    plain: usize,
}

impl Bytes {
    fn add(&mut self, heard: &Frame) {
        self.sent += on_the_wire(heard.payload.len());
        self.plain += on_the_wire(heard.text().len());
    }

    fn percent(self) -> usize {
        self.sent * 100 / self.plain
    }
}

/// With the frame's header.
fn on_the_wire(payload: usize) -> usize {
    let header = if payload < 126 { 2 } else { 4 };
    header + payload
}

/// A client that takes compressed messages.
async fn open(node: &Node, room: &str) -> RawSocket {
    let token = token(json!({"projects": ["p1"]}));
    let path = format!("/ws?token={token}{room}");
    let offer = ("Sec-WebSocket-Extensions", "permessage-deflate");
    RawSocket::open(&node.url, &path, &[offer]).await
}

/// The next frame of a type in a room.
async fn next_of(socket: &mut RawSocket, kind: &str, room: &str) -> (Frame, Value) {
    loop {
        let heard = socket.read_frame().await.expect("a frame");
        let json: Value = serde_json::from_str(&heard.text()).unwrap();
        if json["type"] == kind && json["room"] == room {
            return (heard, json);
        }
    }
}

/// In a room with a short name, where least can be saved.
#[tokio::test]
async fn a_streamed_reply_takes_four_fifths_of_its_bytes_and_its_message_three() {
    let node = Node::start().await;
    let mut socket = open(&node, "").await;
    let ask = json!({"action": "sendMessage", "data": {"user_input": "Tell me all."}});
    let ask = frame(true, opcode::TEXT, ask.to_string().as_bytes());
    socket.send(&ask).await;

    let mut making = node.next_question().await;
    making.start().await;
    let words = PROSE.split_inclusive(' ').take(300);
    for word in words {
        making.say(word).await;
    }
    // Who comes now gets a snapshot of it all.
    let mut late = open(&node, "").await;
    let snapshot = loop {
        let heard = late.read_frame().await.expect("a snapshot");
        if heard.text().contains("message_snapshot") {
            break heard;
        }
    };
    making.finish(FinishReason::Stop).await;

    let mut types: HashMap<String, Bytes> = HashMap::new();
    let mut reply = Bytes::default();
    while !types.contains_key("message") {
        let heard = socket.read_frame().await.expect("the reply");
        let json: Value = serde_json::from_str(&heard.text()).unwrap();
        let name = json["type"].as_str().unwrap();
        types.entry(name.to_owned()).or_default().add(&heard);
        if json["data"].get("in_reply_to").is_some() || name == "message_delta" {
            reply.add(&heard);
        }
    }
    assert!(reply.plain > 60_000, "{reply:?}");
    assert!(reply.percent() <= 80, "{reply:?}: {types:?}");
    assert!(types["message"].plain > 1_024, "{types:?}");
    assert!(types["message"].percent() <= 60, "{types:?}");
    let mut snapshot_bytes = Bytes::default();
    snapshot_bytes.add(&snapshot);
    assert!(snapshot_bytes.percent() <= 60, "{snapshot_bytes:?}");
}

/// Each just above 1 KiB, where least can be saved of what has to be.
#[tokio::test]
async fn what_was_missed_takes_three_fifths_of_its_bytes() {
    const MESSAGES: usize = 30;
    let node = Node::start().await;
    let mut first = open(&node, "&room=project:p1").await;
    let (_, subscribed) = next_of(&mut first, "subscribed", "project:p1").await;
    let (epoch, seq) = (subscribed["epoch"].as_str().unwrap(), &subscribed["seq"]);
    let letters: Vec<_> = PROSE.chars().collect();
    let speaker = token(json!({"projects": ["p1"]}));
    for part in letters.chunks_exact(1_000).cycle().take(MESSAGES) {
        let text = String::from_iter(part);
        let data = json!({"user_input": text, "room": "project:p1", "ai": false});
        let body = json!({"action": "sendMessage", "data": data});
        let answer = node.post("/api/actions", &speaker, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    let mut late = open(&node, &format!("&room=project:p1@{epoch}:{seq}")).await;
    let (_, subscribed) = next_of(&mut late, "subscribed", "project:p1").await;
    assert_eq!(subscribed["recovered"], true, "{subscribed}");
    let mut bytes = Bytes::default();
    for _ in 0..MESSAGES {
        let (heard, _) = next_of(&mut late, "new_message", "project:p1").await;
        assert!(heard.text().len() > 1_024, "{heard:?}");
        assert!(heard.compressed, "{heard:?}");
        bytes.add(&heard);
    }
    assert!(bytes.percent() <= 60, "{bytes:?}");
}
