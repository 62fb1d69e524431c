//! Close codes. Their range tells a client what to do: 4000–4499 come back
//! and recover, 4500–4999 not until something has changed.

use schemars::JsonSchema;
use serde::Serialize;

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub enum CloseCode {
    /// The peer broke RFC 6455.
    ProtocolError,
    /// A text frame that is not UTF-8.
    InvalidUtf8,
    /// A frame over the size limit.
    FrameTooLarge,
    /// The server failed.
    InternalError,
    /// The node drains; the reason is `reconnect after=MS`.
    Draining,
    /// The node has too much to do; come back with backoff.
    Overloaded,
    /// The client reads too slowly.
    TooSlow,
    /// The server lost its place in a room.
    LostPlace,
    /// The peer was silent for two heartbeats.
    HeartbeatLost,
    /// The token is bad or has expired.
    Unauthorized,
    /// What the connection did is not allowed to it.
    Forbidden,
    /// Limits were broken again and again.
    Abuse,
    /// No action for the idle time-out: come back when the user acts.
    Idle,
    /// An operator ended the connection.
    Disconnected,
}

impl CloseCode {
    /// The number that travels in the close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::ProtocolError => 1002,
            Self::InvalidUtf8 => 1007,
            Self::FrameTooLarge => 1009,
            Self::InternalError => 1011,
            Self::Draining => 1012,
            Self::Overloaded => 1013,
            Self::TooSlow => 4008,
            Self::LostPlace => 4010,
            Self::HeartbeatLost => 4012,
            Self::Unauthorized => 4500,
            Self::Forbidden => 4503,
            Self::Abuse => 4508,
            Self::Idle => 4509,
            Self::Disconnected => 4510,
        }
    }

    /// The reason that travels with it, where the closer has none of its own.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ProtocolError => "protocol error",
            Self::InvalidUtf8 => "text frames must be UTF-8",
            Self::FrameTooLarge => "frame over the size limit",
            Self::InternalError => "internal error",
            Self::Draining => "node draining",
            Self::Overloaded => "overloaded, come back later",
            Self::TooSlow => "reading too slowly",
            Self::LostPlace => "lost place in a room, reconnect to recover",
            Self::HeartbeatLost => "heartbeat lost",
            Self::Unauthorized => "token bad or expired",
            Self::Forbidden => "forbidden",
            Self::Abuse => "limits broken too often",
            Self::Idle => "idle",
            Self::Disconnected => "disconnected by an operator",
        }
    }
}
