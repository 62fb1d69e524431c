//! What is configured of keys and tenants.

use std::path::PathBuf;
use std::time::Duration;

use causerie_shared::ids::{TenantHash, TenantId};
use jsonwebtoken::Algorithm;
use secrecy::SecretString;
use url::Url;

/// Keys and tenants of an installation.
#[derive(Debug, Clone, Default)]
pub struct AuthSettings {
    /// The operator's keys: their tokens may name any tenant.
    pub operator: KeySettings,
    /// Signs visitors' tokens. Without it no tenant takes visitors.
    pub visitor_secret: Option<SecretString>,
    /// The tenants.
    pub tenants: Vec<TenantSettings>,
    /// How often key sets are fetched.
    pub pace: KeySetPace,
}

/// How often a published key set is fetched.
#[derive(Debug, Clone, Copy)]
pub struct KeySetPace {
    /// In any case.
    pub refresh: Duration,
    /// After the first fetch that failed; then after twice as long each time,
    /// up to `refresh`.
    pub first_retry: Duration,
    /// How long after a fetch no token can cause another by naming a key that
    /// is not in the set.
    pub min_interval: Duration,
}

impl Default for KeySetPace {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(300),
            first_retry: Duration::from_secs(1),
            min_interval: Duration::from_secs(5),
        }
    }
}

/// One customer.
#[derive(Debug, Clone)]
pub struct TenantSettings {
    /// Its name in tokens.
    pub id: TenantId,
    /// Its public name.
    pub hash: TenantHash,
    /// The origins of its pages, exactly as browsers send them.
    pub origins: Vec<String>,
    /// Whether it takes people without a token.
    pub visitors: bool,
    /// Keys whose tokens may name this tenant only.
    pub auth: KeySettings,
}

/// Keys that verify tokens.
#[derive(Debug, Clone, Default)]
pub struct KeySettings {
    /// Shared secret of HS256.
    pub jwt_secret: Option<SecretString>,
    /// PEM file with a public key: RSA, P-256 or Ed25519.
    pub jwt_public_key_file: Option<PathBuf>,
    /// Where a key set is fetched from.
    pub jwks_url: Option<Url>,
    /// Accepted algorithms; all four where it is empty.
    pub jwt_algorithms: Vec<Algorithm>,
    /// What `iss` must be.
    pub jwt_issuer: Option<String>,
    /// What `aud` must be, or hold.
    pub jwt_audience: Option<String>,
}
