//! `POST /api/users/{id}/disconnect` and `/revoke`: a tenant rules over its users.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Path, State};
use causerie_shared::bus::order::{Order, Revocation};
use causerie_shared::ids::{TenantId, UserId};
use http::request::Parts;
use serde::Serialize;

use super::Edge;
use crate::actions::bus_failed;
use crate::admission::{Asked, Asker, Refusal};
use crate::audit::{Note, What};
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
    let ruled = ruled(&edge, What::DisconnectUser, user, &parts).await?;
    let (tenant, user_id) = (ruled.tenant().clone(), ruled.user.clone());
    let user = user_id.clone();
    ruled
        .give(&edge, Order::Disconnect { tenant, user })
        .await?;
    Ok(Json(Disconnected { user_id }))
}

pub(super) async fn revoke(
    State(edge): State<Edge>,
    Path(user): Path<String>,
    parts: Parts,
) -> Result<Json<Revoked>, Refusal> {
    let ruled = ruled(&edge, What::RevokeUser, user, &parts).await?;
    let counted = edge.gateway.count_revocation(ruled.client, ruled.tenant());
    counted.await?;
    let until_ms = edge.gateway.bus.clock().now_ms();
    let user_id = ruled.user.clone();
    let revocation = Revocation {
        tenant: ruled.tenant().clone(),
        user: user_id.clone(),
        until_ms,
    };
    ruled.give(&edge, Order::Revoke(revocation)).await?;
    Ok(Json(Revoked {
        user_id,
        revoked_until: until_ms,
    }))
}

/// A user that the path names, and the one who rules over their tenant.
struct Ruled {
    what: What,
    caller: Asker,
    client: IpAddr,
    user: UserId,
}

/// Who may do `what` to that user.
async fn ruled(edge: &Edge, what: What, user: String, parts: &Parts) -> Result<Ruled, Refusal> {
    let user = UserId::new(user)
        .map_err(|error| Refusal::bad_request(format!("The user in the path: {error}.")))?;
    let asked = Asked::read(parts)?;
    let ruled = Ruled {
        what,
        caller: edge.admission.identify_server(&asked).await?,
        client: asked.client,
        user,
    };
    match ruled.caller.check_somewhere(Act::RuleUsers) {
        Ok(()) => Ok(ruled),
        Err(refusal) => {
            // The user may be anything that somebody made up.
            let note = || ruled.caller.note(what).from(ruled.client);
            edge.gateway.note(|| note().failed(refusal.reason()));
            Err(refusal)
        }
    }
}

impl Ruled {
    fn tenant(&self) -> &TenantId {
        self.caller.tenant()
    }

    async fn give(&self, edge: &Edge, order: Order) -> Result<(), Refusal> {
        let given = edge.gateway.bus.order(&order).await;
        let given = given.map_err(|error| bus_failed(&error).into());
        edge.gateway.note(|| match &given {
            Ok(()) => self.note(),
            Err(refusal) => self.note().failed(Refusal::reason(refusal)),
        });
        given
    }

    fn note(&self) -> Note {
        let note = self.caller.note(self.what).from(self.client);
        note.on(format!("user:{}", self.user))
    }
}
