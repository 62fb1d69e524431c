//! What all scenarios are told.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::clock::{Nanos, seconds};
use super::dialect::{Causerie, Dialect, Floor, Pusher, SocketIo};
use super::numeric::zero_or_more;
use super::reporting::Output;
use super::sample::Watch;
use super::target::{Doors, Sources, Target};

/// Where the servers are, and how clients come in.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// A server, or a load balancer; clients are spread over all that are named
    #[arg(
        long = "target",
        value_name = "URL",
        default_value = "ws://127.0.0.1:8080",
        value_delimiter = ',',
        help_heading = "Servers"
    )]
    targets: Vec<Target>,
    /// A PEM file with the authority that has signed the certificates of targets with
    /// wss://
    #[arg(long, value_name = "FILE", help_heading = "Servers")]
    trust: Option<PathBuf>,
    /// The id of the tenant whom all users belong to
    #[arg(long, default_value = "demo", help_heading = "Servers")]
    tenant: String,
    /// The secret that tokens are signed with (HS256), as the servers know it
    /// [env: AUTH_JWT_SECRET]
    #[arg(long, value_name = "SECRET", help_heading = "Servers")]
    jwt_secret: Option<String>,

    #[command(flatten)]
    pub(crate) ramp: Ramp,
    /// Addresses of this machine from which clients connect: one, or a range such as
    /// 127.0.0.1-127.0.0.8; some 28,000 clients of one target fit one address
    #[arg(
        long,
        value_name = "ADDRESSES",
        value_delimiter = ',',
        help_heading = "Clients"
    )]
    sources: Vec<Sources>,
    /// Be one of several processes that share the clients, e.g. 2/5: on several
    /// machines, or where one process may not open so many files
    #[arg(
        long,
        value_name = "I/N",
        default_value = "1/1",
        help_heading = "Clients"
    )]
    pub(crate) part: Part,
    /// When all parts begin to measure, in seconds since 1970, once all of their
    /// clients are in: `$(($(date +%s) + 60))`
    #[arg(long, value_name = "TIME", help_heading = "Clients")]
    start_at: Option<u64>,

    #[command(flatten)]
    pub(crate) watch: Watch,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// How clients come in.
#[derive(Debug, Clone, Args)]
pub struct Ramp {
    /// Clients that connect in a second; 0 lets all come at once
    #[arg(
        long,
        default_value_t = 1_000.0,
        value_name = "RATE",
        help_heading = "Clients", value_parser = zero_or_more)]
    connect_rate: f64,
    /// Threads of clients
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64),
        help_heading = "Clients")]
    pub(crate) threads: u16,
    /// Have servers compress what they send (permessage-deflate)
    #[arg(long, help_heading = "Clients")]
    pub(crate) deflate: bool,
    /// A pause of so long when so many are in.
    #[arg(skip)]
    pause: Option<(usize, Nanos)>,
}

impl Ramp {
    /// So many in a second, on two threads.
    pub fn at_rate(connect_rate: f64) -> Self {
        Self {
            connect_rate,
            threads: 2,
            deflate: false,
            pause: None,
        }
    }

    /// With a pause of so long when so many are in.
    pub(crate) fn with_pause(&self, at: usize, pause: Nanos) -> Self {
        Self {
            pause: Some((at, pause)),
            ..self.clone()
        }
    }

    /// From when until when, after the first, nobody comes in; none without a pause.
    pub(crate) fn rest(&self) -> Option<[Nanos; 2]> {
        let (at, pause) = self.pause?;
        let end = self.before(at);
        Some([end - pause, end])
    }

    /// How long after the first this client is to connect.
    pub(crate) fn before(&self, number: usize) -> Nanos {
        let pause = self.pause.filter(|(at, _)| number >= *at);
        let pause = pause.map_or(0, |(_, pause)| pause);
        if self.connect_rate > 0.0 {
            pause + seconds(number as f64 / self.connect_rate)
        } else {
            pause
        }
    }
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Language {
    /// Causerie's own protocol
    Causerie,
    /// What the programs of loadtest/limits understand
    Floor,
    /// Socket.IO 4, as loadtest/peers/socketio serves it
    #[value(name = "socketio")]
    SocketIo,
    /// The Pusher protocol, as loadtest/peers/sockudo serves it
    Sockudo,
}

impl Language {
    /// What a report calls a server that is spoken to so.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            Self::Causerie => "Causerie",
            Self::Floor => "the floor",
            Self::SocketIo => "Socket.IO",
            Self::Sockudo => "Sockudo",
        }
    }
}

