//! What a shard is told, and when it can be carried out.

use std::collections::BTreeSet;
use std::sync::Arc;

use causerie_shared::bus::BusError;
use causerie_shared::bus::log::Page;
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;
use tokio::sync::oneshot;

use crate::hub::room::Room;
use crate::hub::{Join, Joined};
use crate::outbox::OutboxId;

/// What a shard is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// A live record was heard.
    Record { room: RoomKey, record: Arc<Record> },
    /// The feed lost its place in these rooms; in all where that is `None`.
    Gap { rooms: Option<BTreeSet<RoomKey>> },
    /// The bus says where a room's log stands.
    Head { room: RoomKey, head: Position },
    /// An outbox wants to hear a room.
    Join {
        join: Join,
        reply: oneshot::Sender<Result<Joined, BusError>>,
    },
    /// An outbox does not want to hear a room any more.
    Leave {
        room: RoomKey,
        outbox: OutboxId,
        done: oneshot::Sender<()>,
    },
    /// An outbox has room again for a reply of which it dropped text.
    Resync {
        room: RoomKey,
        outbox: OutboxId,
        message_id: MessageId,
    },
    /// A room was subscribed to and read.
    Opened {
        room: RoomKey,
        page: Result<Page, BusError>,
    },
    /// A room was read.
    Read {
        room: RoomKey,
        page: Result<Page, BusError>,
    },
    /// A room was unsubscribed from.
    Unsubscribed { room: RoomKey },
}

impl Command {
    /// The room that it is for. The feed's gap is for many, and waits for nothing: what
    /// waits is read as well.
    pub(super) fn room(&self) -> Option<&RoomKey> {
        match self {
            Self::Gap { .. } => None,
            Self::Join { join, .. } => Some(&join.room),
            Self::Record { room, .. }
            | Self::Head { room, .. }
            | Self::Leave { room, .. }
            | Self::Resync { room, .. }
            | Self::Opened { room, .. }
            | Self::Read { room, .. }
            | Self::Unsubscribed { room } => Some(room),
        }
    }

    /// Whether it can be carried out in `room` now. What comes of a record is gathered
    /// with what is still to be sent there, as far as the room takes it; all else waits
    /// for that.
    pub(super) fn is_possible_in(&self, room: &Room) -> bool {
        if self.is_record() {
            room.takes_records()
        } else {
            !room.is_busy()
        }
    }

    /// Whether it may as well have come after records that came after it. What was read
    /// may not: the records would be held for it meanwhile.
    pub(super) fn lets_records_pass(&self) -> bool {
        matches!(
            self,
            Self::Join { .. } | Self::Leave { .. } | Self::Resync { .. } | Self::Head { .. }
        )
    }

    pub(super) fn is_record(&self) -> bool {
        matches!(self, Self::Record { .. })
    }
}
