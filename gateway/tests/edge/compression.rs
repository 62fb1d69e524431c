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

/// In a room with a short name, where least can be saved.
#[tokio::test]
async fn a_streamed_reply_takes_four_fifths_of_its_bytes_and_its_message_three() {
    let node = Node::start().await;
    let path = format!("/ws?token={}", token(json!({})));
    let offer = ("Sec-WebSocket-Extensions", "permessage-deflate");
    let mut socket = RawSocket::open(&node.url, &path, &[offer]).await;
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
    let mut late = RawSocket::open(&node.url, &path, &[offer]).await;
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
