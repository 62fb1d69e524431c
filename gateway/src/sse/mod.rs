//! Server-Sent Events: rooms, or one question, as a stream of events.

mod position;
mod stream;
mod text;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use causerie_shared::protocol::action::ClientId;
use causerie_shared::room::{Room, RoomName};
use http::request::Parts;

use crate::actions::ask::Asking;
use crate::admission::{Asked, Named, Refusal};
use crate::connection::Transport;
use crate::http::{Edge, RoomPath};
use crate::registry::Slot;
use crate::server::Cut;

/// `GET /api/events`: the rooms that the query names, the user's own and the
/// tenant's.
pub(crate) async fn several_rooms(
    State(edge): State<Edge>,
    Extension(cut): Extension<Cut>,
    parts: Parts,
) -> Result<Response, Refusal> {
    let mut asked = Asked::read(&parts)?;
    for own in [RoomName::Me, RoomName::Of(Room::Tenant)] {
        asked.add_room(own);
    }
    open(&edge, asked, cut).await
}

/// `GET /api/rooms/{room}/events`: this room alone.
pub(crate) async fn one_room(
    State(edge): State<Edge>,
    Extension(cut): Extension<Cut>,
    RoomPath(room): RoomPath,
    parts: Parts,
) -> Result<Response, Refusal> {
    let mut asked = Asked::read(&parts)?;
    asked.keep_room(room);
    open(&edge, asked, cut).await
}

async fn open(edge: &Edge, mut asked: Asked, cut: Cut) -> Result<Response, Refusal> {
    if let Some(last) = asked.last_event_id.take() {
        position::go_on(&mut asked.rooms, position::read(&last)?);
    }
    let admitted = edge.admission.admit(&asked).await?;
    let connected = edge.gateway.connect(admitted, Transport::Sse);
    Ok(stream::of_rooms(connected, cut))
}

/// All that concerns a question, until its reply has ended.
pub(crate) fn of_question(id: ClientId, asking: Asking, slot: Slot) -> Response {
    stream::of_question(id, asking, slot)
}
