//! A WebSocket that never panics: a fault is what it is for.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, error::UrlError};
use tokio_tungstenite::{WebSocketStream, client_async};

/// What the system takes in for a client that does not read, in bytes: little,
/// so that others notice.
const BUFFER: u32 = 4 << 10;

/// The longest time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// An open connection.
#[derive(Debug)]
pub(super) struct Socket(WebSocketStream<TcpStream>);

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct Gone {
    /// The close code; none where the socket just ended.
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

/// Why nobody was let in.
#[derive(Debug)]
pub(super) struct NotLetIn {
    /// The HTTP status; none where nothing was answered.
    pub(super) status: Option<u16>,
    pub(super) reason: String,
}

/// What came.
#[derive(Debug)]
pub(super) enum Heard {
    Frame(Value),
    /// A ping or a pong.
    Nothing,
    End(Gone),
}

impl Socket {
    /// Connects, or says why not: refusals come with their status.
    pub(super) async fn open(url: &str) -> Result<Self, NotLetIn> {
        match timeout(HANDSHAKE, connect(url)).await {
            Ok(Ok(socket)) => Ok(Self(socket)),
            Ok(Err(Error::Http(response))) => Err(NotLetIn {
                status: Some(response.status().as_u16()),
                reason: said_in(response.body().as_deref()),
            }),
            Ok(Err(error)) => Err(NotLetIn {
                status: None,
                reason: error.to_string(),
            }),
            Err(_) => Err(NotLetIn {
                status: None,
                reason: "no handshake in time".to_owned(),
            }),
        }
    }

    /// Sends a frame; whether the peer took it within `patience`.
    pub(super) async fn send(&mut self, frame: Value, patience: Duration) -> bool {
        let sent = timeout(patience, self.0.send(Message::text(frame.to_string()))).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Waits for what comes next.
    pub(super) async fn next(&mut self) -> Heard {
        let end = |code, reason: &str| {
            let reason = reason.to_owned();
            Heard::End(Gone { code, reason })
        };
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(frame) => Heard::Frame(frame),
                Err(_) => end(None, "the server sent what is no JSON"),
            },
            Some(Ok(Message::Close(Some(frame)))) => end(Some(frame.code.into()), &frame.reason),
            Some(Ok(Message::Close(None))) => end(Some(1005), ""),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Heard::Nothing,
            Some(Ok(Message::Binary(_))) => end(None, "the server sent binary data"),
            Some(Err(error)) => end(None, &error.to_string()),
            None => end(None, "the socket ended"),
        }
    }
}

/// The `content` of an error, or all that is there.
fn said_in(body: Option<&[u8]>) -> String {
    let body = body.unwrap_or_default();
    let error: Option<Value> = serde_json::from_slice(body).ok();
    let content = error.as_ref().and_then(|error| error["content"].as_str());
    content.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
}

async fn connect(url: &str) -> Result<WebSocketStream<TcpStream>, Error> {
    let request = url.into_client_request()?;
    let authority = request.uri().authority().ok_or(UrlError::NoHostName)?;
    let mut addresses = lookup_host(authority.to_string()).await?;
    let address = addresses.next().ok_or(UrlError::NoHostName)?;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_recv_buffer_size(BUFFER)?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    let (socket, _) = client_async(request, stream).await?;
    Ok(socket)
}
