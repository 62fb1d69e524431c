//! What the peer was told is stored.

use std::collections::VecDeque;

use causerie_shared::position::Position;
use causerie_shared::room::RoomKey;

/// In so many rooms it is remembered.
const ROOMS: usize = 16;

/// Where the last of the peer's own messages stands, in the rooms where it spoke
/// last. It may have been told before the room's stream came to it: should the
/// storage lose it then, the peer has seen something that is lost.
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
        let places = self.0.get_or_insert_default();
        match places.iter_mut().find(|(known, _)| known == room) {
            Some((_, known)) => *known = position.clone(),
            None => {
                if places.len() == ROOMS {
                    places.pop_front();
                }
                places.push_back((room.clone(), position.clone()));
            }
        }
    }

    /// A new life of the room begins at `kept`: whether something was stored there
    /// before and beyond that. It is told once.
    pub(super) fn on_new_life(&mut self, room: &RoomKey, kept: &Position) -> bool {
        let places = self.0.iter_mut().flat_map(|places| places.iter_mut());
        let mut of_before =
            places.filter(|(known, stored)| known == room && stored.epoch != kept.epoch);
        of_before.next().is_some_and(|(_, stored)| {
            let is_lost = stored.seq > kept.seq;
            *stored = kept.clone();
            is_lost
        })
    }
}
