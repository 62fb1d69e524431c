//! What is counted over all nodes together: of an address, a user, an API key, and a
//! tenant.
//!
//! Whoever has a token that is believed counts as its user, wherever they come
//! from; whoever has none counts as their address, of IPv6 as its /64. Where the
//! bus does not answer everybody is let through: nobody is to be kept out because
//! nobody counts.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::api_key::ApiKey;
use causerie_shared::bus::BusError;
use causerie_shared::bus::allowance::{Allowance, Taken};
use causerie_shared::ids::TenantId;
use causerie_shared::protocol::action::Action;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use causerie_shared::rate::us;
use futures::future::join_all;

use super::counted::{Counted, too_many};
use super::floods::Way;
use super::wish::{Wish, name_of_address, network_of, said_by};
use super::{Limits, events};
use crate::audit::{Note, What};
use crate::connection::Connection;
use crate::gateway::Gateway;
use crate::identity::Identity;

/// Who is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whom<'a> {
    /// One whose token was believed.
    User(&'a Identity),
    /// A server whose API key was believed.
    Server(&'a ApiKey),
    /// One who shall become a visitor of that tenant.
    NewVisitor(&'a TenantId),
    /// One who stays without a token, and asks for what that tenant shows to such.
    Guest(&'a TenantId),
    /// Anybody else.
    Address,
}

/// From where, and how, somebody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) client: IpAddr,
    pub(crate) way: Way,
}

impl Gateway {
    /// Whether it is known here that nobody may come in from `client` for a while. It asks
    /// nobody.
    ///
    /// # Errors
    /// `rate_limited`, with when to come again.
    pub(crate) fn check_not_held(&self, client: IpAddr) -> Result<(), ProtocolError> {
        let Some(time) = self.held.time_left(network_of(client)) else {
            return Ok(());
        };
        if !self.settings().limits.hold_for(client) {
            return Ok(());
        }
        events::turned_away();
        Err(held_off(time))
    }

    /// Whether one who comes `from` there may have `what` now, counted over all nodes.
    ///
    /// # Errors
    /// `rate_limited`, with when to come again.
    pub(crate) async fn count(
        &self,
        what: Counted,
        from: Source,
        whom: Whom<'_>,
    ) -> Result<(), ProtocolError> {
        let limits = self.settings().limits.clone();
        let address = |whats: &[Counted]| Wish::of_address(from.client, whats);
        let own = match whom {
            Whom::User(identity) => vec![address(&[]), Wish::of_user(identity, what)],
            Whom::Server(key) => vec![address(&[]), Wish::of_key(key)],
            Whom::NewVisitor(_) => vec![address(&[what, Counted::Visitors])],
            Whom::Guest(_) | Whom::Address => vec![address(&[what])],
        };
        let tenant = whom.tenant().filter(|_| what == Counted::Requests);
        let share = whom.share();
        let shared = tenant.and_then(|tenant| Wish::of_tenant(tenant, &limits, &[share]));
        self.take_all(&limits, from, own, shared).await
    }

    /// The same for a message that `sender` asks for without a connection, to the AI or
    /// not.
    ///
    /// # Errors
    /// `rate_limited`, or `budget_exceeded` for visitors.
    pub(crate) async fn count_message(
        &self,
        is_question: bool,
        client: IpAddr,
        sender: &Identity,
    ) -> Result<(), ProtocolError> {
        let limits = self.settings().limits.clone();
        let own = vec![Wish::of_sender(sender)];
        let whats: &[Counted] = if is_question && sender.is_visitor() {
            &[Counted::VisitorQuestions]
        } else {
            &[]
        };
        let shared = Wish::of_tenant(&sender.tenant, &limits, whats);
        let from = Source {
            client,
            way: Way::Http,
        };
        let counted = self.take_all(&limits, from, own, shared).await;
        counted.inspect_err(|error| {
            let note = || Note::of_user(What::Limit, sender).from(client);
            self.note(|| met(note(), error));
        })
    }

    /// The same for a sign of typing, or of a status, that `sender` gives without a connection.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(crate) async fn count_sign(
        &self,
        client: IpAddr,
        sender: &Identity,
    ) -> Result<(), ProtocolError> {
        let limits = self.settings().limits.clone();
        let own = vec![Wish::of_user(sender, Counted::Typing)];
        let from = Source {
            client,
            way: Way::Http,
        };
        self.take_all(&limits, from, own, None).await
    }

    /// The same for one user of `tenant` whose tokens are revoked.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(crate) async fn count_revocation(
        &self,
        client: IpAddr,
        tenant: &TenantId,
    ) -> Result<(), ProtocolError> {
        let limits = self.settings().limits.clone();
        let shared = Wish::of_tenant(tenant, &limits, &[Counted::Revocations]);
        let from = Source {
            client,
            way: Way::Http,
        };
        self.take_all(&limits, from, Vec::new(), shared).await
    }

    /// The same for what is asked for over a connection, as far as its user's other
    /// connections and its tenant have a share in that; its own pace is counted by itself.
    ///
    /// # Errors
    /// As [`count_message`](Self::count_message); fatal, where the connection is to be closed.
    pub(crate) async fn count_action(
        &self,
        action: &Action,
        connection: &Connection,
    ) -> Result<(), ProtocolError> {
        let identity = Arc::clone(&connection.identity());
        let mut own = Vec::new();
        let share = share_of(&identity);
        let whats: &[Counted] = match action {
            // A sign of life.
            Action::Ping(_) => return Ok(()),
            Action::SendMessage(message) => {
                own.extend(self.beyond_sparing(&identity));
                if message.ai && identity.is_visitor() {
                    &[share, Counted::VisitorQuestions]
                } else {
                    &[share]
                }
            }
            Action::Typing(_)
            | Action::Read(_)
            | Action::Delete(_)
            | Action::Cancel(_)
            | Action::Subscribe(_)
            | Action::Unsubscribe(_)
            | Action::Status(_)
            | Action::Authenticate(_) => &[share],
        };
        let settings = self.settings();
        let shared = Wish::of_tenant(&identity.tenant, &settings.limits, whats);
        if own.is_empty() && shared.is_none() {
            return Ok(());
        }
        let limits = settings.limits.clone();
        drop(settings);
        let from = Source {
            client: connection.client,
            way: Way::WebSocket,
        };
        let counted = self.take_all(&limits, from, own, shared);
        counted.await.inspect_err(|error| {
            self.note(|| met(Note::over(What::Limit, connection), error));
        })
    }

    /// What all count of a message that `sender` says over a connection.
    fn beyond_sparing(&self, sender: &Identity) -> Option<Wish> {
        let rate = self.settings().limits.rate(said_by(sender), Scope::User)?;
        (!self.sparing.lets(sender, &rate)).then(|| Wish::of_sender(sender))
    }

    /// What is their `own` side by side: it may be counted by different servers. What all of
    /// a tenant's share comes after: who is refused for themselves takes nothing of it.
    async fn take_all(
        &self,
        limits: &Limits,
        from: Source,
        own: Vec<Wish>,
        shared: Option<Wish>,
    ) -> Result<(), ProtocolError> {
        if !limits.hold_for(from.client) {
            return Ok(());
        }
        let takes = own.iter().map(|wish| self.take(limits, from, wish));
        let taken: Result<(), ProtocolError> = join_all(takes).await.into_iter().collect();
        taken?;
        match shared {
            Some(wish) => self.take(limits, from, &wish).await,
            None => Ok(()),
        }
    }

    async fn take(&self, limits: &Limits, from: Source, wish: &Wish) -> Result<(), ProtocolError> {
        let Wish {
            name, scope, whats, ..
        } = wish;
        let rated = whats
            .iter()
            .filter_map(|what| Some((*what, limits.rate(*what, *scope)?)));
        let rates: Vec<_> = rated.collect();
        let allowances = rates.iter().map(|(what, rate)| Allowance {
            what: what.name(),
            rate: *rate,
        });
        let allowances: Vec<_> = allowances.collect();
        match self.bus.take(name, &allowances).await {
            Ok(Taken::Granted) => Ok(()),
            Ok(Taken::HeldOff(time)) => {
                self.held.hold(network_of(from.client), time);
                events::turned_away();
                Err(held_off(time))
            }
            Ok(Taken::Spent { which, wait }) => match rates.get(which) {
                Some((what, rate)) => {
                    events::asked_too_often(*what, *scope);
                    let error = too_many(*what, *scope, rate, wait);
                    if *scope == Scope::Tenant
                        || matches!(what, Counted::KeyRequests | Counted::Typing)
                    {
                        // It is nobody's own fault; a server may ask for many at once,
                        // each of whom waits by themselves; and a client signs by itself.
                        return Err(error);
                    }
                    Err(self.refuse(limits, from, wish, *what, error, wait))
                }
                None => Ok(()),
            },
            Err(error) => {
                events::uncounted(&error, &self.uncounted);
                Ok(())
            }
        }
    }
}

