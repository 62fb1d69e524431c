//! One client's connection, which never waits and holds no bytes but those of
//! something that has not come, or gone, to its end.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, Socket, Type};

use super::frame::{self, Invalid, Kind};
use super::inflate::Inflater;
use super::line::{Line, TlsStart};
use super::upgrade::{self, Answer};

/// How a client connects.
#[derive(Debug)]
pub(crate) struct Approach {
    /// Where to.
    pub(crate) address: SocketAddr,
    /// From which address; any where there is none.
    pub(crate) source: Option<IpAddr>,
    /// How it speaks TLS, if it does.
    pub(crate) tls: Option<TlsStart>,
    /// What it sends first.
    pub(crate) request: Vec<u8>,
    /// Whether the server is to compress.
    pub(crate) deflate: bool,
}

/// How a connection ended, or why there is none.
#[derive(Debug)]
pub(crate) enum End {
    /// The server would not have the client.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server said of it.
        said: String,
    },
    /// The server closed it with this code, or with none.
    Closed(Option<u16>),
    /// It broke.
    Lost(io::Error),
    /// The server does not compress, though it was to.
    NotCompressed,
    /// The server did what a WebSocket does not allow.
    Invalid(Invalid),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, said } => write!(f, "refused with {status}: {said}"),
            Self::Closed(Some(code)) => write!(f, "closed by the server with {code}"),
            Self::Closed(None) => write!(f, "closed by the server"),
            Self::NotCompressed => write!(f, "the server does not agree to --deflate"),
            Self::Lost(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                write!(
                    f,
                    "{error}: name more addresses of this machine with --sources"
                )
            }
            Self::Lost(error) => error.fmt(f),
            Self::Invalid(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<Invalid> for End {
    fn from(error: Invalid) -> Self {
        Self::Invalid(error)
    }
}

/// What all connections of a thread read with.
#[derive(Debug)]
pub(crate) struct Reader {
    buffer: Vec<u8>,
    inflater: Inflater,
    /// How many bytes were read so far.
    bytes: u64,
}

/// Reads so much at once.
const BUFFER: usize = 64 << 10;

impl Default for Reader {
    fn default() -> Self {
        Self {
            buffer: vec![0; BUFFER],
            inflater: Inflater::default(),
            bytes: 0,
        }
    }
}

impl Reader {
    /// How many bytes were read since this was asked last.
    pub(crate) fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }
}

/// One client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    line: Line,
    is_open: bool,
    deflate: bool,
    /// The beginning of an HTTP head or a frame.
    unread: Vec<u8>,
    /// The beginning of a message of several frames.
    parts: Vec<u8>,
    /// Whether that is compressed.
    are_compressed: bool,
    /// What the socket has not taken yet.
    unsent: Vec<u8>,
}

impl Connection {
    /// Begins to connect.
    pub(crate) fn begin(approach: Approach) -> io::Result<Self> {
        let domain = Domain::for_address(approach.address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = approach.source {
            // A port is only chosen when it is known where to: so that one can
            // be used for several targets.
            setsockopt(&socket, IpBindAddressNoPort, &true)?;
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        if let Err(error) = socket.connect(&approach.address.into())
            && error.raw_os_error() != Some(nix::libc::EINPROGRESS)
        {
            return Err(error);
        }
        Ok(Self {
            line: Line::new(TcpStream::from_std(socket.into()), approach.tls)?,
            is_open: false,
            deflate: approach.deflate,
            unread: Vec::new(),
            parts: Vec::new(),
            are_compressed: false,
            unsent: approach.request,
        })
    }

    /// What is to be watched.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.line.stream()
    }

    /// Bytes that the socket has not taken yet.
    pub(crate) fn backlog(&self) -> usize {
        self.unsent.len()
    }

    /// Sends bytes, now or when the socket takes them.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        let sent = if self.unsent.is_empty() {
            self.line.write(bytes)?
        } else {
            0
        };
        self.unsent
            .extend_from_slice(bytes.get(sent..).unwrap_or_default());
        Ok(())
    }

    /// Sends what waits.
    pub(crate) fn on_writable(&mut self) -> Result<(), End> {
        let sent = self.line.write(&self.unsent)?;
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
        Ok(())
    }

    /// Reads all that is there, and hands its texts to `on`. What is to be answered
    /// is appended to `out`.
    pub(crate) fn on_readable(
        &mut self,
        reader: &mut Reader,
        is_end_near: bool,
        out: &mut Vec<u8>,
        mut on: impl FnMut(&[u8], &mut Vec<u8>),
    ) -> Result<(), End> {
        let Reader {
            buffer,
            inflater,
            bytes,
        } = reader;
        loop {
            let read = match self.line.read(buffer) {
                Ok(0) => return Err(End::Closed(None)),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            *bytes += read as u64;
            let came = buffer.get(..read).unwrap_or_default();
            if self.unread.is_empty() {
                let rest = self.take(came, inflater, out, &mut on)?;
                self.unread.extend_from_slice(rest);
            } else {
                let mut all = std::mem::take(&mut self.unread);
                all.extend_from_slice(came);
                let rest = self.take(&all, inflater, out, &mut on)?.len();
                all.drain(..all.len() - rest);
                if !all.is_empty() {
                    self.unread = all;
                }
            }
            // Less than there was room for: nothing more is there, and what comes
            // is told anew. That saves a call for each message.
            if read < buffer.len() && !is_end_near && !self.line.reads_by_pieces() {
                return Ok(());
            }
        }
    }

    /// Takes what is whole; gives the rest.
    fn take<'a>(
        &mut self,
        mut input: &'a [u8],
        inflater: &mut Inflater,
        out: &mut Vec<u8>,
        on: &mut impl FnMut(&[u8], &mut Vec<u8>),
    ) -> Result<&'a [u8], End> {
        if !self.is_open {
            match upgrade::answer(input) {
                Answer::Incomplete => return Ok(input),
                Answer::Refused { status, said } => return Err(End::Refused { status, said }),
                Answer::Upgraded { deflate: false, .. } if self.deflate => {
                    return Err(End::NotCompressed);
                }
                Answer::Upgraded { after, .. } => input = input.get(after..).unwrap_or_default(),
            }
            self.is_open = true;
        }
        while let Some(frame) = frame::take(&mut input)? {
            if frame.is_compressed && !self.deflate {
                return Err(Invalid.into());
            }
            match (frame.kind, frame.is_last) {
                (Kind::Text, true) if frame.is_compressed => {
                    on(inflater.inflate(frame.payload)?, out)
                }
                (Kind::Text, true) => on(frame.payload, out),
                (Kind::Text, false) => {
                    self.parts.extend_from_slice(frame.payload);
                    self.are_compressed = frame.is_compressed;
                }
                (Kind::Continuation, false) => self.parts.extend_from_slice(frame.payload),
                (Kind::Continuation, true) => {
                    let mut text = std::mem::take(&mut self.parts);
                    text.extend_from_slice(frame.payload);
                    if self.are_compressed {
                        on(inflater.inflate(&text)?, out);
                    } else {
                        on(&text, out);
                    }
                }
                (Kind::Ping, _) => frame::write(Kind::Pong, frame.payload, out),
                (Kind::Close, _) => return Err(End::Closed(frame::close_code(frame.payload))),
                (Kind::Pong | Kind::Binary, _) => {}
            }
        }
        Ok(input)
    }
}
