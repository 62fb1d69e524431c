//! How a connection over TLS begins, or why it does not.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{Error, PeerIncompatible, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::socket::{TlsSocket, TlsStream};

/// How long one who is turned away may take to read why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much of a handshake may have come and not be whole: a hello has some 2 KiB, and
/// certificates of clients some more. The protocol allows 64 KiB (RFC 8446, 4), and who
/// sends them without an end is many.
const MOST_BEGUN: usize = 16 << 10;

/// What those are told who speak HTTP without TLS.
const PLAIN_HTTP: &str = "HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 50\r\n\
    connection: close\r\n\r\n\
    This port takes TLS only: use https:// or wss://.\n";

/// Why a connection did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The client took too long.
    TimedOut,
    /// The client went away.
    Gone,
    /// The client speaks HTTP without TLS.
    PlainHttp,
    /// What the client sends is no TLS.
    NotTls,
    /// The client takes none of the versions that are taken here.
    Version,
    /// Client and server have nothing else in common: ciphers, protocols.
    NothingInCommon,
    /// The client has no certificate, and must.
    NoCertificate,
    /// The client's certificate is not one of ours, or holds no more.
    BadCertificate,
    /// The client would not have our certificate, or something else of us.
    Refused,
    /// Something else.
    Other,
}

impl Failure {
    pub(super) const ALL: [Self; 10] = [
        Self::TimedOut,
        Self::Gone,
        Self::PlainHttp,
        Self::NotTls,
        Self::Version,
        Self::NothingInCommon,
        Self::NoCertificate,
        Self::BadCertificate,
        Self::Refused,
        Self::Other,
    ];

    /// Its name in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::Gone => "gone",
            Self::PlainHttp => "plain_http",
            Self::NotTls => "not_tls",
            Self::Version => "version",
            Self::NothingInCommon => "nothing_in_common",
            Self::NoCertificate => "no_certificate",
            Self::BadCertificate => "bad_certificate",
            Self::Refused => "refused",
            Self::Other => "other",
        }
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "not exhaustive by its authors' will"
    )]
    fn of(error: &Error) -> Self {
        match error {
            Error::InvalidMessage(_) => Self::NotTls,
            Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::SupportedVersionsExtensionRequired,
            ) => Self::Version,
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Self::NothingInCommon,
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::InvalidCertificate(_) => Self::BadCertificate,
            Error::AlertReceived(_) => Self::Refused,
            _ => Self::Other,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let within = error.get_ref().and_then(|error| error.downcast_ref());
        within.map_or(Self::Gone, Self::of)
    }
}

/// Shakes hands. One with whom it comes to nothing is told why.
pub(super) async fn accept(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
) -> Result<TlsStream, Failure> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(Failure::Gone);
    }
    // A handshake begins with the byte 22 (RFC 8446, 5.1), a request with its method.
    if first.iter().all(u8::is_ascii_uppercase) {
        let _ = timeout(LAST_WORDS, tell_to_use_tls(&mut stream)).await;
        return Err(Failure::PlainHttp);
    }
    let socket = TlsSocket::new(stream, config).map_err(|error| Failure::of(&error))?;
    match shake_hands(&socket).await {
        Ok(()) => Ok(TlsStream::new(socket)),
        Err(failure) => {
            let _ = timeout(LAST_WORDS, say_last_words(&socket)).await;
            Err(failure)
        }
    }
}

async fn shake_hands(socket: &TlsSocket) -> Result<(), Failure> {
    while socket.is_handshaking() {
        // What may come along is kept for whoever reads first.
        let took = poll_fn(|cx| socket.poll_take(cx, &mut ReadBuf::new(&mut []))).await?;
        if took == 0 {
            return Err(Failure::Gone);
        }
        if socket.is_handshaking() && socket.begun() > MOST_BEGUN {
            return Err(Failure::NotTls);
        }
        poll_fn(|cx| socket.poll_flush(cx)).await?;
    }
    Ok(())
}

async fn tell_to_use_tls(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(PLAIN_HTTP.as_bytes()).await?;
    stream.shutdown().await?;
    // To end with its bytes unread would reset the connection, and the answer would be
    // lost on its way.
    let mut rest = [0; 512];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

async fn say_last_words(socket: &TlsSocket) -> io::Result<()> {
    poll_fn(|cx| socket.poll_flush(cx)).await?;
    socket.shut_down()?;
    socket.hear_out().await
}
