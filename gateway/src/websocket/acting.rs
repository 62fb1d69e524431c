//! Carrying out what a client asks for.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::protocol::action::{Action, Rejected, read_frame};
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

/// A message that asks for something.
pub(super) enum Frame {
    Text(String),
    Binary,
}

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

    /// Carries out a frame, once the client has joined its first rooms.
    pub(super) async fn on_frame(self, frame: Frame) {
        let deadline = self.connection.started + FIRST_ROOMS_PATIENCE;
        let _ = timeout_at(deadline, self.connection.joined_first_rooms()).await;
        match frame {
            Frame::Text(text) => self.on_text(text.as_bytes()).await,
            Frame::Binary => self.on_binary(),
        }
    }

    async fn on_text(&self, json: &[u8]) {
        let frame = match read_frame(json, self.gateway.settings().max_depth) {
            Ok(frame) => frame,
            Err(rejected) => return self.refuse(rejected),
        };
        let event = answer_of(&frame.action);
        let caller = Caller {
            identity: Arc::clone(&self.connection.identity),
            connection: Some(Arc::clone(&self.connection)),
        };
        match perform(&self.gateway, &caller, frame).await {
            Ok(json) => {
                self.connection.outbox.push(&OutFrame::answer(event, json));
            }
            Err(rejected) => self.refuse(rejected),
        }
    }

    fn on_binary(&self) {
        let content = "Binary frames are not understood: send JSON in text frames.";
        self.refuse(Rejected {
            id: None,
            error: ProtocolError::new(ErrorCode::InvalidMessage, content),
        });
    }

    fn refuse(&self, Rejected { id, error }: Rejected) {
        events::refused(error.code);
        let json = frame::error(id.as_ref(), &error);
        let frame = OutFrame::answer(Event::Error, json);
        self.connection.outbox.push(&frame);
    }
}

fn answer_of(action: &Action) -> Event {
    match action {
        Action::Ping(_) => Event::Pong,
        Action::SendMessage(_)
        | Action::Typing(_)
        | Action::Cancel(_)
        | Action::Subscribe(_)
        | Action::Unsubscribe(_) => Event::Ack,
    }
}
