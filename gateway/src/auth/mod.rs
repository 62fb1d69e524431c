//! Tokens: who made them, what they say, and whether that is to be believed.
//!
//! A token is under the operator's keys, and may then name any tenant, or
//! under a tenant's keys, and may then name that tenant only, or, where its
//! `sub` begins with `v~`, under the visitors' secret.
//!
//! Servers have API keys instead, which the bus keeps, or the configuration.

mod api_key;
mod authority;
mod claims;
mod credential;
mod error;
mod events;
mod key;
mod key_set;
mod known_keys;
mod revocations;
mod tenants;
mod visitor;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use causerie_shared::api_key::{ApiKey, KEY_PREFIX};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::clock::Clock;
use causerie_shared::config::Settings;
use causerie_shared::ids::{KeyId, TenantHash, TenantId};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jsonwebtoken::EncodingKey;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

pub use api_key::{KeySecret, new_key};
pub use authority::BadKeys;
use authority::{Authority, Unverified};
pub(crate) use credential::Credential;
pub use error::TokenError;
pub use key_set::KeySetPace;
use key_set::KeySets;
use known_keys::KnownKeys;
pub use revocations::Revoked;
pub use tenants::Tenant;
use tenants::Tenants;
pub use visitor::{VISITOR_LIFE, Visitor};

use crate::identity::Identity;

/// Verifies tokens and API keys, and makes the tokens of visitors.
#[derive(Debug)]
pub struct Auth {
    clock: Clock,
    known_keys: KnownKeys,
    revoked: Revoked,
    rules: ArcSwap<Rules>,
    key_sets: Mutex<KeySets>,
    pace: KeySetPace,
}

/// One reading of the configuration.
#[derive(Debug)]
struct Rules {
    tenants: Tenants,
    operator: Authority,
    of_tenant: HashMap<TenantId, Authority>,
    visitors: Option<Visitors>,
    key_secret: Option<KeySecret>,
    /// The API keys of the configuration.
    api_keys: HashMap<KeyId, Arc<ApiKey>>,
    /// How long a token may hold: no longer than a revocation is remembered, or it would be
    /// good again after that.
    longest_life: Duration,
}

struct Visitors {
    authority: Authority,
    signing: EncodingKey,
}

impl std::fmt::Debug for Visitors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitors").finish_non_exhaustive()
    }
}

/// A caller whose token was believed.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Who they are.
    pub identity: Identity,
    /// Whose they are.
    pub tenant: Arc<Tenant>,
}

/// A server whose API key was believed.
#[derive(Debug, Clone)]
pub struct VerifiedKey {
    /// Its key.
    pub key: Arc<ApiKey>,
    /// Whose it is.
    pub tenant: Arc<Tenant>,
}

