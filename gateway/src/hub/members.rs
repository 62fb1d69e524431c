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

/// All who hear a room.
#[derive(Debug, Default)]
pub(super) struct Members {
    list: Vec<Member>,
    places: HashMap<OutboxId, usize>,
}

impl Members {
    pub(super) fn add(&mut self, member: Member) {
        self.remove(member.outbox.id());
        self.places.insert(member.outbox.id(), self.list.len());
        self.list.push(member);
    }

    pub(super) fn remove(&mut self, outbox: OutboxId) {
        let Some(place) = self.places.remove(&outbox) else {
            return;
        };
        self.list.swap_remove(place);
        if let Some(moved) = self.list.get(place) {
            self.places.insert(moved.outbox.id(), place);
        }
    }

    pub(super) fn get(&self, outbox: OutboxId) -> Option<&Member> {
        self.list.get(*self.places.get(&outbox)?)
    }

    /// All, so many at a time.
    pub(super) fn in_rows_of(&self, count: usize) -> impl Iterator<Item = &[Member]> {
        self.list.chunks(count)
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

    #[test]
    fn those_who_stay_are_found_after_others_left() {
        let mut members = Members::default();
        let outboxes: Vec<_> = (0..4).map(|_| Outbox::new(1)).collect();
        for outbox in &outboxes {
            members.add(Member {
                outbox: Arc::clone(outbox),
                viewer: Viewer::Member(UserId::new("u1").unwrap(), Live::ALL),
            });
        }
        members.remove(outboxes[0].id());
        members.remove(outboxes[3].id());
        members.remove(outboxes[3].id());
        let found = |at: usize| members.get(outboxes[at].id()).is_some();
        assert_eq!([0, 1, 2, 3].map(found), [false, true, true, false]);
        assert_eq!(members.list.len(), 2);
    }
}
