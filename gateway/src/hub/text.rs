//! The texts of replies in the making, kept as JSON has them, and snapshots of
//! them: so that a late joiner or a slow reader costs no read of the bus, and
//! no frame is parsed on its way out.

use std::sync::{Arc, OnceLock};

use causerie_shared::bus::log::RunningReply;
use causerie_shared::ids::{MessageId, SessionId};
use causerie_shared::protocol::data::MessageSnapshot;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Record, ReplyPart};
use causerie_shared::room::RoomKey;

use crate::frame::OutFrame;

/// A reply in the making, as far as it was delivered.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) session: SessionId,
    pub(super) in_reply_to: MessageId,
    pub(super) attempt: u32,
    /// The index of the delta that follows.
    pub(super) next: i64,
    /// All up to that, escaped as within a JSON string.
    text: String,
    /// Made for the first who needs it, until the next delta: those who come
    /// together get the same.
    snapshot: OnceLock<Arc<OutFrame>>,
}

impl Running {
    /// A reply that begins with `record`; `None` where that does not tell
    /// enough.
    pub(super) fn begun_by(record: &Record) -> Option<Self> {
        Some(Self {
            session: session_of(record)?,
            in_reply_to: record.header.in_reply_to.clone()?,
            attempt: record.header.reply.as_ref()?.attempt,
            next: 0,
            text: String::new(),
            snapshot: OnceLock::new(),
        })
    }

    /// A reply as the bus knows it.
    pub(super) fn of(reply: &RunningReply) -> Self {
        Self {
            session: reply.session.clone(),
            in_reply_to: reply.in_reply_to.clone(),
            attempt: reply.attempt,
            next: reply.index + 1,
            text: escaped(&reply.text),
            snapshot: OnceLock::new(),
        }
    }

    /// Empties the text, for the next attempt.
    pub(super) fn restart(&mut self, attempt: u32) {
        self.attempt = attempt;
        self.next = 0;
        self.text.clear();
        self.snapshot.take();
    }

    /// Takes the next delta; whether it could be understood.
    pub(super) fn append(&mut self, delta: &Record) -> bool {
        let Some(text) = escaped_text(delta) else {
            return false;
        };
        self.text.push_str(text);
        self.next += 1;
        self.snapshot.take();
        true
    }

    /// A snapshot of it, for those in `room`.
    pub(super) fn snapshot(
        &self,
        room: &RoomKey,
        message_id: &MessageId,
        ts: u64,
    ) -> Arc<OutFrame> {
        let make = || self.make_snapshot(room, message_id, ts);
        Arc::clone(self.snapshot.get_or_init(make))
    }

    fn make_snapshot(&self, room: &RoomKey, message_id: &MessageId, ts: u64) -> Arc<OutFrame> {
        let index = self.next - 1;
        let empty = MessageSnapshot {
            message_id,
            session_id: &self.session,
            in_reply_to: &self.in_reply_to,
            attempt: self.attempt,
            index,
            text: "",
        };
        let json = frame::transient(Event::MessageSnapshot, &room.room, ts, &empty);
        let json = String::from_utf8_lossy(&json);
        // `text` is the last member: what it holds goes before its last quote.
        let json = json.strip_suffix(TEXT_END).unwrap_or(&json);
        let json = [json, &self.text, TEXT_END].concat();
        let part = ReplyPart {
            message_id: message_id.clone(),
            attempt: self.attempt,
            index,
        };
        OutFrame::snapshot(room, part, &self.in_reply_to, json.into())
    }
}

/// What follows the text in a delta and in a snapshot.
const TEXT_END: &str = r#""}}"#;

/// The text of a `message_delta`, escaped. No id holds a quote, so the first
/// `,"text":"` is where it begins.
fn escaped_text(delta: &Record) -> Option<&str> {
    let frame = std::str::from_utf8(&delta.frame).ok()?;
    let (_, text) = frame.split_once(r#","text":""#)?;
    text.strip_suffix(TEXT_END)
}

/// The session that a frame of a reply names, before anything that a person or
/// a model wrote.
fn session_of(record: &Record) -> Option<SessionId> {
    let frame = std::str::from_utf8(&record.frame).ok()?;
    let (_, rest) = frame.split_once(r#""session_id":""#)?;
    let (session, _) = rest.split_once('"')?;
    SessionId::new(session).ok()
}

/// `text` as it stands within a JSON string.
fn escaped(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_default();
    let inner = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::testing::{delta, message_id, room, start};
    use serde_json::Value;

    const NASTY: &[&str] = &["Say \"hi\"", "\\", "\n,\"text\":\"", "\"}}", "é😀", "\""];

    fn snapshot_of(running: &Running) -> Value {
        let frame = running.snapshot(&room(), &message_id(1), 7);
        serde_json::from_str(frame.json()).unwrap()
    }

    #[test]
    fn a_snapshot_holds_the_deltas_joined_whatever_they_hold() {
        let mut running = Running::begun_by(&start(1, 1)).unwrap();
        for (index, text) in NASTY.iter().enumerate() {
            assert!(running.append(&delta(1, 1, index as i64, text)));
        }
        let snapshot = snapshot_of(&running);
        assert_eq!(snapshot["data"]["text"], NASTY.concat());
        assert_eq!(snapshot["data"]["index"], NASTY.len() as i64 - 1);
        assert_eq!(snapshot["data"]["session_id"], "s1");
    }

    #[test]
    fn a_reply_read_from_the_bus_goes_on_with_deltas() {
        let mut running = Running::of(&RunningReply {
            message_id: message_id(1),
            session: SessionId::new("s1").unwrap(),
            in_reply_to: message_id(100),
            attempt: 2,
            index: 4,
            text: NASTY.concat(),
        });
        assert!(running.append(&delta(1, 2, 5, "!")));
        let snapshot = snapshot_of(&running);
        assert_eq!(snapshot["data"]["text"], format!("{}!", NASTY.concat()));
        assert_eq!(snapshot["data"]["index"], 5);
    }

    #[test]
    fn a_snapshot_is_made_once_and_anew_when_something_changed() {
        let mut running = Running::begun_by(&start(1, 1)).unwrap();
        let snapshot = |running: &Running| running.snapshot(&room(), &message_id(1), 7);
        let first = snapshot(&running);
        assert!(Arc::ptr_eq(&first, &snapshot(&running)));
        assert!(running.append(&delta(1, 1, 0, "Yes")));
        assert_eq!(snapshot_of(&running)["data"]["text"], "Yes");
        running.restart(2);
        assert_eq!(snapshot_of(&running)["data"]["text"], "");
    }

    #[test]
    fn before_the_first_delta_the_index_is_minus_one() {
        let snapshot = snapshot_of(&Running::begun_by(&start(1, 1)).unwrap());
        assert_eq!(snapshot["data"]["index"], -1);
        assert_eq!(snapshot["data"]["text"], "");
    }
}
