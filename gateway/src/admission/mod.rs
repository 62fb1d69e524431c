//! Who is let in: the checks before a socket or a stream opens, and before a
//! request is carried out.

mod asked;
mod asker;
mod believed;
mod credentials;
mod handshake;
mod noting;
mod refusal;
mod rooms;
mod rules;
mod servers;

use std::sync::Arc;

use causerie_shared::ids::TenantId;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};

use crate::actions::bus_failed;
use crate::auth::{Auth, Tenant};
use crate::connection::Admitted;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::limits::across::Whom;
use crate::limits::counted::Counted;
use crate::registry::{NoSlot, Slot};

pub use asked::Asked;
pub(crate) use asker::Asker;
use believed::{Believed, Disbelieved};
pub(crate) use handshake::Handshake;
use noting::Known;
pub(crate) use refusal::Reason;
pub use refusal::Refusal;
pub use rooms::{MAX_ROOMS, Named};
use rules::{check_tenant_is_named, check_tenants_rules};

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

/// One who asks for what people are shown who have no token yet, too.
#[derive(Debug, Clone)]
pub(crate) struct Looker {
    /// Whose pages they are at.
    pub(crate) tenant: TenantId,
    /// Who they are, if they have a token.
    pub(crate) identity: Option<Identity>,
}

