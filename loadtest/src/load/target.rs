//! Where clients connect to, and from which addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use url::Url;

use super::line::TlsStart;

/// A server, or a load balancer before several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As it was named.
    pub url: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// For the `Host` header.
    pub host: String,
    /// Where it is asked, if not where its dialect says.
    pub path: Option<String>,
    /// Who it must show to be, where TLS is spoken.
    pub name: Option<ServerName<'static>>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted =
            "write ws://HOST:PORT or wss://HOST:PORT, with a path if it is not the usual one";
        let url = Url::parse(text).map_err(|error| format!("{error}: {wanted}"))?;
        let has_tls = match url.scheme() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return Err(wanted.to_owned()),
        };
        let host = url.host_str().ok_or(wanted)?;
        let bare = host.trim_matches(['[', ']']);
        let port = url.port().unwrap_or(if has_tls { 443 } else { 80 });
        let mut addresses = (bare, port)
            .to_socket_addrs()
            .map_err(|error| format!("{host} has no address: {error}"))?;
        let name = has_tls.then(|| ServerName::try_from(bare.to_owned()));
        let name = name
            .transpose()
            .map_err(|error| format!("{host}: {error}"))?;
        Ok(Self {
            url: text.to_owned(),
            address: addresses.next().ok_or("the host has no address")?,
            host: format!("{host}:{port}"),
            path: (url.path() != "/").then(|| url.path().to_owned()),
            name,
        })
    }
}

/// Addresses of this machine from which clients connect. An address has some
/// 28,000 ports for connections to one target, so more clients need more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(pub Vec<IpAddr>);

impl FromStr for Sources {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "write an address, or a range such as 127.0.0.1-127.0.0.8";
        let Some((first, last)) = text.split_once('-') else {
            let address = text.parse().map_err(|_| wanted)?;
            return Ok(Self(vec![address]));
        };
        let [first, last] = [first, last].map(Ipv4Addr::from_str);
        let (first, last) = (first.map_err(|_| wanted)?, last.map_err(|_| wanted)?);
        let range = u32::from(first)..=u32::from(last);
        if range.is_empty() || range.end() - range.start() > 0xFFFF {
            return Err(format!("{wanted}: from the lower to the higher"));
        }
        let addresses = range.map(|bits| Ipv4Addr::from_bits(bits).into());
        Ok(Self(addresses.collect()))
    }
}

/// From where to where each client connects.
#[derive(Debug, Clone)]
pub struct Doors {
    targets: Vec<Target>,
    sources: Vec<IpAddr>,
    tls: Option<Arc<ClientConfig>>,
}

/// One way in.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// Where to.
    pub target: &'a Target,
    /// From which address; any where there is none.
    pub source: Option<IpAddr>,
    tls: Option<&'a Arc<ClientConfig>>,
}

impl Door<'_> {
    /// How TLS is spoken, if it is.
    pub(crate) fn tls(&self) -> Option<TlsStart> {
        Some(TlsStart {
            config: Arc::clone(self.tls?),
            name: self.target.name.clone()?,
        })
    }
}

impl Doors {
    /// Ways to these targets; none where there is no target.
    pub fn new(targets: Vec<Target>, sources: Vec<IpAddr>) -> Option<Self> {
        (!targets.is_empty()).then_some(Self {
            targets,
            sources,
            tls: None,
        })
    }

    /// The same, where targets over TLS are trusted as `config` says.
    pub fn over_tls(self, config: Arc<ClientConfig>) -> Self {
        Self {
            tls: Some(config),
            ..self
        }
    }

    /// Where to.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The way of a client: its neighbours by number are on other targets.
    pub fn of(&self, client: usize) -> Option<Door<'_>> {
        let targets = self.targets.len();
        let source = (client / targets).checked_rem(self.sources.len());
        Some(Door {
            target: self.targets.get(client % targets)?,
            source: source.and_then(|at| self.sources.get(at)).copied(),
            tls: self.tls.as_ref(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_websocket_url_over_tls_or_not() {
        let target: Target = "ws://127.0.0.1:9000".parse().unwrap();
        assert_eq!(target.address, "127.0.0.1:9000".parse().unwrap());
        assert_eq!(
            (target.host.as_str(), target.path),
            ("127.0.0.1:9000", None)
        );
        let target: Target = "http://[::1]/chat/ws".parse().unwrap();
        assert_eq!(target.address, "[::1]:80".parse().unwrap());
        assert_eq!(target.path.as_deref(), Some("/chat/ws"));
        assert_eq!(target.name, None);
        let target: Target = "wss://localhost".parse().unwrap();
        assert_eq!(target.address.port(), 443);
        assert_eq!(target.name, ServerName::try_from("localhost").ok());
        for (text, said) in [
            ("127.0.0.1:80", "write ws://"),
            ("redis://127.0.0.1", "write ws://"),
        ] {
            let error = text.parse::<Target>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn sources_are_addresses_or_ranges() {
        let sources = |text: &str| text.parse::<Sources>().map(|sources| sources.0.len());
        assert_eq!(sources("127.0.0.1"), Ok(1));
        assert_eq!(sources("127.0.0.1-127.0.0.8"), Ok(8));
        assert_eq!(sources("127.0.0.254-127.0.1.1"), Ok(4));
        for wrong in ["", "127.0.0.8-127.0.0.1", "0.0.0.0-9.0.0.0", "local"] {
            assert!(sources(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn neighbours_are_on_other_targets_and_sources_take_turns() {
        let targets = ["ws://127.0.0.1:1", "ws://127.0.0.1:2"].map(|url| url.parse().unwrap());
        let sources = "127.0.0.1-127.0.0.3".parse::<Sources>().unwrap().0;
        let doors = Doors::new(targets.to_vec(), sources).unwrap();
        let ways = (0..12).map(|client| {
            let Door { target, source, .. } = doors.of(client).unwrap();
            (target.address.port(), source.unwrap().to_string())
        });
        let mut ways: Vec<_> = ways.collect();
        assert_eq!(
            ways[..3].iter().map(|way| way.0).collect::<Vec<_>>(),
            [1, 2, 1]
        );
        assert_eq!(ways[0..6].len(), 6);
        ways.sort();
        ways.dedup();
        assert_eq!(ways.len(), 6, "each pair of them is used: {ways:?}");
    }
}
