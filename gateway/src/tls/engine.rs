//! What is encrypted and decrypted on one connection. It reads and writes no socket,
//! and holds no bytes but those of a record that has not come, or gone, to its end: so
//! that a connection over which nothing goes takes little memory.

use std::io;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    AppDataRecord, ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus,
};
use rustls::{Error, ProtocolVersion, ServerConfig};
use tokio::io::ReadBuf;

#[cfg(test)]
mod tests;

/// What is encrypted and decrypted on one connection.
pub(super) struct Engine {
    tls: UnbufferedServerConnection,
    /// The beginning of a record or of a message of several. What is whole is taken
    /// at once.
    begun: Vec<u8>,
    /// Decrypted, and not asked for yet.
    decrypted: BytesMut,
    /// Encrypted, and not taken by the socket yet.
    held: BytesMut,
    has_ended: bool,
    is_broken: bool,
}

/// What the connection goes on with.
enum Step {
    /// With what has come, as far as it was not looked at.
    On,
    /// With more from the peer.
    Read,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self {
            tls: UnbufferedServerConnection::new(config)?,
            begun: Vec::new(),
            decrypted: BytesMut::new(),
            held: BytesMut::new(),
            has_ended: false,
            is_broken: false,
        })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// How many bytes have come of something that is not whole yet.
    pub(super) fn begun(&self) -> usize {
        self.begun.len()
    }

    pub(super) fn version(&self) -> Option<ProtocolVersion> {
        self.tls.protocol_version()
    }

    /// Encrypted bytes that the socket has not taken yet. They go before all others.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Notes that the socket has taken so many of them.
    pub(super) fn note_sent(&mut self, bytes: usize) {
        self.held.advance(bytes);
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }

    /// Keeps encrypted bytes that the socket does not take now.
    pub(super) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Gives what is decrypted already; whether there was anything, or nothing more
    /// will come.
    pub(super) fn give(&mut self, into: &mut ReadBuf<'_>) -> bool {
        if self.decrypted.is_empty() {
            return self.has_ended;
        }
        let count = into.remaining().min(self.decrypted.len());
        into.put_slice(&self.decrypted.split_to(count));
        if self.decrypted.is_empty() {
            self.decrypted = BytesMut::new();
        }
        true
    }

    /// Takes what has come from the peer, and gives what that says, as far as there is
    /// room for it. What is to be answered is held.
    ///
    /// # Errors
    /// The peer does not keep to the protocol. What it is told of that is held.
    pub(super) fn take(&mut self, came: &mut [u8], into: &mut ReadBuf<'_>) -> Result<(), Error> {
        let mut begun = std::mem::take(&mut self.begun);
        let taken = if begun.is_empty() {
            self.decrypt(came, into).map(|taken| {
                self.begun = came.get(taken..).unwrap_or_default().to_vec();
            })
        } else {
            begun.extend_from_slice(came);
            self.decrypt(&mut begun, into).map(|taken| {
                // Who sends byte by byte has none copied again and again.
                self.begun = match taken {
                    0 => begun,
                    _ => begun.split_off(taken),
                };
            })
        };
        if taken.is_err() {
            self.is_broken = true;
            self.hold_last_words();
        }
        taken
    }

    /// Takes all that is whole; how many bytes that were.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "not exhaustive by its authors' will"
    )]
    fn decrypt(&mut self, bytes: &mut [u8], into: &mut ReadBuf<'_>) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            let rest = bytes.get_mut(taken..).unwrap_or_default();
            let UnbufferedStatus { mut discard, state } = self.tls.process_tls_records(rest);
            let step = match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let AppDataRecord {
                            discard: more,
                            payload,
                        } = record?;
                        discard += more;
                        deliver(payload, into, &mut self.decrypted);
                    }
                    Step::On
                }
                ConnectionState::EncodeTlsData(mut answer) => {
                    encode(&mut answer, &mut self.held);
                    Step::On
                }
                ConnectionState::TransmitTlsData(transmit) => {
                    // Held counts as sent: nothing else goes before it.
                    transmit.done();
                    Step::On
                }
                ConnectionState::PeerClosed => {
                    self.has_ended = true;
                    Step::On
                }
                ConnectionState::BlockedHandshake
                | ConnectionState::WriteTraffic(_)
                | ConnectionState::Closed => Step::Read,
                // Early data, which is not offered, and what the library may come to know.
                _ => return Err(Error::General("an unknown state".into())),
            };
            taken += discard;
            match step {
                Step::On => {}
                Step::Read => return Ok(taken),
            }
        }
    }

    /// Encrypts `plain`, of one record at the most, into `out`, which grows to what
    /// that needs; how many bytes those are. Nothing may be held.
    ///
    /// # Errors
    /// Nothing more can be sent on this connection.
    pub(super) fn encrypt(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
        self.write(out, |traffic, out| traffic.encrypt(plain, out))
    }

    /// Encrypts a farewell into `out`, as [`encrypt`](Self::encrypt) does.
    pub(super) fn encrypt_farewell(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        self.write(out, |traffic, out| traffic.queue_close_notify(out))
    }

    fn write(
        &mut self,
        out: &mut Vec<u8>,
        mut write: impl FnMut(&mut WriteTraffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> io::Result<usize> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        if self.is_broken {
            return Err(gone());
        }
        // Nothing is whole in what has begun to come, so this state follows at once.
        let status = self.tls.process_tls_records(&mut self.begun);
        let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state else {
            self.is_broken = true;
            return Err(gone());
        };
        loop {
            match write(&mut traffic, out) {
                Ok(written) => return Ok(written),
                Err(EncryptError::InsufficientSize(size)) if size.required_size > out.len() => {
                    out.resize(size.required_size, 0);
                }
                Err(EncryptError::InsufficientSize(_) | EncryptError::EncryptExhausted) => {
                    self.is_broken = true;
                    return Err(gone());
                }
            }
        }
    }

    /// For how many bytes there is memory, though they may be none.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.begun.capacity() + self.decrypted.capacity() + self.held.capacity()
    }

    /// Holds the alert that tells the peer what it did wrong.
    fn hold_last_words(&mut self) {
        // What waits to be sent comes before anything is looked at.
        while self.tls.wants_write() {
            let status = self.tls.process_tls_records(&mut []);
            let Ok(ConnectionState::EncodeTlsData(mut alert)) = status.state else {
                return;
            };
            encode(&mut alert, &mut self.held);
        }
    }
}

type WriteTraffic<'c> = rustls::unbuffered::WriteTraffic<'c, ServerConnectionData>;

fn deliver(payload: &[u8], into: &mut ReadBuf<'_>, later: &mut BytesMut) {
    let room = if later.is_empty() {
        into.remaining()
    } else {
        0
    };
    let (now, rest) = payload.split_at(room.min(payload.len()));
    into.put_slice(now);
    later.extend_from_slice(rest);
}

/// Appends what is to be sent to `held`.
fn encode(answer: &mut EncodeTlsData<'_, ServerConnectionData>, held: &mut BytesMut) {
    let before = held.len();
    // Asked without room, it tells how much it needs.
    let Err(EncodeError::InsufficientSize(size)) = answer.encode(&mut []) else {
        return;
    };
    held.resize(before + size.required_size, 0);
    let room = held.get_mut(before..).unwrap_or_default();
    let written = answer.encode(room).unwrap_or(0);
    held.truncate(before + written);
}
