//! People without a token, to whom we give one.

use std::time::Duration;

use causerie_shared::ids::{TenantId, UserId};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::identity::{Identity, Projects};

/// How long a visitor is known: as long as their room remembers what they said,
/// by default.
pub const VISITOR_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A new visitor, with the token that makes them the same one again.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who they are now.
    pub identity: Identity,
    /// Their token.
    pub token: String,
}

#[derive(Serialize)]
struct VisitorClaims<'a> {
    tenant: &'a TenantId,
    sub: &'a UserId,
    projects: [(); 0],
    iat: u64,
    exp: u64,
}

/// Makes a visitor of `tenant`.
pub(super) fn mint(
    key: &EncodingKey,
    tenant: &TenantId,
    now_ms: u64,
) -> Result<Visitor, jsonwebtoken::errors::Error> {
    let user = UserId::new_visitor();
    let exp = now_ms / 1_000 + VISITOR_LIFE.as_secs();
    let claims = VisitorClaims {
        tenant,
        sub: &user,
        projects: [],
        iat: now_ms / 1_000,
        exp,
    };
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, key)?;
    let identity = Identity {
        tenant: tenant.clone(),
        user,
        name: None,
        projects: Projects::Some(Default::default()),
        roles: Default::default(),
        issued_ms: now_ms / 1_000 * 1_000,
        expires_ms: Some((exp + super::claims::LEEWAY.as_secs()) * 1_000),
    };
    Ok(Visitor { identity, token })
}
