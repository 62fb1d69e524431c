//! Carrying out what a client asks for.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::protocol::action::{Action, ClientFrame, ClientId, Rejected};
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use tokio::time::timeout_at;

use crate::actions::{Caller, perform};
use crate::connection::{Connected, Connection};
use crate::events;
use crate::frame::OutFrame;
use crate::gateway::Gateway;

/// How long a client's first actions wait for its first rooms: so that it
/// hears what they bring about, but can act while the bus is away.
const FIRST_ROOMS_PATIENCE: Duration = Duration::from_secs(5);

/// Carries out what one client asks for.
pub(super) struct Actor {
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
}

impl Actor {
    pub(super) fn of(connected: &Connected) -> Self {
        Self {
            gateway: Arc::clone(connected.gateway()),
            connection: Arc::clone(connected.connection()),
        }
    }

    /// Carries out what was asked for, once the client has joined its first rooms.
    pub(super) async fn act_in_rooms(self, asked: Result<ClientFrame, Rejected>) {
        if !self.connection.has_joined_first_rooms() {
            let deadline = self.connection.started + FIRST_ROOMS_PATIENCE;
            let _ = timeout_at(deadline, self.connection.joined_first_rooms()).await;
        }
        self.act(asked).await;
    }

    /// Carries out what was asked for, and answers.
    pub(super) async fn act(self, asked: Result<ClientFrame, Rejected>) {
        let frame = match asked {
            Ok(frame) => frame,
            Err(rejected) => return self.refuse(rejected),
        };
        let counted = self.gateway.count_action(&frame.action, &self.connection);
        if let Err(error) = counted.await {
            let (id, is_abuse) = (frame.id.unwrap_or_else(ClientId::generate), error.fatal);
            self.refuse(Rejected {
                id: Some(id),
                error,
            });
            if is_abuse {
                self.connection.outbox.close(CloseCode::Abuse);
            }
            return;
        }
        let event = answer_of(&frame.action);
        let caller = Caller {
            identity: Arc::clone(&self.connection.identity()),
            client: self.connection.client,
            connection: Some(Arc::clone(&self.connection)),
        };
        // A ping is answered while a message is still being stored, which goes on waiting.
        let is_message = matches!(frame.action, Action::SendMessage(_));
        let performed = perform(&self.gateway, &caller, frame).await;
        let outbox = &self.connection.outbox;
        // Whatever the bus has said: what comes from it is stored.
        if is_message && outbox.end_expecting() {
            return;
        }
        match performed {
            Ok(json) => {
                outbox.push(&OutFrame::answer(event, json));
            }
            Err(rejected) => self.refuse(rejected),
        }
    }

    /// Tells why something is not carried out.
    pub(super) fn refuse(&self, Rejected { id, error }: Rejected) {
        events::refused(error.code);
        events::frame_refused();
        let json = frame::error(id.as_ref(), &error);
        let frame = OutFrame::answer(Event::Error, json);
        self.connection.outbox.push(&frame);
    }
}

/// Why a frame that holds no text is refused.
pub(super) fn no_text() -> Rejected {
    let content = "Binary frames are not understood: send JSON in text frames.";
    Rejected {
        id: None,
        error: ProtocolError::new(ErrorCode::InvalidMessage, content),
    }
}

fn answer_of(action: &Action) -> Event {
    match action {
        Action::Ping(_) => Event::Pong,
        Action::SendMessage(_)
        | Action::Typing(_)
        | Action::Cancel(_)
        | Action::Subscribe(_)
        | Action::Unsubscribe(_)
        | Action::Read(_)
        | Action::Delete(_)
        | Action::Status(_)
        | Action::Authenticate(_) => Event::Ack,
    }
}
