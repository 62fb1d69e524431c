//! Reading a room's log.

use crate::ids::{MessageId, SessionId};
use crate::position::{Epoch, Position};
use crate::record::Record;
use crate::room::RoomKey;

/// From where a room's log is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The room.
    pub room: RoomKey,
    /// From here on; only where the log stands where there is none.
    pub after: Option<Position>,
}

/// A part of a room's log for one who recovers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where the log now stands. A room that nobody has written to stands at
    /// `seq` 0 of an epoch that stays.
    pub head: Position,
    /// The lives of the log, as far back as they are remembered: the present one first.
    pub lives: Vec<Epoch>,
    /// What lies between the position asked for and the head.
    pub missed: Missed,
    /// The replies now being made in the room.
    pub running: Vec<RunningReply>,
}

/// What lies between a position and the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// Durable records that follow the position, without a hole. They are all
    /// where the last of them, or the position itself, is at the head.
    Records(Vec<Record>),
    /// The log no longer reaches back to the position, or lost a part that the
    /// position claims to have seen, or the position is unknown, or too much
    /// lies in between, or something that this version cannot read.
    Lost,
}

/// A reply in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningReply {
    /// The reply.
    pub message_id: MessageId,
    /// Its session.
    pub session: SessionId,
    /// The question.
    pub in_reply_to: MessageId,
    /// The attempt that runs.
    pub attempt: u32,
    /// The index of the last delta in `text`; −1 before the first.
    pub index: i64,
    /// All up to and including `index`.
    pub text: String,
}

/// Which part of a log a person looks at. Both ends are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryRange {
    /// Only events with a smaller `seq`.
    pub before: Option<u64>,
    /// Only events with a greater `seq`; then the oldest of them first.
    pub after: Option<u64>,
}

/// A part of a room's log for a person who scrolls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The life of the log.
    pub epoch: Epoch,
    /// Ascending: with `after` the oldest beyond it, else the newest.
    pub records: Vec<Record>,
    /// Whether the log holds more in the direction of reading.
    pub has_more: bool,
    /// The `seq` up to which it was read: there may be a record that this
    /// version cannot read, and passes over.
    pub reached: Option<u64>,
}

/// Rooms that got durable events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The bus's clock when this was read, in milliseconds since 1970.
    pub now_ms: u64,
    /// The rooms and their heads.
    pub rooms: Vec<(RoomKey, Position)>,
}
