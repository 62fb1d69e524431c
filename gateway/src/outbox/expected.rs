//! An answer that goes out with the event that it is about.

use std::sync::Arc;

use causerie_shared::bus::question::Question;
use causerie_shared::ids::{MessageId, SessionId};
use causerie_shared::position::Position;
use causerie_shared::protocol::action::ClientId;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::{self, SendMessageAck};
use causerie_shared::room::RoomKey;

use crate::frame::OutFrame;

/// A message of the peer's own that is being stored. Mostly its room's stream brings it a
/// moment before the bus has answered: then its `ack` goes out with it, with one write
/// instead of two.
#[derive(Debug)]
pub(crate) struct Expected {
    /// As the sender calls it.
    pub(super) id: ClientId,
    pub(super) message_id: MessageId,
    pub(super) session: SessionId,
    pub(super) room: RoomKey,
    /// Whether its `ack` is on its way.
    pub(super) is_acked: bool,
}

impl Expected {
    /// A message that is about to be stored.
    pub(crate) fn of(question: &Question) -> Self {
        Self {
            id: question.client_id.clone(),
            message_id: question.message_id.clone(),
            session: question.session.clone(),
            room: question.room.clone(),
            is_acked: false,
        }
    }

    /// One whose `ack` is on its way.
    #[cfg(test)]
    pub(crate) fn acked() -> Self {
        Self {
            id: ClientId::generate(),
            message_id: crate::hub::testing::message_id(1),
            session: crate::hub::testing::session(),
            room: crate::hub::testing::room(),
            is_acked: true,
        }
    }

    /// Where it is stored, if it is among these.
    pub(super) fn position_in<'a>(&self, frames: &'a [Arc<OutFrame>]) -> Option<&'a Position> {
        let is_it = |frame: &&Arc<OutFrame>| {
            frame.event == Event::NewMessage.name()
                && frame.sight.question() == Some(&self.message_id)
        };
        frames.iter().find(is_it)?.position.as_ref()
    }

    /// Its `ack`, now that it is stored at `position`.
    pub(super) fn ack(&self, position: &Position) -> Arc<OutFrame> {
        let ack = SendMessageAck {
            message_id: self.message_id.clone(),
            session_id: self.session.clone(),
            room: self.room.room.clone(),
            epoch: position.epoch.clone(),
            seq: position.seq,
        };
        OutFrame::answer(Event::Ack, frame::ack(&self.id, ack))
    }
}
