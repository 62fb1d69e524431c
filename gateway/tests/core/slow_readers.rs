//! Those who read slowly, or not at all: on real sockets of which the system holds
//! next to nothing, so that frames are cut wherever it likes.

use std::sync::Arc;
use std::time::Duration;

use causerie_gateway::connection::Connection;
use causerie_gateway::drain::drain;
use causerie_gateway::settings::Settings;
use causerie_shared::protocol::data::FinishReason;
use causerie_testkit::client::raw::{Frame, RawSocket, opcode};
use causerie_testkit::client::ws::Client;
use serde_json::{Value, json};

use crate::support::{Node, ask, begin_reply, memory_bus, say};

const ROOM: &str = "project:p1";

/// One that reads only what it is told to read.
struct Reader(RawSocket);

impl Reader {
    async fn join(node: &Node, user: &str) -> Self {
        let mut socket = RawSocket::connect_narrow(&node.address).await;
        let path = format!("/ws?user={user}&room={ROOM}");
        socket.shake_hands(&path, &[]).await;
        let mut reader = Self(socket);
        let mut rooms = 0;
        while rooms < 3 {
            let frame = reader.next().await.unwrap();
            rooms += u32::from(frame.json()["type"] == "subscribed");
        }
        reader
    }

    async fn next(&mut self) -> Option<Seen> {
        self.0.read_frame().await.map(Seen)
    }

    /// Reads to the event that bears this number; the numbers on the way.
    async fn read_to(&mut self, seq: u64) -> Vec<u64> {
        let mut seqs = Vec::new();
        while seqs.last() != Some(&seq) {
            seqs.extend(self.next().await.unwrap().seq());
        }
        seqs
    }

    /// Reads to the close; the numbers on the way, and its code and reason.
    async fn read_to_close(&mut self) -> (Vec<u64>, u16, String) {
        let mut seqs = Vec::new();
        loop {
            let Seen(frame) = self.next().await.unwrap();
            if let Some(code) = frame.close_code() {
                let reason = String::from_utf8(frame.payload[2..].to_vec()).unwrap();
                return (seqs, code, reason);
            }
            seqs.extend(Seen(frame).seq());
        }
    }
}

/// A frame, as it came.
struct Seen(Frame);

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.0.payload).unwrap()
    }

    /// The number of an event of the room.
    fn seq(&self) -> Option<u64> {
        if self.0.opcode != opcode::TEXT {
            return None;
        }
        let json = self.json();
        (json["room"] == ROOM && json["type"] != "subscribed").then(|| json["seq"].as_u64())?
    }
}

async fn node(outbox_bytes: usize) -> Node {
    let settings = Settings {
        outbox_bytes,
        ..Settings::default()
    };
    Node::start(&memory_bus(), settings).await
}

/// Says so many things, of so many bytes; the number of the last.
async fn say_much(talker: &mut Client, count: u64, bytes: usize) -> u64 {
    let mut last = json!(null);
    for _ in 0..count {
        last = say(talker, ROOM, &"x".repeat(bytes)).await;
    }
    last["seq"].as_u64().unwrap()
}

fn connection_of(node: &Node, user: &str) -> Arc<Connection> {
    let connections = node.gateway.registry.all();
    let of_user = |connection: &Arc<Connection>| connection.identity().user.as_str() == user;
    connections.into_iter().find(of_user).unwrap()
}

#[tokio::test]
async fn one_who_does_not_read_holds_up_nobody_and_is_sent_away() {
    let node = node(256 << 10).await;
    let mut talker = node.in_project("u1").await;
    let mut quick = node.in_project("u2").await;
    let mut slow = Reader::join(&node, "u3").await;
    let mut last = 0;
    while !connection_of(&node, "u3").outbox.is_closed() {
        last = say_much(&mut talker, 1, 30_000).await;
        let is_it = |frame: &Value| frame["seq"] == last && frame["type"] == "new_message";
        quick
            .expect("it, though another does not read", is_it)
            .await;
    }
    let (seqs, code, _) = slow.read_to_close().await;
    assert_eq!(code, 4008);
    // What it was sent before that was whole, and had no hole.
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert!((seqs.len() as u64) < last, "{seqs:?} of {last}");
}

