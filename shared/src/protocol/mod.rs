//! The wire protocol `picasso-chat-v1`: what clients send, what they are sent.
//!
//! - [`action`]: client → server
//! - [`event`]: every event's name, and whether the log keeps it
//! - [`data`]: the `data` of the events that Causerie makes itself
//! - [`frame`]: events and answers encoded as JSON
//! - [`publish`]: what servers publish
//! - [`text`]: which characters texts may hold
//! - [`error`], [`close`]: how a client is told what went wrong
//!
//! The golden frames under `fixtures/protocol` hold one of each.

pub mod action;
pub mod close;
pub mod data;
mod depth;
pub mod error;
pub mod event;
pub mod frame;
pub mod publish;
pub mod text;

/// The WebSocket subprotocol, and the version of everything in this module.
pub const SUBPROTOCOL: &str = "picasso-chat-v1";

/// The most bytes of UTF-8 that a question or a person's message may have.
pub const MAX_USER_INPUT: usize = 32 * 1024;

/// The most characters that a client's own `id` of a frame may have.
pub const MAX_CLIENT_ID_CHARS: usize = 64;

/// The greatest `seq` that a browser can count to, and the scripts in Redis.
pub const MAX_SEQ: u64 = (1 << 53) - 1;
