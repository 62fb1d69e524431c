//! The `id:` of an event: where its reader is in every room of the stream.
//!
//! `user:me@k3f9a2bd:41,tenant@x81kd02m:7`: as rooms are named on connecting,
//! with a comma between them. A stream has 18 rooms at the most, so an id is a
//! few hundred bytes, and with the longest names still under 4 KiB.

use std::fmt::Write as _;

use causerie_shared::ids::UserId;
use causerie_shared::position::Position;
use causerie_shared::room::Room;

use crate::admission::{Named, Refusal};

/// Where a stream's reader is.
#[derive(Debug)]
pub(super) struct Positions {
    reader: UserId,
    rooms: Vec<(Room, Position)>,
}

impl Positions {
    /// Of a reader who has heard nothing yet.
    pub(super) fn new(reader: UserId) -> Self {
        Self {
            reader,
            rooms: Vec::new(),
        }
    }

    /// The reader is at `position` in `room` now.
    pub(super) fn reached(&mut self, room: &Room, position: &Position) {
        match self.rooms.iter_mut().find(|(known, _)| known == room) {
            Some((_, reached)) => reached.clone_from(position),
            None => self.rooms.push((room.clone(), position.clone())),
        }
    }

    /// Writes the `id:` line.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str("id: ");
        for (at, (room, position)) in self.rooms.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            // Writing to a text cannot fail.
            let _ = match room {
                Room::User(user) if *user == self.reader => write!(out, "user:me@{position}"),
                Room::Tenant | Room::Project(_) | Room::User(_) => write!(out, "{room}@{position}"),
            };
        }
        out.push('\n');
    }
}

/// Reads the last `id` that a client has seen.
///
/// # Errors
/// 400: to begin at the head instead would be a hole that nobody is told of.
pub(super) fn read(id: &str) -> Result<Vec<Named>, Refusal> {
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
pub(super) fn go_on(rooms: &mut [Named], last: Vec<Named>) {
    for last in last {
        if let Some(named) = rooms.iter_mut().find(|named| named.room == last.room) {
            named.position = last.position;
        }
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::room::RoomName;

    use super::*;

    fn room(text: &str) -> Room {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_reads_as_it_is_written() {
        let mut positions = Positions::new(UserId::new("u1").unwrap());
        positions.reached(&room("user:u1"), &"k3f9a2bd:1".parse().unwrap());
        positions.reached(&room("project:p1"), &"k3f9a2be:7".parse().unwrap());
        positions.reached(&room("user:u1"), &"k3f9a2bd:2".parse().unwrap());
        let mut line = String::new();
        positions.write(&mut line);
        assert_eq!(line, "id: user:me@k3f9a2bd:2,project:p1@k3f9a2be:7\n");
        let read = read(line.trim_start_matches("id: ").trim()).unwrap();
        assert_eq!(read[0].room, RoomName::Me);
        assert_eq!(read[1].position, Some("k3f9a2be:7".parse().unwrap()));
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
        let mut rooms = vec![Named::read("project:p1").unwrap()];
        let last = read("user:me@k3f9a2bd:2,project:p1@k3f9a2be:7").unwrap();
        go_on(&mut rooms, last);
        assert_eq!(rooms.len(), 1);
        assert_eq!(rooms[0].position, Some("k3f9a2be:7".parse().unwrap()));
    }
}
