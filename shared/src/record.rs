//! What travels on the bus: a frame, and the little that a gateway must know
//! of it without parsing it.
//!
//! A record is one line of text, its header, and the frame behind the line
//! break. The header is eleven fields with a space between them, `-` for none:
//!
//! ```text
//! version class event epoch seq ts message_id attempt index in_reply_to excluded_user
//! ```
//!
//! A twelfth, where there is one, is the W3C trace context that it belongs to.
//!
//! A user may be called `-`: as the excluded one that is `=`, which no id holds.
//!
//! Text, because a Redis script can fill in `epoch`, `seq` and `ts` by joining
//! strings, and because a person can read it in a monitor. A later version of
//! the header may add fields behind these, which this reader passes over; it
//! changes the number in front only where old readers must not go on.

use std::fmt::Write as _;

use bytes::Bytes;
use compact_str::CompactString;
use serde::Serialize;

use crate::ids::{MessageId, UserId};
use crate::position::{Epoch, Position};
use crate::protocol::event::Event;
use crate::protocol::frame;
use crate::room::Room;

/// The version that this program writes, and the only one it reads.
pub const VERSION: u8 = 1;

/// Few headers are longer, in bytes.
const USUAL_LINE: usize = 192;
/// The length of a W3C trace context.
const TRACEPARENT: usize = 55;
/// What stands for none, and could be the id of a user.
const NONE: &str = "-";
/// What stands for the user of that id.
const USER_CALLED_NONE: &str = "=";

/// How a record is handled on its way, whatever its event is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// In the log.
    Durable,
    /// In the log, and the end of the reply in the header.
    Final,
    /// Not in the log; nobody misses it.
    Transient,
    /// The reply in the header begins its attempt; its text is empty.
    Start,
    /// The next piece of the reply in the header.
    Delta,
}

impl Class {
    const ALL: [Self; 5] = [
        Self::Durable,
        Self::Final,
        Self::Transient,
        Self::Start,
        Self::Delta,
    ];

    /// The word in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Final => "final",
            Self::Transient => "transient",
            Self::Start => "start",
            Self::Delta => "delta",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }
}

/// Where in a reply a record belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyPart {
    /// The reply.
    pub message_id: MessageId,
    /// The attempt; 0 where none was begun.
    pub attempt: u32,
    /// A delta's index; −1 for everything else.
    pub index: i64,
}

/// What a gateway knows of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// How it is handled.
    pub class: Class,
    /// The frame's `type`.
    pub event: CompactString,
    /// Its place in the log; of durable and final records only.
    pub position: Option<Position>,
    /// When it was published, by the bus's clock, in milliseconds since 1970.
    pub ts: u64,
    /// The reply that it is part of.
    pub reply: Option<ReplyPart>,
    /// The question that the reply answers, or this message's own id where it
    /// is the question.
    pub in_reply_to: Option<MessageId>,
    /// The user whose connections do not get it.
    pub excluded: Option<UserId>,
    /// The W3C trace context of what made it, where that trace is sent to a collector.
    pub trace: Option<Box<str>>,
}

/// A frame with its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What a gateway knows of it.
    pub header: Header,
    /// What the client gets: one JSON text.
    pub frame: Bytes,
}

/// Why a record could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableRecord {
    /// It was written by a program of another version.
    #[error("record of version {0}, this program reads version {VERSION}")]
    Version(CompactString),
    /// It is damaged.
    #[error("damaged record: bad {0}")]
    Damaged(&'static str),
}

impl Record {
    /// A transient event of `room` that is no part of a reply; `ts` is the bus's clock,
    /// in milliseconds since 1970.
    pub fn transient(event: Event, room: &Room, ts: u64, data: &impl Serialize) -> Self {
        let header = Header {
            class: Class::Transient,
            event: CompactString::const_new(event.name()),
            position: None,
            ts,
            reply: None,
            in_reply_to: None,
            excluded: None,
            trace: None,
        };
        let frame = frame::transient(event, room, ts, data);
        Self { header, frame }
    }

    /// The same, which the connections of `user` do not get.
    #[must_use]
    pub fn hidden_from(mut self, user: UserId) -> Self {
        self.header.excluded = Some(user);
        self
    }

    /// Reads a record as it travels.
    ///
    /// # Errors
    /// [`UnreadableRecord`] where the version or a field is not ours.
    pub fn decode(bytes: &Bytes) -> Result<Self, UnreadableRecord> {
        let line_end = bytes
            .iter()
            .position(|&b| b == b'\n')
            .ok_or(UnreadableRecord::Damaged("line break"))?;
        let line = bytes.get(..line_end).unwrap_or_default();
        let line = std::str::from_utf8(line).map_err(|_| UnreadableRecord::Damaged("text"))?;
        Ok(Self {
            header: Header::parse(line)?,
            frame: bytes.slice(line_end + 1..),
        })
    }

    /// The record as it travels.
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes);
        bytes.into()
    }

    /// The same, behind what `bytes` holds.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) {
        let line = self.header.to_line();
        bytes.reserve(line.len() + self.frame.len());
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(&self.frame);
    }
}

