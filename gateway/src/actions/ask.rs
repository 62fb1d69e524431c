//! A question whose asker listens for its reply alone: `POST /api/chat` and
//! `/api/chat/stream`.

use std::sync::Arc;

use causerie_shared::bus::reply::ReplyState;
use causerie_shared::ids::MessageId;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::room::RoomKey;

use super::send_message::{Asked, Sent, prepare, store};
use super::{bus_failed, not_joined};
use crate::frame::OutFrame;
use crate::gateway::Gateway;
use crate::hub::Viewer;
use crate::hub::membership::Membership;
use crate::identity::Identity;
use crate::outbox::Outbox;

/// A question that was asked, and what comes of it. Going away, by dropping
/// it, does not cancel the reply.
#[derive(Debug)]
pub struct Asking {
    /// The question.
    pub sent: Sent,
    gateway: Arc<Gateway>,
    outbox: Arc<Outbox>,
    membership: Membership,
}

/// Asks, and listens for all that concerns the question, from its
/// `new_message` to the `message` that ends its reply. A repeat of the `id`
/// gets, or waits for, the same reply.
///
/// # Errors
/// As `sendMessage`; `invalid_message` where no reply is wanted, `not_found`
/// where the log no longer holds it.
pub async fn ask(
    gateway: &Arc<Gateway>,
    identity: &Identity,
    asked: Asked,
) -> Result<Asking, ProtocolError> {
    if !asked.message.ai {
        let content = "`ai` is false, so no reply would come: send this to /api/actions.";
        return Err(ProtocolError::new(ErrorCode::InvalidMessage, content));
    }
    let prepared = prepare(gateway, identity, asked)?;
    let question = &prepared.question;
    let outbox = Outbox::new(gateway.settings().outbox_bytes);
    let membership = Membership::new(gateway.hub.clone(), Arc::clone(&outbox));
    // Before it is stored, so that nothing of it is missed.
    listen(&membership, &question.room, &question.message_id).await?;
    let sent = store(gateway, &prepared).await?;
    let asking = Asking {
        sent,
        gateway: Arc::clone(gateway),
        outbox,
        membership,
    };
    if asking.sent.receipt.message_id != question.message_id {
        asking.listen_for_the_first_ones_reply().await?;
    }
    Ok(asking)
}

impl Asking {
    /// Waits for frames that concern the question, and takes them: `max_bytes`
    /// of them, but one at least. The last of all is
    /// [final](OutFrame::is_final); `None` where the node lost its place in
    /// the room before that.
    pub async fn next(&self, max_bytes: usize) -> Option<Vec<Arc<OutFrame>>> {
        loop {
            let batch = self.outbox.next(max_bytes).await;
            let hub = &self.gateway.hub;
            hub.resync(self.outbox.id(), batch.lagging).await;
            if !batch.frames.is_empty() {
                return Some(batch.frames);
            }
            if batch.close.is_some() {
                return None;
            }
        }
    }

    /// The `id` was used before: the reply is on its way, or there already.
    async fn listen_for_the_first_ones_reply(&self) -> Result<(), ProtocolError> {
        let Sent { room, receipt } = &self.sent;
        let reply = receipt.reply.as_ref().ok_or_else(gone)?;
        listen(&self.membership, room, &receipt.message_id).await?;
        // Looked at after one listens: it ends before this, or is heard.
        let status = self.gateway.bus.reply(reply).await;
        let status = status
            .map_err(|error| bus_failed(&error))?
            .ok_or_else(gone)?;
        match status.state {
            ReplyState::Queued | ReplyState::Running => {}
            ReplyState::Done { message } => {
                let message = message.ok_or_else(gone)?;
                self.outbox.push(&OutFrame::event(room, &message));
            }
        }
        Ok(())
    }
}

async fn listen(
    membership: &Membership,
    room: &RoomKey,
    question: &MessageId,
) -> Result<(), ProtocolError> {
    let viewer = Viewer::Question(question.clone());
    let joined = membership.join(room.clone(), viewer, None).await;
    joined.map_err(|error| not_joined(&error))
}

fn gone() -> ProtocolError {
    let content = "The reply to this `id` is no longer kept: ask again with a new one.";
    ProtocolError::new(ErrorCode::NotFound, content)
}
