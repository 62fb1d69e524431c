//! Connections of our own: for what is heard, and to ask who serves what.

use std::time::Duration;

use bytes::BytesMut;
use fred::types::config::{Config, Server, TlsConnector};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::{Address, CONNECT_TIMEOUT};
use super::resp::{Frame, Malformed, write_command};

/// A connection, with TLS or without.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDialed {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("{0}")]
    Refused(String),
    #[error("no answer within {0:?}")]
    Silent(Duration),
    #[error("nobody knows where Redis is")]
    Nowhere,
    #[error("it is a replica")]
    Replica,
    #[error(
        "Sentinels tell of an earlier fail-over than the one that is known: where they were \
         set up anew, start this program again"
    )]
    Earlier,
    #[error(
        "Sentinels name another primary, {0}, and tell of no fail-over, though the one that is \
         known lives: where they were set up anew, start this program again"
    )]
    Another(Server),
    #[error("the primary {0}: {1}")]
    OfPrimary(Server, Box<NotDialed>),
}

/// Who we are to a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credentials<'a> {
    pub(super) username: &'a Option<String>,
    pub(super) password: &'a Option<String>,
}

impl Address {
    /// Connects to `server`, which then speaks RESP3 and knows who we are.
    pub(super) async fn dial(&self, server: &Server) -> Result<Box<dyn Duplex>, NotDialed> {
        let Config {
            username, password, ..
        } = &self.config;
        let credentials = Credentials { username, password };
        self.dial_as(credentials, server).await
    }

    /// The same as somebody else.
    pub(super) async fn dial_as(
        &self,
        credentials: Credentials<'_>,
        server: &Server,
    ) -> Result<Box<dyn Duplex>, NotDialed> {
        let dialed = async {
            let mut stream = self.open(server).await?;
            greet(&mut stream, credentials).await?;
            Ok(stream)
        };
        in_time(CONNECT_TIMEOUT, dialed).await
    }

    /// The same where there is but one server: only to one that is no replica. What its
    /// address has led to may be one by now.
    pub(super) async fn dial_primary(&self, server: &Server) -> Result<Box<dyn Duplex>, NotDialed> {
        let mut stream = self.dial(server).await?;
        match in_time(CONNECT_TIMEOUT, ask(&mut stream, &["ROLE"])).await {
            Ok(role) if role.is_of_replica() => Err(NotDialed::Replica),
            // Who may not ask that is not kept from hearing.
            Ok(_) | Err(NotDialed::Refused(_)) => Ok(stream),
            Err(error) => Err(error),
        }
    }

    async fn open(&self, server: &Server) -> Result<Box<dyn Duplex>, NotDialed> {
        let stream = TcpStream::connect((&*server.host, server.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.config.tls else {
            return Ok(Box::new(stream));
        };
        let TlsConnector::Rustls(connector) = &tls.connector;
        let name = server.tls_server_name.as_ref().unwrap_or(&server.host);
        let name = ServerName::try_from(name.to_string());
        let name = name.map_err(|error| NotDialed::Refused(error.to_string()))?;
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}

/// What comes of it within that time.
pub(super) async fn in_time<T>(
    limit: Duration,
    coming: impl Future<Output = Result<T, NotDialed>>,
) -> Result<T, NotDialed> {
    let came = timeout(limit, coming).await;
    came.unwrap_or(Err(NotDialed::Silent(limit)))
}

async fn greet(
    stream: &mut Box<dyn Duplex>,
    credentials: Credentials<'_>,
) -> Result<(), NotDialed> {
    let mut hello = vec!["HELLO", "3"];
    if let Some(password) = credentials.password {
        let user = credentials.username.as_deref().unwrap_or("default");
        hello.extend(["AUTH", user, password.as_str()]);
    }
    ask(stream, &hello).await.map(drop)
}

/// Asks for one thing, where nothing else is asked, and waits for the answer.
pub(super) async fn ask(
    stream: &mut Box<dyn Duplex>,
    command: &[&str],
) -> Result<Frame, NotDialed> {
    let mut bytes = BytesMut::new();
    write_command(&mut bytes, command.iter().map(|word| word.as_bytes()));
    stream.write_all_buf(&mut bytes).await?;
    stream.flush().await?;
    loop {
        match Frame::take(&mut bytes)? {
            Some(Frame::Error(error)) => return Err(NotDialed::Refused(error)),
            Some(answer) => return Ok(answer),
            None if stream.read_buf(&mut bytes).await? == 0 => {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            None => {}
        }
    }
}
