//! The WebSocket protocol, from bytes to messages and back: RFC 6455 and, for
//! compressed messages, RFC 7692, both for a server. No I/O and no waiting
//! here: whoever has read bytes hands them in, and writes what it is given.
//!
//! - `decoder`: bytes in, messages out
//! - `header`: how a frame begins
//! - `assembly`: a message whose parts are still coming
//! - `mask`: what takes the client's mask off
//! - `close_frame`: what a close frame holds
//! - `inflate`, `deflate`: compressed messages in and out
//! - `negotiate`: whether messages may be compressed
//! - [`encode`]: the wire bytes of what the server sends
//!
//! What is ours and why stands in `docs/websocket.md`.

mod assembly;
mod close_frame;
mod decoder;
mod deflate;
pub mod encode;
mod header;
mod inflate;
mod mask;
mod negotiate;
#[cfg(test)]
mod tests;

use causerie_shared::protocol::close::CloseCode;
pub use decoder::Decoder;
pub use negotiate::negotiate;

/// What a client sent, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message. Nobody here reads its bytes, so they are not kept.
    Binary,
    /// A ping with its payload, which the pong has to repeat.
    Ping(Vec<u8>),
    /// A pong, to a ping of ours or to none.
    Pong,
    /// The client closes, with this code if it gave one. Nothing that follows
    /// may be looked at.
    Close(Option<u16>),
}

/// How a client broke the protocol. Its connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// Framing, order of frames, close payload, or compressed data that is none.
    Protocol,
    /// Text, or the reason of a close, that is not UTF-8.
    Utf8,
    /// A message over the limit.
    TooLarge,
}

impl From<Violation> for CloseCode {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::Protocol => Self::ProtocolError,
            Violation::Utf8 => Self::InvalidUtf8,
            Violation::TooLarge => Self::FrameTooLarge,
        }
    }
}
