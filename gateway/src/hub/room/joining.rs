//! How a joiner becomes a member.

use std::sync::Arc;

use causerie_shared::position::Position;
use causerie_shared::record::Record;
use causerie_shared::sabotage::Protection;

use super::{Need, Room, Waiting};
use crate::events::{self, RecoveredFrom};
use crate::frame::OutFrame;
use crate::hub::members::Member;
use crate::hub::order::{Hole, Order};
use crate::hub::{Join, Joined, Start};

/// How a joiner gets what it missed.
enum Way {
    /// It is all here.
    Here(Vec<Arc<Record>>),
    /// It reads from the bus first.
    Behind,
    /// The bus brought it further than this room is: the room reads first.
    Ahead,
}

impl Room {
    /// Makes a member of a joiner, with all that it missed, in one step; or
    /// sends it off to read that first.
    pub(super) fn admit(&mut self, waiting: Waiting) -> Option<Need> {
        let order = self.order.as_ref()?;
        match self.way_of(&waiting.join, order) {
            Way::Here(missed) => {
                self.bring_up_to_date(&waiting.join, order, &missed);
                let Waiting { join, reply } = waiting;
                self.audience.members.add(Member {
                    outbox: join.outbox,
                    viewer: join.viewer,
                });
                let _ = reply.send(Ok(Joined::Member));
                None
            }
            Way::Behind => {
                let _ = waiting.reply.send(Ok(Joined::Behind));
                None
            }
            Way::Ahead => {
                self.waiting.push(waiting);
                self.repair(Hole::Head)
            }
        }
    }

    fn way_of(&self, join: &Join, order: &Order) -> Way {
        let (position, was_head) = match &join.start {
            Start::Head { .. } => return Way::Here(Vec::new()),
            Start::Asked(position) => (position, false),
            Start::Reached { position, is_head } => (position, *is_head),
        };
        if Protection::HandOver.is_missing() {
            // As if what is live followed what the client has seen.
            return Way::Here(Vec::new());
        }
        match self.tail.after(position) {
            // What does not fit at once is given page by page.
            Some(missed) if join.outbox.has_room_for(bytes_of(&missed)) => Way::Here(missed),
            // A position within the log says nothing: it may be of a life that
            // this room never saw. Nor does one that a read has not found.
            None if was_head && !order.has(position) && self.vain_reads == 0 => Way::Ahead,
            Some(_) | None => Way::Behind,
        }
    }

    fn bring_up_to_date(&self, join: &Join, order: &Order, missed: &[Arc<Record>]) {
        let Join {
            outbox,
            viewer,
            start,
            ..
        } = join;
        let head = order.head();
        match start {
            Start::Head { recovered } => {
                self.audience
                    .tell_position_to(outbox, viewer, head, *recovered);
            }
            Start::Asked(position) => {
                let from = Position {
                    epoch: head.epoch.clone(),
                    seq: position.seq,
                };
                self.audience.tell_position_to(outbox, viewer, &from, true);
                events::recovered(RecoveredFrom::Tail);
            }
            // It was told before.
            Start::Reached { .. } => {}
        }
        for record in missed.iter().filter(|record| viewer.sees(&record.header)) {
            outbox.push(&OutFrame::event(&self.audience.room, record));
        }
        for (message_id, reply) in order.replies() {
            if viewer.sees_reply_to(&reply.in_reply_to) {
                // Ends the dropping of its text where one was slow, left and
                // came again.
                outbox.resume(message_id, Some(&self.audience.snapshot(message_id, reply)));
                events::snapshot_sent();
            }
        }
    }
}

fn bytes_of(records: &[Arc<Record>]) -> usize {
    records.iter().map(|record| record.frame.len()).sum()
}
