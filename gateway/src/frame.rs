//! A frame on its way to clients: encoded once, shared by all who get it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::protocol::event::Event;
use causerie_shared::record::{Class, Record, ReplyPart};
use causerie_shared::room::RoomKey;
use causerie_shared::telemetry::continue_trace;
use compact_str::CompactString;
use tracing::{Span, field, info_span};

use crate::events;
use crate::hub::Sight;
use crate::websocket::codec::encode;

/// What a frame is to the one who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Meant for this connection alone: `ready`, `subscribed`, `ack`, `error`.
    Answer,
    /// An event of the room, live or replayed.
    Event(Class),
    /// A `message_snapshot`.
    Snapshot,
    /// No frame of the protocol but one of the WebSocket below it.
    Control(Control),
}

/// A control frame of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Asks for a sign of life.
    Ping,
    /// Gives one.
    Pong,
    /// The last frame of all.
    Close,
}

/// A frame on its way to clients, with what a transport needs to know of it.
#[derive(Debug)]
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
    /// The trace that it belongs to, where that is sent to a collector.
    trace: Option<Box<str>>,
    /// What decides who of its room sees it.
    pub(crate) sight: Sight,
    wire: Wire,
}

/// A frame as it goes through a WebSocket.
#[derive(Debug)]
struct Wire {
    plain: Bytes,
    /// Where in `plain` the JSON begins, which goes on to its end.
    json: usize,
    /// The compressed form, once somebody has asked for it; `None` where it
    /// does not pay.
    deflated: OnceLock<Option<Bytes>>,
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
            trace: None,
            sight: Sight::default(),
            wire: Wire::text(&json),
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
            trace: None,
            sight: Sight::default(),
            wire: Wire::text(&json),
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
            trace: header.trace.clone(),
            sight: Sight::of(header),
            wire: Wire::text(&record.frame),
        })
    }

    /// Its delivery in the trace that it belongs to, which begins now.
    pub(crate) fn delivery(&self) -> Option<Span> {
        let trace = self.trace.as_deref()?;
        let span = info_span!(
            "deliver",
            otel.kind = "consumer",
            event = self.event.as_str(),
            members = field::Empty,
        );
        continue_trace(&span, trace);
        Some(span)
    }

    /// A `message_snapshot` of the reply `part` to `question`.
    pub fn snapshot(
        room: &RoomKey,
        part: ReplyPart,
        question: &MessageId,
        json: Bytes,
    ) -> Arc<Self> {
        Arc::new(Self {
            kind: FrameKind::Snapshot,
            event: CompactString::const_new(Event::MessageSnapshot.name()),
            room: Some(room.clone()),
            position: None,
            reply: Some(part),
            trace: None,
            sight: Sight::of_reply_to(question),
            wire: Wire::text(&json),
        })
    }

    /// A control frame of a WebSocket, as it goes through the wire.
    pub(crate) fn control(control: Control, bytes: Bytes) -> Arc<Self> {
        Arc::new(Self {
            kind: FrameKind::Control(control),
            event: CompactString::default(),
            room: None,
            position: None,
            reply: None,
            trace: None,
            sight: Sight::default(),
            wire: Wire::control(bytes),
        })
    }

    /// The frame: one JSON text.
    pub fn json(&self) -> &str {
        let json = self.wire.plain.get(self.wire.json..).unwrap_or_default();
        std::str::from_utf8(json).unwrap_or_default()
    }

    /// The bytes that go through a WebSocket, of one that takes compressed
    /// messages or of another.
    pub(crate) fn wire(&self, is_deflated: bool) -> &Bytes {
        let deflated = is_deflated.then(|| self.wire.deflated()).flatten();
        deflated.unwrap_or(&self.wire.plain)
    }

    /// How much memory it takes while it waits.
    pub(crate) fn size(&self) -> usize {
        self.wire.plain.len() - self.wire.json
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

impl Wire {
    /// All frames are made by `serde_json` or checked JSON joined to it, so they
    /// are text; a damaged one from the bus is shown rather than trusted.
    fn text(json: &[u8]) -> Self {
        let json = String::from_utf8_lossy(json);
        let plain = encode::text(json.as_bytes());
        Self {
            json: plain.len() - json.len(),
            plain,
            deflated: OnceLock::new(),
        }
    }

    fn control(bytes: Bytes) -> Self {
        Self {
            json: bytes.len(),
            plain: bytes,
            deflated: OnceLock::from(None),
        }
    }

    fn deflated(&self) -> Option<&Bytes> {
        let deflate = || {
            let json = self.plain.get(self.json..).unwrap_or_default();
            let deflated = encode::deflated(json)?;
            events::frame_compressed(self.plain.len(), deflated.len());
            Some(deflated)
        };
        self.deflated.get_or_init(deflate).as_ref()
    }
}
