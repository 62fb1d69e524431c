//! Who hears a room, and what they are sent.
//!
//! What is for all is gathered first and sent then: what came close together
//! goes out with one write to each member. Whoever changes who is in the room
//! sends first what is gathered, so that the order is the same for all.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use causerie_shared::clock::Clock;
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::frame::{self, Subscribed};
use causerie_shared::room::RoomKey;
use tokio::task::consume_budget;

use super::Viewer;
use super::members::{Member, Members};
use super::text::Running;
use crate::events::{self, Deliveries};
use crate::frame::OutFrame;
use crate::outbox::Joined;

/// How many bytes of events go out with one write.
const AT_ONCE: usize = 16 << 10;

/// All who hear a room.
#[derive(Debug)]
pub(super) struct Audience {
    pub(super) room: RoomKey,
    pub(super) members: Members,
    outgoing: Vec<Outgoing>,
    clock: Clock,
}

/// Something for all who are in the room.
#[derive(Debug)]
enum Outgoing {
    Event(Event),
    Snapshot(Arc<OutFrame>),
    /// From where the room's stream goes on.
    Position {
        position: Position,
        recovered: bool,
    },
    /// What they miss cannot be found here.
    Farewell,
}

#[derive(Debug)]
struct Event {
    frame: Arc<OutFrame>,
    published_ms: u64,
}

impl Audience {
    pub(super) fn new(room: RoomKey, clock: Clock) -> Self {
        Self {
            room,
            members: Members::default(),
            outgoing: Vec::new(),
            clock,
        }
    }

    /// Gives an event to all who see it.
    pub(super) fn deliver(&mut self, frame: Arc<OutFrame>, published_ms: u64) {
        self.gather(Outgoing::Event(Event {
            frame,
            published_ms,
        }));
    }

    /// Tells all from where the room's stream goes on. Who was told of a message
    /// of their own that is lost has not recovered in any case.
    pub(super) fn tell_position(&mut self, position: &Position, recovered: bool) {
        self.gather(Outgoing::Position {
            position: position.clone(),
            recovered,
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
        if !self.members.is_empty() {
            self.outgoing.push(outgoing);
        }
    }

    /// Whether something is gathered that is not sent yet.
    pub(super) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Sends what is gathered, in order.
    pub(super) async fn send_out(&mut self) {
        let mut outgoing = std::mem::take(&mut self.outgoing).into_iter().peekable();
        while let Some(next) = outgoing.next() {
            match next {
                Outgoing::Event(event) => {
                    let events = with_those_that_follow(event, &mut outgoing);
                    self.send_events(&events).await;
                }
                Outgoing::Snapshot(frame) => self.send_whole_text(&frame).await,
                Outgoing::Position {
                    position,
                    recovered,
                } => self.send_position(&position, recovered).await,
                Outgoing::Farewell => self.send_farewell().await,
            }
        }
    }

    async fn send_events(&self, events: &[Event]) {
        let frames = events.iter().map(|event| Arc::clone(&event.frame));
        let joined = Joined::new(frames.collect());
        let mut deliveries = Deliveries::default();
        self.to_each(|Member { outbox, viewer }| {
            let sees = |frame: &&Arc<OutFrame>| viewer.sees(&frame.sight);
            let frames = joined.frames();
            if frames.iter().all(|frame| sees(&frame)) {
                outbox.push_joined(&joined, &mut deliveries);
            } else {
                for frame in frames.iter().filter(sees) {
                    deliveries.count(outbox.push(frame), 1);
                }
            }
        })
        .await;
        let published_ms = events.iter().map(|event| event.published_ms);
        events::delivered(&deliveries, published_ms, self.clock.now_ms());
    }

    async fn send_whole_text(&self, snapshot: &Arc<OutFrame>) {
        self.to_each(|Member { outbox, viewer }| {
            if viewer.sees(&snapshot.sight) {
                outbox.push(snapshot);
                events::snapshot_sent();
            }
        })
        .await;
    }

    async fn send_position(&self, position: &Position, recovered: bool) {
        let is_kept = self.subscribed(position, true);
        let is_lost = self.subscribed(position, false);
        self.to_each(|Member { outbox, viewer }| {
            let has_all = !outbox.has_lost(&self.room, position) && recovered;
            if viewer.is_told_positions() {
                outbox.push(if has_all { &is_kept } else { &is_lost });
            } else if !has_all {
                // Its question may be among what was lost.
                outbox.close(CloseCode::LostPlace);
            }
        })
        .await;
    }

    async fn send_farewell(&mut self) {
        self.to_each(|Member { outbox, .. }| outbox.close(CloseCode::LostPlace))
            .await;
        self.members = Members::default();
    }

    /// Gives something to each member; others have their turn meanwhile. A write
    /// takes some microseconds.
    async fn to_each(&self, mut give: impl FnMut(&Member)) {
        for member in self.members.iter() {
            give(member);
            consume_budget().await;
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

    fn subscribed(&self, position: &Position, recovered: bool) -> Arc<OutFrame> {
        subscribed(&self.room, position, recovered)
    }
}

/// `first` and the events that follow it, as far as they go out together.
fn with_those_that_follow(
    first: Event,
    outgoing: &mut Peekable<vec::IntoIter<Outgoing>>,
) -> Vec<Event> {
    let mut bytes = first.frame.size();
    let mut events = vec![first];
    let mut fits = |next: &Outgoing| match next {
        Outgoing::Event(event) => {
            bytes += event.frame.size();
            bytes <= AT_ONCE
        }
        Outgoing::Snapshot(_) | Outgoing::Position { .. } | Outgoing::Farewell => false,
    };
    while let Some(Outgoing::Event(event)) = outgoing.next_if(&mut fits) {
        events.push(event);
    }
    events
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
        let mut audience = Audience::new(room(), Clock::default());
        for _ in 0..count {
            audience.members.add(Member {
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
