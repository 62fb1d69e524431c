//! `POST /api/auth/session`: makes a visitor beforehand.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use causerie_shared::ids::{TenantHash, UserId};
use causerie_shared::protocol::action::read_fields;
use http::Request;
use serde::{Deserialize, Serialize};

use super::{Edge, body};
use crate::admission::{Asked, Refusal};
use crate::auth::{TokenError, VISITOR_LIFE};

/// The most bytes of a body: a tenant's name takes far fewer. It is read before anybody
/// is counted, and whoever it is may send it.
const MAX_BYTES: usize = 4 << 10;

#[derive(Deserialize)]
struct Wanted {
    tenant_hash: TenantHash,
}

#[derive(Serialize)]
pub(super) struct Session {
    token: String,
    user_id: UserId,
    /// Seconds.
    expires_in: u64,
}

pub(super) async fn make(
    State(edge): State<Edge>,
    request: Request<Body>,
) -> Result<Json<Session>, Refusal> {
    let (parts, body) = request.into_parts();
    let mut asked = Asked::read(&parts)?;
    edge.admission.check_address(&asked)?;
    let limits = edge.limits();
    let limits = body::Limits {
        bytes: limits.bytes.min(MAX_BYTES),
        ..limits
    };
    let (_, fields) = body::read_fields(&parts.headers, body, &limits).await?;
    let Wanted { tenant_hash } = read_fields(fields)?;
    asked.name_tenant(tenant_hash)?;
    let visitor = edge.admission.visit(&asked).await?;
    Ok(Json(Session {
        token: visitor.visitor_token.ok_or(TokenError::NoVisitors)?,
        user_id: visitor.identity.user,
        expires_in: VISITOR_LIFE.as_secs(),
    }))
}