/// Why an API key was not believed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyRefused {
    /// It is no good.
    #[error(transparent)]
    Bad(#[from] TokenError),
    /// It cannot be looked up.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Reads the keys of `settings`, but fetches none.
///
/// # Errors
/// [`BadKeys`] names the key of the configuration that cannot be used.
pub fn check(settings: &Settings) -> Result<(), BadKeys> {
    Rules::new(settings, &mut KeySets::default(), KeySetPace::default()).map(|_| ())
}

impl Auth {
    /// Reads the keys, and fetches the key sets. A set that cannot be fetched
    /// is tried again later.
    ///
    /// # Errors
    /// [`BadKeys`] names the key of the configuration that cannot be used.
    pub async fn new(settings: &Settings, pace: KeySetPace, clock: Clock) -> Result<Self, BadKeys> {
        let mut key_sets = KeySets::default();
        let rules = Rules::new(settings, &mut key_sets, pace)?;
        key_sets.start().await;
        Ok(Self {
            clock,
            known_keys: KnownKeys::default(),
            revoked: Revoked::default(),
            rules: ArcSwap::from_pointee(rules),
            key_sets: Mutex::new(key_sets),
            pace,
        })
    }

    /// Takes over a new configuration. Those who are connected stay so.
    ///
    /// # Errors
    /// [`BadKeys`]; everything is then as it was.
    pub async fn reload(&self, settings: &Settings) -> Result<(), BadKeys> {
        let mut key_sets = self.key_sets.lock().await;
        let mut new_sets = key_sets.clone();
        let rules = Rules::new(settings, &mut new_sets, self.pace)?;
        new_sets.start().await;
        *key_sets = new_sets;
        self.rules.store(Arc::new(rules));
        key_sets.forget_unused();
        Ok(())
    }

    /// The tenant of that public name.
    pub fn tenant(&self, hash: &TenantHash) -> Option<Arc<Tenant>> {
        self.rules.load().tenants.of_hash(hash).cloned()
    }

    /// Whether any tenant has pages at `origin`.
    pub fn knows_origin(&self, origin: &str) -> bool {
        self.rules.load().tenants.any_owns(origin)
    }

    /// The tokens that were revoked.
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }

    /// Who `token` speaks for.
    ///
    /// # Errors
    /// [`TokenError`], where it is not to be believed.
    pub async fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        if token.starts_with(KEY_PREFIX) {
            return Err(TokenError::KeyElsewhere);
        }
        let token = Unverified::read(token)?;
        let rules = self.rules.load_full();
        let tenant = token.claims.tenant()?;
        let is_operators = if token.claims.user()?.is_visitor() {
            rules.check_visitors(&token)?;
            false
        } else {
            rules.check(&token, &tenant).await?
        };
        let mut identity = token.claims.identity(self.clock.now_ms(), is_operators)?;
        let tenant = rules.tenants.of_id(&tenant);
        let tenant = tenant.ok_or(TokenError::UnknownTenant)?;
        // The same name, but kept once for all of its people.
        identity.tenant.clone_from(&tenant.id);
        if self.revoked.has(&identity) {
            return Err(TokenError::Revoked(Box::new(identity)));
        }
        if claims::life(&identity, self.clock.now_ms()) > rules.longest_life {
            return Err(TokenError::HoldsTooLong(rules.longest_life));
        }
        if identity.is_visitor() && !tenant.visitors {
            return Err(TokenError::NoVisitors);
        }
        Ok(Verified {
            identity,
            tenant: Arc::clone(tenant),
        })
    }

    /// Whose API key `text` is. Those that the configuration does not name are looked
    /// up on `bus`, at the most twice a second each.
    ///
    /// # Errors
    /// [`KeyRefused`]. Nobody who has no key learns from it which keys there are.
    pub async fn verify_key(&self, text: &str, bus: &dyn Bus) -> Result<VerifiedKey, KeyRefused> {
        let id = api_key::id_of(text).ok_or(TokenError::KeyMalformed)?;
        let rules = self.rules.load_full();
        let secret = rules.key_secret.as_ref().ok_or(TokenError::KeysOff)?;
        let key = match rules.api_keys.get(&id) {
            Some(key) => Some(Arc::clone(key)),
            None => self.known_keys.find(&id, bus).await?,
        };
        let key = key
            .filter(|key| secret.fits(text, &key.card.hash))
            .ok_or(TokenError::KeyUnknown)?;
        let now_s = self.clock.now_ms() / 1_000;
        if key.card.until.is_some_and(|until| until <= now_s) {
            return Err(TokenError::KeyExpired.into());
        }
        let tenant = rules.tenants.of_id(&key.tenant);
        let tenant = Arc::clone(tenant.ok_or(TokenError::UnknownTenant)?);
        self.known_keys.note_use(&key, bus).await;
        events::key_believed();
        Ok(VerifiedKey { key, tenant })
    }

    /// Makes a new visitor of `tenant`.
    ///
    /// # Errors
    /// [`TokenError::NoVisitors`], where the tenant takes none.
    pub fn new_visitor(&self, tenant: &Tenant) -> Result<Visitor, TokenError> {
        let rules = self.rules.load();
        let visitors = rules.visitors.as_ref().filter(|_| tenant.visitors);
        let signing = &visitors.ok_or(TokenError::NoVisitors)?.signing;
        let visitor = visitor::mint(signing, &tenant.id, self.clock.now_ms())
            .map_err(|_| TokenError::NoVisitors)?;
        events::visitor_made();
        Ok(visitor)
    }
}

