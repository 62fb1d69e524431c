//! Who is in a room: quick to walk through, quick to find.

use std::collections::HashMap;
use std::sync::Arc;

use super::Viewer;
use crate::outbox::{Outbox, OutboxId};

/// One who hears a room.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) outbox: Arc<Outbox>,
    pub(super) viewer: Viewer,
}

/// Where more are in a room, it is noted where each is. In most rooms there are
/// the few devices of one user.
const FEW: usize = 8;

/// All who hear a room.
#[derive(Debug, Default)]
pub(super) struct Members {
    list: Vec<Member>,
    /// Where each is in the list; nothing where they are few.
    #[expect(
        clippy::box_collection,
        reason = "most rooms have none, and there are many rooms"
    )]
    places: Option<Box<HashMap<OutboxId, usize>>>,
}

impl Members {
    pub(super) fn add(&mut self, member: Member) {
        self.remove(member.outbox.id());
        if let Some(places) = &mut self.places {
            places.insert(member.outbox.id(), self.list.len());
        }
        if self.list.len() < FEW {
            self.list.reserve_exact(1);
        }
        self.list.push(member);
        if self.list.len() > FEW && self.places.is_none() {
            let ids = self.list.iter().map(|member| member.outbox.id());
            self.places = Some(Box::new(ids.zip(0..).collect()));
        }
    }

    pub(super) fn remove(&mut self, outbox: OutboxId) {
        let Some(place) = self.place_of(outbox) else {
            return;
        };
        self.list.swap_remove(place);
        let Some(places) = &mut self.places else {
            return;
        };
        places.remove(&outbox);
        if let Some(moved) = self.list.get(place) {
            places.insert(moved.outbox.id(), place);
        }
        if self.list.len() <= FEW / 2 {
            self.places = None;
            self.list.shrink_to_fit();
        }
    }

    pub(super) fn get(&self, outbox: OutboxId) -> Option<&Member> {
        self.list.get(self.place_of(outbox)?)
    }

    fn place_of(&self, outbox: OutboxId) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(&outbox).copied(),
            None => {
                let mut ids = self.list.iter().map(|member| member.outbox.id());
                ids.position(|id| id == outbox)
            }
        }
    }

    /// All.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.list.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Live;
    use causerie_shared::ids::UserId;

    /// Both where they are few and where it is noted where each is.
    #[test]
    fn those_who_stay_are_found_after_others_left() {
        for count in [4, FEW, FEW + 1, 4 * FEW] {
            let mut members = Members::default();
            let outboxes: Vec<_> = (0..count).map(|_| Outbox::new(1)).collect();
            for outbox in &outboxes {
                members.add(Member {
                    outbox: Arc::clone(outbox),
                    viewer: Viewer::Member(UserId::new("u1").unwrap(), Live::ALL),
                });
            }
            let (leaving, staying) = outboxes.split_at(count - 3);
            for outbox in leaving {
                members.remove(outbox.id());
                members.remove(outbox.id());
                assert!(members.get(outbox.id()).is_none());
                let is_there = |outbox: &Arc<Outbox>| members.get(outbox.id()).is_some();
                assert!(staying.iter().all(is_there), "{count}");
            }
            assert_eq!(members.list.len(), 3);
        }
    }

    #[test]
    fn one_who_comes_again_is_there_once() {
        let mut members = Members::default();
        let outbox = Outbox::new(1);
        for name in ["u1", "u2"] {
            members.add(Member {
                outbox: Arc::clone(&outbox),
                viewer: Viewer::Member(UserId::new(name).unwrap(), Live::ALL),
            });
        }
        let expected = Viewer::Member(UserId::new("u2").unwrap(), Live::ALL);
        assert_eq!(members.get(outbox.id()).unwrap().viewer, expected);
        assert_eq!(members.list.len(), 1);
    }
}
