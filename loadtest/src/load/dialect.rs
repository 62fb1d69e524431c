//! How a server is spoken to.
//!
//! One value speaks for all clients of a process, on several threads: what
//! belongs to a connection is given to it.

pub mod causerie;
mod floor;
mod pusher;
mod socketio;

use std::fmt;
use std::sync::Arc;

pub use causerie::Causerie;
pub use floor::Floor;
pub use pusher::Pusher;
pub use socketio::SocketIo;

use super::payload::Stamp;

/// How a server is spoken to, over WebSocket, in text frames.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// The request that opens a connection.
    fn opening(&self, who: &Who) -> Opening;

    /// How many times [`Heard::Joined`] comes until `who` hears all its rooms.
    fn joins(&self, who: &Who) -> usize;

    /// What a text of the server means to `who`. Frames that answer it are
    /// appended to `out`, by [`frame::write_text`](super::frame::write_text).
    fn on_text<'a>(&self, who: &Who, text: &'a [u8], out: &mut Vec<u8>) -> Heard<'a>;

    /// Appends to `out` the frame that says `text`, a [load message](Stamp::write),
    /// to all who are in `room`. `number` is the message's among those of its
    /// sender.
    fn publish(&self, room: &str, number: u32, text: &str, out: &mut Vec<u8>);

    /// Whether the server [says](Heard::Accepted) that it took a message.
    fn acknowledges(&self) -> bool {
        false
    }
}

/// Whom a connection speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The user: letters, digits and `-`. No two clients of a run share one.
    pub user: String,
    /// The rooms that it hears: letters, digits and `-`. What such a room is
    /// called on the wire is the dialect's.
    pub rooms: Vec<Arc<str>>,
}

/// The request that opens a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// Where targets are asked that name no path: `/ws`.
    pub path: &'static str,
    /// Without its `?`.
    pub query: String,
    /// Header lines beside those of every WebSocket, each with its end, `\r\n`.
    pub headers: String,
}

/// What a text of the server means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// The client hears a room from now on.
    Joined,
    /// A load message.
    Message(Stamp),
    /// The load message of this number was taken.
    Accepted(u32),
    /// Something was refused, for this reason: a short name where there is one.
    Refused(&'a str),
    /// A piece of the reply to the client's question.
    Delta(Delta),
    /// That reply is complete.
    Reply(Reply),
    /// Nothing that is measured.
    Nothing,
}

/// A piece of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delta {
    /// Which piece: 0, 1, 2 …
    pub index: u32,
    /// The words in it.
    pub words: u32,
    /// Whether it replaces all that came before.
    pub is_snapshot: bool,
}

/// The end of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The words of all of it.
    pub words: u32,
    /// Whether it came to its end, and not to an error.
    pub is_whole: bool,
}