impl Gateway {
    /// Remembers that `what` of a wish was refused with `error`; who floods is held off.
    fn refuse(
        &self,
        limits: &Limits,
        from: Source,
        wish: &Wish,
        what: Counted,
        error: ProtocolError,
        wait: Duration,
    ) -> ProtocolError {
        let scope = error.scope.unwrap_or(Scope::Ip);
        let name = format!("{}:{}", wish.name, what.name());
        let is_flood = self
            .floods
            .is_flood(&name, scope, us(wait), limits.violations);
        if !is_flood {
            return error;
        }
        events::asks_on(from.client, limits.hold_off);
        self.note(|| {
            let note = match &wish.user {
                Some((tenant, user)) => Note::by(What::Abuse, tenant, user),
                None => Note::of_nobody(What::Abuse, None),
            };
            note.from(from.client).on(what.name())
        });
        hold_off(self, from.client, from.way);
        match from.way {
            Way::WebSocket => error.fatal(),
            Way::Sse | Way::Http => error,
        }
    }
}

/// That somebody met a limit.
pub(crate) fn met(note: Note, error: &ProtocolError) -> Note {
    note.on(&error.content).failed(error.code.name())
}

impl Whom<'_> {
    fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::User(identity) => Some(&identity.tenant),
            Self::Server(key) => Some(&key.tenant),
            Self::NewVisitor(tenant) | Self::Guest(tenant) => Some(tenant),
            Self::Address => None,
        }
    }

    /// Of which of their tenant's shares they take.
    fn share(&self) -> Counted {
        match self {
            Self::User(identity) => share_of(identity),
            Self::Server(_) => Counted::RulerRequests,
            Self::NewVisitor(_) | Self::Guest(_) | Self::Address => Counted::Requests,
        }
    }
}

/// Whoever rules must get through while those whom they rule leave nothing.
fn share_of(identity: &Identity) -> Counted {
    if identity.has_role() {
        Counted::RulerRequests
    } else {
        Counted::Requests
    }
}

/// Lets nobody in for a while who comes from `client`, and asked in that `way`.
pub(super) fn hold_off(gateway: &Gateway, client: IpAddr, way: Way) {
    events::flooded(way);
    let time = gateway.settings().limits.hold_off;
    if time.is_zero() {
        return;
    }
    gateway.held.hold(network_of(client), time);
    let bus = Arc::clone(&gateway.bus);
    tokio::spawn(async move {
        let held: Result<(), BusError> = bus.hold_off(&name_of_address(client), time).await;
        if let Err(error) = held {
            events::not_held_off(&error);
        }
    });
}

fn held_off(time: Duration) -> ProtocolError {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let content = format!(
        "Somebody at your address broke the limits again and again: come back in {} s.",
        ms.div_ceil(1_000)
    );
    let mut error = ProtocolError::new(ErrorCode::RateLimited, content).with_retry_after_ms(ms);
    error.scope = Some(Scope::Ip);
    error
}
