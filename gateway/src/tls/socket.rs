//! One connection over TLS, read by one task and written by whoever has something for
//! it.
//!
//! What is written is encrypted at once, a record at a time. Of one that the socket
//! does not take as a whole the rest is held, and goes before anything else: what was
//! taken here is sent in order, and of a peer that reads slowly no more than one record
//! waits here. All else waits encrypted by nobody.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::iter::Peekable;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use causerie_shared::config::TlsVersion;
use rustls::{ProtocolVersion, ServerConfig};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::engine::Engine;

/// The most that one record carries (RFC 8446, 5.1).
const RECORD: usize = 16 << 10;
/// What is read at once: a record of the largest kind (RFC 5246, 6.2.3).
const BYTES_A_READ: usize = RECORD + 2048 + 5;

thread_local! {
    // What all connections of a thread use, one after the other.
    static CAME: RefCell<Box<[u8]>> = RefCell::new(vec![0; BYTES_A_READ].into());
    static PLAIN: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(RECORD));
    static ENCRYPTED: RefCell<Vec<u8>> = RefCell::new(vec![0; BYTES_A_READ]);
}

/// One connection over TLS.
#[derive(Debug)]
pub(crate) struct TlsSocket {
    stream: TcpStream,
    engine: Mutex<Engine>,
    /// Whether encrypted bytes are held, for those who have no need of the lock.
    holds: AtomicBool,
}

impl TlsSocket {
    pub(super) fn new(stream: TcpStream, config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self {
            stream,
            engine: Mutex::new(Engine::new(config)?),
            holds: AtomicBool::new(false),
        })
    }

    /// Writes as much of what lies in several places as the peer takes now, and at the
    /// most the rest of a record more; how many bytes that were.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut engine = self.lock();
        self.try_send_held(&mut engine)?;
        let parts = slices.iter().flat_map(|slice| slice.chunks(RECORD));
        let mut parts = parts.peekable();
        let mut written = 0;
        while let Some(first) = parts.next() {
            let fits = parts
                .peek()
                .is_some_and(|next| first.len() + next.len() <= RECORD);
            if fits {
                written += PLAIN.with_borrow_mut(|plain| {
                    gather(plain, first, &mut parts);
                    self.send(&mut engine, plain).map(|()| plain.len())
                })?;
            } else {
                self.send(&mut engine, first)?;
                written += first.len();
            }
            if self.holds_back() {
                break;
            }
        }
        Ok(written)
    }

    /// Encrypts one record and sends it; what the socket does not take is held.
    fn send(&self, engine: &mut Engine, plain: &[u8]) -> io::Result<()> {
        ENCRYPTED.with_borrow_mut(|encrypted| {
            let len = engine.encrypt(plain, encrypted)?;
            self.send_encrypted(engine, encrypted.get(..len).unwrap_or_default())
        })
    }

    fn send_encrypted(&self, engine: &mut Engine, encrypted: &[u8]) -> io::Result<()> {
        let sent = self.write_now(encrypted)?;
        engine.hold(encrypted.get(sent..).unwrap_or_default());
        self.note_held(engine);
        Ok(())
    }

    /// Sends what is held.
    ///
    /// # Errors
    /// `WouldBlock` where the peer does not take all of it now.
    pub(crate) fn try_flush(&self) -> io::Result<()> {
        if self.holds_back() {
            self.try_send_held(&mut self.lock())?;
        }
        Ok(())
    }

    fn try_send_held(&self, engine: &mut Engine) -> io::Result<()> {
        if !engine.held().is_empty() {
            let sent = self.write_now(engine.held())?;
            engine.note_sent(sent);
            self.note_held(engine);
        }
        if engine.held().is_empty() {
            Ok(())
        } else {
            Err(ErrorKind::WouldBlock.into())
        }
    }

    /// Writes as much as the socket takes.
    fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// Whether something that was written has not left yet.
    pub(crate) fn holds_back(&self) -> bool {
        self.holds.load(Ordering::Acquire)
    }

    fn note_held(&self, engine: &Engine) {
        let holds = !engine.held().is_empty();
        self.holds.store(holds, Ordering::Release);
    }

    /// Whether the peer takes more; the task is woken when it does.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_write_ready(cx)
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.try_flush() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.stream.poll_write_ready(cx))?;
                }
                flushed => return Poll::Ready(flushed),
            }
        }
    }

    /// Reads what the peer says; nothing where nothing more will come.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        loop {
            // What is to be answered is sent on by the one task that reads, else it
            // would wait until something is written.
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
            if self.lock().give(into) || into.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_take(cx, into))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads some from the socket, and takes it in; how many bytes there were.
    pub(super) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        CAME.with_borrow_mut(|came| {
            let read = loop {
                ready!(self.stream.poll_read_ready(cx))?;
                match self.stream.try_read(came) {
                    Err(error) if is_later(&error) => {}
                    read => break read?,
                }
            };
            let mut engine = self.lock();
            let taken = engine.take(came.get_mut(..read).unwrap_or_default(), into);
            self.note_held(&engine);
            Poll::Ready(match taken {
                Ok(()) => Ok(read),
                Err(error) => Err(io::Error::new(ErrorKind::InvalidData, error)),
            })
        })
    }

    /// Tells the peer that nothing more comes, as far as it takes that now.
    fn say_farewell(&self) -> io::Result<()> {
        let mut engine = self.lock();
        self.try_send_held(&mut engine)?;
        ENCRYPTED.with_borrow_mut(|encrypted| {
            let len = engine.encrypt_farewell(encrypted)?;
            self.send_encrypted(&mut engine, encrypted.get(..len).unwrap_or_default())
        })
    }

    /// Reads on until the peer has nothing more to say, whatever it is.
    pub(super) async fn hear_out(&self) -> io::Result<()> {
        loop {
            self.stream.readable().await?;
            let read = CAME.with_borrow_mut(|came| self.stream.try_read(came));
            match read {
                Ok(0) => return Ok(()),
                Err(error) if !is_later(&error) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
    }

    pub(super) fn shut_down(&self) -> io::Result<()> {
        SockRef::from(&self.stream).shutdown(Shutdown::Write)
    }

    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.lock().kept()
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.lock().is_handshaking()
    }

    /// How many bytes have come of something that is not whole yet.
    pub(super) fn begun(&self) -> usize {
        self.lock().begun()
    }

    fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts together what fits into one record: that costs less than one each.
fn gather<'a>(
    plain: &mut Vec<u8>,
    first: &[u8],
    rest: &mut Peekable<impl Iterator<Item = &'a [u8]>>,
) {
    plain.clear();
    plain.extend_from_slice(first);
    while let Some(next) = rest.next_if(|next| plain.len() + next.len() <= RECORD) {
        plain.extend_from_slice(next);
    }
}