impl Rules {
    fn new(settings: &Settings, key_sets: &mut KeySets, pace: KeySetPace) -> Result<Self, BadKeys> {
        let of_tenant = settings
            .tenants
            .iter()
            .enumerate()
            .map(|(at, tenant)| {
                let section = format!("tenants[{at}].auth");
                let authority = Authority::new(&tenant.auth, &section, key_sets, pace)?;
                Ok((tenant.id.clone(), authority))
            })
            .collect::<Result<_, BadKeys>>()?;
        Ok(Self {
            tenants: Tenants::new(&settings.tenants),
            operator: Authority::new(&settings.auth.jwt, "auth", key_sets, pace)?,
            of_tenant,
            visitors: settings
                .auth
                .visitor_secret
                .as_ref()
                .map(|secret| Visitors {
                    authority: Authority::of_secret(secret.expose_secret()),
                    signing: EncodingKey::from_secret(secret.expose_secret().as_bytes()),
                }),
            key_secret: settings.auth.api_key_secret.as_ref().map(KeySecret::new),
            api_keys: configured_keys(settings),
            longest_life: settings.auth.revocations_kept,
        })
    }

    /// Checks a token that names `tenant`; whether it is the operator's. Keys
    /// are fetched only where those known do not do: one whose key set hangs
    /// must not delay another's tokens.
    async fn check(&self, token: &Unverified<'_>, tenant: &TenantId) -> Result<bool, TokenError> {
        let mut checked = self.check_by_known(token, tenant);
        let authorities = [self.of_tenant.get(tenant), Some(&self.operator)];
        let fetches = authorities.into_iter().flatten().map(|of| of.learn(token));
        let mut fetches: FuturesUnordered<_> = fetches.collect();
        while checked.is_err()
            && let Some(has_changed) = fetches.next().await
        {
            if has_changed {
                checked = self.check_by_known(token, tenant);
            }
        }
        let mut authorities = authorities.into_iter().flatten();
        if checked == Err(TokenError::Signature) && authorities.any(|of| of.may_lack_key_of(token))
        {
            return Err(TokenError::KeysAway);
        }
        checked
    }

    /// The tenant's own keys go first, since theirs can do less.
    fn check_by_known(
        &self,
        token: &Unverified<'_>,
        tenant: &TenantId,
    ) -> Result<bool, TokenError> {
        let by_tenant = match self.of_tenant.get(tenant) {
            Some(authority) => authority.check(token),
            None => Err(TokenError::Signature),
        };
        let Err(by_tenant) = by_tenant else {
            return Ok(false);
        };
        match self.operator.check(token) {
            Ok(()) => Ok(true),
            // Who made the token knows best what is wrong with it.
            Err(TokenError::Signature) => Err(by_tenant),
            Err(by_operator) if by_tenant == TokenError::Signature => Err(by_operator),
            Err(_) => Err(by_tenant),
        }
    }

    fn check_visitors(&self, token: &Unverified<'_>) -> Result<(), TokenError> {
        match &self.visitors {
            Some(visitors) => match visitors.authority.check(token) {
                Err(TokenError::Signature) => Err(TokenError::NotOurVisitor),
                checked => checked,
            },
            None => Err(TokenError::NotOurVisitor),
        }
    }
}

/// The API keys of the configuration, by their ids.
fn configured_keys(settings: &Settings) -> HashMap<KeyId, Arc<ApiKey>> {
    let tenants = settings.tenants.iter();
    let keys = tenants.flat_map(|tenant| {
        tenant.api_keys.iter().map(|card| ApiKey {
            tenant: tenant.id.clone(),
            created_ms: 0,
            card: card.clone(),
        })
    });
    keys.map(|key| (key.card.id.clone(), Arc::new(key)))
        .collect()
}
