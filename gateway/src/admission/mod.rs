//! Who is let in: the checks before a socket or a stream opens, and before a
//! request is carried out.

mod asked;
mod asker;
mod credentials;
mod handshake;
mod refusal;
mod rooms;

use std::sync::Arc;

use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};

use crate::actions::bus_failed;
use crate::auth::{Auth, KeyRefused, Tenant, TokenError, VerifiedKey};
use crate::connection::Admitted;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::registry::{NoSlot, Slot};

pub(crate) use asked::Asked;
use asked::PageOrigin;
pub(crate) use asker::Asker;
pub(crate) use handshake::Handshake;
pub(crate) use refusal::Reason;
pub use refusal::Refusal;
pub(crate) use rooms::Named;

/// When one comes again who found the node full.
const RETRY_WHEN_FULL_MS: u64 = 5_000;
/// When one comes again who found the node draining: there are others.
const RETRY_WHEN_DRAINING_MS: u64 = 1_000;

/// Lets callers in, or refuses them.
#[derive(Debug, Clone)]
pub struct Admission {
    auth: Arc<Auth>,
    gateway: Arc<Gateway>,
}

/// A caller who is who they say, and may ask from where they ask.
#[derive(Debug, Clone)]
pub(crate) struct Identified {
    pub(crate) identity: Identity,
    /// The token of one who came without, and is a visitor now.
    pub(crate) visitor_token: Option<String>,
}

/// One whose token was believed, or who needs none.
enum Believed {
    Bearer(Identity),
    Visitor,
}

impl Believed {
    fn is_bearer(&self) -> bool {
        matches!(self, Self::Bearer(_))
    }
}

impl Admission {
    /// Lets callers in who `auth` believes, as long as `gateway` has room.
    pub fn new(auth: Arc<Auth>, gateway: Arc<Gateway>) -> Self {
        Self { auth, gateway }
    }

    /// Checks one who wants to stay: on a socket or a stream.
    ///
    /// # Errors
    /// The first [`Refusal`] in the protocol's order: 400 bad request or
    /// subprotocol (which [`Asked::read`] finds) · 403 IP blocked · 429 ·
    /// 401 · 403 origin, tenant mismatch, room not allowed · 503 node full or
    /// draining.
    pub(crate) async fn admit(&self, asked: &Asked) -> Result<Admitted, Refusal> {
        let caller = self.identify(asked).await?;
        let rooms = rooms::allowed(asked, &caller.identity)?;
        let slot = self.reserve()?;
        Ok(Admitted {
            identity: caller.identity,
            rooms,
            slot,
            visitor_token: caller.visitor_token,
            report: asked.report,
        })
    }

    /// Checks who asks, and from where: all that a short request needs.
    ///
    /// # Errors
    /// 400, 401 or 403, in this order.
    pub(crate) async fn identify(&self, asked: &Asked) -> Result<Identified, Refusal> {
        check_tenant_is_named(asked)?;
        // Here come: 403 for an address that is blocked, and 429.
        let (believed, tenant) = self.believe(asked).await?;
        check_origin(asked, believed.is_bearer(), &tenant)?;
        check_tenants_agree(asked, &tenant)?;
        self.identified(believed, &tenant)
    }

    /// The same where servers may ask too, with an API key.
    ///
    /// # Errors
    /// 400, 401 or 403, in this order; 503 where the key cannot be looked up.
    pub(crate) async fn identify_any(&self, asked: &Asked) -> Result<Asker, Refusal> {
        let Some(key) = asked.api_key() else {
            let caller = self.identify(asked).await?;
            return Ok(Asker::Person(caller.identity));
        };
        let verified = self.auth.verify_key(key, &*self.gateway.bus).await;
        let VerifiedKey { key, tenant } = verified.map_err(|refused| match refused {
            KeyRefused::Bad(error) => Refusal::from(error),
            KeyRefused::Bus(error) => bus_failed(&error).into(),
        })?;
        check_origin(asked, true, &tenant)?;
        check_tenants_agree(asked, &tenant)?;
        Ok(Asker::Server(key))
    }