impl Header {
    /// The header as it travels, with its line break.
    pub fn to_line(&self) -> String {
        let mut line = String::with_capacity(USUAL_LINE);
        self.write_before(&mut line);
        let (epoch, seq) = match &self.position {
            Some(position) => (position.epoch.as_str(), position.seq),
            None => (NONE, 0),
        };
        let _ = write!(line, "{epoch} {seq} {}", self.ts);
        self.write_after(&mut line);
        line
    }

    /// The header without `epoch`, `seq` and `ts`: what stands before them,
    /// and what behind. A Redis script puts them in between.
    pub fn around_position(&self) -> [String; 2] {
        let (mut before, mut after) = (String::new(), String::with_capacity(USUAL_LINE));
        self.write_before(&mut before);
        self.write_after(&mut after);
        [before, after]
    }

    fn write_before(&self, line: &mut String) {
        let _ = write!(line, "{VERSION} {} {} ", self.class.as_str(), self.event);
    }

    fn write_after(&self, line: &mut String) {
        match &self.reply {
            Some(ReplyPart {
                message_id,
                attempt,
                index,
            }) => {
                let _ = write!(line, " {message_id} {attempt} {index}");
            }
            None => line.push_str(" - 0 -1"),
        }
        let excluded = self.excluded.as_ref().map(|user| match user.as_str() {
            NONE => USER_CALLED_NONE,
            id => id,
        });
        for id in [self.in_reply_to.as_ref().map(MessageId::as_str), excluded] {
            line.push(' ');
            line.push_str(id.unwrap_or(NONE));
        }
        if let Some(trace) = &self.trace {
            line.push(' ');
            line.push_str(trace);
        }
        line.push('\n');
    }

    fn parse(line: &str) -> Result<Self, UnreadableRecord> {
        let mut fields = Fields(line.split(' '));
        let version = fields.text("version")?;
        if version.parse() != Ok(VERSION) {
            return Err(UnreadableRecord::Version(version.into()));
        }
        let class = fields.read("class", Class::parse)?;
        let event = fields.text("event")?.into();
        let epoch = fields.optional("epoch", |text| text.parse::<Epoch>().ok())?;
        let seq = fields.read("seq", |text| text.parse().ok())?;
        let ts = fields.read("ts", |text| text.parse().ok())?;
        let message_id = fields.optional("message id", |text| MessageId::new(text).ok())?;
        let attempt = fields.read("attempt", |text| text.parse().ok())?;
        let index = fields.read("index", |text| text.parse().ok())?;
        Ok(Self {
            class,
            event,
            position: epoch.map(|epoch| Position { epoch, seq }),
            ts,
            reply: message_id.map(|message_id| ReplyPart {
                message_id,
                attempt,
                index,
            }),
            in_reply_to: fields.optional("question", |text| MessageId::new(text).ok())?,
            excluded: fields.optional("excluded user", |text| match text {
                USER_CALLED_NONE => UserId::new(NONE).ok(),
                id => UserId::new(id).ok(),
            })?,
            trace: fields.0.next().and_then(traceparent),
        })
    }
}

/// A later version may have something else there.
fn traceparent(text: &str) -> Option<Box<str>> {
    let is_one =
        text.len() == TRACEPARENT && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    is_one.then(|| text.into())
}

struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn text(&mut self, name: &'static str) -> Result<&'a str, UnreadableRecord> {
        self.0.next().ok_or(UnreadableRecord::Damaged(name))
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, UnreadableRecord> {
        parse(self.text(name)?).ok_or(UnreadableRecord::Damaged(name))
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, UnreadableRecord> {
        match self.text(name)? {
            NONE => Ok(None),
            text => parse(text).map(Some).ok_or(UnreadableRecord::Damaged(name)),
        }
    }
}

/// A durable event on its way into the log: whole but for its place there,
/// which the bus gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// Its header; `position` and `ts` are not looked at.
    pub header: Header,
    /// What follows `seq`, `epoch` and `ts` in its frame: see
    /// [`durable_tail`](crate::protocol::frame::durable_tail).
    pub tail: String,
}

impl Unplaced {
    /// Gives the event its place in the log.
    pub fn place(&self, position: Position, ts: u64) -> Record {
        let frame = frame::durable(&position, ts, &self.tail);
        let header = Header {
            position: Some(position),
            ts,
            ..self.header.clone()
        };
        Record { header, frame }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transient_event_is_as_its_frame_says() {
        let data = serde_json::json!({"user_id": "u1"});
        let record = Record::transient(Event::UserLeft, &Room::Tenant, 17, &data);
        let frame: serde_json::Value = serde_json::from_slice(&record.frame).unwrap();
        let expected = serde_json::json!({
            "ts": 17, "type": "user_left", "room": "tenant", "data": {"user_id": "u1"},
        });
        assert_eq!(frame, expected);
        assert_eq!(
            record.header.to_line(),
            "1 transient user_left - 0 17 - 0 -1 - -\n"
        );
        let hidden = record.hidden_from(UserId::new("u1").unwrap());
        assert_eq!(
            hidden.header.to_line(),
            "1 transient user_left - 0 17 - 0 -1 - u1\n"
        );
        assert_eq!(Record::decode(&hidden.encode()), Ok(hidden));
    }
}
