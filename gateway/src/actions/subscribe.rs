//! `subscribe` and `unsubscribe`.

use std::sync::Arc;

use causerie_shared::position::Position;
use causerie_shared::protocol::action;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::{self, RoomAck};
use causerie_shared::room::Room;

use super::{Caller, not_joined};
use crate::audit::{Note, What};
use crate::connection::Connection;
use crate::frame::OutFrame;
use crate::gateway::Gateway;
use crate::permission::Act;
use crate::presence::Leaving;

/// Joins a room. `subscribed` goes before the answer, and what was missed too,
/// unless the client is slow to read it. Where it fails the room is not joined,
/// even if it was before, which is told.
pub(super) async fn subscribe(
    gateway: &Gateway,
    caller: &Caller,
    what: action::Subscribe,
) -> Result<RoomAck, ProtocolError> {
    let connection = caller.connected()?;
    let position = what.position();
    let room = what.room.resolve(&caller.identity.user);
    let was_in = connection.is_in(&room);
    let joined = join(gateway, caller, connection, &room, position).await;
    let note = || Note::over(What::Join, connection);
    match &joined {
        Ok(()) if was_in => {}
        Ok(()) => gateway.note(|| note().on(&room)),
        // The name may be anything that somebody made up.
        Err(error) => gateway.note(|| note().failed(error.code.name())),
    }
    joined.map(|()| RoomAck { room })
}

async fn join(
    gateway: &Gateway,
    caller: &Caller,
    connection: &Connection,
    room: &Room,
    position: Option<Position>,
) -> Result<(), ProtocolError> {
    caller.identity.check(Act::Hear, room)?;
    let max_rooms = gateway.settings().max_rooms;
    let joined = connection.rooms();
    if joined.len() >= max_rooms && !joined.contains(room) {
        let content = format!("You are in {max_rooms} rooms, which is the limit: leave one first.");
        return Err(ProtocolError::new(ErrorCode::Forbidden, content)
            .with_limit(Scope::Connection, max_rooms as u64));
    }
    let joining = connection.join(room, position).await;
    let touched = [room.clone()];
    gateway
        .presence
        .touch(&caller.identity, touched, Leaving::ForGood);
    if let Err(error) = joining {
        if joined.contains(room) {
            connection.outbox.push(&unsubscribed(room));
        }
        return Err(not_joined(&error));
    }
    Ok(())
}

/// Leaves a room. No event of it follows the answer.
pub(super) async fn unsubscribe(
    gateway: &Gateway,
    caller: &Caller,
    what: action::Unsubscribe,
) -> Result<RoomAck, ProtocolError> {
    let connection = caller.connected()?;
    let room = what.room.resolve(&caller.identity.user);
    if connection.leave(&room).await {
        let touched = [room.clone()];
        gateway
            .presence
            .touch(&caller.identity, touched, Leaving::ForGood);
        connection.outbox.push(&unsubscribed(&room));
    }
    Ok(RoomAck { room })
}

/// Tells a client that it is in a room no more.
pub(super) fn unsubscribed(room: &Room) -> Arc<OutFrame> {
    OutFrame::answer(Event::Unsubscribed, frame::unsubscribed(room))
}
