//! `cancel`: whoever may write in a room may end a reply there.

use causerie_shared::bus::reply::{Cancelled, ReplyState};
use causerie_shared::ids::MessageId;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::frame::CancelAck;

use super::bus_failed;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::permission::Act;

/// Cancels the reply `message_id`, or the reply to that question.
///
/// # Errors
/// `not_found` where nothing runs, or nothing that the caller may know of.
pub async fn cancel(
    gateway: &Gateway,
    identity: &Identity,
    message_id: &MessageId,
) -> Result<CancelAck, ProtocolError> {
    let status = gateway.bus.reply(message_id).await;
    let status = status
        .map_err(|error| bus_failed(&error))?
        .filter(|status| {
            status.room.tenant == identity.tenant && identity.may(Act::Cancel, &status.room.room)
        })
        .ok_or_else(not_found)?;
    let message_id = status.reply.message_id;
    match status.state {
        ReplyState::Done { .. } => Err(not_found()),
        ReplyState::Queued | ReplyState::Running => {
            let cancelled = gateway.bus.cancel(&status.room, &message_id).await;
            match cancelled.map_err(|error| bus_failed(&error))? {
                Cancelled::Finished | Cancelled::Flagged => Ok(CancelAck { message_id }),
                Cancelled::NotRunning => Err(not_found()),
            }
        }
    }
}

fn not_found() -> ProtocolError {
    ProtocolError::new(
        ErrorCode::NotFound,
        "No such reply is being made: it may have ended already.",
    )
}
