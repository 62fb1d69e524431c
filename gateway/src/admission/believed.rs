//! Whether one who comes is believed.

use super::noting::Known;
use super::refusal::Refusal;
use crate::auth::TokenError;
use crate::identity::Identity;

/// One whose token was believed, or who needs none.
pub(super) enum Believed {
    Bearer(Identity),
    Visitor,
}

impl Believed {
    pub(super) fn is_bearer(&self) -> bool {
        matches!(self, Self::Bearer(_))
    }
}

/// One who is not believed.
#[derive(Debug, Clone)]
pub(super) enum Disbelieved {
    /// Their token is no good.
    Bearer(TokenError),
    /// They have none, and are not taken without; with a word for logs and metrics.
    Visitor(&'static str),
    /// They have none, nor an API key, where servers ask.
    Nobody,
}

impl Disbelieved {
    /// What is believed of them all the same: a token that was revoked is its user's.
    pub(super) fn known(&self) -> Known<'_> {
        match self {
            Self::Bearer(TokenError::Revoked(identity)) => Known::User(identity),
            Self::Bearer(_) | Self::Visitor(_) | Self::Nobody => Known::Nobody,
        }
    }
}

impl From<TokenError> for Disbelieved {
    fn from(error: TokenError) -> Self {
        Self::Bearer(error)
    }
}

impl From<Disbelieved> for Refusal {
    fn from(disbelieved: Disbelieved) -> Self {
        match disbelieved {
            Disbelieved::Bearer(error) => error.into(),
            Disbelieved::Nobody => TokenError::NoCredentials.into(),
            Disbelieved::Visitor(reason) => Self::from(TokenError::Missing).because(reason),
        }
    }
}
