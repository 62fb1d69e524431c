//! What a client's bytes go through: a socket, with TLS or not.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// How a client begins to speak TLS.
#[derive(Debug, Clone)]
pub(crate) struct TlsStart {
    /// Whom it trusts.
    pub(crate) config: Arc<ClientConfig>,
    /// Who the server must be.
    pub(crate) name: ServerName<'static>,
}

/// What a client's bytes go through. It never waits.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Line {
    pub(crate) fn new(stream: TcpStream, tls: Option<TlsStart>) -> io::Result<Self> {
        let begin = |TlsStart { config, name }| ClientConnection::new(config, name).map(Box::new);
        let tls = tls.map(begin).transpose().map_err(io::Error::other)?;
        Ok(Self { stream, tls })
    }

    /// What is to be watched.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether more may be there though a read gave less than there was room for.
    pub(crate) fn reads_by_pieces(&self) -> bool {
        self.tls.is_some()
    }

    /// Reads what is there; nothing at the end.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.stream.read(into);
        };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            send(tls, &mut self.stream)?;
        }
    }

    /// Writes what is taken now; how many bytes those are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return write(&mut self.stream, bytes);
        };
        let taken = tls.writer().write(bytes)?;
        send(tls, &mut self.stream)?;
        Ok(taken)
    }
}

/// Sends what is encrypted, as far as the socket takes it.
fn send(tls: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes what the socket takes now.
fn write(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<usize> {
    let all = bytes.len();
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all - bytes.len())
}
