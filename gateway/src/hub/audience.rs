//! Who hears a room, and what they are sent.
//!
//! What is for all is gathered first and sent then: what came close together
//! goes out with one write to each member. Whoever changes who is in the room
//! sends first what is gathered, so that the order is the same for all.

use std::sync::Arc;

use causerie_shared::clock::Clock;
use causerie_shared::ids::MessageId;
use causerie_shared::position::{Epoch, Position};
use causerie_shared::room::RoomKey;
use tokio::task::consume_budget;

use super::Viewer;
use super::members::{Member, Members};
use super::sending::{Outgoing, Sending, subscribed};
use super::text::Running;
use crate::frame::OutFrame;
use crate::outbox::OutboxId;

/// How many things for all may be gathered before records wait until these are sent.
pub(super) const GATHERED: usize = 256;

/// All who hear a room.
#[derive(Debug)]
pub(super) struct Audience {
    pub(super) room: RoomKey,
    members: Members,
    outgoing: Vec<Outgoing>,
    /// What some have and others do not yet. Nobody may come or go meanwhile.
    sending: Option<Box<Sending>>,
    clock: Clock,
    /// How many members get something before another room may have its turn.
    turn: usize,
}

impl Audience {
    pub(super) fn new(room: RoomKey, clock: Clock, turn: usize) -> Self {
        Self {
            room,
            members: Members::default(),
            outgoing: Vec::new(),
            sending: None,
            clock,
            turn: turn.max(1),
        }
    }

    /// Lets one in, who is not given what is gathered.
    pub(super) fn add(&mut self, member: Member) {
        debug_assert!(!self.has_outgoing(), "what is gathered is sent first");
        self.members.add(member);
    }

    /// Lets one go, who has what was gathered.
    pub(super) fn remove(&mut self, outbox: OutboxId) {
        debug_assert!(!self.has_outgoing(), "what is gathered is sent first");
        self.members.remove(outbox);
    }

    pub(super) fn get(&self, outbox: OutboxId) -> Option<&Member> {
        self.members.get(outbox)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Gives an event to all who see it.
    pub(super) fn deliver(&mut self, frame: Arc<OutFrame>, published_ms: u64) {
        self.gather(Outgoing::Event {
            frame,
            published_ms,
        });
    }

    /// Tells all from where the room's stream goes on. Who was told of a message
    /// of their own that is lost has not recovered in any case, unless it was stored
    /// in one of the `later` lives. Who has not recovered has let go of all replies being
    /// made, and gets those of `running` anew.
    pub(super) fn tell_position<'a>(
        &mut self,
        position: &Position,
        recovered: bool,
        later: Vec<Epoch>,
        running: impl Iterator<Item = (&'a MessageId, &'a Running)>,
    ) {
        let snapshots = running
            .map(|(id, reply)| self.snapshot(id, reply))
            .collect();
        self.gather(Outgoing::Position {
            position: position.clone(),
            recovered,
            later,
            snapshots,
        });
    }

    /// Sends all a snapshot of `reply`.
    pub(super) fn send_snapshot(&mut self, message_id: &MessageId, reply: &Running) {
        let snapshot = self.snapshot(message_id, reply);
        self.gather(Outgoing::Snapshot(snapshot));
    }

    /// Ends the connections of all: what they miss cannot be found here.
    pub(super) fn send_away(&mut self) {
        self.gather(Outgoing::Farewell);
    }

    fn gather(&mut self, outgoing: Outgoing) {
        if !self.is_empty() {
            self.outgoing.push(outgoing);
        }
    }

    /// Whether something is gathered that not all have yet.
    pub(super) fn has_outgoing(&self) -> bool {
        self.is_amid_sending() || !self.outgoing.is_empty()
    }

    /// Whether more may be gathered before something of it is sent.
    pub(super) fn takes_more(&self) -> bool {
        self.outgoing.len() < GATHERED
    }

    /// Whether some have what others do not yet.
    fn is_amid_sending(&self) -> bool {
        self.sending.is_some()
    }

    /// Whether it takes several turns to send something to all.
    pub(super) fn is_crowd(&self) -> bool {
        self.members.len() > self.turn
    }

    /// How many members get something before another room may have its turn.
    pub(super) fn turn(&self) -> usize {
        self.turn
    }

    /// Sends what is gathered, in order.
    pub(super) async fn send_out(&mut self) {
        while self.has_outgoing() {
            self.send_some().await;
        }
    }

    /// Goes on to send what is gathered, as far as it can be done in one turn. Other
    /// tasks have theirs meanwhile.
    pub(super) async fn send_some(&mut self) {
        let mut sending = match self.sending.take() {
            Some(sending) => *sending,
            None => Sending::of(std::mem::take(&mut self.outgoing)),
        };
        let mut left = self.turn;
        while let Some(portion) = sending.portion(&self.room) {
            for member in self.members.iter().skip(portion.given()).take(left) {
                portion.give(member, &self.room);
                left -= 1;
                consume_budget().await;
            }
            if portion.given() < self.members.len() {
                self.sending = Some(Box::new(sending));
                return;
            }
            if sending.end_portion(self.clock.now_ms()) {
                self.members = Members::default();
            }
        }
    }

    /// A snapshot of `reply`.
    pub(super) fn snapshot(&self, message_id: &MessageId, reply: &Running) -> Arc<OutFrame> {
        reply.snapshot(&self.room, message_id, self.clock.now_ms())
    }

    /// What one who sees the room as `viewer` is told of where its stream goes
    /// on.
    pub(super) fn position_for(
        &self,
        viewer: &Viewer,
        position: &Position,
        recovered: bool,
    ) -> Option<Arc<OutFrame>> {
        viewer
            .is_told_positions()
            .then(|| self.subscribed(position, recovered))
    }

    /// What tells that the room's stream goes on from `position`.
    pub(super) fn subscribed(&self, position: &Position, recovered: bool) -> Arc<OutFrame> {
        subscribed(&self.room, position, recovered)
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::ids::UserId;
    use tokio::task::yield_now;

    use super::*;
    use crate::hub::Live;
    use crate::hub::testing::{durable, room};
    use crate::outbox::Outbox;

    /// One event for so many members.
    fn with_an_event_for(count: usize) -> Audience {
        let mut audience = Audience::new(room(), Clock::default(), 128);
        for _ in 0..count {
            audience.add(Member {
                outbox: Outbox::new(1 << 10),
                viewer: Viewer::Member(UserId::new("u1").unwrap(), Live::ALL),
            });
        }
        audience.deliver(OutFrame::event(&room(), &durable("aaaaaaaa", 1)), 1);
        audience
    }

    /// How often others have their turn while these rooms are served.
    async fn turns_amid(rooms: Vec<Audience>) -> u32 {
        let sending = tokio::spawn(async {
            for mut room in rooms {
                room.send_out().await;
            }
        });
        let mut turns = 0;
        while !sending.is_finished() {
            yield_now().await;
            turns += 1;
        }
        turns
    }

    #[tokio::test]
    async fn others_have_their_turn_however_members_are_spread_over_rooms() {
        let alone = turns_amid(vec![with_an_event_for(1)]).await;
        for rooms in [1, 100, 1_000] {
            let rooms = (0..rooms).map(|_| with_an_event_for(1_000 / rooms));
            let turns = turns_amid(rooms.collect()).await;
            assert!(turns > alone + 5, "{turns}, and {alone} amid one member");
        }
    }
}
