//! What the peer was told is stored.

use std::collections::VecDeque;

use causerie_shared::position::{Epoch, Position};
use causerie_shared::room::RoomKey;

/// So many positions are remembered.
const PLACES: usize = 16;

/// Where the furthest of the peer's own messages stands in each life of the rooms
/// where it spoke last. It may have been told before the room's stream came to it:
/// should the storage lose it then, the peer has seen something that is lost. It may
/// even have spoken in the next life before it hears that this has begun.
#[derive(Debug, Default)]
pub(super) struct Stored(
    #[expect(
        clippy::box_collection,
        reason = "most connections have none, and there are many"
    )]
    Option<Box<VecDeque<(RoomKey, Position)>>>,
);

impl Stored {
    pub(super) fn note(&mut self, room: &RoomKey, position: &Position) {
        // Most speak in one room alone.
        let places = self
            .0
            .get_or_insert_with(|| Box::new(VecDeque::with_capacity(1)));
        let mut of_life = places
            .iter_mut()
            .filter(|(known, stored)| known == room && stored.epoch == position.epoch);
        match of_life.next() {
            // What is said again is told where it stood already.
            Some((_, stored)) => stored.seq = stored.seq.max(position.seq),
            None => {
                if places.len() == PLACES {
                    places.pop_front();
                }
                places.push_back((room.clone(), position.clone()));
            }
        }
    }

    /// A new life of the room begins at `kept`: whether something was stored there
    /// before and beyond that. It is told once. What was stored in `later` lives is for
    /// those that follow them.
    pub(super) fn on_new_life(&mut self, room: &RoomKey, kept: &Position, later: &[Epoch]) -> bool {
        let mut is_lost = false;
        if let Some(places) = &mut self.0 {
            places.retain(|(known, stored)| {
                let is_of_before =
                    known == room && stored.epoch != kept.epoch && !later.contains(&stored.epoch);
                is_lost |= is_of_before && stored.seq > kept.seq;
                !is_of_before
            });
        }
        is_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::testing::{position, room};

    const LIFE: &str = "aaaaaaaa";
    const NEXT_LIFE: &str = "bbbbbbbb";

    #[test]
    fn a_loss_is_told_to_one_who_spoke_again_first() {
        let mut stored = Stored::default();
        stored.note(&room(), &position(LIFE, 10));
        stored.note(&room(), &position(NEXT_LIFE, 10));
        assert!(stored.on_new_life(&room(), &position(NEXT_LIFE, 9), &[]));
        assert!(!stored.on_new_life(&room(), &position(NEXT_LIFE, 9), &[]));
        // Nor is what they said then forgotten.
        assert!(stored.on_new_life(&room(), &position("cccccccc", 9), &[]));
    }

    #[test]
    fn what_is_said_again_hides_nothing_that_was_said_after_it() {
        let mut stored = Stored::default();
        for seq in [7, 10, 7] {
            stored.note(&room(), &position(LIFE, seq));
        }
        assert!(stored.on_new_life(&room(), &position(NEXT_LIFE, 9), &[]));
    }

    #[test]
    fn only_so_many_places_are_remembered() {
        let mut stored = Stored::default();
        for life in 0..=PLACES {
            stored.note(&room(), &position(&format!("{life:08x}"), 1));
        }
        assert_eq!(stored.0.unwrap().len(), PLACES);
    }
}
