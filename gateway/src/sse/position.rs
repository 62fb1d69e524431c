//! The `id:` of an event: where its reader is in every room of the stream.
//!
//! `user:u1@k3f9a2bd:41,tenant@x81kd02m:7`: as rooms are named on connecting,
//! with a comma between them. A stream has 18 rooms at the most, so an id is a
//! few hundred bytes, and with the longest names still under 4 KiB.
//!
//! It names users, never `user:me`: a visitor who comes back without a token is
//! another one, whose room has other events.

use std::fmt::Write as _;

use causerie_shared::ids::UserId;
use causerie_shared::position::Position;
use causerie_shared::room::Room;

use crate::admission::{Named, Refusal};
use crate::connection::Wanted;

/// Where a stream's reader is.
#[derive(Debug)]
pub(super) struct Positions(Vec<(Room, Position)>);

impl Positions {
    /// Of a reader who has heard nothing yet, but of some rooms knows where to
    /// go on. Rooms are joined side by side: an event of one must not make its
    /// reader forget another that is not joined yet.
    pub(super) fn asked(rooms: &[Wanted]) -> Self {
        let placed = |wanted: &Wanted| Some((wanted.room.clone(), wanted.position.clone()?));
        Self(rooms.iter().filter_map(placed).collect())
    }

    /// The reader is at `position` in `room` now.
    pub(super) fn reached(&mut self, room: &Room, position: &Position) {
        match self.0.iter_mut().find(|(known, _)| known == room) {
            Some((_, reached)) => reached.clone_from(position),
            None => self.0.push((room.clone(), position.clone())),
        }
    }

    /// Writes the `id:` line.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str("id: ");
        for (at, (room, position)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            // Writing to a text cannot fail.
            let _ = write!(out, "{room}@{position}");
        }
        out.push('\n');
    }
}

/// Reads the last `id` that a client has seen.
///
/// # Errors
/// 400: to begin at the head instead would be a hole that nobody is told of.
pub fn read(id: &str) -> Result<Vec<Named>, Refusal> {
    let placed = |entry| {
        Named::read(entry)
            .ok()
            .filter(|named| named.position.is_some())
    };
    id.split(',')
        .filter(|entry| !entry.is_empty())
        .map(placed)
        .collect::<Option<_>>()
        .ok_or_else(|| {
            Refusal::bad_request(
                "`Last-Event-ID` is not the `id` of an event of this stream: open it without one.",
            )
        })
}

/// Moves the `rooms` of a stream to where its reader was `last`. Other rooms,
/// of a stream that was opened otherwise, are passed over.
pub(super) fn go_on(rooms: &mut [Wanted], last: Vec<Named>, reader: &UserId) {
    for Named { room, position } in last {
        let room = room.resolve(reader);
        if let Some(wanted) = rooms.iter_mut().find(|wanted| wanted.room == room) {
            wanted.position = position;
        }
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::room::RoomName;
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn where_a_reader_is_in_all_rooms_is_read_as_it_is_written(
            // None is `user:me`: an id names its user.
            places in btree_map(
                "tenant|project:[A-Za-z0-9._~-]{1,20}|user:~[A-Za-z0-9._~-]{0,20}",
                ("[a-z0-9]{8,16}", any::<u64>()),
                0..18,
            ),
        ) {
            let places = places.into_iter().map(|(room, (epoch, seq))| {
                (room.parse().unwrap(), format!("{epoch}:{seq}").parse().unwrap())
            });
            let positions = Positions(places.collect());
            let written = line(&positions);
            let id = written.trim_start_matches("id: ").trim_end();
            let named = positions.0.into_iter().map(|(room, position)| Named {
                room: RoomName::Of(room),
                position: Some(position),
            });
            prop_assert_eq!(read(id), Ok(named.collect()));
        }

        #[test]
        fn anything_is_read_or_refused(id: String) {
            if let Err(refusal) = read(&id) {
                prop_assert_eq!(refusal.status(), 400);
            }
        }
    }

    fn room(text: &str) -> Room {
        text.parse().unwrap()
    }

    fn wanted(text: &str, position: Option<&str>) -> Wanted {
        Wanted {
            room: room(text),
            position: position.map(|position| position.parse().unwrap()),
        }
    }

    fn line(positions: &Positions) -> String {
        let mut line = String::new();
        positions.write(&mut line);
        line
    }

    #[test]
    fn an_id_reads_as_it_is_written() {
        let mut positions = Positions::asked(&[wanted("user:u1", None)]);
        positions.reached(&room("user:u1"), &"k3f9a2bd:1".parse().unwrap());
        positions.reached(&room("project:p1"), &"k3f9a2be:7".parse().unwrap());
        positions.reached(&room("user:u1"), &"k3f9a2bd:2".parse().unwrap());
        let line = line(&positions);
        assert_eq!(line, "id: user:u1@k3f9a2bd:2,project:p1@k3f9a2be:7\n");
        let read = read(line.trim_start_matches("id: ").trim()).unwrap();
        assert_eq!(read[0].room, RoomName::Of(room("user:u1")));
        assert_eq!(read[1].position, Some("k3f9a2be:7".parse().unwrap()));
    }

    #[test]
    fn a_room_that_is_not_joined_yet_keeps_the_position_that_was_asked() {
        let asked = [
            wanted("user:u1", Some("k3f9a2bd:1")),
            wanted("project:p1", Some("k3f9a2be:7")),
        ];
        let mut positions = Positions::asked(&asked);
        positions.reached(&room("user:u1"), &"k3f9a2bd:2".parse().unwrap());
        let line = line(&positions);
        assert_eq!(line, "id: user:u1@k3f9a2bd:2,project:p1@k3f9a2be:7\n");
    }

    #[test]
    fn a_foreign_id_is_refused() {
        assert_eq!(read("").unwrap(), []);
        for bad in ["17", "user:me", "user:me@k3f9a2bd:1,x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_rooms_of_the_stream_go_on() {
        let mut rooms = vec![wanted("project:p1", None), wanted("user:u1", None)];
        let last = "user:u2@k3f9a2bd:2,project:p1@k3f9a2be:7,user:me@k3f9a2bf:9";
        let reader = UserId::new("u1").unwrap();
        go_on(&mut rooms, read(last).unwrap(), &reader);
        assert_eq!(
            rooms,
            [
                wanted("project:p1", Some("k3f9a2be:7")),
                wanted("user:u1", Some("k3f9a2bf:9"))
            ]
        );
    }
}
