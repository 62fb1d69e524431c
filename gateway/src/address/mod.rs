//! From where a request comes: the address of its client, as far as the
//! proxies on its way are trusted.

mod events;
pub mod forwarded;
mod permitted;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use causerie_shared::config::{self, Cidr};
use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use crate::gateway::Gateway;
use crate::seldom::Seldom;
use forwarded::{Form, from_the_right};
pub use permitted::Permitted;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who sends the packets of a request: its client, or a proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whose request it is. An IPv4 address is always written as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Which proxies are believed, and where they name their client.
#[derive(Debug, Clone)]
pub struct Proxies {
    trusted: Vec<Cidr>,
    header: HeaderName,
}

impl Default for Proxies {
    /// None are.
    fn default() -> Self {
        Self {
            trusted: Vec::new(),
            header: X_FORWARDED_FOR,
        }
    }
}

impl From<&config::Auth> for Proxies {
    fn from(auth: &config::Auth) -> Self {
        Self {
            trusted: auth.trusted_proxies.clone(),
            header: auth.proxy_header.clone(),
        }
    }
}

impl Proxies {
    /// The address of the client for whom `peer` sends a request with `headers`.
    ///
    /// From the right, the first that is no trusted proxy; where an element is
    /// not understood, the proxy that added it.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trust(client) {
            return client;
        }
        let form = if self.header == FORWARDED {
            Form::Forwarded
        } else {
            Form::List
        };
        let lines = headers.get_all(&self.header).iter();
        for named in from_the_right(form, lines.map(|line| line.as_bytes())) {
            let Some(named) = named else {
                break;
            };
            client = named;
            if !self.trust(client) {
                break;
            }
        }
        client
    }

    /// Whether `peer` seems to be a proxy that should be trusted, and is not.
    fn is_overlooked(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let names_a_client = [&FORWARDED, &X_FORWARDED_FOR, &self.header]
            .into_iter()
            .any(|header| headers.contains_key(header));
        names_a_client && !self.trust(peer)
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

/// Finds out the client's address of each request.
#[derive(Debug)]
pub(crate) struct Addresses {
    gateway: Arc<Gateway>,
    overlooked: Seldom,
}

impl Addresses {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            overlooked: Seldom::default(),
        }
    }

    fn find(&self, request: &Request) -> Option<ClientAddress> {
        let Peer(peer) = *request.extensions().get::<Peer>()?;
        let settings = self.gateway.settings();
        let (proxies, headers) = (&settings.proxies, request.headers());
        if proxies.is_overlooked(peer, headers) {
            let is_exempt = !settings.limits.hold_for(peer);
            events::proxy_overlooked(peer, is_exempt, &self.overlooked);
        }
        Some(ClientAddress(proxies.client(peer, headers)))
    }
}

/// Gives each request the [`ClientAddress`] of whose it is.
pub(crate) async fn find(
    State(addresses): State<Arc<Addresses>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(client) = addresses.find(&request) {
        request.extensions_mut().insert(client);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, header: &'static str, lines: &[(&'static str, &'static str)]) -> String {
        let proxies = Proxies {
            trusted: ["10.0.0.0/8", "::1"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            header: HeaderName::from_static(header),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let list = [("x-forwarded-for", "192.0.2.1, 198.51.100.1, 10.0.0.3")];
        for (peer, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("10.0.0.4", "198.51.100.1"),
            ("::ffff:10.0.0.4", "198.51.100.1"),
            ("::1", "198.51.100.1"),
        ] {
            assert_eq!(client(peer, "x-forwarded-for", &list), expected, "{peer}");
        }
    }

    #[test]
    fn one_header_counts_and_no_other() {
        let both = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.2"),
        ];
        assert_eq!(client("10.0.0.4", "x-forwarded-for", &both), "192.0.2.1");
        assert_eq!(client("10.0.0.4", "forwarded", &both), "192.0.2.2");
        assert_eq!(client("10.0.0.4", "x-real-ip", &both), "10.0.0.4");
    }

    #[test]
    fn where_nobody_is_named_it_is_the_last_that_is_known() {
        for (lines, expected) in [
            (&[][..], "10.0.0.4"),
            (&[("x-forwarded-for", "192.0.2.1, unknown")], "10.0.0.4"),
            (&[("x-forwarded-for", "unknown, 10.0.0.3")], "10.0.0.3"),
            (&[("x-forwarded-for", "10.0.0.2, 10.0.0.3")], "10.0.0.2"),
        ] {
            assert_eq!(client("10.0.0.4", "x-forwarded-for", lines), expected);
        }
    }
}
