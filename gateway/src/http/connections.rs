//! `GET` and `DELETE /api/connections/{id}`, `GET /api/users/{id}/connections`: a tenant's
//! servers look at its connections, and end them.

use std::ops::Not;

use axum::Json;
use axum::extract::{Path, State};
use causerie_shared::bus::order::{ConnectionCard, ConnectionLine};
use causerie_shared::ids::{ConnectionId, UserId};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use http::request::Parts;
use serde::Serialize;

use super::Edge;
use crate::actions::bus_failed;
use crate::admission::{Asked, Asker, Refusal};
use crate::audit::What;
use crate::inquiries::NotKnown;
use crate::permission::Act;

/// When one asks again whose question was not answered.
const RETRY_UNANSWERED_MS: u64 = 2_000;

#[derive(Serialize)]
pub(super) struct Ended {
    connection_id: ConnectionId,
}

/// All that a user has.
#[derive(Serialize)]
pub(super) struct Listed {
    user_id: UserId,
    connections: Vec<ConnectionLine>,
    /// There only where a gateway has more than it tells.
    #[serde(skip_serializing_if = "Not::not")]
    has_more: bool,
    /// The names of gateways that did not answer.
    unanswered: Vec<String>,
}

pub(super) async fn list(
    State(edge): State<Edge>,
    Path(user): Path<String>,
    parts: Parts,
) -> Result<Json<Listed>, Refusal> {
    let user_id = UserId::new(user)
        .map_err(|error| Refusal::bad_request(format!("The user in the path: {error}.")))?;
    let asked = Asked::read(&parts)?;
    let caller = edge.admission.identify_server(&asked).await?;
    check_may_look(&edge, &asked, &caller)?;
    let failed = |error| Refusal::from(bus_failed(&error));
    let bus = &*edge.gateway.bus;
    let gateways = edge.status.gateways(bus).await.map_err(failed)?;
    let surveyed = edge.gateway.survey(caller.tenant(), &user_id, gateways);
    let surveyed = surveyed.await.map_err(failed)?;
    Ok(Json(Listed {
        user_id,
        connections: surveyed.connections,
        has_more: surveyed.has_more,
        unanswered: surveyed.unanswered,
    }))
}

pub(super) async fn show(
    State(edge): State<Edge>,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Json<ConnectionCard>, Refusal> {
    let id = read(id)?;
    let asked = Asked::read(&parts)?;
    let caller = edge.admission.identify_server(&asked).await?;
    check_may_look(&edge, &asked, &caller)?;
    inquire(&edge, &caller, id, false).await.map(Json)
}

pub(super) async fn end(
    State(edge): State<Edge>,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Json<Ended>, Refusal> {
    let id = read(id)?;
    let asked = Asked::read(&parts)?;
    let caller = edge.admission.identify_server(&asked).await?;
    let ended = match caller.check_somewhere(Act::EndConnections) {
        Ok(()) => inquire(&edge, &caller, id.clone(), true).await,
        Err(refusal) => Err(refusal),
    };
    edge.gateway.note(|| {
        let note = caller.note(What::EndConnection).from(asked.client);
        let note = note.on(format!("connection:{id}"));
        match &ended {
            Ok(_) => note,
            Err(refusal) => note.failed(refusal.reason()),
        }
    });
    ended.map(|ended| {
        Json(Ended {
            connection_id: ended.connection_id,
        })
    })
}

fn check_may_look(edge: &Edge, asked: &Asked, caller: &Asker) -> Result<(), Refusal> {
    caller
        .check_somewhere(Act::SeeConnections)
        .map_err(|refusal| edge.admission.not_allowed(asked, caller, refusal))
}

fn read(id: String) -> Result<ConnectionId, Refusal> {
    ConnectionId::new(id)
        .map_err(|error| Refusal::bad_request(format!("The connection in the path: {error}.")))
}

async fn inquire(
    edge: &Edge,
    caller: &Asker,
    id: ConnectionId,
    ends_it: bool,
) -> Result<ConnectionCard, Refusal> {
    let card = edge.gateway.inquire(caller.tenant(), id, ends_it).await;
    let card = card.map_err(|why| match why {
        NotKnown::Bus(error) => bus_failed(&error).into(),
        NotKnown::Silence => unanswered(),
    })?;
    card.ok_or_else(|| Refusal::not_found("There is no such connection: it may have ended."))
}

/// 503.
fn unanswered() -> Refusal {
    let content = "The gateway that has this connection does not answer: it is out of reach, or \
                   has ended with all that it had. Try again in a moment.";
    let error = ProtocolError::new(ErrorCode::Overloaded, content);
    Refusal::from(error.with_retry_after_ms(RETRY_UNANSWERED_MS)).because("unanswered")
}
