//! `typing`: a person types, or has stopped.

use causerie_shared::protocol::action;
use causerie_shared::protocol::error::ProtocolError;
use causerie_shared::room::{RoomKey, RoomName};

use super::Caller;
use crate::gateway::Gateway;
use crate::permission::Act;
use crate::typing::Typist;

/// Shows the room's other users that the caller types.
pub(super) fn typing(
    gateway: &Gateway,
    caller: &Caller,
    sign: action::Typing,
) -> Result<(), ProtocolError> {
    let identity = &caller.identity;
    let room = sign.room.unwrap_or(RoomName::Me).resolve(&identity.user);
    identity.check(Act::ShowTyping, &room)?;
    let typist = Typist {
        room: RoomKey::new(identity.tenant.clone(), room),
        user: identity.user.clone(),
        connection: caller.connection.as_ref().map(|of| of.id.clone()),
    };
    gateway.typing.note(typist, sign.is_typing);
    Ok(())
}
