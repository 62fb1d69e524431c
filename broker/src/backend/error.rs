//! What can go wrong in a model call.

use std::fmt;
use std::time::Duration;

/// A failed model call.
///
/// [`Display`](fmt::Display) is one sentence for the person who asked. Neither it nor `detail`
/// holds anything the provider said in its own words, since providers repeat keys and prompts in
/// their messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct BackendError {
    /// What happened.
    pub kind: ErrorKind,
    /// The backend that failed, by its name in configuration.
    pub backend: &'static str,
    /// For the operator's log: a status, an error code, a cause. Empty where there is none.
    pub detail: String,
}

/// What happened to a model call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The provider refuses the key: 401, 403.
    Unauthorized,
    /// The provider limits the rate: 429.
    RateLimited {
        /// How long to wait, where the provider tells.
        retry_after: Option<Duration>,
    },
    /// The provider is overloaded or broken: 500 to 599, or an error in the stream that says so.
    Overloaded {
        /// How long to wait, where the provider tells.
        retry_after: Option<Duration>,
    },
    /// The provider refuses this request: any other status, unknown model, prompt too long.
    BadRequest,
    /// No connection to the provider could be made, or its breaker is open.
    Unavailable,
    /// Nothing was said within the first-token time-out.
    FirstTokenTimeout,
    /// The reply was not complete within the total time-out.
    Timeout,
    /// The reply stopped coming in, and did not end.
    Stalled,
    /// The stream ended before the reply did.
    BrokeOff,
    /// The answer is not what the provider's protocol allows.
    Malformed,
}

impl ErrorKind {
    /// The kind's name in metrics and log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded { .. } => "overloaded",
            Self::BadRequest => "bad_request",
            Self::Unavailable => "unavailable",
            Self::FirstTokenTimeout => "first_token_timeout",
            Self::Timeout => "timeout",
            Self::Stalled => "stalled",
            Self::BrokeOff => "broke_off",
            Self::Malformed => "malformed",
        }
    }

    /// Whether the same request to the same backend may succeed a little later.
    pub fn retryable(self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Unavailable
            | Self::FirstTokenTimeout
            | Self::Stalled
            | Self::BrokeOff
            | Self::Malformed => true,
            Self::Unauthorized | Self::BadRequest | Self::Timeout => false,
        }
    }

    /// Whether it speaks against the backend, rather than against this request or its sender.
    pub(crate) fn is_backends_fault(self) -> bool {
        match self {
            Self::Unauthorized
            | Self::Overloaded { .. }
            | Self::Unavailable
            | Self::FirstTokenTimeout
            | Self::Stalled
            | Self::BrokeOff
            | Self::Malformed => true,
            Self::RateLimited { .. } | Self::BadRequest | Self::Timeout => false,
        }
    }

    /// How long the provider asks to wait.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Overloaded { retry_after } => retry_after,
            Self::Unauthorized
            | Self::BadRequest
            | Self::Unavailable
            | Self::FirstTokenTimeout
            | Self::Timeout
            | Self::Stalled
            | Self::BrokeOff
            | Self::Malformed => None,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Unauthorized => "refuses its API key",
            Self::RateLimited { .. } => "is asked too often; try again a little later",
            Self::Overloaded { .. } => "is overloaded; try again a little later",
            Self::BadRequest => "does not accept this request",
            Self::Unavailable => "cannot be reached; try again a little later",
            Self::FirstTokenTimeout => "did not begin to answer in time; try again",
            Self::Timeout => "did not finish its answer in time; try again",
            Self::Stalled => "stopped in the middle of its answer; try again",
            Self::BrokeOff => "broke off its answer; try again",
            Self::Malformed => "answered with something that is not a reply; try again",
        }
    }
}

impl BackendError {
    /// An error of `backend`.
    pub(crate) fn new(kind: ErrorKind, backend: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            backend,
            detail: detail.into(),
        }
    }

    /// Whether the same request to the same backend may succeed a little later.
    pub fn retryable(&self) -> bool {
        self.kind.retryable()
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The AI backend {} {}.",
            self.backend,
            self.kind.sentence()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_sentence() {
        let error = BackendError::new(ErrorKind::BrokeOff, "openai", "connection reset");
        assert_eq!(
            error.to_string(),
            "The AI backend openai broke off its answer; try again."
        );
    }
}
