//! How a joiner becomes a member.

use std::sync::Arc;

use causerie_shared::position::Position;
use causerie_shared::sabotage::Protection;
use tokio::task::consume_budget;

use super::{Need, Phase, Room, Waiting};
use crate::events::{self, Deliveries, RecoveredFrom};
use crate::frame::OutFrame;
use crate::hub::give_back::give_back;
use crate::hub::members::Member;
use crate::hub::order::{Hole, Order};
use crate::hub::{Join, Joined, Start, Viewer};

/// How a joiner gets what it missed.
enum Way {
    /// It is all here.
    Here(Vec<Arc<OutFrame>>),
    /// It reads from the bus first.
    Behind,
    /// The bus brought it further than this room is: the room reads first.
    Ahead,
}

impl Room {
    /// Lets in those who wait, as many as can be in one turn, if the room is live and
    /// need not read for one of them.
    pub(super) async fn admit_some(&mut self) -> Option<Need> {
        let mut at_head = None;
        for _ in 0..self.audience.turn() {
            if self.phase != Phase::Live {
                return None;
            }
            let Some((_, joiner)) = self.waiting.pop_first() else {
                break;
            };
            if let Some(need) = self.admit(joiner, &mut at_head) {
                return Some(need);
            }
            consume_budget().await;
        }
        if self.phase == Phase::Live && self.waiting.is_empty() {
            self.was_read = false;
        }
        give_back(&mut self.waiting);
        None
    }

    /// Makes a member of a joiner, with all that it missed, in one step; or
    /// sends it off to read that first. `at_head` is `subscribed` at the head, once
    /// somebody needed it.
    fn admit(&mut self, waiting: Waiting, at_head: &mut Option<Arc<OutFrame>>) -> Option<Need> {
        let order = self.order.as_ref()?;
        match self.way_of(&waiting.join, order) {
            Way::Here(missed) => {
                self.bring_up_to_date(&waiting.join, order, missed, at_head);
                let Waiting { join, reply } = waiting;
                self.audience.add(Member {
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
                self.waiting.insert(waiting.join.outbox.id(), waiting);
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
            None if was_head && !order.has(position) && !self.was_read => {
                if Protection::GapRepair.is_missing() {
                    // As if nothing were missing: no read would ever end the wait.
                    return Way::Here(Vec::new());
                }
                Way::Ahead
            }
            Some(_) | None => Way::Behind,
        }
    }

    fn bring_up_to_date(
        &self,
        join: &Join,
        order: &Order,
        missed: Vec<Arc<OutFrame>>,
        at_head: &mut Option<Arc<OutFrame>>,
    ) {
        let Join {
            outbox,
            viewer,
            start,
            ..
        } = join;
        if matches!(start, Start::Asked(_)) {
            events::recovered(RecoveredFrom::Tail, outbox);
        }
        let mut frames = Vec::with_capacity(missed.len() + 1);
        frames.extend(self.beginning_of(start, viewer, order.head(), at_head));
        frames.extend(missed.into_iter().filter(|frame| viewer.sees(&frame.sight)));
        for (message_id, reply) in order.replies() {
            if viewer.sees_reply_to(&reply.in_reply_to) {
                // Where one was slow, left and came again.
                outbox.forget(message_id);
                frames.push(self.audience.snapshot(message_id, reply));
            }
        }
        // What one alone gets counts as no delivery.
        let mut deliveries = Deliveries::default();
        outbox.push_all(&frames, &mut deliveries);
        events::snapshots_sent(&deliveries);
    }

    /// What tells one who comes in from where the room's stream goes on.
    fn beginning_of(
        &self,
        start: &Start,
        viewer: &Viewer,
        head: &Position,
        at_head: &mut Option<Arc<OutFrame>>,
    ) -> Option<Arc<OutFrame>> {
        match start {
            Start::Head { recovered: true } => viewer.is_told_positions().then(|| {
                let subscribed = || self.audience.subscribed(head, true);
                Arc::clone(at_head.get_or_insert_with(subscribed))
            }),
            Start::Head { recovered: false } => self.audience.position_for(viewer, head, false),
            Start::Asked(position) => {
                let from = Position {
                    epoch: head.epoch.clone(),
                    seq: position.seq,
                };
                self.audience.position_for(viewer, &from, true)
            }
            // It was told before.
            Start::Reached { .. } => None,
        }
    }
}

fn bytes_of(frames: &[Arc<OutFrame>]) -> usize {
    frames.iter().map(|frame| frame.size()).sum()
}
