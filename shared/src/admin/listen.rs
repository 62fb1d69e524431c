//! Opening a port, or saying which key to change.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted: a whole node's clients come
/// back at once after a fail-over.
const BACKLOG: u32 = 4096;

/// Why a port cannot be listened on, and which key to change.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program listens there.
    #[error(
        "{section}.port is {port}, but another program listens on {bind} port {port}: set \
         {section}.port ({variable}) to a free port, or to 0 for any",
        variable = variable(section, "PORT")
    )]
    Taken {
        /// `websocket` or `admin`.
        section: &'static str,
        /// The address.
        bind: IpAddr,
        /// The port.
        port: u16,
    },
    /// The system does not allow this port.
    #[error(
        "{section}.port is {port}, but this user may not listen there: set {section}.port \
         ({variable}) to a port from 1024 to 65535",
        variable = variable(section, "PORT")
    )]
    Forbidden {
        /// `websocket` or `admin`.
        section: &'static str,
        /// The port.
        port: u16,
    },
    /// This machine does not have the address, or something else is wrong with it.
    #[error(
        "{section}.bind is {bind}, but this machine cannot listen there ({error}): set \
         {section}.bind ({variable}) to one of its addresses",
        variable = variable(section, "BIND")
    )]
    Address {
        /// `websocket` or `admin`.
        section: &'static str,
        /// The address.
        bind: IpAddr,
        /// What the system says.
        error: Error,
    },
}

fn variable(section: &str, key: &str) -> String {
    format!("{}_{key}", section.to_ascii_uppercase())
}

/// Listens on `{section}.bind` and `{section}.port`.
///
/// # Errors
/// [`ListenError`] names the key to change.
pub fn listen(
    section: &'static str,
    bind: IpAddr,
    port: u16,
) -> std::result::Result<TcpListener, ListenError> {
    open(SocketAddr::new(bind, port)).map_err(|error| {
        if error.kind() == ErrorKind::AddrInUse {
            ListenError::Taken {
                section,
                bind,
                port,
            }
        } else if error.kind() == ErrorKind::PermissionDenied {
            ListenError::Forbidden { section, port }
        } else {
            ListenError::Address {
                section,
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
        let first = listen("websocket", LOOPBACK, 0).unwrap();
        let port = first.local_addr().unwrap().port();
        let error = listen("websocket", LOOPBACK, port).unwrap_err();
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
        let error = listen("admin", "192.0.2.1".parse().unwrap(), 0).unwrap_err();
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
