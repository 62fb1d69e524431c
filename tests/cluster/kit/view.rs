//! What one client knows of its rooms after all frames so far. It goes by the
//! protocol alone, and fails the test at the first frame that breaks a promise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// All rooms of one client, across its connections.
#[derive(Debug, Default)]
pub(crate) struct View {
    rooms: BTreeMap<String, Room>,
}

/// One room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    epoch: String,
    /// Epochs of earlier lives, from which events may still be recovered.
    former: BTreeSet<String>,
    seq: u64,
    /// The durable events, in order.
    pub events: Vec<Value>,
    /// The replies by their `message_id`.
    pub replies: BTreeMap<String, Reply>,
    /// How often the room was joined, or its epoch changed.
    pub subscriptions: usize,
}

/// A reply in the making, or made.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reply {
    /// 1, 2, 3 … by takeover.
    pub attempt: u64,
    /// The texts joined.
    pub text: String,
    /// The index that comes next.
    pub next: i64,
    /// How many deltas came by themselves.
    pub deltas: usize,
    /// How many snapshots came.
    pub snapshots: usize,
    /// How often it was restarted.
    pub restarts: usize,
    /// Its `message`.
    pub end: Option<Value>,
}

impl View {
    /// The room by its canonical name.
    pub(crate) fn room(&self, name: &str) -> &Room {
        let known = self.rooms.keys();
        self.rooms
            .get(name)
            .unwrap_or_else(|| panic!("not in {name}, only in {known:?}"))
    }

    /// The names of all rooms.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.rooms.keys().map(String::as_str)
    }

    /// A reply in any of the rooms, once something of it was seen.
    pub(crate) fn reply(&self, id: &str) -> Option<&Reply> {
        self.rooms.values().find_map(|room| room.replies.get(id))
    }

    /// Whether the reply's `message` was seen.
    pub(crate) fn has_ended(&self, id: &str) -> bool {
        self.reply(id).is_some_and(|reply| reply.end.is_some())
    }

    /// The reply to this question, once it was named.
    pub(crate) fn reply_to(&self, question: &str) -> Option<&str> {
        let rooms = self.rooms.values();
        let mut ends = rooms.flat_map(|room| &room.replies).filter(|(_, reply)| {
            let end = reply.end.as_ref();
            end.is_some_and(|end| end["data"]["in_reply_to"] == question)
        });
        ends.next().map(|(id, _)| id.as_str())
    }

    /// `room@epoch:seq` of every room, as a reconnect names them.
    pub(crate) fn positions(&self) -> Vec<String> {
        let rooms = self.rooms.iter();
        rooms
            .map(|(name, room)| format!("{name}@{}:{}", room.epoch, room.seq))
            .collect()
    }

    /// Takes in the next frame.
    ///
    /// # Panics
    /// When the protocol does not allow it here.
    pub(crate) fn on_frame(&mut self, frame: &Value) {
        let kind = text(&frame["type"]);
        if kind == "subscribed" {
            return self.on_subscribed(frame);
        }
        let Some(name) = frame["room"].as_str() else {
            return;
        };
        let room = self.rooms.get_mut(name);
        let room = room.unwrap_or_else(|| panic!("an event of a room never joined: {frame}"));
        if frame.get("seq").is_some() {
            room.on_durable(frame);
        } else {
            room.on_transient(&kind, frame);
        }
    }

    fn on_subscribed(&mut self, frame: &Value) {
        let room = self.rooms.entry(text(&frame["room"])).or_default();
        let (epoch, seq) = (text(&frame["epoch"]), number(&frame["seq"]));
        if room.subscriptions > 0 {
            assert_eq!(frame["recovered"], true, "events are lost: {frame}");
            assert_eq!(seq, room.seq, "not where this client was: {frame}");
        }
        room.subscriptions += 1;
        room.seq = seq;
        let former = std::mem::replace(&mut room.epoch, epoch);
        room.former.insert(former);
    }
}

impl Room {
    /// The contents of the messages that people sent, in order.
    pub(crate) fn said(&self) -> Vec<String> {
        let said = self.of_type("new_message");
        said.map(|event| text(&event["data"]["content"])).collect()
    }

    /// The durable events of one type.
    pub(crate) fn of_type(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.events
            .iter()
            .filter(move |event| event["type"] == kind)
    }

    fn on_durable(&mut self, frame: &Value) {
        let (epoch, seq) = (text(&frame["epoch"]), number(&frame["seq"]));
        assert_eq!(seq, self.seq + 1, "a hole or a double: {frame}");
        assert!(
            epoch == self.epoch || self.former.contains(&epoch),
            "an epoch that was not announced (it is {}): {frame}",
            self.epoch
        );
        self.seq = seq;
        self.events.push(frame.clone());
        if frame["type"] == "message" {
            self.on_message(frame);
        }
    }

    fn on_message(&mut self, frame: &Value) {
        let data = &frame["data"];
        let reply = self.replies.entry(text(&data["message_id"])).or_default();
        assert!(reply.end.is_none(), "a reply ended twice: {frame}");
        let content = text(&data["content"]);
        assert!(
            content.starts_with(&reply.text),
            "the message is not what was streamed ({:?}): {frame}",
            reply.text
        );
        reply.end = Some(frame.clone());
    }

    fn on_transient(&mut self, kind: &str, frame: &Value) {
        let is_streamed = matches!(
            kind,
            "message_delta" | "message_snapshot" | "message_restart"
        );
        if !is_streamed {
            return;
        }
        let data = &frame["data"];
        let reply = self.replies.entry(text(&data["message_id"])).or_default();
        assert!(reply.end.is_none(), "after its message: {frame}");
        let attempt = number(&data["attempt"]);
        assert!(attempt >= reply.attempt, "of a former attempt: {frame}");
        if attempt > reply.attempt {
            reply.restarts += usize::from(reply.attempt > 0);
            (reply.attempt, reply.next) = (attempt, 0);
            reply.text.clear();
        }
        match kind {
            "message_delta" => {
                assert_eq!(data["index"], reply.next, "a hole or a double: {frame}");
                reply.next += 1;
                reply.deltas += 1;
                reply.text.push_str(&text(&data["text"]));
            }
            "message_snapshot" => {
                let index = data["index"].as_i64().expect("an index is a number");
                reply.next = index + 1;
                reply.snapshots += 1;
                reply.text = text(&data["text"]);
            }
            _restart => {}
        }
    }
}

/// A text that a frame must have.
fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    text.to_owned()
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}
