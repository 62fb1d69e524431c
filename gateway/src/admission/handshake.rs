//! The way from a request to a WebSocket.

use axum::body::Body;
use axum::response::Response;
use base64::prelude::{BASE64_STANDARD, Engine};
use causerie_shared::protocol::SUBPROTOCOL;
use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::upgrade::OnUpgrade;
use sha1::{Digest, Sha1};

use super::refusal::Refusal;
use super::{Admission, Asked, credentials};
use crate::connection::Admitted;
use crate::limits::floods::Way;
use crate::websocket::Upgrade;
use crate::websocket::codec::negotiate;

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
    /// How messages are to be compressed, if they are.
    compression: Option<HeaderValue>,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// Checks `request`, in the protocol's order.
    ///
    /// # Errors
    /// The [`Refusal`]; 426 where nothing is wrong but that `request` asks for
    /// no WebSocket.
    pub(crate) async fn begin(request: &mut Parts, door: &Admission) -> Result<Self, Refusal> {
        let mut asked = Asked::read(request)?;
        asked.way = Way::WebSocket;
        let offer = Offer::read(request, door.takes_compressed())?;
        let admitted = door.admit(&asked).await?;
        let offer = offer.ok_or_else(Refusal::upgrade_required)?;
        Ok(Self { admitted, offer })
    }

    /// The answer that makes it a WebSocket, what will be one, and who was let
    /// in.
    pub(crate) fn accept(self) -> (Response, Upgrade, Admitted) {
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
        let is_deflated = self.offer.compression.is_some();
        if let Some(compression) = self.offer.compression {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, compression);
        }
        let upgrade = Upgrade {
            stream: self.offer.upgrade,
            is_deflated,
        };
        (response, upgrade, self.admitted)
    }
}

impl Offer {
    /// `None` where no WebSocket of our version is asked for.
    fn read(request: &mut Parts, takes_compressed: bool) -> Result<Option<Self>, Refusal> {
        let headers = &request.headers;
        // Routed as GET is, HEAD comes here too.
        let asks = request.method == Method::GET
            && lists(headers, &CONNECTION, "upgrade")
            && lists(headers, &UPGRADE, "websocket")
            && lists(headers, &SEC_WEBSOCKET_VERSION, "13");
        if !asks {
            return Ok(None);
        }
        if headers.get_all(HOST).into_iter().count() != 1 {
            return Err(Refusal::bad_request("The header `Host` is needed, once."));
        }
        let accept = headers
            .get(SEC_WEBSOCKET_KEY)
            .filter(|key| key.len() == KEY_LEN)
            .map(|key| accept_key(key.as_bytes()))
            .and_then(|accept| HeaderValue::try_from(accept).ok())
            .ok_or_else(|| Refusal::bad_request("The header `Sec-WebSocket-Key` is bad."))?;
        let names_subprotocol = credentials::offered(headers).any(|entry| entry == SUBPROTOCOL);
        let compression = takes_compressed.then(|| negotiate(headers)).flatten();
        let upgrade = request.extensions.remove::<OnUpgrade>();
        Ok(upgrade.map(|upgrade| Self {
            accept,
            names_subprotocol,
            compression,
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

/// What proves to a client that its `key` was read by a WebSocket server (RFC
/// 6455, 4.2.2).
fn accept_key(key: &[u8]) -> String {
    const WEBSOCKET: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let proof = Sha1::new().chain_update(key).chain_update(WEBSOCKET);
    BASE64_STANDARD.encode(proof.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_is_proven_as_there() {
        let proof = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(proof, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
