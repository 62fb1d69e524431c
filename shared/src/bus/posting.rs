//! Publishing what servers say.

use std::time::Duration;

use crate::position::Position;
use crate::protocol::action::ClientId;
use crate::record::{Record, Unplaced};
use crate::room::RoomKey;

/// An event of a server's, on its way to a room.
#[derive(Debug, Clone)]
pub struct Posting {
    /// Where it goes.
    pub room: RoomKey,
    /// The sender's own id of it: a repeat is no second event.
    pub id: ClientId,
    /// How long that id is remembered.
    pub dedup_window: Duration,
    /// The event.
    pub event: PostedEvent,
}

/// An event, and whether the room's log keeps it.
#[derive(Debug, Clone)]
pub enum PostedEvent {
    /// It does.
    Durable(Unplaced),
    /// It does not: it reaches those who hear the room now.
    Transient(Record),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its place in the room's log, where that keeps it.
    pub position: Option<Position>,
    /// Whether it had been published before.
    pub is_repeat: bool,
}
