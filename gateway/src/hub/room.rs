//! One room: delivers its records in order, takes in members, and says what it
//! must read. It waits for no reading itself; its shard does.

use std::collections::BTreeMap;
use std::sync::Arc;

use causerie_shared::bus::BusError;
use causerie_shared::clock::Clock;
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;
use causerie_shared::sabotage::Protection;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::audience::Audience;
use super::give_back::give_back;
use super::held::Held;
use super::order::{Hole, Order, Verdict};
use super::tail::Tail;
use super::{Join, Joined};
use crate::events;
use crate::frame::OutFrame;
use crate::outbox::OutboxId;

mod joining;
mod reading;

/// A join, and who waits for what becomes of it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) join: Join,
    pub(super) reply: oneshot::Sender<Result<Joined, BusError>>,
}

/// What the shard is to do for a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// Hear the room, and read it on from here.
    Open(Option<Position>),
    /// Read the room on from here. `tries` reads before this one did not help.
    Read { after: Position, tries: u32 },
    /// Hear the room no more.
    Close,
}

/// A room that somebody hears on this node, or did a moment ago.
#[derive(Debug)]
pub(super) struct Room {
    audience: Audience,
    phase: Phase,
    /// How far the room is delivered; none before it was first read.
    order: Option<Order>,
    tail: Tail,
    held: Held,
    /// Who wants to come in, each once. A crowd may wait, and each of it may leave.
    waiting: BTreeMap<OutboxId, Waiting>,
    /// The position from which an opening room is read. In a box, since a room that is
    /// open has none; and so the next one.
    asked: Option<Box<Position>>,
    /// Where the bus said that the log stands, while the room was read.
    told: Option<Box<Position>>,
    /// How many reads were sent since one last helped.
    vain_reads: u32,
    /// Those of them in a row that told what cannot be understood.
    unreadable_reads: u32,
    empty_since: Option<Instant>,
    /// Whether it was read since those who waited were last let in.
    was_read: bool,
    /// Whether its shard knows that it has something to do.
    pub(super) is_lined_up: bool,
    /// Whether its shard knows that it has something to let go of in time.
    pub(super) is_aging: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is not heard.
    Closed,
    /// It is being subscribed to and read; records and joins wait.
    Opening,
    /// Records are delivered as they come.
    Live,
    /// Something was missed and is being read, as often as that fails; records
    /// wait for it, joins for the next try.
    Repairing,
    /// It is being unsubscribed from; joins wait.
    Closing,
}

impl Room {
    pub(super) fn new(key: RoomKey, clock: Clock, turn: usize) -> Self {
        Self {
            audience: Audience::new(key, clock, turn),
            phase: Phase::Closed,
            order: None,
            tail: Tail::default(),
            held: Held::default(),
            waiting: BTreeMap::new(),
            asked: None,
            told: None,
            vain_reads: 0,
            unreadable_reads: 0,
            empty_since: None,
            was_read: false,
            is_lined_up: false,
            is_aging: false,
        }
    }

    /// Does one thing after all that came before it, and sends what comes of it: to a
    /// crowd in turns, with [`proceed`](Self::proceed), and so a crowd comes in.
    pub(super) async fn act(
        &mut self,
        act: impl FnOnce(&mut Self) -> Option<Need>,
    ) -> Option<Need> {
        self.audience.send_out().await;
        let need = act(self);
        if self.sends_to_crowd() {
            return need;
        }
        self.audience.send_out().await;
        match need {
            Some(need) => Some(need),
            // Who comes in now has been sent nothing of that.
            None => self.admit_some().await,
        }
    }

    /// Does as much of what there is to do as can be done in one turn: sends what is
    /// gathered, then lets in those who wait.
    pub(super) async fn proceed(&mut self) -> Option<Need> {
        self.audience.send_some().await;
        if self.audience.has_outgoing() {
            return None;
        }
        self.admit_some().await
    }

