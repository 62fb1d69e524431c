//! Who hears a room, and what they are sent.

use std::sync::Arc;

use causerie_shared::clock::Clock;
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::frame::{self, Subscribed};
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;

use super::Viewer;
use super::members::{Member, Members};
use super::text::Running;
use crate::events::{self, Deliveries};
use crate::frame::OutFrame;
use crate::outbox::Outbox;

/// All who hear a room.
#[derive(Debug)]
pub(super) struct Audience {
    pub(super) room: RoomKey,
    pub(super) members: Members,
    clock: Clock,
}

impl Audience {
    pub(super) fn new(room: RoomKey, clock: Clock) -> Self {
        Self {
            room,
            members: Members::default(),
            clock,
        }
    }

    /// Gives the same bytes to all who see the event.
    pub(super) fn deliver(&self, record: &Record) {
        let frame = OutFrame::event(&self.room, record);
        let mut deliveries = Deliveries::default();
        for Member { outbox, viewer } in self.members.iter() {
            if viewer.sees(&record.header) {
                deliveries.count(outbox.push(&frame));
            }
        }
        events::delivered(&deliveries, record, self.clock.now_ms());
    }

    /// Tells all from where the room's stream goes on.
    pub(super) fn tell_position(&self, position: &Position, recovered: bool) {
        let frame = self.subscribed(position, recovered);
        for Member { outbox, viewer } in self.members.iter() {
            if viewer.is_told_positions() {
                outbox.push(&frame);
            } else if !recovered {
                // Its question may be among what was lost.
                outbox.close(CloseCode::LostPlace);
            }
        }
    }

    /// Ends the connections of all: what they miss cannot be found here.
    pub(super) fn send_away(&mut self) {
        for Member { outbox, .. } in std::mem::take(&mut self.members).iter() {
            outbox.close(CloseCode::LostPlace);
        }
    }

    /// Tells one from where the room's stream goes on.
    pub(super) fn tell_position_to(
        &self,
        outbox: &Outbox,
        viewer: &Viewer,
        position: &Position,
        recovered: bool,
    ) {
        if viewer.is_told_positions() {
            outbox.push(&self.subscribed(position, recovered));
        }
    }

    /// Sends all a snapshot of `reply`.
    pub(super) fn send_snapshot(&self, message_id: &MessageId, reply: &Running) {
        let frame = self.snapshot(message_id, reply);
        for Member { outbox, viewer } in self.members.iter() {
            if viewer.sees_reply_to(&reply.in_reply_to) {
                outbox.push(&frame);
                events::snapshot_sent();
            }
        }
    }

    /// A snapshot of `reply`.
    pub(super) fn snapshot(&self, message_id: &MessageId, reply: &Running) -> Arc<OutFrame> {
        reply.snapshot(&self.room, message_id, self.clock.now_ms())
    }

    fn subscribed(&self, position: &Position, recovered: bool) -> Arc<OutFrame> {
        subscribed(&self.room, position, recovered)
    }
}

/// `subscribed`: the stream of `room` goes on from `position`.
pub(crate) fn subscribed(room: &RoomKey, position: &Position, recovered: bool) -> Arc<OutFrame> {
    let json = frame::subscribed(&Subscribed {
        room: room.room.clone(),
        epoch: position.epoch.clone(),
        seq: position.seq,
        recovered,
    });
    OutFrame::subscribed(room, position.clone(), json)
}
