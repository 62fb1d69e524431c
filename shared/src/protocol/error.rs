//! Errors that never close a healthy connection.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What went wrong, as a word that a program can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON.
    InvalidJson,
    /// JSON, but not a frame of the protocol.
    InvalidMessage,
    /// No such action.
    UnknownAction,
    /// No token, or a bad one.
    Unauthorized,
    /// Not allowed to this caller.
    Forbidden,
    /// No such thing, or none that the caller may know of.
    NotFound,
    /// Refused because of what is going on, `if_busy: reject` for one.
    Conflict,
    /// A field over its limit.
    MessageTooLarge,
    /// Too often.
    RateLimited,
    /// The tenant's budget is spent.
    BudgetExceeded,
    /// A fault of the server.
    Internal,
    /// The AI backend failed.
    AiUnavailable,
    /// Too much to do: nothing was stored.
    Overloaded,
    /// The AI backend took too long.
    AiTimeout,
}

impl ErrorCode {
    /// The word that travels as `code`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::InvalidMessage => "invalid_message",
            Self::UnknownAction => "unknown_action",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::MessageTooLarge => "message_too_large",
            Self::RateLimited => "rate_limited",
            Self::BudgetExceeded => "budget_exceeded",
            Self::Internal => "internal",
            Self::AiUnavailable => "ai_unavailable",
            Self::Overloaded => "overloaded",
            Self::AiTimeout => "ai_timeout",
        }
    }

    /// The status that stands for it over HTTP.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidJson | Self::InvalidMessage | Self::UnknownAction => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::MessageTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited | Self::BudgetExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::AiUnavailable => StatusCode::BAD_GATEWAY,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::AiTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Where the fault lies, as metrics name it.
    pub const fn category(self) -> &'static str {
        match self {
            Self::InvalidJson
            | Self::InvalidMessage
            | Self::UnknownAction
            | Self::NotFound
            | Self::Conflict
            | Self::MessageTooLarge => "request",
            Self::Unauthorized | Self::Forbidden => "access",
            Self::RateLimited | Self::BudgetExceeded => "limit",
            Self::AiUnavailable | Self::AiTimeout => "ai_backend",
            Self::Internal | Self::Overloaded => "server",
        }
    }

    /// How much it is an operator's business, by the words of alerts.
    pub const fn severity(self) -> &'static str {
        match self {
            Self::InvalidJson
            | Self::InvalidMessage
            | Self::UnknownAction
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::Conflict
            | Self::MessageTooLarge
            | Self::RateLimited
            | Self::BudgetExceeded => "informational",
            Self::AiUnavailable | Self::Overloaded | Self::AiTimeout => "warning",
            Self::Internal => "critical",
        }
    }

    /// Whether the same request may succeed later without being changed.
    pub const fn can_retry(self) -> bool {
        match self {
            Self::InvalidJson
            | Self::InvalidMessage
            | Self::UnknownAction
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::MessageTooLarge
            | Self::BudgetExceeded => false,
            Self::Conflict
            | Self::RateLimited
            | Self::Internal
            | Self::AiUnavailable
            | Self::Overloaded
            | Self::AiTimeout => true,
        }
    }
}

/// What a limit is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One connection.
    Connection,
    /// One address.
    Ip,
    /// One user.
    User,
    /// One tenant.
    Tenant,
    /// One node of the cluster.
    Node,
}

/// An error as a client sees it, in a frame or as the body of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, TS, thiserror::Error)]
#[error("{content}")]
pub struct ProtocolError {
    /// What went wrong.
    pub code: ErrorCode,
    /// One sentence that tells a person what to do. It never holds a secret,
    /// a stack or another tenant's data.
    pub content: String,
    /// Whether the same request may succeed later.
    #[serde(rename = "canRetry")]
    pub can_retry: bool,
    /// How long to wait before trying again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retry_after_ms: Option<u64>,
    /// What the limit that was met is counted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub scope: Option<Scope>,
    /// The limit that was met.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub limit: Option<u64>,
    /// Whether the server closes the connection next.
    pub fatal: bool,
}

impl ProtocolError {
    /// An error with the code's own advice on trying again.
    pub fn new(code: ErrorCode, content: impl Into<String>) -> Self {
        Self {
            code,
            content: content.into(),
            can_retry: code.can_retry(),
            retry_after_ms: None,
            scope: None,
            limit: None,
            fatal: false,
        }
    }

    /// Names the limit that was met.
    #[must_use]
    pub fn with_limit(mut self, scope: Scope, limit: u64) -> Self {
        self.scope = Some(scope);
        self.limit = Some(limit);
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// Says that the server closes next.
    #[must_use]
    pub fn fatal(mut self) -> Self {
        self.fatal = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_named_as_it_travels() {
        for code in [ErrorCode::InvalidJson, ErrorCode::AiTimeout] {
            assert_eq!(serde_json::json!(code), code.name());
        }
    }

    /// So that one may alert on either, whichever transport is used.
    #[test]
    fn what_is_severe_is_a_fault_of_the_server_over_http() {
        for (code, category, severity) in [
            (ErrorCode::InvalidMessage, "request", "informational"),
            (ErrorCode::Forbidden, "access", "informational"),
            (ErrorCode::RateLimited, "limit", "informational"),
            (ErrorCode::AiTimeout, "ai_backend", "warning"),
            (ErrorCode::Overloaded, "server", "warning"),
            (ErrorCode::Internal, "server", "critical"),
        ] {
            assert_eq!((code.category(), code.severity()), (category, severity));
            let is_severe = severity != "informational";
            assert_eq!(code.status().is_server_error(), is_severe, "{code:?}");
        }
    }
}