    /// Whether something is gathered that not all have yet, or some could come in.
    pub(super) fn has_to_proceed(&self) -> bool {
        self.audience.has_outgoing() || self.is_letting_in()
    }

    /// Whether some of those who come together are in and others not yet.
    fn is_letting_in(&self) -> bool {
        self.is_waited_for() && !self.audience.has_outgoing()
    }

    fn is_waited_for(&self) -> bool {
        self.phase == Phase::Live && !self.waiting.is_empty()
    }

    /// Whether what comes of a record may be gathered with the rest: up to a bound, and
    /// not where people wait for all of that to be sent, who could else wait for ever.
    pub(super) fn takes_records(&self) -> bool {
        self.audience.takes_more() && !(self.is_waited_for() && self.is_busy())
    }

    /// Whether so much is still to be done that who wants something of this room
    /// should wait, so that others need not.
    pub(super) fn is_busy(&self) -> bool {
        self.sends_to_crowd() || self.is_letting_in()
    }

    fn sends_to_crowd(&self) -> bool {
        self.audience.has_outgoing() && self.audience.is_crowd()
    }

    /// Takes a join, which waits until the room is live. One whose outbox is
    /// closed has left already, and gets no answer.
    pub(super) fn on_join(&mut self, waiting: Waiting) -> Option<Need> {
        self.on_leave(waiting.join.outbox.id());
        if waiting.join.outbox.is_closed() {
            return None;
        }
        self.waiting.insert(waiting.join.outbox.id(), waiting);
        match self.phase {
            Phase::Live | Phase::Opening | Phase::Repairing | Phase::Closing => None,
            Phase::Closed => self.begin_opening(),
        }
    }

    pub(super) fn on_leave(&mut self, outbox: OutboxId) {
        self.audience.remove(outbox);
        self.waiting.remove(&outbox);
        give_back(&mut self.waiting);
    }

    /// Takes a live record.
    pub(super) fn on_record(&mut self, record: Arc<Record>) -> Option<Need> {
        match self.phase {
            Phase::Live => self.judge(record),
            Phase::Opening | Phase::Repairing => {
                self.held.push(record);
                None
            }
            Phase::Closed | Phase::Closing => None,
        }
    }

    /// The feed lost its place: the room may have missed anything.
    pub(super) fn on_gap(&mut self) -> Option<Need> {
        match self.phase {
            Phase::Live => self.repair(Hole::Feed),
            Phase::Opening | Phase::Repairing => {
                self.held.drop_all();
                None
            }
            Phase::Closed | Phase::Closing => None,
        }
    }

    /// The bus says where the log stands: perhaps its last events were missed. While
    /// the room is read that cannot be told; it is looked at afterwards.
    pub(super) fn on_head(&mut self, head: Position) -> Option<Need> {
        match self.phase {
            Phase::Live => self.look_for(&head),
            Phase::Opening | Phase::Repairing => {
                self.told = Some(Box::new(head));
                None
            }
            Phase::Closed | Phase::Closing => None,
        }
    }

    /// Reads the room on unless it is known as far as that.
    fn look_for(&mut self, head: &Position) -> Option<Need> {
        let is_missing = self.order.as_ref().is_some_and(|order| !order.has(head));
        is_missing.then(|| self.repair(Hole::Head))?
    }

    /// The room is no longer subscribed to.
    pub(super) fn on_unsubscribed(&mut self) -> Option<Need> {
        self.close();
        if self.waiting.is_empty() {
            return None;
        }
        self.begin_opening()
    }

    /// Sends a snapshot of a reply to one who dropped text of it.
    pub(super) fn on_resync(&self, outbox: OutboxId, message_id: &MessageId) {
        let Some(member) = self.audience.get(outbox) else {
            return;
        };
        let reply = self
            .order
            .as_ref()
            .and_then(|order| order.reply(message_id));
        member.outbox.forget(message_id);
        if let Some(reply) = reply {
            let snapshot = self.audience.snapshot(message_id, reply);
            events::snapshot_pushed(member.outbox.push(&snapshot));
        }
    }

