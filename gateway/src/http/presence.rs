//! `GET /api/rooms/{room}/presence`: who is in a room.

use axum::Json;
use axum::extract::State;
use causerie_shared::bus::presence::Present;
use causerie_shared::ids::UserId;
use causerie_shared::protocol::data::Status;
use causerie_shared::room::RoomKey;
use http::request::Parts;
use serde::Serialize;

use super::{Edge, RoomPath};
use crate::actions::bus_failed;
use crate::admission::{Asked, Refusal};
use crate::permission::Act;

#[derive(Serialize)]
pub(super) struct Answer {
    users: Vec<User>,
}

#[derive(Serialize)]
struct User {
    user_id: UserId,
    name: Option<String>,
    status: Status,
    /// In this room, at all gateways.
    connections: u64,
}

impl From<Present> for User {
    fn from(present: Present) -> Self {
        Self {
            user_id: present.user,
            name: present.name,
            status: present.status,
            connections: present.connections,
        }
    }
}

pub(super) async fn show(
    State(edge): State<Edge>,
    RoomPath(room): RoomPath,
    parts: Parts,
) -> Result<Json<Answer>, Refusal> {
    let asked = Asked::read(&parts)?;
    let caller = edge.admission.identify_server(&asked).await?;
    let room = caller.resolve(room)?;
    caller.check_somewhere(Act::SeePresence)?;
    caller.check(Act::SeePresence, &room)?;
    let room = RoomKey::new(caller.tenant().clone(), room);
    let present = edge.gateway.bus.present(&room).await;
    let present = present.map_err(|error| bus_failed(&error))?;
    let users = present.into_iter().map(User::from).collect();
    Ok(Json(Answer { users }))
}
