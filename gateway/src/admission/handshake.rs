//! The way from a request to a WebSocket.

use axum::body::Body;
use causerie_shared::protocol::SUBPROTOCOL;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::refusal::Refusal;
use super::{Admission, Asked, credentials, events};
use crate::connection::Admitted;

/// A request that may become a WebSocket, with all checks behind it. It is
/// consumed by [`accept`](Self::accept), so that nobody becomes one who was
/// not let in.
#[must_use]
pub(crate) struct Handshake {
    /// Who was let in.
    pub(crate) admitted: Admitted,
    accept: HeaderValue,
    subprotocol: bool,
    upgrade: OnUpgrade,
}

/// What a WebSocket's client sends in its headers.
struct Offer {
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// Checks `request`, in the protocol's order.
    ///
    /// # Errors
    /// The [`Refusal`]; 426 where nothing is wrong but that `request` asks for
    /// no WebSocket.
    pub(crate) async fn begin(request: &mut Parts, door: &Admission) -> Result<Self, Refusal> {
        let handshake = Self::try_begin(request, door).await;
        if let Err(refusal) = &handshake {
            events::refused(refusal);
        }
        handshake
    }

    async fn try_begin(request: &mut Parts, door: &Admission) -> Result<Self, Refusal> {
        let offer = Offer::read(request)?;
        let asked = Asked::read(request)?;
        let admitted = door.admit(&asked).await?;
        let Some(Offer { accept, upgrade }) = offer else {
            return Err(Refusal::upgrade_required());
        };
        Ok(Self {
            admitted,
            accept,
            subprotocol: credentials::offered(&request.headers).any(|entry| entry == SUBPROTOCOL),
            upgrade,
        })
    }

    /// The answer that makes it a WebSocket, what will be one, and who was let
    /// in.
    pub(crate) fn accept(self) -> (Response<Body>, OnUpgrade, Admitted) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        if self.subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        }
        (response, self.upgrade, self.admitted)
    }
}

impl Offer {
    /// `None` where no WebSocket of our version is asked for.
    fn read(request: &mut Parts) -> Result<Option<Self>, Refusal> {
        let headers = &request.headers;
        let is_asked_for = has(headers, CONNECTION.as_str(), "upgrade")
            && has(headers, UPGRADE.as_str(), "websocket");
        if !is_asked_for || !has(headers, SEC_WEBSOCKET_VERSION.as_str(), "13") {
            return Ok(None);
        }
        let accept = headers
            .get(SEC_WEBSOCKET_KEY)
            // 16 bytes in base64.
            .filter(|key| key.len() == 24)
            .map(|key| derive_accept_key(key.as_bytes()))
            .and_then(|accept| HeaderValue::try_from(accept).ok())
            .ok_or_else(|| Refusal::bad_request("The header `Sec-WebSocket-Key` is bad."))?;
        Ok(request
            .extensions
            .remove::<OnUpgrade>()
            .map(|upgrade| Self { accept, upgrade }))
    }
}

/// Whether the header `name`, a list, holds `wanted`.
fn has(headers: &HeaderMap, name: &str, wanted: &str) -> bool {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|entry| entry.trim().eq_ignore_ascii_case(wanted))
}