/// What becomes of one who comes without a token.
#[derive(Debug, Clone, Copy)]
enum Without {
    /// A visitor.
    Visits,
    /// Nobody new.
    Looks,
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
        check_tenant_is_named(asked)?;
        let believed = self.believe(asked);
        let caller = self.let_in(Counted::Connections, asked, believed).await?;
        let known = Known::User(&caller.identity);
        let rooms = rooms::allowed(asked, &caller.identity);
        let rooms = rooms.map_err(|refusal| self.refused(asked, known, refusal))?;
        let slot = self.reserve(&caller.identity);
        let slot = slot.map_err(|refusal| self.refused(asked, known, refusal))?;
        Ok(Admitted {
            identity: caller.identity,
            rooms,
            slot,
            client: asked.client,
            visitor_token: caller.visitor_token,
            report: asked.report,
        })
    }

    /// Checks who asks, and from where: all that a short request needs.
    ///
    /// # Errors
    /// 400, 403 of the address, 429, 401 or 403, in this order.
    pub(crate) async fn identify(&self, asked: &Asked) -> Result<Identified, Refusal> {
        check_tenant_is_named(asked)?;
        let believed = self.believe(asked);
        self.let_in(Counted::Requests, asked, believed).await
    }

    /// The same, but nobody becomes a visitor: one without a token stays so. Only a
    /// tenant that takes visitors has anything for them.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    pub(crate) async fn look(&self, asked: &Asked) -> Result<Looker, Refusal> {
        check_tenant_is_named(asked)?;
        let believed = self.believe(asked);
        let let_by = self.let_by(Counted::Requests, Without::Looks, asked, believed);
        let (believed, tenant) = let_by.await?;
        let identity = match believed {
            Believed::Bearer(identity) => Some(identity),
            Believed::Visitor => None,
        };
        Ok(Looker {
            tenant: tenant.id.clone(),
            identity,
        })
    }

    /// Counts one request more of one who asks for what takes as much as several.
    ///
    /// # Errors
    /// 429.
    pub(crate) async fn count_again(&self, asked: &Asked, asker: &Asker) -> Result<(), Refusal> {
        let whom = match asker {
            Asker::Person(identity) => Whom::User(identity),
            Asker::Server(key) => Whom::Server(key),
        };
        let counted = self.gateway.count(Counted::Requests, asked.source(), whom);
        Ok(counted.await?)
    }

    async fn let_in(
        &self,
        what: Counted,
        asked: &Asked,
        believe: impl Future<Output = Result<(Believed, Arc<Tenant>), Disbelieved>>,
    ) -> Result<Identified, Refusal> {
        let let_by = self.let_by(what, Without::Visits, asked, believe);
        let (believed, tenant) = let_by.await?;
        self.identified(believed, &tenant)
    }

    async fn let_by(
        &self,
        what: Counted,
        without: Without,
        asked: &Asked,
        believe: impl Future<Output = Result<(Believed, Arc<Tenant>), Disbelieved>>,
    ) -> Result<(Believed, Arc<Tenant>), Refusal> {
        self.check_address(asked)?;
        let (believed, tenant) = match believe.await {
            Ok(believed) => believed,
            Err(disbelieved) => return Err(self.refuse(what, asked, disbelieved).await),
        };
        let checked = self.check_believed(what, without, asked, &believed, &tenant);
        checked.await.map_err(|refusal| {
            let known = match &believed {
                Believed::Bearer(identity) => Known::User(identity),
                Believed::Visitor => Known::Nobody,
            };
            self.refused(asked, known, refusal)
        })?;
        Ok((believed, tenant))
    }

    async fn check_believed(
        &self,
        what: Counted,
        without: Without,
        asked: &Asked,
        believed: &Believed,
        tenant: &Tenant,
    ) -> Result<(), Refusal> {
        let allowed = check_tenants_rules(asked, believed.is_bearer(), tenant);
        let whom = match (believed, without) {
            (Believed::Bearer(identity), _) => Whom::User(identity),
            (Believed::Visitor, Without::Looks) => Whom::Guest(&tenant.id),
            (Believed::Visitor, Without::Visits) if allowed.is_ok() => Whom::NewVisitor(&tenant.id),
            // A foreign page makes nobody a visitor, and so takes nothing from those who
            // come from the same address.
            (Believed::Visitor, Without::Visits) => Whom::Address,
        };
        self.gateway.count(what, asked.source(), whom).await?;
        allowed
    }

    /// Refuses one who is not believed, and so counts as their address.
    async fn refuse(&self, what: Counted, asked: &Asked, disbelieved: Disbelieved) -> Refusal {
        let counted = self
            .gateway
            .count(what, asked.source(), Whom::Address)
            .await;
        let refusal = match counted {
            Ok(()) => disbelieved.clone().into(),
            Err(too_many) => too_many.into(),
        };
        self.refused(asked, disbelieved.known(), refusal)
    }

    /// Takes a place among the node's connections for `caller`.
    ///
    /// # Errors
    /// 503, with the time to come again.
    pub(crate) fn reserve(&self, caller: &Identity) -> Result<Slot, Refusal> {
        let caps = self.gateway.settings().caps;
        let slot = self.gateway.registry.try_reserve_for(caller, &caps);
        slot.map_err(|no_slot| {
            let error = |content| ProtocolError::new(ErrorCode::Overloaded, content);
            let (error, reason) = match no_slot {
                NoSlot::Full => (
                    error("This node is full: come back in a few seconds.")
                        .with_limit(Scope::Node, caps.of_node as u64)
                        .with_retry_after_ms(RETRY_WHEN_FULL_MS),
                    "full",
                ),
                NoSlot::Draining => (
                    error("This node is about to end: come back, to another one.")
                        .with_retry_after_ms(RETRY_WHEN_DRAINING_MS),
                    "draining",
                ),
                NoSlot::TooManyOfUser => (
                    error("You have too many connections: close one, and come back.")
                        .with_limit(Scope::User, caps.of_user as u64)
                        .with_retry_after_ms(RETRY_WHEN_FULL_MS),
                    "user_full",
                ),
                NoSlot::TooManyOfTenant => (
                    error("Too many people are here: come back in a few seconds.")
                        .with_limit(Scope::Tenant, caps.of_tenant as u64)
                        .with_retry_after_ms(RETRY_WHEN_FULL_MS),
                    "tenant_full",
                ),
            };
            Refusal::from(error).because(reason)
        })
    }

    /// Checks from where somebody comes, before anything else is done for them.
    ///
    /// # Errors
    /// 403 where nobody may come in from there, 429 where nobody may for a while.
    pub(crate) fn check_address(&self, asked: &Asked) -> Result<(), Refusal> {
        let refusal = if self.gateway.settings().addresses.has(asked.client) {
            match self.gateway.check_not_held(asked.client) {
                Ok(()) => return Ok(()),
                Err(error) => Refusal::from(error).because("held_off"),
            }
        } else {
            let content = "Your address may not come in here: ask whoever runs this service.";
            Refusal::forbidden(content).because("ip_blocked")
        };
        Err(self.refused(asked, Known::Nobody, refusal))
    }

    /// Whether messages may be compressed.
    fn takes_compressed(&self) -> bool {
        self.gateway.settings().compression
    }

    /// Makes a visitor for one who asked for a token beforehand.
    ///
    /// # Errors
    /// 403 where the address is blocked; 429; 401 where the tenant takes none, be it
    /// there or not; 403 where the page is not the tenant's.
    pub(crate) async fn visit(&self, asked: &Asked) -> Result<Identified, Refusal> {
        let believed = async { self.visitor_to_be(asked) };
        self.let_in(Counted::Requests, asked, believed).await
    }

    async fn believe(&self, asked: &Asked) -> Result<(Believed, Arc<Tenant>), Disbelieved> {
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
    fn visitor_to_be(&self, asked: &Asked) -> Result<(Believed, Arc<Tenant>), Disbelieved> {
        let tenant = asked
            .tenant
            .as_ref()
            .and_then(|hash| self.auth.tenant(hash))
            .ok_or(Disbelieved::Visitor("unknown_tenant"))?;
        if !tenant.visitors {
            return Err(Disbelieved::Visitor("no_visitors"));
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
