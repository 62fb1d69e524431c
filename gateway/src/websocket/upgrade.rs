//! From an HTTP request to a WebSocket.

use std::sync::Arc;

use axum::body::Body;
use causerie_shared::protocol::SUBPROTOCOL;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::frame;
use http::header::{
    CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::session;
use crate::connection::{Admitted, Transport};
use crate::gateway::Gateway;

/// What a socket reads at once. It is resident for each connection, and a
/// larger frame merely takes more reads.
const READ_BUFFER: usize = 2 << 10;

/// What is gathered before it is written.
const WRITE_BUFFER: usize = 16 << 10;

/// The longest `Sec-WebSocket-Key`: 16 bytes in base64.
const KEY_LEN: usize = 24;

/// A request to speak WebSocket, checked.
#[derive(Debug)]
pub struct Handshake {
    accept: HeaderValue,
    offers_subprotocol: bool,
}

impl Handshake {
    /// Reads the request's headers.
    ///
    /// # Errors
    /// The answer, 426, where it is no request to speak WebSocket. It is the
    /// last of all checks, so it also says: you would have been let in.
    pub fn read<B>(request: &Request<B>) -> Result<Self, Box<Response<Body>>> {
        let headers = request.headers();
        let is_upgrade = *request.method() == Method::GET
            && lists(headers, &CONNECTION, "upgrade")
            && lists(headers, &UPGRADE, "websocket")
            && lists(headers, &SEC_WEBSOCKET_VERSION, "13");
        let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
        let accept = key
            .filter(|key| is_upgrade && key.len() == KEY_LEN)
            .and_then(|key| HeaderValue::from_str(&derive_accept_key(key)).ok());
        match accept {
            Some(accept) => Ok(Self {
                accept,
                offers_subprotocol: lists(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL),
            }),
            None => Err(Box::new(upgrade_required())),
        }
    }

    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        if self.offers_subprotocol {
            let chosen = HeaderValue::from_static(SUBPROTOCOL);
            headers.insert(SEC_WEBSOCKET_PROTOCOL, chosen);
        }
        response
    }
}

/// Answers a checked request with 101 and serves the socket from then on.
pub fn upgrade<B>(
    gateway: &Arc<Gateway>,
    admitted: Admitted,
    handshake: &Handshake,
    request: Request<B>,
) -> Response<Body> {
    let gateway = Arc::clone(gateway);
    let max_bytes = gateway.settings().max_message_bytes;
    let upgraded = hyper::upgrade::on(request);
    tokio::spawn(async move {
        // An error means that the peer went away in the middle.
        let Ok(upgraded) = upgraded.await else {
            return;
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(max_bytes))
            .max_frame_size(Some(max_bytes));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        let connected = gateway.connect(admitted, Transport::WebSocket);
        session::run(connected, socket).await;
    });
    handshake.response()
}

/// Whether a comma-separated header lists `token`, in whatever case.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut listed = texts.flat_map(|text| text.split(','));
    listed.any(|item| item.trim().eq_ignore_ascii_case(token))
}

fn upgrade_required() -> Response<Body> {
    let content = "This URL is for WebSockets: open one here, you would be let in.";
    let error = ProtocolError::new(ErrorCode::InvalidMessage, content);
    let mut response = Response::new(Body::from(frame::error(None, &error)));
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(changed: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request = Request::new(());
        for (name, value) in [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        .iter()
        .chain(changed)
        {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(*name, value);
        }
        request
    }

    #[test]
    fn answers_as_the_standard_says() {
        let response = Handshake::read(&request(&[])).unwrap().response();
        let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT).unwrap();
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
    }

    #[test]
    fn selects_its_subprotocol_among_others() {
        let offered = request(&[("sec-websocket-protocol", "bearer.abc, picasso-chat-v1")]);
        let response = Handshake::read(&offered).unwrap().response();
        assert_eq!(
            response.headers().get(SEC_WEBSOCKET_PROTOCOL).unwrap(),
            SUBPROTOCOL
        );
    }

    #[test]
    fn asks_for_an_upgrade_where_none_was_requested() {
        for (name, value) in [
            ("connection", "keep-alive"),
            ("upgrade", "h2c"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", "short"),
        ] {
            let response = Handshake::read(&request(&[(name, value)])).unwrap_err();
            assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED, "{name}");
        }
    }
}
