//! Opening a port, or saying which key to change.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::config::environment_name;

/// How many connections may wait to be accepted: a whole node's clients come
/// back at once after a fail-over.
const BACKLOG: u32 = 4096;

/// A port that is listened on, by the keys of the configuration that say where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The public one.
    Public,
    /// The public one without TLS, beside that with TLS.
    Plain,
    /// That for operators.
    Admin,
}

impl Listener {
    const fn port_key(self) -> &'static str {
        match self {
            Self::Public => "websocket.port",
            Self::Plain => "tls.plain_port",
            Self::Admin => "admin.port",
        }
    }

    const fn bind_key(self) -> &'static str {
        match self {
            Self::Public | Self::Plain => "websocket.bind",
            Self::Admin => "admin.bind",
        }
    }
}

/// Why a port cannot be listened on, and which key to change.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program listens there.
    #[error(
        "{key} is {port}, but another program listens on {bind} port {port}: set \
         {key} ({variable}) to a free port, or to 0 for any",
        key = listener.port_key(),
        variable = environment_name(listener.port_key())
    )]
    Taken {
        /// Which port.
        listener: Listener,
        /// The address.
        bind: IpAddr,
        /// The port.
        port: u16,
    },
    /// The system does not allow this port.
    #[error(
        "{key} is {port}, but this user may not listen there: set {key} \
         ({variable}) to a port from 1024 to 65535",
        key = listener.port_key(),
        variable = environment_name(listener.port_key())
    )]
    Forbidden {
        /// Which port.
        listener: Listener,
        /// The port.
        port: u16,
    },
    /// This machine does not have the address, or something else is wrong with it.
    #[error(
        "{key} is {bind}, but this machine cannot listen there ({error}): set \
         {key} ({variable}) to one of its addresses",
        key = listener.bind_key(),
        variable = environment_name(listener.bind_key())
    )]
    Address {
        /// Which port.
        listener: Listener,
        /// The address.
        bind: IpAddr,
        /// What the system says.
        error: Error,
    },
}

/// Listens where the configuration says.
///
/// # Errors
/// [`ListenError`] names the key to change.
pub fn listen(
    listener: Listener,
    bind: IpAddr,
    port: u16,
) -> std::result::Result<TcpListener, ListenError> {
    open(SocketAddr::new(bind, port)).map_err(|error| {
        if error.kind() == ErrorKind::AddrInUse {
            ListenError::Taken {
                listener,
                bind,
                port,
            }
        } else if error.kind() == ErrorKind::PermissionDenied {
            ListenError::Forbidden { listener, port }
        } else {
            ListenError::Address {
                listener,
                bind,
                error,
            }
        }
    })
}

fn open(address: SocketAddr) -> Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Else a restart would have to wait for the last connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_port_that_is_taken_is_one_sentence_with_the_key() {
        let first = listen(Listener::Public, LOOPBACK, 0).unwrap();
        let port = first.local_addr().unwrap().port();
        let error = listen(Listener::Public, LOOPBACK, port).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "websocket.port is {port}, but another program listens on 127.0.0.1 port {port}: \
                 set websocket.port (WEBSOCKET_PORT) to a free port, or to 0 for any"
            )
        );
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named() {
        let error = listen(Listener::Admin, "192.0.2.1".parse().unwrap(), 0).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("admin.bind is 192.0.2.1, but this machine cannot listen there (")
        );
        assert!(
            text.ends_with("set admin.bind (ADMIN_BIND) to one of its addresses"),
            "{text}"
        );
    }
}