/// One of several processes that share the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which: 1, 2, …
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

impl FromStr for Part {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = "write 2/5 for the second of five";
        let (number, of) = text.split_once('/').ok_or(wanted)?;
        let [number, of] = [number, of].map(|number| number.parse().map_err(|_| wanted));
        let part = Self {
            number: number?,
            of: of?,
        };
        ((1..=part.of).contains(&part.number))
            .then_some(part)
            .ok_or(wanted)
    }
}

impl Part {
    /// How many of `all` are this part's, and how many are of parts before it.
    pub fn share(self, all: usize) -> (usize, usize) {
        let up_to = |number: usize| all * number / self.of;
        let before = up_to(self.number - 1);
        (up_to(self.number) - before, before)
    }
}

/// Clients that trust who has this authority's signature, and who have nothing left of
/// an earlier connection: each is another person's.
fn trusting(authority: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let said = || format!("--trust {}", authority.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).with_context(said)? {
        roots.add(certificate.with_context(said)?)?;
    }
    ensure!(!roots.is_empty(), "{}: no certificate in PEM", said());
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The files that a process has open beside its clients' sockets.
const OTHER_FILES: usize = 100;

impl Common {
    /// From where to where clients connect.
    pub(crate) fn doors(&self) -> anyhow::Result<Doors> {
        let sources = self.sources.iter().flat_map(|sources| sources.0.clone());
        let doors = Doors::new(self.targets.clone(), sources.collect());
        let doors = doors.context("name a --target")?;
        if let Some(authority) = &self.trust {
            return Ok(doors.over_tls(trusting(authority)?));
        }
        let needs_trust = self.targets.iter().find(|target| target.name.is_some());
        match needs_trust {
            Some(target) => bail!("name with --trust who has signed for {}", target.url),
            None => Ok(doors),
        }
    }

    /// How they speak.
    ///
    /// # Errors
    /// A secret is wanted for that.
    pub(crate) fn dialect(&self, language: Language) -> anyhow::Result<Arc<dyn Dialect>> {
        Ok(match language {
            Language::Causerie => Arc::new(self.causerie()?),
            Language::Floor => Arc::new(Floor),
            Language::SocketIo => Arc::new(SocketIo),
            Language::Sockudo => Arc::new(Pusher::default()),
        })
    }

    /// Causerie's own protocol.
    ///
    /// # Errors
    /// There is no secret.
    pub(crate) fn causerie(&self) -> anyhow::Result<Causerie> {
        let from_environment = || std::env::var("AUTH_JWT_SECRET").ok();
        let jwt_secret = self.jwt_secret.clone().or_else(from_environment);
        Ok(Causerie {
            tenant: self.tenant.clone(),
            jwt_secret: jwt_secret.context(
                "the users' tokens need the servers' secret: give it as --jwt-secret, or set \
                 AUTH_JWT_SECRET here as where they run",
            )?,
        })
    }

    /// Checks that this process may have so many connections.
    ///
    /// # Errors
    /// It may not.
    pub(crate) fn check_open_files(&self, clients: usize) -> anyhow::Result<()> {
        let allowed = usize::try_from(causerie_shared::cli::raise_open_files())?;
        let most = allowed.saturating_sub(OTHER_FILES).max(1);
        let parts = (clients * self.part.of).div_ceil(most);
        ensure!(
            clients <= most,
            "{clients} clients need more than the {allowed} files that a process may open here: \
             raise the limit (ulimit -n), or run {parts} processes with --part 1/{parts} to \
             --part {parts}/{parts}",
        );
        Ok(())
    }

    /// From now until all parts are to begin.
    ///
    /// # Errors
    /// It is too late.
    pub(crate) fn until_start(&self) -> anyhow::Result<Duration> {
        let Some(start) = self.start_at else {
            return Ok(Duration::ZERO);
        };
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(start);
        let late = "--start-at was past before all clients were in: set it later";
        start.duration_since(SystemTime::now()).context(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_all_clients() {
        for all in [0, 1, 7, 100, 19_900] {
            let mut next = 0;
            for number in 1..=5 {
                let part: Part = format!("{number}/5").parse().unwrap();
                let (share, before) = part.share(all);
                assert_eq!(before, next);
                assert!(share.abs_diff(all / 5) <= 1);
                next = before + share;
            }
            assert_eq!(next, all);
        }
        for wrong in ["", "0/5", "6/5", "1", "1/0", "a/b"] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
    }
}
