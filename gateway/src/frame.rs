//! A frame on its way to clients: encoded once, shared by all who get it.

use std::sync::Arc;

use bytes::Bytes;
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::protocol::event::Event;
use causerie_shared::record::{Class, Record, ReplyPart};
use causerie_shared::room::RoomKey;
use compact_str::CompactString;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// What a frame is to the one who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Meant for this connection alone: `ready`, `subscribed`, `ack`, `error`.
    Answer,
    /// An event of the room, live or replayed.
    Event(Class),
    /// A `message_snapshot`.
    Snapshot,
}

/// A frame on its way to clients, with what a transport needs to know of it.
#[derive(Debug, Clone)]
pub struct OutFrame {
    /// What it is.
    pub kind: FrameKind,
    /// Its `type`.
    pub event: CompactString,
    /// The room it is of; none of most answers.
    pub room: Option<RoomKey>,
    /// The reader's place in the room behind it: of durable events, and of
    /// `subscribed`.
    pub position: Option<Position>,
    /// The reply that it is part of.
    pub reply: Option<ReplyPart>,
    /// The frame: one JSON text.
    pub json: Utf8Bytes,
}

impl OutFrame {
    /// A frame for one connection alone.
    pub fn answer(event: Event, json: Bytes) -> Arc<Self> {
        Arc::new(Self {
            kind: FrameKind::Answer,
            event: CompactString::const_new(event.name()),
            room: None,
            position: None,
            reply: None,
            json: text(json),
        })
    }

    /// `subscribed`: `json` tells that the stream of `room` goes on from
    /// `position`.
    pub fn subscribed(room: &RoomKey, position: Position, json: Bytes) -> Arc<Self> {
        Arc::new(Self {
            kind: FrameKind::Answer,
            event: CompactString::const_new(Event::Subscribed.name()),
            room: Some(room.clone()),
            position: Some(position),
            reply: None,
            json: text(json),
        })
    }

    /// An event of `room`.
    pub fn event(room: &RoomKey, record: &Record) -> Arc<Self> {
        let header = &record.header;
        Arc::new(Self {
            kind: FrameKind::Event(header.class),
            event: header.event.clone(),
            room: Some(room.clone()),
            position: header.position.clone(),
            reply: header.reply.clone(),
            json: text(record.frame.clone()),
        })
    }

    /// A `message_snapshot` of the reply `part`.
    pub fn snapshot(room: &RoomKey, part: ReplyPart, json: Bytes) -> Arc<Self> {
        Arc::new(Self {
            kind: FrameKind::Snapshot,
            event: CompactString::const_new(Event::MessageSnapshot.name()),
            room: Some(room.clone()),
            position: None,
            reply: Some(part),
            json: text(json),
        })
    }

    /// Whether this is the `message` that ends its reply.
    pub fn is_final(&self) -> bool {
        self.kind == FrameKind::Event(Class::Final)
    }

    /// The reply that it is part of.
    pub fn message_id(&self) -> Option<&MessageId> {
        self.reply.as_ref().map(|part| &part.message_id)
    }
}

/// All frames are made by `serde_json` or checked JSON joined to it, so they
/// are text; a damaged one from the bus is shown rather than trusted.
fn text(json: Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(json.clone())
        .unwrap_or_else(|_| String::from_utf8_lossy(&json).into_owned().into())
}
