//! A client's connection to the public port: over TLS or not.
//!
//! An enum, and nothing behind a pointer to functions: what goes to very many sockets
//! goes the shortest way.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::tls::{TlsSending, TlsSocket, TlsStream};

/// A client's connection to the public port.
#[derive(Debug)]
pub(crate) enum Socket {
    /// Without TLS.
    Plain(TcpStream),
    /// Over TLS.
    Tls(TlsStream),
}

/// The half of a connection that reads.
#[derive(Debug)]
pub(crate) enum Receiving {
    /// Without TLS.
    Plain(OwnedReadHalf),
    /// Over TLS.
    Tls(Arc<TlsSocket>),
}

/// The half of a connection that writes. Dropping it tells the peer that nothing more
/// comes.
#[derive(Debug)]
pub(crate) enum Sending {
    /// Without TLS.
    Plain(OwnedWriteHalf),
    /// Over TLS.
    Tls(TlsSending),
}

impl Socket {
    pub(crate) fn is_encrypted(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(_) => true,
        }
    }

    pub(crate) fn into_split(self) -> (Receiving, Sending) {
        match self {
            Self::Plain(stream) => {
                let (receiving, sending) = stream.into_split();
                (Receiving::Plain(receiving), Sending::Plain(sending))
            }
            Self::Tls(stream) => {
                let (receiving, sending) = stream.into_split();
                (Receiving::Tls(receiving), Sending::Tls(sending))
            }
        }
    }
}

impl Receiving {
    /// Reads what the peer says; nothing where nothing more will come.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Tls(socket) => socket.poll_read(cx, into),
        }
    }
}

impl Sending {
    /// Writes as much of `bytes` as the peer takes now; how many those were.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.try_write(bytes),
            Self::Tls(socket) => socket.try_write(&[IoSlice::new(bytes)]),
        }
    }

    /// The same for bytes that lie in several places.
    pub(crate) fn try_write_all(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.try_write_vectored(slices),
            Self::Tls(socket) => socket.try_write(slices),
        }
    }

    /// Whether something that was written has not left yet, and is to be
    /// [flushed](Self::try_flush).
    pub(crate) fn holds_back(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(socket) => socket.holds_back(),
        }
    }

    /// Sends what was written and has not left yet.
    ///
    /// # Errors
    /// `WouldBlock` where the peer does not take all of it now.
    pub(crate) fn try_flush(&self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(socket) => socket.try_flush(),
        }
    }

    /// Whether the peer takes more; the task is woken when it does.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.as_ref().poll_write_ready(cx),
            Self::Tls(socket) => socket.poll_write_ready(cx),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
