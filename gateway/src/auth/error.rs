//! Why a token or an API key is refused.

use std::time::Duration;

use causerie_shared::ids::InvalidId;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use jsonwebtoken::Algorithm;

use crate::identity::Identity;

/// When one asks again whose token could not be checked: a set is fetched for a token every
/// five seconds at the most.
const RETRY_WITHOUT_KEYS_MS: u64 = 5_000;

/// Why a token is refused: each a sentence that says what to do, and none of
/// them tells whether a tenant or a key exists to one who has no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error(
        "A token is needed: send it as `Authorization: Bearer`, as `token` in the query, \
         or as the subprotocol `bearer.<jwt>`."
    )]
    Missing,
    /// There is neither a token nor an API key, where servers ask.
    #[error(
        "An API key or a token is needed: send `Authorization: Bearer ck_…` or \
         `Authorization: Bearer <jwt>`."
    )]
    NoCredentials,
    /// It cannot be read.
    #[error("The token is not a JWT signed with HS256, RS256, ES256 or EdDSA.")]
    Malformed,
    /// Its algorithm is switched off, or none of ours.
    #[error("Tokens signed with {0:?} are not accepted here: use another algorithm.")]
    Algorithm(Algorithm),
    /// No key that may speak for the tenant made it.
    #[error("The token's signature fits no key that is known for its `tenant`.")]
    Signature,
    /// It is of a visitor by its `sub`, and was not made here.
    #[error(
        "The token's `sub` begins with `v~`, as only visitors' do, and the token was not made here: \
         choose another `sub`, or get a visitor's token anew."
    )]
    NotOurVisitor,
    /// Its key may be one that was published just now, and cannot be fetched.
    #[error("The keys that tokens are checked by cannot be had just now: try again in a moment.")]
    KeysAway,
    /// It holds longer than revocations are remembered: one day it would come back to life.
    #[error(
        "The token holds too long: from its `iat` to its `exp` it may be {} days at the most \
         (`auth.revocations_kept`). Get one that ends sooner.", .0.as_secs_f64() / 86_400.0
    )]
    HoldsTooLong(Duration),
    /// It has expired.
    #[error("The token has expired: get a new one.")]
    Expired,
    /// It was revoked, with all that this user had then. Else it is good: it is theirs.
    #[error("The token was revoked: log in again.")]
    Revoked(Box<Identity>),
    /// It holds only later, or was made only then, by this claim.
    #[error("The token is not valid yet: its `{0}` lies ahead.")]
    NotYet(&'static str),
    /// A claim that must be there is not.
    #[error("The token has no `{0}`.")]
    ClaimMissing(&'static str),
    /// A claim is of the wrong type.
    #[error("The token's `{0}` must be {1}.")]
    ClaimType(&'static str, &'static str),
    /// An id in a claim is outside the alphabet.
    #[error("The token's `{0}` is bad: {1}.")]
    ClaimId(&'static str, InvalidId),
    /// The tenant is not configured.
    #[error("The token's `tenant` is not known here.")]
    UnknownTenant,
    /// Another issuer's.
    #[error("The token's `iss` is not the issuer that is accepted here.")]
    Issuer,
    /// Made for somebody else.
    #[error("The token's `aud` does not name this service.")]
    Audience,
    /// The tenant takes no visitors any more.
    #[error("Visitors are not taken here: log in and send a token.")]
    NoVisitors,
    /// An API key, where a person is needed.
    #[error("An API key does not do here: send the token of a person.")]
    KeyElsewhere,
    /// It begins as an API key does, and is none.
    #[error(
        "The API key is not one that was made here: it is `ck_`, 12 characters of which the first \
         two are hex digits up to 7f, `_` and 64 more. Copy it anew."
    )]
    KeyMalformed,
    /// No API key can be verified.
    #[error("API keys are not accepted here.")]
    KeysOff,
    /// The API key was never made, or was revoked, or is another by now.
    #[error("The API key is not known here: it may have been revoked.")]
    KeyUnknown,
    /// The API key has expired.
    #[error("The API key has expired: get a new one.")]
    KeyExpired,
}

impl TokenError {
    /// A word for logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing | Self::NoCredentials => "no_token",
            Self::Malformed => "token_malformed",
            Self::Algorithm(_) => "token_algorithm",
            Self::Signature | Self::NotOurVisitor => "token_signature",
            Self::KeysAway => "keys_away",
            Self::HoldsTooLong(_) => "token_too_long",
            Self::Expired => "token_expired",
            Self::Revoked(_) => "token_revoked",
            Self::NotYet(_) => "token_not_yet",
            Self::ClaimMissing(_) | Self::ClaimType(..) | Self::ClaimId(..) => "token_claim",
            Self::UnknownTenant => "token_tenant",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::NoVisitors => "no_visitors",
            Self::KeyElsewhere => "key_elsewhere",
            Self::KeyMalformed => "key_malformed",
            Self::KeysOff => "keys_off",
            Self::KeyUnknown => "key_unknown",
            Self::KeyExpired => "key_expired",
        }
    }
}

impl From<TokenError> for ProtocolError {
    fn from(error: TokenError) -> Self {
        let content = error.to_string();
        if error == TokenError::KeysAway {
            // The token may be good: nobody is to throw it away.
            Self::new(ErrorCode::Overloaded, content).with_retry_after_ms(RETRY_WITHOUT_KEYS_MS)
        } else {
            Self::new(ErrorCode::Unauthorized, content)
        }
    }
}
