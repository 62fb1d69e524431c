//! Who may make tokens: a set of keys and what their tokens must say.

use std::sync::Arc;

use causerie_shared::config::{Jwt, JwtAlgorithm};
use jsonwebtoken::Algorithm;
use secrecy::ExposeSecret;

use super::claims::Claims;
use super::error::TokenError;
use super::key::Key;
use super::key_set::{KeySet, KeySetPace, KeySets};

/// Why keys cannot be used as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {value}: {why}")]
pub struct BadKeys {
    key: String,
    value: String,
    why: String,
}

/// A token taken apart, not yet believed.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) claims: Claims,
    message: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    pub(super) fn read(token: &'a str) -> Result<Self, TokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let parts =
            jsonwebtoken::dangerous::insecure_decode(token).map_err(|_| TokenError::Malformed)?;
        // RFC 7515: what is critical must be understood, and we know of nothing.
        if parts.header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        Ok(Self {
            algorithm: parts.header.alg,
            kid: parts.header.kid,
            claims: Claims(parts.claims),
            message,
            signature,
        })
    }
}

/// One who may make tokens.
#[derive(Debug)]
pub(super) struct Authority {
    keys: Vec<Key>,
    key_set: Option<Arc<KeySet>>,
    algorithms: Vec<Algorithm>,
    issuer: Option<String>,
    audience: Option<String>,
}

impl Authority {
    /// Reads the keys of `settings`, which stand under `section` in the
    /// configuration.
    pub(super) fn new(
        settings: &Jwt,
        section: &str,
        key_sets: &mut KeySets,
        pace: KeySetPace,
    ) -> Result<Self, BadKeys> {
        let mut keys = Vec::new();
        if let Some(secret) = &settings.jwt_secret {
            keys.push(Key::from_secret(secret.expose_secret()));
        }
        if let Some(path) = &settings.jwt_public_key_file {
            let bad = |why: String| BadKeys {
                key: format!("{section}.jwt_public_key_file"),
                value: path.display().to_string(),
                why,
            };
            let pem = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
            keys.push(Key::from_pem(&pem).map_err(|error| bad(error.to_string()))?);
        }
        let key_set = settings
            .jwks_url
            .as_ref()
            .map(|url| {
                key_sets.open(url, pace).map_err(|error| BadKeys {
                    key: format!("{section}.jwks_url"),
                    value: format!("{url:?}"),
                    why: error.to_string(),
                })
            })
            .transpose()?;
        let algorithms = settings.jwt_algorithms.iter().map(|named| match named {
            JwtAlgorithm::Hs256 => Algorithm::HS256,
            JwtAlgorithm::Rs256 => Algorithm::RS256,
            JwtAlgorithm::Es256 => Algorithm::ES256,
            JwtAlgorithm::EdDsa => Algorithm::EdDSA,
        });
        Ok(Self {
            keys,
            key_set,
            algorithms: algorithms.collect(),
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
        })
    }

    /// One whose only key is `secret`.
    pub(super) fn of_secret(secret: &str) -> Self {
        Self {
            keys: vec![Key::from_secret(secret)],
            key_set: None,
            algorithms: vec![Algorithm::HS256],
            issuer: None,
            audience: None,
        }
    }

    /// Whether `token` was made by this authority for us, by the keys that are
    /// known of it.
    pub(super) fn check(&self, token: &Unverified<'_>) -> Result<(), TokenError> {
        if !self.algorithms.contains(&token.algorithm) {
            return Err(TokenError::Algorithm(token.algorithm));
        }
        if !self.has_signed(token) {
            return Err(TokenError::Signature);
        }
        token
            .claims
            .check_maker(self.issuer.as_deref(), self.audience.as_deref())
    }

    /// Fetches the published keys anew if `token` names one that is not among
    /// them, as a token under a new key does. Whether they have changed.
    pub(super) async fn learn(&self, token: &Unverified<'_>) -> bool {
        match (&self.key_set, token.kid.as_deref()) {
            (Some(key_set), Some(kid)) if self.algorithms.contains(&token.algorithm) => {
                key_set.fetch_unknown(kid).await
            }
            (Some(_) | None, _) => false,
        }
    }

    /// Whether the key of `token` may have been published without our knowing: no key that is
    /// known has its name, and the key set could not be fetched.
    pub(super) fn may_lack_key_of(&self, token: &Unverified<'_>) -> bool {
        // A secret is published nowhere.
        let is_published = token.algorithm != Algorithm::HS256;
        let is_taken = is_published && self.algorithms.contains(&token.algorithm);
        let behind = self.key_set.as_ref().filter(|set| set.is_behind());
        behind.filter(|_| is_taken).is_some_and(|set| {
            let fits = |key: &Key| key.may_fit(token.algorithm, token.kid.as_deref());
            !set.keys().iter().any(fits)
        })
    }

    fn has_signed(&self, token: &Unverified<'_>) -> bool {
        let verified_by = |keys: &[Key]| {
            keys.iter()
                .filter(|key| key.may_fit(token.algorithm, token.kid.as_deref()))
                .any(|key| key.verifies(token.message, token.signature))
        };
        let published = self.key_set.as_ref();
        verified_by(&self.keys) || published.is_some_and(|set| verified_by(&set.keys()))
    }
}