    /// Whether something of it is to be let go in time: recent events, or all of it.
    pub(super) fn ages(&self) -> bool {
        !self.tail.is_empty() || self.is_empty()
    }

    /// Forgets what nobody is likely to ask for any more.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.tail.tidy(now);
    }

    /// Whether nobody hears it nor wants to.
    fn is_empty(&self) -> bool {
        self.audience.is_empty() && self.waiting.is_empty()
    }

    /// Begins to close if nobody has heard the room since before `deadline`.
    pub(super) fn close_if_empty_since(&mut self, deadline: Instant, now: Instant) -> Option<Need> {
        if !self.is_empty() {
            self.empty_since = None;
            return None;
        }
        let since = *self.empty_since.get_or_insert(now);
        (since <= deadline && self.phase == Phase::Live).then(|| self.begin_closing())
    }

    /// Whether there is nothing left to keep the room for.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Closed && self.waiting.is_empty()
    }

    /// Tells all who wait that they did not come in.
    fn turn_away(&mut self, error: &BusError) {
        for Waiting { reply, .. } in std::mem::take(&mut self.waiting).into_values() {
            let _ = reply.send(Err(error.clone()));
        }
    }

    fn begin_opening(&mut self) -> Option<Need> {
        self.phase = Phase::Opening;
        self.asked = self
            .waiting
            .first_key_value()
            .and_then(|(_, waiting)| waiting.join.position())
            .map(Box::new);
        Some(Need::Open(self.asked.as_deref().cloned()))
    }

    fn begin_closing(&mut self) -> Need {
        self.phase = Phase::Closing;
        Need::Close
    }

    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.order = None;
        self.told = None;
        self.held = Held::default();
        self.empty_since = None;
        self.was_read = false;
        (self.vain_reads, self.unreadable_reads) = (0, 0);
    }

    /// Delivers a live record, drops it, or lets it wait for a repair.
    fn judge(&mut self, record: Arc<Record>) -> Option<Need> {
        let verdict = self.order.as_mut()?.take(&record);
        self.carry_out(verdict, record)
    }

    /// The same for one that was heard before the room was read.
    fn judge_after_read(&mut self, record: Arc<Record>) -> Option<Need> {
        let verdict = self.order.as_mut()?.take_after_read(&record);
        self.carry_out(verdict, record)
    }

    fn carry_out(&mut self, verdict: Verdict, record: Arc<Record>) -> Option<Need> {
        match verdict {
            Verdict::Deliver => {
                deliver(&mut self.audience, &mut self.tail, &record);
                None
            }
            Verdict::Stale => {
                events::stale_record_dropped();
                None
            }
            Verdict::Repair(_) if Protection::GapRepair.is_missing() => {
                self.deliver_in_spite_of_a_hole(&record);
                None
            }
            Verdict::Repair(hole) => {
                self.held.put_back(record);
                self.repair(hole)
            }
        }
    }

    /// What a gateway without gap repair would do.
    fn deliver_in_spite_of_a_hole(&mut self, record: &Record) {
        let frame = OutFrame::event(&self.audience.room, record);
        self.audience.deliver(frame, record.header.ts);
        if let (Some(order), Some(position)) = (&mut self.order, &record.header.position) {
            order.advance(position);
        }
    }
}

/// Gives an event to all, and keeps it for those who come later if it is
/// durable.
fn deliver(audience: &mut Audience, tail: &mut Tail, record: &Record) {
    let frame = OutFrame::event(&audience.room, record);
    if frame.position.is_some() {
        tail.push(Arc::clone(&frame), record.header.ts);
    }
    audience.deliver(frame, record.header.ts);
}

#[cfg(test)]
mod tests;
