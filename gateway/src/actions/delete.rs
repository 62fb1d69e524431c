//! `delete`: one's own messages, and with the role `admin` those of others.

use causerie_shared::bus::deletion::{Deleted, Deletion};
use causerie_shared::ids::MessageId;
use causerie_shared::protocol::action;
use causerie_shared::protocol::data::MessageDeleted;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::{self, DeleteAck};
use causerie_shared::record::{Class, Header, Unplaced};
use causerie_shared::room::RoomKey;
use compact_str::CompactString;

use super::{Caller, bus_failed};
use crate::audit::{Note, What};
use crate::events;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::permission::Act;

/// Deletes a message. One that was deleted before is deleted. Where it is another's, that
/// is noted.
///
/// # Errors
/// `forbidden` where the room may not be written to, or the message is another's;
/// `not_found` where the room's log holds none of that id.
pub(super) async fn delete(
    gateway: &Gateway,
    caller: &Caller,
    what: action::Delete,
) -> Result<DeleteAck, ProtocolError> {
    let identity = &caller.identity;
    let action::Delete { room, message_id } = what;
    let room = room.resolve(&identity.user);
    let allowed = identity.check(Act::DeleteOwn, &room);
    allowed.inspect_err(|error| {
        // The name may be anything that somebody made up.
        gateway.note(|| caller.note(What::Delete).failed(error.code.name()));
    })?;
    let mut deletion = Deletion {
        author: Some(identity.user.clone()),
        event: Unplaced {
            header: header(&message_id),
            tail: frame::durable_tail(
                Event::MessageDeleted,
                &room,
                &MessageDeleted {
                    message_id: Some(message_id.clone()),
                    user_id: Some(identity.user.clone()),
                },
            ),
        },
        room: RoomKey::new(identity.tenant.clone(), room),
        message_id,
    };
    if !carry_out(gateway, &deletion).await? {
        let deleted = delete_anothers(gateway, identity, &mut deletion).await;
        gateway.note(|| note(caller.note(What::Delete), &deletion, &deleted));
        deleted?;
    }
    let message_id = deletion.message_id;
    Ok(DeleteAck { message_id })
}

/// Deletes what its author, where one is named, has said; whether they have.
async fn carry_out(gateway: &Gateway, deletion: &Deletion) -> Result<bool, ProtocolError> {
    let deleted = gateway.bus.delete(deletion).await;
    match deleted.map_err(|error| bus_failed(&error))? {
        Deleted::Done { .. } => events::message_deleted(deletion),
        Deleted::Repeat => {}
        Deleted::NotTheirs => return Ok(false),
        Deleted::Unknown => return Err(not_found()),
    }
    Ok(true)
}

/// Deletes what somebody else has said, or a reply.
async fn delete_anothers(
    gateway: &Gateway,
    identity: &Identity,
    deletion: &mut Deletion,
) -> Result<(), ProtocolError> {
    if !identity.may(Act::DeleteAny, &deletion.room.room) {
        return Err(not_theirs());
    }
    deletion.author = None;
    carry_out(gateway, deletion).await.map(|_| ())
}

fn note(note: Note, deletion: &Deletion, deleted: &Result<(), ProtocolError>) -> Note {
    let note = note.on(format_args!(
        "{} {}",
        deletion.room.room, deletion.message_id
    ));
    match deleted {
        Ok(()) => note,
        Err(error) => note.failed(error.code.name()),
    }
}

/// By the message's id gateways find it among their recent events.
fn header(message_id: &MessageId) -> Header {
    Header {
        class: Class::Durable,
        event: CompactString::const_new(Event::MessageDeleted.name()),
        position: None,
        ts: 0,
        reply: None,
        in_reply_to: Some(message_id.clone()),
        excluded: None,
        trace: None,
    }
}

fn not_theirs() -> ProtocolError {
    let content = "This message is not yours: the role `admin` is needed in your token to delete \
                   what others have said, and replies.";
    ProtocolError::new(ErrorCode::Forbidden, content)
}

fn not_found() -> ProtocolError {
    let content = "No such message is kept in this room: it may be too old, or not whole yet.";
    ProtocolError::new(ErrorCode::NotFound, content)
}
