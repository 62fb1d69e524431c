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
pub(super) struct Stored(Option<Box<VecDeque<(RoomKey, Position)>>>);

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

    /// Whether something was stored there in an earlier life of the room, beyond
    /// `kept`, with which the new one begins.
    pub(super) fn is_lost(&self, room: &RoomKey, kept: &Position) -> bool {
        let mut places = self.0.iter().flat_map(|places| places.iter());
        places.any(|(known, stored)| {
            known == room && stored.epoch != kept.epoch && stored.seq > kept.seq
        })
    }
}
