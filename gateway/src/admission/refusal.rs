//! How a request is refused.

use axum::response::{IntoResponse, Response};
use causerie_shared::protocol::action::ClientId;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::frame;
use http::header::{
    CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderValue, StatusCode};

use crate::auth::TokenError;
use crate::events;

/// A request that is not carried out: a status, and the error object as body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    /// The client's own id of what it asked, where there is one.
    id: Option<ClientId>,
    error: ProtocolError,
    /// A word for logs and metrics.
    reason: &'static str,
}

/// Why a request was refused, for those who log its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason(pub(crate) &'static str);

impl Refusal {
    /// A refusal whose status says more than the error's own.
    pub fn with_status(status: StatusCode, error: ProtocolError) -> Self {
        Self {
            status,
            id: None,
            reason: error.code.name(),
            error,
        }
    }

    /// 400.
    pub fn bad_request(content: impl Into<String>) -> Self {
        ProtocolError::new(ErrorCode::InvalidMessage, content).into()
    }

    /// 403.
    pub fn forbidden(content: impl Into<String>) -> Self {
        ProtocolError::new(ErrorCode::Forbidden, content).into()
    }

    /// 404.
    pub fn not_found(content: impl Into<String>) -> Self {
        ProtocolError::new(ErrorCode::NotFound, content).into()
    }

    /// 405; the router adds `Allow`.
    pub fn method() -> Self {
        let content = "This path takes other methods: see the header `Allow`.";
        let error = ProtocolError::new(ErrorCode::InvalidMessage, content);
        Self::with_status(StatusCode::METHOD_NOT_ALLOWED, error)
    }

    /// 426: nothing is wrong but that no WebSocket is asked for.
    pub fn upgrade_required() -> Self {
        let content = "This URL is for WebSockets: open one here, you would be let in.";
        let error = ProtocolError::new(ErrorCode::InvalidMessage, content);
        Self::with_status(StatusCode::UPGRADE_REQUIRED, error)
    }

    /// The same, as the answer to the frame or message `id`.
    #[must_use]
    pub fn to(mut self, id: Option<ClientId>) -> Self {
        self.id = id;
        self
    }

    /// The same, with a word for logs and metrics that says more than the
    /// error's code.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.reason = reason;
        self
    }

    /// A word for logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        self.reason
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        Self::with_status(error.code.status(), error)
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let reason = error.reason();
        Self::from(ProtocolError::from(error)).because(reason)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        events::refused(self.error.code);
        let body = frame::error(self.id.as_ref(), &self.error);
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(Reason(self.reason));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(ms) = self.error.retry_after_ms {
            headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }
}
