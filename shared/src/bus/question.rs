//! Accepting what people say.

use std::time::Duration;

use bytes::Bytes;

use crate::ids::{MessageId, SessionId, UserId};
use crate::position::Position;
use crate::protocol::action::{ClientId, IfBusy};
use crate::protocol::error::Scope;
use crate::record::Unplaced;
use crate::room::RoomKey;

/// A person's message, ready to be stored.
#[derive(Debug, Clone)]
pub struct Question {
    /// Where it is said.
    pub room: RoomKey,
    /// Who says it.
    pub user: UserId,
    /// The sender's own id of it.
    pub client_id: ClientId,
    /// How long that id is remembered.
    pub dedup_window: Duration,
    /// The conversation it belongs to.
    pub session: SessionId,
    /// Its id, in the room's partition.
    pub message_id: MessageId,
    /// Its `new_message`.
    pub event: Unplaced,
    /// The reply that is wanted; none for what people say among themselves.
    pub reply: Option<Awaited>,
}

/// A reply that is wanted.
#[derive(Debug, Clone)]
pub struct Awaited {
    /// Its id, in the room's partition.
    pub message_id: MessageId,
    /// What to do while the session is busy.
    pub if_busy: IfBusy,
    /// What brokers need to answer; the bus does not look into it.
    pub task: Bytes,
    /// The `message` that ends the reply if it is cancelled before it begins.
    pub cancelled: Unplaced,
    /// How many replies may wait.
    pub caps: QueueCaps,
}

/// How many replies may wait or run at once, this one included. Within one
/// partition, since no atomic step sees more: a user's own room is in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueCaps {
    /// In one session.
    pub session: u64,
    /// For one user.
    pub user: u64,
    /// For one tenant.
    pub tenant: u64,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It was stored now.
    Stored(Receipt),
    /// It had been stored before.
    Repeat(Receipt),
    /// Nothing was stored: the session is busy, and the question said
    /// [`IfBusy::Reject`].
    Busy,
    /// Nothing was stored: too many wait.
    Full {
        /// What the cap is counted for.
        scope: Scope,
        /// The cap.
        limit: u64,
    },
}

/// Where a message was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub session: SessionId,
    /// The reply to come, where one was asked for.
    pub reply: Option<MessageId>,
    /// Its place in the room's log.
    pub position: Position,
}

/// How long a client shall wait when [`Accepted::Full`].
pub const RETRY_WHEN_FULL: Duration = Duration::from_secs(2);
