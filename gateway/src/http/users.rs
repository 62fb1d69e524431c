//! `POST /api/users/{id}/disconnect` and `/revoke`: a tenant rules over its users.

use axum::Json;
use axum::extract::{Path, State};
use causerie_shared::bus::order::{Order, Revocation};
use causerie_shared::ids::{TenantId, UserId};
use http::request::Parts;
use serde::Serialize;

use super::Edge;
use crate::actions::bus_failed;
use crate::admission::{Asked, Refusal};
use crate::permission::Act;

#[derive(Serialize)]
pub(super) struct Disconnected {
    user_id: UserId,
}

#[derive(Serialize)]
pub(super) struct Revoked {
    user_id: UserId,
    /// Tokens made at this time or before are revoked, in milliseconds since 1970.
    revoked_until: u64,
}

pub(super) async fn disconnect(
    State(edge): State<Edge>,
    Path(user): Path<String>,
    parts: Parts,
) -> Result<Json<Disconnected>, Refusal> {
    let (tenant, user) = ruled(&edge, user, &parts).await?;
    let user_id = user.clone();
    give(&edge, Order::Disconnect { tenant, user }).await?;
    Ok(Json(Disconnected { user_id }))
}

pub(super) async fn revoke(
    State(edge): State<Edge>,
    Path(user): Path<String>,
    parts: Parts,
) -> Result<Json<Revoked>, Refusal> {
    let (tenant, user) = ruled(&edge, user, &parts).await?;
    let until_ms = edge.gateway.bus.clock().now_ms();
    let user_id = user.clone();
    let revocation = Revocation {
        tenant,
        user,
        until_ms,
    };
    give(&edge, Order::Revoke(revocation)).await?;
    Ok(Json(Revoked {
        user_id,
        revoked_until: until_ms,
    }))
}

/// The user that the path names, of the tenant whom the caller rules.
async fn ruled(edge: &Edge, user: String, parts: &Parts) -> Result<(TenantId, UserId), Refusal> {
    let user = UserId::new(user)
        .map_err(|error| Refusal::bad_request(format!("The user in the path: {error}.")))?;
    let asked = Asked::read(parts)?;
    let caller = edge.admission.identify_any(&asked).await?;
    caller.check_somewhere(Act::RuleUsers)?;
    Ok((caller.tenant().clone(), user))
}

async fn give(edge: &Edge, order: Order) -> Result<(), Refusal> {
    let given = edge.gateway.bus.order(&order).await;
    given.map_err(|error| bus_failed(&error).into())
}