    /// Takes a place among the node's connections.
    ///
    /// # Errors
    /// 503, with the time to come again.
    pub(crate) fn reserve(&self) -> Result<Slot, Refusal> {
        let max = self.gateway.settings().max_connections;
        self.gateway.registry.try_reserve(max).map_err(|no_slot| {
            let error = |content| ProtocolError::new(ErrorCode::Overloaded, content);
            let (error, reason) = match no_slot {
                NoSlot::Full => (
                    error("This node is full: come back in a few seconds.")
                        .with_limit(Scope::Node, max as u64)
                        .with_retry_after_ms(RETRY_WHEN_FULL_MS),
                    "full",
                ),
                NoSlot::Draining => (
                    error("This node is about to end: come back, to another one.")
                        .with_retry_after_ms(RETRY_WHEN_DRAINING_MS),
                    "draining",
                ),
            };
            Refusal::from(error).because(reason)
        })
    }

    /// Whether messages may be compressed.
    fn takes_compressed(&self) -> bool {
        self.gateway.settings().compression
    }

    /// Makes a visitor for one who asked for a token beforehand.
    ///
    /// # Errors
    /// 401 where the tenant takes none, be it there or not; 403 where the page
    /// is not the tenant's.
    pub(crate) fn visit(&self, asked: &Asked) -> Result<Identified, Refusal> {
        let (believed, tenant) = self.visitor_to_be(asked)?;
        check_origin(asked, believed.is_bearer(), &tenant)?;
        self.identified(believed, &tenant)
    }

    async fn believe(&self, asked: &Asked) -> Result<(Believed, Arc<Tenant>), Refusal> {
        match &asked.token {
            Some(token) => {
                let verified = self.auth.verify(token).await?;
                Ok((Believed::Bearer(verified.identity), verified.tenant))
            }
            None => self.visitor_to_be(asked),
        }
    }

    /// A tenant that takes no visitors answers like one that does not exist: the
    /// operator alone is told which it is.
    fn visitor_to_be(&self, asked: &Asked) -> Result<(Believed, Arc<Tenant>), Refusal> {
        let no = |reason| Refusal::from(TokenError::Missing).because(reason);
        let tenant = asked
            .tenant
            .as_ref()
            .and_then(|hash| self.auth.tenant(hash))
            .ok_or_else(|| no("unknown_tenant"))?;
        if !tenant.visitors {
            return Err(no("no_visitors"));
        }
        Ok((Believed::Visitor, tenant))
    }

    fn identified(&self, believed: Believed, tenant: &Tenant) -> Result<Identified, Refusal> {
        let (identity, visitor_token) = match believed {
            Believed::Bearer(identity) => (identity, None),
            Believed::Visitor => {
                let visitor = self.auth.new_visitor(tenant)?;
                (visitor.identity, Some(visitor.token))
            }
        };
        Ok(Identified {
            identity,
            visitor_token,
        })
    }
}

fn check_tenant_is_named(asked: &Asked) -> Result<(), Refusal> {
    if asked.tenant.is_none() && asked.token.is_none() {
        return Err(Refusal::bad_request(
            "Nothing names the tenant: send a token, or `t` in the query.",
        )
        .because("no_tenant"));
    }
    Ok(())
}

fn check_origin(asked: &Asked, is_bearer: bool, tenant: &Tenant) -> Result<(), Refusal> {
    let owns = match &asked.origin {
        Some(PageOrigin::Named(origin)) => tenant.owns(origin),
        None | Some(PageOrigin::Same(_)) if is_bearer => true,
        Some(PageOrigin::Same(host)) => ["http", "https"]
            .iter()
            .any(|scheme| tenant.owns(&format!("{scheme}://{host}"))),
        None => false,
    };
    match (owns, &asked.origin) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(Refusal::forbidden(
            "This page's origin is not among those of the tenant: add it to `origins`.",
        )
        .because("origin")),
        (false, None) => Err(Refusal::forbidden(
            "Visitors are taken only from the tenant's pages, and no `Origin` was sent: \
             send a token.",
        )
        .because("no_origin")),
    }
}

fn check_tenants_agree(asked: &Asked, tenant: &Tenant) -> Result<(), Refusal> {
    match &asked.tenant {
        Some(hash) if *hash != tenant.hash => Err(Refusal::forbidden(
            "The token is not of the tenant that `t` names.",
        )
        .because("tenant_mismatch")),
        None | Some(_) => Ok(()),
    }
}
