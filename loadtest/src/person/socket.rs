//! A WebSocket that never panics: a fault is what it is for.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{ProtocolError, UrlError};
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;
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
    /// How long to stay away, where that is told.
    pub(super) retry_after: Option<Duration>,
    /// What was answered nobody can read.
    pub(super) is_unreadable: bool,
}

/// What came.
#[derive(Debug)]
pub(super) enum Heard {
    Frame(Value),
    /// A ping or a pong.
    Nothing,
    /// What nobody can read, and why.
    Unreadable(String),
    End(Gone),
}

impl Socket {
    /// Connects, or says why not: refusals come with their status.
    pub(super) async fn open(url: &str) -> Result<Self, NotLetIn> {
        match timeout(HANDSHAKE, connect(url)).await {
            Ok(Ok(socket)) => Ok(Self(socket)),
            Ok(Err(Error::Http(response))) => Err(NotLetIn {
                status: Some(response.status().as_u16()),
                retry_after: retry_after(response.headers()),
                reason: said_in(response.body().as_deref()),
                is_unreadable: false,
            }),
            Ok(Err(error)) => Err(NotLetIn {
                status: None,
                retry_after: None,
                reason: error.to_string(),
                is_unreadable: is_unreadable(&error),
            }),
            Err(_) => Err(NotLetIn {
                status: None,
                retry_after: None,
                reason: "no handshake in time".to_owned(),
                is_unreadable: false,
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
                Err(error) => Heard::Unreadable(format!("no JSON: {error}: {text}")),
            },
            Some(Ok(Message::Close(Some(frame)))) => end(Some(frame.code.into()), &frame.reason),
            Some(Ok(Message::Close(None))) => end(Some(1005), ""),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Heard::Nothing,
            Some(Ok(Message::Binary(_))) => Heard::Unreadable("binary data".to_owned()),
            Some(Err(error)) if is_unreadable(&error) => Heard::Unreadable(error.to_string()),
            Some(Err(error)) => end(None, &error.to_string()),
            None => end(None, "the socket ended"),
        }
    }
}

/// Whether the server wrote what breaks the standard: a socket that just ends does
/// not.
fn is_unreadable(error: &Error) -> bool {
    let breaks_off = |error: &ProtocolError| {
        matches!(
            error,
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete
        )
    };
    matches!(error, Error::Protocol(error) if !breaks_off(error))
        || matches!(
            error,
            Error::Utf8(_) | Error::Capacity(_) | Error::AttackAttempt
        )
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_async;

    use super::*;

    /// What is heard of a server that lets people in, writes this, and is gone.
    async fn heard_of(written: &[u8]) -> Heard {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws", listener.local_addr().unwrap());
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            socket.get_mut().write_all(written).await.unwrap();
        };
        let client = async { Socket::open(&url).await.unwrap().next().await };
        tokio::join!(server, client).1
    }

    #[tokio::test]
    async fn what_nobody_can_read_is_no_mere_end() {
        let no_json = b"\x81\x01{";
        let no_text = b"\x81\x01\xFF";
        let binary = b"\x82\x01{";
        let unknown = b"\x83\x00";
        for written in [&no_json[..], no_text, binary, unknown] {
            let heard = heard_of(written).await;
            assert!(matches!(heard, Heard::Unreadable(_)), "{heard:?}");
        }
        let heard = heard_of(b"\x81\x02{}").await;
        assert!(matches!(heard, Heard::Frame(_)), "{heard:?}");
        // It is gone within a frame, between two, or with a word.
        for (written, expected) in [
            (&b"\x81\x02{"[..], None),
            (b"", None),
            (b"\x88\x02\x03\xF4", Some(1012)),
        ] {
            let heard = heard_of(written).await;
            let is_so = matches!(&heard, Heard::End(Gone { code, .. }) if *code == expected);
            assert!(is_so, "{heard:?}");
        }
    }

    /// What becomes of a handshake that is answered so.
    async fn answered(answer: &str) -> NotLetIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws", listener.local_addr().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            // All that is asked is read, so that nothing is reset.
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
        };
        tokio::join!(server, Socket::open(&url)).1.unwrap_err()
    }

    #[tokio::test]
    async fn an_answer_that_nobody_can_read_lets_nobody_in() {
        assert!(!answered("HTTP/1.1 200").await.is_unreadable);
        assert!(answered("I am no server\r\n\r\n").await.is_unreadable);
    }

    #[tokio::test]
    async fn a_refusal_says_when_to_come_back() {
        let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n";
        let refused = answered(&format!("{head}retry-after: 3\r\n\r\n")).await;
        assert_eq!(refused.status, Some(503));
        assert_eq!(refused.retry_after, Some(Duration::from_secs(3)));
        let refused = answered(&format!("{head}\r\n")).await;
        assert_eq!(refused.retry_after, None);
    }
}
