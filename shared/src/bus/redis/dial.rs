//! Connections of our own, for what is heard.

use bytes::BytesMut;
use fred::types::config::{Server, TlsConnector};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::link::{Address, CONNECT_TIMEOUT};
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
    #[error("no answer within {CONNECT_TIMEOUT:?}")]
    Silent,
    #[error("nobody knows where Redis is")]
    Nowhere,
}

impl Address {
    /// Connects to `server`, which then speaks RESP3 and knows who we are.
    pub(super) async fn dial(&self, server: &Server) -> Result<Box<dyn Duplex>, NotDialed> {
        let dialed = async {
            let mut stream = self.open(server).await?;
            self.greet(&mut stream).await?;
            Ok(stream)
        };
        timeout(CONNECT_TIMEOUT, dialed)
            .await
            .unwrap_or(Err(NotDialed::Silent))
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

    async fn greet(&self, stream: &mut Box<dyn Duplex>) -> Result<(), NotDialed> {
        let mut hello: Vec<&[u8]> = vec![b"HELLO", b"3"];
        if let Some(password) = &self.config.password {
            let user = self.config.username.as_deref().unwrap_or("default");
            hello.extend([b"AUTH", user.as_bytes(), password.as_bytes()]);
        }
        let mut bytes = BytesMut::new();
        write_command(&mut bytes, hello.into_iter());
        stream.write_all_buf(&mut bytes).await?;
        stream.flush().await?;
        loop {
            match Frame::take(&mut bytes)? {
                Some(Frame::Error(error)) => return Err(NotDialed::Refused(error)),
                Some(_) => return Ok(()),
                None if stream.read_buf(&mut bytes).await? == 0 => {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                }
                None => {}
            }
        }
    }
}
