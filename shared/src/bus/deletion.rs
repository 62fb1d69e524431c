//! Deleting what was said.

use compact_str::CompactString;

use crate::ids::{MessageId, UserId};
use crate::position::Position;
use crate::protocol::data::MessageDeleted;
use crate::protocol::event::Event;
use crate::protocol::frame;
use crate::record::{Class, Header, Unplaced};
use crate::room::{Room, RoomKey};

/// A message that is to be deleted.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Where it was said.
    pub room: RoomKey,
    /// The message: what a person said, or a reply that has ended.
    pub message_id: MessageId,
    /// Who must have said it; none where it may be anybody's, and a reply.
    pub author: Option<UserId>,
    /// The `message_deleted` that tells the room so.
    pub event: Unplaced,
}

/// What became of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// The message was deleted now.
    Done {
        /// Where in the log it is told.
        position: Position,
    },
    /// It had been deleted before; nothing was done.
    Repeat,
    /// Somebody else has said it; nothing was done.
    NotTheirs,
    /// The room's log holds no such message.
    Unknown,
}

/// What stands in the place of a deleted message in the log of `room`: an event that
/// tells nothing but that something was there.
pub fn tombstone(room: &Room) -> Unplaced {
    let event = Event::MessageDeleted;
    let header = Header {
        class: Class::Durable,
        event: CompactString::const_new(event.name()),
        position: None,
        ts: 0,
        reply: None,
        in_reply_to: None,
        excluded: None,
        trace: None,
    };
    Unplaced {
        header,
        tail: frame::durable_tail(event, room, &MessageDeleted::default()),
    }
}
