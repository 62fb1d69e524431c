//! What is on its way to all who are in a room, and how many of them have it.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use causerie_shared::position::{Epoch, Position};
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::frame::{self, Subscribed};
use causerie_shared::room::RoomKey;
use tracing::Span;

use super::Viewer;
use super::members::Member;
use crate::events::{self, Deliveries};
use crate::frame::OutFrame;
use crate::outbox::{JOINED_BYTES, Joined, Outbox};

/// Something for all who are in the room.
#[derive(Debug)]
pub(super) enum Outgoing {
    Event {
        frame: Arc<OutFrame>,
        published_ms: u64,
    },
    Snapshot(Arc<OutFrame>),
    /// From where the room's stream goes on.
    Position {
        position: Position,
        recovered: bool,
        /// The lives that have begun since.
        later: Vec<Epoch>,
        /// Of the replies being made, for those who have not recovered.
        snapshots: Vec<Arc<OutFrame>>,
    },
    /// What they miss cannot be found here.
    Farewell,
}

/// What is on its way, portion by portion.
#[derive(Debug)]
pub(super) struct Sending {
    rest: Peekable<vec::IntoIter<Outgoing>>,
    portion: Option<Portion>,
}

/// What is given to one member after the other.
#[derive(Debug)]
pub(super) struct Portion {
    what: What,
    /// How many members have it.
    given: usize,
}

#[derive(Debug)]
enum What {
    Events {
        joined: Joined,
        published_ms: Vec<u64>,
        deliveries: Deliveries,
        /// Of what is traced, from here to when all have it.
        spans: Vec<Span>,
    },
    Snapshot(Arc<OutFrame>),
    Position {
        position: Position,
        recovered: bool,
        later: Vec<Epoch>,
        /// `subscribed` for those who have all, and for those who do not.
        is_kept: Arc<OutFrame>,
        is_lost: Arc<OutFrame>,
        snapshots: Vec<Arc<OutFrame>>,
    },
    Farewell,
}

impl Sending {
    pub(super) fn of(outgoing: Vec<Outgoing>) -> Self {
        Self {
            rest: outgoing.into_iter().peekable(),
            portion: None,
        }
    }

    /// What is given to the members of `room` now; `None` where they have all.
    pub(super) fn portion(&mut self, room: &RoomKey) -> Option<&mut Portion> {
        if self.portion.is_none() {
            let first = self.rest.next()?;
            let what = What::of(first, &mut self.rest, room);
            self.portion = Some(Portion { what, given: 0 });
        }
        self.portion.as_mut()
    }

    /// Ends the portion, which all have; whether it was a farewell.
    pub(super) fn end_portion(&mut self, now_ms: u64) -> bool {
        let Some(Portion { what, given }) = self.portion.take() else {
            return false;
        };
        match what {
            What::Events {
                published_ms,
                deliveries,
                spans,
                ..
            } => {
                for span in spans {
                    span.record("members", given);
                }
                events::delivered(&deliveries, published_ms.into_iter(), now_ms);
                false
            }
            What::Farewell => true,
            What::Snapshot(_) | What::Position { .. } => false,
        }
    }
}

impl Portion {
    /// How many members have it.
    pub(super) fn given(&self) -> usize {
        self.given
    }

    /// Gives it to the next member of `room`.
    pub(super) fn give(&mut self, member: &Member, room: &RoomKey) {
        self.given += 1;
        let Member { outbox, viewer } = member;
        match &mut self.what {
            What::Events {
                joined, deliveries, ..
            } => give_events(joined, outbox, viewer, deliveries),
            What::Snapshot(snapshot) => give_snapshot(snapshot, outbox, viewer),
            What::Position {
                position,
                recovered,
                later,
                is_kept,
                is_lost,
                snapshots,
            } => {
                let has_all = !outbox.has_lost(room, position, later) && *recovered;
                match (has_all, viewer.is_told_positions()) {
                    (true, true) => {
                        outbox.push(is_kept);
                    }
                    (true, false) => {}
                    (false, true) => {
                        outbox.push(is_lost);
                        for snapshot in snapshots {
                            give_snapshot(snapshot, outbox, viewer);
                        }
                    }
                    // Its question may be among what was lost.
                    (false, false) => outbox.close(CloseCode::LostPlace),
                }
            }
            What::Farewell => outbox.close(CloseCode::LostPlace),
        }
    }
}

impl What {
    /// Of what is outgoing `first`, with that of the `rest` which goes along.
    fn of(first: Outgoing, rest: &mut Peekable<vec::IntoIter<Outgoing>>, room: &RoomKey) -> Self {
        match first {
            Outgoing::Event {
                frame,
                published_ms,
            } => Self::events(frame, published_ms, rest),
            Outgoing::Snapshot(frame) => Self::Snapshot(frame),
            Outgoing::Position {
                position,
                recovered,
                later,
                snapshots,
            } => Self::Position {
                snapshots,
                is_kept: subscribed(room, &position, true),
                is_lost: subscribed(room, &position, false),
                position,
                recovered,
                later,
            },
            Outgoing::Farewell => Self::Farewell,
        }
    }

    /// An event and those that follow it, as far as they go out together.
    fn events(
        first: Arc<OutFrame>,
        published_ms: u64,
        rest: &mut Peekable<vec::IntoIter<Outgoing>>,
    ) -> Self {
        let mut bytes = first.size();
        let (mut frames, mut published_ms) = (vec![first], vec![published_ms]);
        let mut fits = |next: &Outgoing| match next {
            Outgoing::Event { frame, .. } => {
                bytes += frame.size();
                bytes <= JOINED_BYTES
            }
            Outgoing::Snapshot(_) | Outgoing::Position { .. } | Outgoing::Farewell => false,
        };
        while let Some(Outgoing::Event {
            frame,
            published_ms: at_ms,
        }) = rest.next_if(&mut fits)
        {
            frames.push(frame);
            published_ms.push(at_ms);
        }
        let spans = frames.iter().filter_map(|frame| frame.delivery());
        Self::Events {
            spans: spans.collect(),
            joined: Joined::new(frames),
            published_ms,
            deliveries: Deliveries::default(),
        }
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

fn give_snapshot(snapshot: &Arc<OutFrame>, outbox: &Outbox, viewer: &Viewer) {
    if viewer.sees(&snapshot.sight) {
        events::snapshot_pushed(outbox.push(snapshot));
    }
}

fn give_events(joined: &Joined, outbox: &Outbox, viewer: &Viewer, deliveries: &mut Deliveries) {
    let sees = |frame: &&Arc<OutFrame>| viewer.sees(&frame.sight);
    let frames = joined.frames();
    if frames.iter().all(|frame| sees(&frame)) {
        outbox.push_joined(joined, deliveries);
    } else {
        give_some(outbox, frames.iter().filter(sees), deliveries);
    }
}

/// Gives one those of the events that they see: with one write where there are
/// several.
fn give_some<'a>(
    outbox: &Outbox,
    mut seen: impl Iterator<Item = &'a Arc<OutFrame>>,
    deliveries: &mut Deliveries,
) {
    let fits = outbox.at_once() >= JOINED_BYTES;
    match (seen.next(), seen.next()) {
        (Some(first), Some(second)) if fits => {
            outbox.push_all([first, second].into_iter().chain(seen), deliveries);
        }
        (first, second) => {
            for frame in first.into_iter().chain(second).chain(seen) {
                deliveries.count(outbox.push(frame), 1);
            }
        }
    }
}