#[tokio::test]
async fn what_is_cut_anywhere_comes_whole_and_in_order() {
    let node = node(16 << 20).await;
    let mut talker = node.in_project("u1").await;
    let mut slow = Reader::join(&node, "u2").await;
    let (mut seen, mut last) = (Vec::new(), 0);
    for round in 1..=8 {
        // Some of it goes at once, some is cut, some waits.
        last = say_much(&mut talker, 40, 4_000 * round).await;
        assert!(!connection_of(&node, "u2").outbox.has_room_for(16 << 20));
        seen.extend(slow.read_to(last - 10).await);
        last = say_much(&mut talker, 10, 10).await;
    }
    seen.extend(slow.read_to(last).await);
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    // All that waited has gone: what comes now goes at once again.
    assert!(connection_of(&node, "u2").outbox.has_room_for(8 << 20));
    let next = say_much(&mut talker, 1, 10).await;
    assert_eq!(slow.read_to(next).await, [next]);
}

#[tokio::test]
async fn control_frames_stand_between_frames_and_go_first() {
    let node = node(16 << 20).await;
    let mut talker = node.in_project("u1").await;
    let mut slow = Reader::join(&node, "u2").await;
    let last = say_much(&mut talker, 200, 30_000).await;
    // A flood of pings makes no flood of pongs.
    for number in 0..100_u8 {
        slow.0.send_frame(true, opcode::PING, &[number]).await;
    }
    slow.0
        .send_frame(
            true,
            opcode::TEXT,
            br#"{"action":"typing","is_typing":true,"room":"project:p1"}"#,
        )
        .await;
    talker
        .expect("that it has read the pings before", |frame| {
            frame["type"] == "typing_indicator"
        })
        .await;
    connection_of(&node, "u2").outbox.ping();

    let (mut pongs, mut pings, mut seqs) = (Vec::new(), 0, Vec::new());
    while seqs.last() != Some(&last) {
        let seen = slow.next().await.unwrap();
        match seen.0.opcode {
            opcode::PONG => pongs.extend(seen.0.payload),
            opcode::PING => pings += 1,
            _ => seqs.extend(seen.seq()),
        }
        if pongs.last() == Some(&99) && pings == 1 {
            break;
        }
    }
    assert_eq!((pongs.last(), pings), (Some(&99), 1));
    assert!(pongs.len() < 10, "{pongs:?}");
    assert!(seqs.last() < Some(&last), "they waited for all that did");
    seqs.extend(slow.read_to(last).await);
    assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_who_reads_slowly_learns_that_the_node_drains() {
    let node = node(16 << 20).await;
    let mut talker = node.in_project("u1").await;
    let mut slow = Reader::join(&node, "u2").await;
    let last = say_much(&mut talker, 200, 30_000).await;
    let draining = tokio::spawn({
        let gateway = Arc::clone(&node.gateway);
        async move { drain(&gateway, Duration::from_secs(30)).await }
    });
    let (seqs, code, reason) = slow.read_to_close().await;
    assert_eq!(code, 1012);
    assert!(reason.starts_with("reconnect after="), "{reason}");
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert!(seqs.len() as u64 <= last);
    drop(slow);
    draining.await.unwrap();
    assert!(node.gateway.registry.is_empty());
}

#[tokio::test]
async fn one_who_reads_nothing_holds_up_no_drain() {
    let node = node(16 << 20).await;
    let mut talker = node.in_project("u1").await;
    let _slow = Reader::join(&node, "u2").await;
    say_much(&mut talker, 200, 30_000).await;
    drop(talker);
    drain(&node.gateway, Duration::from_secs(30)).await;
    assert!(node.gateway.registry.is_empty());
}

#[tokio::test]
async fn who_lost_text_of_a_reply_gets_one_snapshot() {
    let bus = memory_bus();
    let settings = Settings {
        outbox_bytes: 16 << 20,
        ..Settings::default()
    };
    let node = Node::start(&bus, settings).await;
    let mut talker = node.in_project("u1").await;
    let mut slow = Reader::join(&node, "u2").await;
    // More than half of what may wait does, then more than three quarters: the
    // little that its system may still take makes no difference.
    while connection_of(&node, "u2").outbox.has_room_for(0) {
        say_much(&mut talker, 10, 30_000).await;
    }
    say_much(&mut talker, 200, 30_000).await;
    ask(&mut talker, ROOM).await;
    let mut making = begin_reply(&bus, ROOM).await;
    let piece = "x".repeat(20_000);
    let said = 40;
    for _ in 0..said {
        making.say(&piece).await;
    }
    talker.ping().await;
    let mut held = String::new();
    let mut snapshots = 0;
    while held.len() < piece.len() * said {
        let json = slow.next().await.unwrap().json();
        let text = json["data"]["text"].as_str().unwrap_or_default();
        match json["type"].as_str().unwrap() {
            "message_delta" => held.push_str(text),
            "message_snapshot" => {
                snapshots += 1;
                held = text.to_owned();
            }
            _ => {}
        }
    }
    assert_eq!((snapshots, held.len()), (1, piece.len() * said));
    making.finish(FinishReason::Stop).await;
}
