//! `POST /api/publish`: an event of a server's, to rooms of its tenant.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use causerie_shared::protocol::publish::Publish;
use causerie_shared::room::Room;
use http::Request;
use serde::Serialize;

use super::{Edge, body};
use crate::actions::publish::{self, Published};
use crate::admission::{Asked, Asker, Refusal};
use crate::permission::Act;

#[derive(Serialize)]
pub(super) struct Answer {
    results: Vec<Published>,
}

pub(super) async fn publish(
    State(edge): State<Edge>,
    request: Request<Body>,
) -> Result<Json<Answer>, Refusal> {
    let (parts, body) = request.into_parts();
    let asked = Asked::read(&parts)?;
    let publisher = edge.admission.identify_any(&asked).await?;
    publisher.check_somewhere(Act::Publish)?;
    let (id, fields) = body::read_fields(&parts.headers, body, &edge.limits()).await?;
    let answered = |refusal: Refusal| refusal.to(id.clone());
    let what = Publish::read(fields).map_err(|error| answered(error.into()))?;
    let rooms = rooms(&publisher, &what).map_err(answered)?;
    let tenant = publisher.tenant();
    let published = publish::publish(&edge.gateway, tenant, rooms, &what, id.clone()).await;
    let results = published.map_err(|error| answered(error.into()))?;
    Ok(Json(Answer { results }))
}

/// The rooms that are meant, each once.
fn rooms(publisher: &Asker, what: &Publish) -> Result<Vec<Room>, Refusal> {
    let mut rooms = Vec::with_capacity(what.rooms.len());
    for named in &what.rooms {
        let room = publisher.resolve(named.clone())?;
        publisher.check(Act::Publish, &room)?;
        if !rooms.contains(&room) {
            rooms.push(room);
        }
    }
    Ok(rooms)
}
