//! The sending half of a WebSocket's connection.

use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll};

use crate::frame::OutFrame;
use crate::socket::Sending;
use bytes::Bytes;

/// The sending half of a WebSocket's connection. Dropping it tells the peer
/// that nothing more comes.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Sending,
    /// Whether the peer takes compressed messages.
    is_deflated: bool,
}

/// The peer takes nothing more, ever.
#[derive(Debug)]
pub(super) struct PeerGone;

impl Wire {
    pub(crate) fn new(stream: Sending, is_deflated: bool) -> Self {
        Self {
            stream,
            is_deflated,
        }
    }

    /// How `frame` goes through it.
    pub(super) fn bytes_of<'a>(&self, frame: &'a OutFrame) -> &'a Bytes {
        frame.wire(self.is_deflated)
    }

    pub(super) fn is_deflated(&self) -> bool {
        self.is_deflated
    }

    /// Writes as much of `bytes` as the peer takes now; how many that were.
    pub(super) fn try_write(&self, bytes: &[u8]) -> Result<usize, PeerGone> {
        now(self.stream.try_write(bytes))
    }

    /// The same for bytes that lie in several places.
    pub(super) fn try_write_all(&self, slices: &[IoSlice<'_>]) -> Result<usize, PeerGone> {
        now(self.stream.try_write_all(slices))
    }

    /// Whether something that was written has not left yet: the rest of a record of
    /// TLS, which is encrypted as a whole.
    pub(super) fn holds_back(&self) -> bool {
        self.stream.holds_back()
    }

    /// Sends what was written and has not left yet; whether that is all.
    pub(super) fn try_flush(&self) -> Result<bool, PeerGone> {
        match self.stream.try_flush() {
            Ok(()) => Ok(true),
            Err(error) if is_later(&error) => Ok(false),
            Err(_) => Err(PeerGone),
        }
    }

    /// Whether the peer takes more; the task is woken when it does.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), PeerGone>> {
        let ready = self.stream.poll_write_ready(cx);
        ready.map(|ready| ready.map_err(|_| PeerGone))
    }
}

fn now(written: io::Result<usize>) -> Result<usize, PeerGone> {
    match written {
        Ok(len) => Ok(len),
        Err(error) if is_later(&error) => Ok(0),
        Err(_) => Err(PeerGone),
    }
}

fn is_later(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == ErrorKind::WouldBlock || kind == ErrorKind::Interrupted
}
