//! The rooms that a request names, and from where it hears them.

use causerie_shared::position::Position;
use causerie_shared::room::{Room, RoomName};

use super::asked::Asked;
use super::refusal::Refusal;
use crate::connection::Wanted;
use crate::identity::Identity;
use crate::permission::Act;

/// The most rooms that one request may name.
pub const MAX_ROOMS: usize = 16;

/// A room as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The room.
    pub room: RoomName,
    /// The position to recover from.
    pub position: Option<Position>,
}

impl Named {
    /// Reads `project:p1` or `project:p1@{epoch}:{seq}`.
    ///
    /// # Errors
    /// 400, saying what is wrong of which.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let (room, position) = match text.split_once('@') {
            Some((room, position)) => (room, Some(position)),
            None => (text, None),
        };
        let bad = |why: String| Refusal::bad_request(format!("`room`: {why}."));
        Ok(Self {
            room: room.parse().map_err(|error| bad(format!("{error}")))?,
            position: position
                .map(str::parse)
                .transpose()
                .map_err(|error| bad(format!("{error}")))?,
        })
    }
}

/// The rooms that `caller` asked for, each once; where one is named twice, by
/// whichever name, the later position counts.
///
/// # Errors
/// 403 where one of them is not theirs. One that does not exist answers alike.
pub(super) fn allowed(asked: &Asked, caller: &Identity) -> Result<Vec<Wanted>, Refusal> {
    let alone = asked.alone.clone();
    let alone = alone.map(|room| room.resolve(&caller.user));
    let mut rooms: Vec<Wanted> = Vec::with_capacity(asked.rooms.len());
    for Named { room, position } in &asked.rooms {
        let room = room.clone().resolve(&caller.user);
        if alone.as_ref().is_some_and(|alone| *alone != room) {
            continue;
        }
        check(caller, Act::Hear, &room)?;
        match rooms.iter_mut().find(|wanted| wanted.room == room) {
            Some(wanted) => wanted.position = position.clone().or(wanted.position.take()),
            None => rooms.push(Wanted {
                room,
                position: position.clone(),
            }),
        }
    }
    Ok(rooms)
}

/// Checks that `caller` may do it in `room`.
///
/// # Errors
/// 403, be the room there or not.
pub(super) fn check(caller: &Identity, act: Act, room: &Room) -> Result<(), Refusal> {
    let checked = caller.check(act, room);
    checked.map_err(|error| Refusal::from(error).because("room"))
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_room_and_a_position_are_read_as_they_are_written(
            room in "user:me|tenant|(project|user):[A-Za-z0-9._~-]{1,128}",
            position in option::of(("[a-z0-9]{8,16}", any::<u64>())),
        ) {
            let position = position.map(|(epoch, seq)| format!("{epoch}:{seq}"));
            let place = position.as_ref().map(|at| format!("@{at}"));
            let named = Named::read(&format!("{room}{}", place.unwrap_or_default())).unwrap();
            prop_assert_eq!(named.room.to_string(), room);
            prop_assert_eq!(named.position.map(|at| at.to_string()), position);
        }

        #[test]
        fn anything_is_read_or_refused(text: String) {
            if let Err(refusal) = Named::read(&text) {
                prop_assert_eq!(refusal.status(), 400);
            }
        }
    }

    #[test]
    fn a_room_may_carry_a_position() {
        let plain = Named::read("project:p1").unwrap();
        assert_eq!(plain.position, None);
        let placed = Named::read("user:me@k3f9a2bd:41").unwrap();
        assert_eq!(placed.room, RoomName::Me);
        assert_eq!(placed.position, Some("k3f9a2bd:41".parse().unwrap()));
        for bad in [
            "",
            "team:x",
            "project:",
            "tenant@",
            "tenant@k3f9a2bd",
            "tenant@K:1",
        ] {
            assert!(Named::read(bad).is_err(), "{bad}");
        }
    }
}
