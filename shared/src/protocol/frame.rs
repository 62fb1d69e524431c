//! Events and answers, encoded as JSON.
//!
//! A room's event is encoded once, by who publishes it. What a durable event
//! gets only when it is appended, its `seq`, `epoch` and `ts`, are its first
//! members, so that the bus can put them before a tail made beforehand.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use ts_rs::TS;

use super::action::ClientId;
use super::error::ProtocolError;
use super::event::Event;
use crate::ids::{ConnectionId, MessageId, SessionId, TenantId, UserId};
use crate::position::{Epoch, Position};
use crate::room::Room;

/// `ready`, the first frame of a connection.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct Ready {
    /// This connection.
    pub connection_id: ConnectionId,
    /// The tenant's id.
    pub tenant: TenantId,
    /// Whom the connection speaks for.
    pub user_id: UserId,
    /// The node that serves it.
    pub node: String,
    /// The server's clock, in milliseconds since 1970.
    pub server_time: u64,
    /// The server pings after this much silence.
    pub heartbeat_interval_ms: u64,
    /// The server closes after this long without an action.
    pub idle_timeout_ms: u64,
    /// The most bytes that a frame may have.
    pub max_message_bytes: u64,
    /// The most messages that the connection may send in a minute.
    pub messages_per_minute: u64,
    /// A visitor's token, so that a reconnect is the same user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub token: Option<String>,
}

/// `subscribed`: from where a room's stream goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, TS)]
pub struct Subscribed {
    /// The room, canonical.
    pub room: Room,
    /// The life of its log.
    pub epoch: Epoch,
    /// The last event that the client is taken to have.
    pub seq: u64,
    /// Whether nothing was missed that does not follow now.
    pub recovered: bool,
}

/// The `data` of the `ack` of `sendMessage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, TS)]
pub struct SendMessageAck {
    /// The stored message.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub session_id: SessionId,
    /// Its room, canonical.
    pub room: Room,
    /// The life of the room's log.
    pub epoch: Epoch,
    /// Its place in the log.
    pub seq: u64,
}

/// The `data` of the `ack` of `cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, TS)]
pub struct CancelAck {
    /// The reply that ends.
    pub message_id: MessageId,
}

/// The `data` of the `ack` of `delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, TS)]
pub struct DeleteAck {
    /// The message that is there no more.
    pub message_id: MessageId,
}

/// The `data` of the `ack` of `subscribe` and `unsubscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, TS)]
pub struct RoomAck {
    /// The room, canonical.
    pub room: Room,
}

/// The `data` of an `ack` that has nothing to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, TS)]
pub struct EmptyAck {}

#[derive(Serialize)]
struct Answer<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a ClientId>,
    data: T,
}

/// Encodes `ready`.
pub fn ready(data: &Ready) -> Bytes {
    encode(&Answer {
        kind: Event::Ready.name(),
        id: None,
        data,
    })
}

/// Encodes `subscribed`.
pub fn subscribed(subscribed: &Subscribed) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(flatten)]
        subscribed: &'a Subscribed,
    }
    encode(&Frame {
        kind: Event::Subscribed.name(),
        subscribed,
    })
}

/// Encodes `unsubscribed`.
pub fn unsubscribed(room: &Room) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        room: &'a Room,
    }
    encode(&Frame {
        kind: Event::Unsubscribed.name(),
        room,
    })
}

/// Encodes an `ack` of the action `id`.
pub fn ack(id: &ClientId, data: impl Serialize) -> Bytes {
    encode(&Answer {
        kind: Event::Ack.name(),
        id: Some(id),
        data,
    })
}

/// Encodes a `pong`, which sends back the `ping`'s `data`.
pub fn pong(id: Option<&ClientId>, server_time: u64, data: Option<&Value>) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        action: &'static str,
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a ClientId>,
        server_time: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a Value>,
    }
    let kind = Event::Pong.name();
    encode(&Frame {
        action: kind,
        kind,
        id,
        server_time,
        data,
    })
}

/// Encodes an `error`, the answer to the action `id` where there is one.
pub fn error(id: Option<&ClientId>, error: &ProtocolError) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a ClientId>,
        #[serde(flatten)]
        error: &'a ProtocolError,
    }
    encode(&Frame {
        kind: Event::Error.name(),
        id,
        error,
    })
}

/// Encodes a transient event of `room`; `ts` is the bus's clock, in
/// milliseconds since 1970.
pub fn transient(event: Event, room: &Room, ts: u64, data: &impl Serialize) -> Bytes {
    transient_named(event.name(), room, ts, data)
}

/// The same of an event that a server has named.
pub fn transient_named(kind: &str, room: &Room, ts: u64, data: &impl Serialize) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a, T> {
        ts: u64,
        #[serde(rename = "type")]
        kind: &'a str,
        room: &'a Room,
        data: &'a T,
    }
    encode(&Frame {
        ts,
        kind,
        room,
        data,
    })
}

/// Encodes what follows `seq`, `epoch` and `ts` in a durable event of `room`.
/// [`durable`] makes a frame of it.
pub fn durable_tail(event: Event, room: &Room, data: &impl Serialize) -> String {
    durable_tail_named(event.name(), room, data)
}

/// The same of an event that a server has named.
pub fn durable_tail_named(kind: &str, room: &Room, data: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Tail<'a, T> {
        #[serde(rename = "type")]
        kind: &'a str,
        room: &'a Room,
        data: &'a T,
    }
    let whole = serde_json::to_string(&Tail { kind, room, data });
    // As in `encode` nothing is left to fail.
    let mut tail = whole.unwrap_or_default();
    tail.drain(..tail.len().min(1));
    tail
}

/// Puts what only the bus knows before a [`durable_tail`]. The Redis scripts
/// do the same.
pub fn durable(position: &Position, ts: u64, tail: &str) -> Bytes {
    let Position { epoch, seq } = position;
    format!(r#"{{"seq":{seq},"epoch":"{epoch}","ts":{ts},{tail}"#).into()
}

/// Encodes a value of this crate's own types, whose keys are all strings and
/// whose fields all serialise.
fn encode(value: &impl Serialize) -> Bytes {
    // What is left to fail is running out of memory, which aborts.
    serde_json::to_vec(value).unwrap_or_default().into()
}
