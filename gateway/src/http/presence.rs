//! `GET /api/rooms/{room}/presence`: who is in a room.

use std::ops::Not;

use axum::Json;
use axum::extract::State;
use causerie_shared::bus::presence::Present;
use causerie_shared::ids::UserId;
use causerie_shared::protocol::data::Status;
use causerie_shared::room::RoomKey;
use http::request::Parts;
use serde::Serialize;
use url::form_urlencoded;

use super::{Edge, RoomPath};
use crate::actions::bus_failed;
use crate::admission::{Asked, Refusal};
use crate::permission::Act;

/// How many users one answer tells of at most.
const MAX_LIMIT: usize = 5_000;

#[derive(Serialize)]
pub(super) struct Answer {
    users: Vec<User>,
    /// There only where there are.
    #[serde(skip_serializing_if = "Not::not")]
    has_more: bool,
}

/// Which part of those who are there is wanted.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    after: Option<UserId>,
    limit: usize,
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
    let wanted = Wanted::read(parts.uri.query().unwrap_or(""))?;
    let asked = Asked::read(&parts)?;
    let caller = edge.admission.identify_server(&asked).await?;
    let room = caller.resolve(room)?;
    caller
        .check_somewhere(Act::SeePresence)
        .and_then(|()| caller.check(Act::SeePresence, &room))
        .map_err(|refusal| edge.admission.not_allowed(&asked, &caller, refusal))?;
    let room = RoomKey::new(caller.tenant().clone(), room);
    // One more, to know whether there are more.
    let limit = wanted.limit + 1;
    let present = edge
        .gateway
        .bus
        .present(&room, wanted.after.as_ref(), limit);
    let present = present.await.map_err(|error| bus_failed(&error))?;
    let has_more = present.len() > wanted.limit;
    let users = present.into_iter().take(wanted.limit).map(User::from);
    Ok(Json(Answer {
        users: users.collect(),
        has_more,
    }))
}

impl Wanted {
    fn read(query: &str) -> Result<Self, Refusal> {
        let mut wanted = Self {
            after: None,
            limit: MAX_LIMIT,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "after" => wanted.after = Some(user(&value)?),
                "limit" => wanted.limit = limit(&value)?,
                _ => {}
            }
        }
        Ok(wanted)
    }
}

fn user(value: &str) -> Result<UserId, Refusal> {
    UserId::new(value).map_err(|error| Refusal::bad_request(format!("`after`: {error}.")))
}

fn limit(value: &str) -> Result<usize, Refusal> {
    value
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| Refusal::bad_request(format!("`limit` must be 1 to {MAX_LIMIT}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_part_has_limits() {
        let wanted = Wanted::read("after=u1&limit=7&t=x").unwrap();
        let after = Some(UserId::new("u1").unwrap());
        assert_eq!(wanted, Wanted { after, limit: 7 });
        let all = Wanted::read("").unwrap();
        assert_eq!((all.after, all.limit), (None, 5_000));
        for bad in ["limit=0", "limit=5001", "limit=x", "after=", "after=a%20b"] {
            assert!(Wanted::read(bad).is_err(), "{bad}");
        }
    }
}
