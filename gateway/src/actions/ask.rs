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
use crate::outbox::{Batch, Outbox};

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
    /// of them, but one at least where one waits. The last of all is
    /// [final](OutFrame::is_final); where the node lost its place in the room
    /// before that, the batch closes. Nothing is lost by not waiting for it to
    /// the end.
    pub async fn next(&self, max_bytes: usize) -> Batch {
        self.outbox.next(max_bytes).await
    }

    /// Asks for snapshots of the `lagging` replies of a batch. Done before the
    /// next one is waited for.
    pub async fn resync(&self, lagging: Vec<(RoomKey, MessageId)>) {
        let hub = &self.gateway.hub;
        hub.resync(self.outbox.id(), lagging).await;
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

#[cfg(test)]
mod tests {
    use causerie_shared::bus::memory::MemoryBus;
    use causerie_shared::bus::{Bus, Retention};
    use causerie_shared::protocol::action::{ClientId, SendMessage};
    use futures::FutureExt;

    use super::*;
    use crate::hub::shard::Command;
    use crate::hub::testing::{delta, ended};
    use crate::settings::Settings;

    async fn asking(outbox_bytes: usize) -> Asking {
        let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
        let settings = Settings {
            outbox_bytes,
            ..Settings::default()
        };
        let identity = Identity::plain("u1");
        let fields = serde_json::json!({"user_input": "Why?"});
        let asked = Asked {
            message: SendMessage::read(fields.as_object().unwrap().clone()).unwrap(),
            id: ClientId::generate(),
            traceparent: None,
        };
        ask(&Gateway::start(bus, settings), &identity, asked)
            .await
            .unwrap()
    }

    /// A stream looks at other things meanwhile: what it took must not be lost
    /// because the snapshots of replies that lag are slow to be asked for.
    #[tokio::test]
    async fn nothing_is_lost_by_one_who_does_not_wait_to_the_end() {
        let asking = asking(8 << 10).await;
        let room = &asking.sent.room;
        asking.next(usize::MAX).await;
        let text = "x".repeat(1 << 10);
        for index in 0..10 {
            let delta = delta(1, 1, index, &text);
            asking.outbox.push(&OutFrame::event(room, &delta));
        }
        let message = ended("aaaaaaaa", 2, 2);
        asking.outbox.push(&OutFrame::event(room, &message));
        // The room's shard does not come to anything more for a while.
        let hub = &asking.gateway.hub;
        let gap = || Command::Gap { rooms: None };
        let is_taken = || tokio::task::unconstrained(hub.send(room, gap())).now_or_never();
        while is_taken().is_some() {}

        let batch = asking.next(usize::MAX).now_or_never().unwrap();
        assert!(!batch.lagging.is_empty());
        assert!(batch.frames.last().unwrap().is_final());
        assert!(asking.resync(batch.lagging).now_or_never().is_none());
    }
}
