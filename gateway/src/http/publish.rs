//! `POST /api/publish`: an event of a server's, to rooms of its tenant.

use std::iter;

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
use crate::audit::What;
use crate::permission::Act;

/// How many rooms a note of it names.
const NOTED_ROOMS: usize = 8;

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
    let publisher = edge.admission.identify_server(&asked).await?;
    let note = |what: Option<&Publish>| {
        let note = publisher.note(What::Publish).from(asked.client);
        match what {
            Some(what) => note.on(named(what)),
            None => note,
        }
    };
    let refused = |what: Option<&Publish>, refusal: Refusal| {
        edge.gateway.note(|| note(what).failed(refusal.reason()));
        refusal
    };
    publisher
        .check_somewhere(Act::Publish)
        .map_err(|refusal| refused(None, refusal))?;
    let (id, fields) = body::read_fields(&parts.headers, body, &edge.limits()).await?;
    let answered = |refusal: Refusal| refusal.to(id.clone());
    let what = Publish::read(fields).map_err(|error| answered(error.into()))?;
    let failed = |refusal| refused(Some(&what), answered(refusal));
    let rooms = rooms(&publisher, &what).map_err(failed)?;
    let tenant = publisher.tenant();
    let published = publish::publish(&edge.gateway, tenant, rooms, &what, id.clone()).await;
    let results = published.map_err(|error| failed(error.into()))?;
    edge.gateway.note(|| note(Some(&what)));
    Ok(Json(Answer { results }))
}

/// What is published, and where, as it is noted.
fn named(what: &Publish) -> String {
    let rooms = what.rooms.iter().map(|room| format!(" {room}"));
    let rooms = rooms.take(NOTED_ROOMS);
    let others = what.rooms.len().saturating_sub(NOTED_ROOMS);
    let others = (others > 0).then(|| format!(" and {others} more"));
    iter::once(what.kind.to_string())
        .chain(rooms)
        .chain(others)
        .collect()
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
