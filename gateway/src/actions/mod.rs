//! What clients may do, on whichever transport they ask.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use causerie_shared::bus::BusError;
use causerie_shared::protocol::action::{Action, ClientFrame, ClientId, Rejected};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::frame::{self, EmptyAck};

use crate::audit::{Note, What};
use crate::connection::Connection;
use crate::events;
use crate::gateway::Gateway;
use crate::hub::NotJoined;
use crate::identity::Identity;
use send_message::Asked;

pub mod ask;
mod authenticate;
pub mod cancel;
mod delete;
pub mod enclosures;
pub mod publish;
mod read;
pub mod send_message;
mod status;
mod subscribe;
mod typing;

/// When to try again where the bus does not answer.
const RETRY_BUS_MS: u64 = 2_000;

/// Who wants something done.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// From where they ask.
    pub client: IpAddr,
    /// The connection that asked; none over plain HTTP.
    pub connection: Option<Arc<Connection>>,
}

/// Does what `frame` asks for, and returns the frame that answers it.
///
/// # Errors
/// What to answer instead: an `error` with the frame's id.
pub async fn perform(
    gateway: &Gateway,
    caller: &Caller,
    frame: ClientFrame,
) -> Result<Bytes, Rejected> {
    let ClientFrame {
        id: given,
        traceparent,
        action,
    } = frame;
    events::action_received(&action);
    if is_action(&action)
        && let Some(connection) = &caller.connection
    {
        connection.note_action();
    }
    let id = given.clone().unwrap_or_else(ClientId::generate);
    let answer = match action {
        Action::SendMessage(message) => {
            let asked = Asked {
                message: *message,
                id: id.clone(),
                traceparent,
            };
            let sent = send_message::send_message(gateway, caller, asked).await;
            sent.map(|sent| frame::ack(&id, sent.ack()))
        }
        Action::Typing(sign) => {
            typing::typing(gateway, caller, sign).map(|()| frame::ack(&id, EmptyAck {}))
        }
        Action::Cancel(what) => cancel::cancel(gateway, &caller.identity, &what.message_id)
            .await
            .map(|cancelled| frame::ack(&id, cancelled)),
        Action::Status(what) => status::set_status(gateway, &caller.identity, what.status)
            .await
            .map(|()| frame::ack(&id, EmptyAck {})),
        Action::Subscribe(what) => subscribe::subscribe(gateway, caller, what)
            .await
            .map(|joined| frame::ack(&id, joined)),
        Action::Unsubscribe(what) => subscribe::unsubscribe(gateway, caller, what)
            .await
            .map(|left| frame::ack(&id, left)),
        Action::Read(what) => read::read(gateway, &caller.identity, what)
            .await
            .map(|()| frame::ack(&id, EmptyAck {})),
        Action::Delete(what) => delete::delete(gateway, caller, what)
            .await
            .map(|deleted| frame::ack(&id, deleted)),
        Action::Authenticate(what) => authenticate::authenticate(gateway, caller, &what.token)
            .await
            .map(|()| frame::ack(&id, EmptyAck {})),
        Action::Ping(data) => caller.connected().map(|_| {
            let now_ms = gateway.bus.clock().now_ms();
            frame::pong(given.as_ref(), now_ms, data.as_ref())
        }),
    };
    answer.map_err(|error| Rejected {
        id: Some(id),
        error,
    })
}

impl Caller {
    /// That they did `what`.
    fn note(&self, what: What) -> Note {
        match &self.connection {
            Some(connection) => Note::over(what, connection),
            None => Note::of_user(what, &self.identity).from(self.client),
        }
    }

    /// The connection, for what is done to one.
    fn connected(&self) -> Result<&Arc<Connection>, ProtocolError> {
        self.connection.as_ref().ok_or_else(|| {
            let content = "This action needs a connection: send it over a WebSocket.";
            ProtocolError::new(ErrorCode::UnknownAction, content)
        })
    }
}

/// What a client is told where a room was not joined.
pub(crate) fn not_joined(error: &NotJoined) -> ProtocolError {
    match error {
        NotJoined::Bus(error) => bus_failed(error),
        NotJoined::Over => ProtocolError::new(
            ErrorCode::Overloaded,
            "The room was not joined, since the connection ends: connect again.",
        )
        .with_retry_after_ms(RETRY_BUS_MS),
    }
}

/// What a client is told where the bus failed.
pub fn bus_failed(error: &BusError) -> ProtocolError {
    events::action_failed(error);
    match error {
        BusError::Unavailable(_) => ProtocolError::new(
            ErrorCode::Overloaded,
            "The service is busy: try again in a moment.",
        )
        .with_retry_after_ms(RETRY_BUS_MS),
        BusError::Unreadable(_) => {
            ProtocolError::new(ErrorCode::Internal, "Something went wrong here: try again.")
        }
    }
}

/// Whether the user did something; else the connection goes on being idle.
fn is_action(action: &Action) -> bool {
    match action {
        Action::Ping(_) => false,
        Action::Typing(sign) => sign.is_typing,
        Action::SendMessage(_)
        | Action::Cancel(_)
        | Action::Status(_)
        | Action::Subscribe(_)
        | Action::Unsubscribe(_)
        | Action::Read(_)
        | Action::Delete(_)
        | Action::Authenticate(_) => true,
    }
}
