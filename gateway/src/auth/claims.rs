//! The claims of a token.

use std::time::Duration;

use causerie_shared::ids::{InvalidId, ProjectId, TenantId, UserId};
use serde_json::{Map, Value};

use super::error::TokenError;
use crate::identity::{Identity, Projects, Role};

/// How far apart the clocks of issuer and bus may be.
pub(super) const LEEWAY: Duration = Duration::from_secs(60);
const LEEWAY_MS: u64 = LEEWAY.as_secs() * 1_000;
const MAX_NAME_CHARS: usize = 128;
/// The end of the year 9999, in seconds since 1970.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// What a token says, not yet believed.
#[derive(Debug, Clone)]
pub(super) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    pub(super) fn tenant(&self) -> Result<TenantId, TokenError> {
        self.id("tenant", TenantId::new)
    }

    pub(super) fn user(&self) -> Result<UserId, TokenError> {
        self.id("sub", UserId::new)
    }

    /// Checks `iss` and `aud` against what is accepted.
    pub(super) fn check_maker(
        &self,
        issuer: Option<&str>,
        audience: Option<&str>,
    ) -> Result<(), TokenError> {
        if issuer.is_some_and(|issuer| self.get("iss").and_then(Value::as_str) != Some(issuer)) {
            return Err(TokenError::Issuer);
        }
        let names = |audience: &str| match self.get("aud") {
            Some(Value::String(name)) => name == audience,
            Some(Value::Array(names)) => names.iter().any(|name| name.as_str() == Some(audience)),
            None | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
                false
            }
        };
        if audience.is_some_and(|audience| !names(audience)) {
            return Err(TokenError::Audience);
        }
        Ok(())
    }

    /// Who the token speaks for, if it holds at `now_ms`. `is_operators` tells
    /// whether it is under the operator's own key.
    pub(super) fn identity(&self, now_ms: u64, is_operators: bool) -> Result<Identity, TokenError> {
        let expires_ms = self
            .time_ms("exp")?
            .ok_or(TokenError::ClaimMissing("exp"))?
            .saturating_add(LEEWAY_MS);
        if now_ms >= expires_ms {
            return Err(TokenError::Expired);
        }
        // One that was made tomorrow would outlive all revocations of today.
        for claim in ["nbf", "iat"] {
            let at_ms = self.time_ms(claim)?.unwrap_or(0);
            if at_ms > now_ms.saturating_add(LEEWAY_MS) {
                return Err(TokenError::NotYet(claim));
            }
        }
        let mut roles = self.roles()?;
        roles.retain(|role| is_operators || *role != Role::Operator);
        Ok(Identity {
            tenant: self.tenant()?,
            user: self.user()?,
            name: self.name()?,
            projects: self.projects()?,
            roles: roles.into(),
            expires_ms: Some(expires_ms),
            // Whoever made it may have a clock that is fast: it is no younger than now, or it
            // would outlive what is revoked until then.
            issued_ms: self.time_ms("iat")?.unwrap_or(0).min(now_ms),
        })
    }

    fn projects(&self) -> Result<Projects, TokenError> {
        match self.get("projects") {
            None => Ok(Projects::Some([].into())),
            Some(Value::String(all)) if all == "*" => Ok(Projects::All),
            Some(Value::Array(projects)) => projects
                .iter()
                .map(|project| {
                    let id = project.as_str().ok_or(TokenError::ClaimType(
                        "projects",
                        "a list of project ids, or \"*\"",
                    ))?;
                    ProjectId::new(id).map_err(|why| TokenError::ClaimId("projects", why))
                })
                .collect::<Result<_, _>>()
                .map(Projects::Some),
            Some(_) => Err(TokenError::ClaimType(
                "projects",
                "a list of project ids, or \"*\"",
            )),
        }
    }

    fn roles(&self) -> Result<Vec<Role>, TokenError> {
        const TYPE: TokenError = TokenError::ClaimType("roles", "a list of names");
        match self.get("roles") {
            None => Ok(Vec::new()),
            Some(Value::Array(names)) => names
                .iter()
                .map(|name| name.as_str().ok_or(TYPE))
                // Roles of the tenant's own program are none of our business.
                .filter_map(|name| name.map(Role::named).transpose())
                .collect(),
            Some(_) => Err(TYPE),
        }
    }

    fn name(&self) -> Result<Option<Box<str>>, TokenError> {
        match self.get("name") {
            None => Ok(None),
            Some(Value::String(name)) if is_name(name) => Ok(Some(name.as_str().into())),
            Some(_) => Err(TokenError::ClaimType(
                "name",
                "a text of at most 128 characters, on one line and without control characters",
            )),
        }
    }

    fn id<T>(
        &self,
        claim: &'static str,
        make: impl FnOnce(String) -> Result<T, InvalidId>,
    ) -> Result<T, TokenError> {
        match self.get(claim) {
            None => Err(TokenError::ClaimMissing(claim)),
            Some(Value::String(id)) => {
                make(id.clone()).map_err(|why| TokenError::ClaimId(claim, why))
            }
            Some(_) => Err(TokenError::ClaimType(claim, "a text")),
        }
    }

    /// A time of the token, in milliseconds since 1970. RFC 7519 allows
    /// fractions of a second.
    fn time_ms(&self, claim: &'static str) -> Result<Option<u64>, TokenError> {
        match self.get(claim) {
            None => Ok(None),
            Some(Value::Number(seconds)) => {
                let seconds = seconds.as_f64().unwrap_or(f64::MAX);
                // Milliseconds, taken for seconds, would hold for ever.
                if seconds > LAST_SECOND {
                    return Err(TokenError::ClaimType(
                        claim,
                        "a number of seconds since 1970, not of milliseconds",
                    ));
                }
                // `as` takes what lies below to 0.
                Ok(Some((seconds * 1_000.0) as u64))
            }
            Some(_) => Err(TokenError::ClaimType(
                claim,
                "a number of seconds since 1970",
            )),
        }
    }

    /// A claim; `null` is as good as none.
    fn get(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim).filter(|value| !value.is_null())
    }
}

/// For how long the token of `identity` holds in all, or from `now_ms` where it does not say
/// when it was made.
pub(super) fn life(identity: &Identity, now_ms: u64) -> Duration {
    let made_ms = match identity.issued_ms {
        0 => now_ms,
        issued_ms => issued_ms,
    };
    let ends_ms = identity
        .expires_ms
        .unwrap_or(u64::MAX)
        .saturating_sub(LEEWAY_MS);
    Duration::from_millis(ends_ms.saturating_sub(made_ms))
}

/// Whether others may be shown `name`.
fn is_name(name: &str) -> bool {
    name.chars().count() <= MAX_NAME_CHARS && !name.chars().any(char::is_control)
}
