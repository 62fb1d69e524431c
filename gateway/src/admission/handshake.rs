//! The way from a request to a WebSocket.

use axum::body::Body;
use axum::response::Response;
use causerie_shared::protocol::SUBPROTOCOL;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::refusal::Refusal;
use super::{Admission, Asked, credentials};
use crate::connection::Admitted;

/// The length of a `Sec-WebSocket-Key`: 16 bytes in base64.
const KEY_LEN: usize = 24;

/// A request that becomes a WebSocket, with all checks behind it. It is
/// consumed by [`accept`](Self::accept), so that nobody becomes one who was
/// not let in.
#[must_use]
pub(crate) struct Handshake {
    admitted: Admitted,
    offer: Offer,
}

/// What a WebSocket's client sends in its headers.
struct Offer {
    accept: HeaderValue,
    names_subprotocol: bool,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// Checks `request`, in the protocol's order.
    ///
    /// # Errors
    /// The [`Refusal`]; 426 where nothing is wrong but that `request` asks for
    /// no WebSocket.
    pub(crate) async fn begin(request: &mut Parts, door: &Admission) -> Result<Self, Refusal> {
        let asked = Asked::read(request)?;
        let offer = Offer::read(request)?;
        let admitted = door.admit(&asked).await?;
        let offer = offer.ok_or_else(Refusal::upgrade_required)?;
        Ok(Self { admitted, offer })
    }

    /// The answer that makes it a WebSocket, what will be one, and who was let
    /// in.
    pub(crate) fn accept(self) -> (Response, OnUpgrade, Admitted) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.offer.accept);
        if self.offer.names_subprotocol {
            let chosen = HeaderValue::from_static(SUBPROTOCOL);
            headers.insert(SEC_WEBSOCKET_PROTOCOL, chosen);
        }
        (response, self.offer.upgrade, self.admitted)
    }
}

impl Offer {
    /// `None` where no WebSocket of our version is asked for.
    fn read(request: &mut Parts) -> Result<Option<Self>, Refusal> {
        let headers = &request.headers;
        let asks = lists(headers, &CONNECTION, "upgrade")
            && lists(headers, &UPGRADE, "websocket")
            && lists(headers, &SEC_WEBSOCKET_VERSION, "13");
        if !asks {
            return Ok(None);
        }
        let accept = headers
            .get(SEC_WEBSOCKET_KEY)
            .filter(|key| key.len() == KEY_LEN)
            .map(|key| derive_accept_key(key.as_bytes()))
            .and_then(|accept| HeaderValue::try_from(accept).ok())
            .ok_or_else(|| Refusal::bad_request("The header `Sec-WebSocket-Key` is bad."))?;
        let names_subprotocol = credentials::offered(headers).any(|entry| entry == SUBPROTOCOL);
        let upgrade = request.extensions.remove::<OnUpgrade>();
        Ok(upgrade.map(|upgrade| Self {
            accept,
            names_subprotocol,
            upgrade,
        }))
    }
}

/// Whether a comma-separated header lists `token`, in whatever case.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut listed = texts.flat_map(|text| text.split(','));
    listed.any(|item| item.trim().eq_ignore_ascii_case(token))
}
