//! `GET /api/client-config`: which transport a client is to use.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use causerie_shared::ids::UserId;
use http::header::{AUTHORIZATION, CACHE_CONTROL, VARY};
use http::request::Parts;
use serde::Serialize;
use url::form_urlencoded;

use super::Edge;
use crate::admission::{Asked, Looker, Refusal};
use crate::events;
use crate::rollout::Mode;

/// So long a browser may go without asking again; and so long it takes at the most
/// until a page that is opened anew hears of a change.
const KEPT: &str = "private, max-age=60";

/// The most characters of `visitor`.
const MAX_VISITOR: usize = 128;

#[derive(Serialize)]
struct ClientConfig {
    mode: Mode,
    flags: Vec<String>,
    /// Whose token it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
}

pub(super) async fn show(State(edge): State<Edge>, parts: Parts) -> Result<Response, Refusal> {
    let visitor = visitor(parts.uri.query().unwrap_or(""))?;
    let Looker { tenant, identity } = edge.admission.look(&Asked::read(&parts)?).await?;
    let user_id = identity.map(|identity| identity.user);
    let config = {
        let rollout = &edge.gateway.settings().rollout;
        ClientConfig {
            mode: rollout.mode(&tenant, known_by(user_id.as_ref(), visitor.as_deref())),
            flags: rollout.flags(&tenant).to_vec(),
            user_id,
        }
    };
    events::client_configured(&tenant, config.mode);
    let headers = [(CACHE_CONTROL, KEPT), (VARY, AUTHORIZATION.as_str())];
    Ok((headers, Json(config)).into_response())
}

/// The id that the client keeps by itself.
fn visitor(query: &str) -> Result<Option<String>, Refusal> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let visitor = parameters.find(|(name, _)| name == "visitor");
    match visitor {
        Some((_, id)) if !(1..=MAX_VISITOR).contains(&id.chars().count()) => Err(
            Refusal::bad_request(format!("`visitor` must be 1 to {MAX_VISITOR} characters.")),
        ),
        Some((_, id)) => Ok(Some(id.into_owned())),
        None => Ok(None),
    }
}

/// By what one is known. A visitor's own id begins with their first token, so the one
/// that the client has kept from before goes before it, or they would change sides then.
fn known_by<'a>(user: Option<&'a UserId>, visitor: Option<&'a str>) -> Option<&'a str> {
    match user {
        Some(user) if !user.is_visitor() => Some(user.as_str()),
        Some(_) | None => visitor.or(user.map(UserId::as_str)),
    }
}