fn is_later(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == ErrorKind::WouldBlock || kind == ErrorKind::Interrupted
}

/// A connection over TLS whose halves nobody has taken apart yet.
#[derive(Debug)]
pub(crate) struct TlsStream(Arc<TlsSocket>);

impl TlsStream {
    pub(super) fn new(socket: TlsSocket) -> Self {
        Self(Arc::new(socket))
    }

    /// The version that was agreed on.
    pub(super) fn version(&self) -> TlsVersion {
        let version = self.0.lock().version();
        if version == Some(ProtocolVersion::TLSv1_2) {
            TlsVersion::V12
        } else {
            TlsVersion::V13
        }
    }

    /// What reads, and what writes.
    pub(crate) fn into_split(self) -> (Arc<TlsSocket>, TlsSending) {
        (Arc::clone(&self.0), TlsSending(self.0))
    }
}

/// What writes. Dropping it tells the peer that nothing more comes.
#[derive(Debug)]
pub(crate) struct TlsSending(Arc<TlsSocket>);

impl std::ops::Deref for TlsSending {
    type Target = TlsSocket;
    fn deref(&self) -> &TlsSocket {
        &self.0
    }
}

impl Drop for TlsSending {
    fn drop(&mut self) {
        // Whom it does not reach is gone, or reads nothing.
        let _ = self.say_farewell();
        let _ = self.shut_down();
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, into)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.0.try_write(&[IoSlice::new(bytes)]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.0.poll_write_ready(cx))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_flush(cx))?;
        // It fits into what the socket has just made room for, or is missed by nobody.
        let _ = self.0.say_farewell();
        ready!(self.0.poll_flush(cx))?;
        Poll::Ready(self.0.shut_down())
    }
}
