//! Where Redis is, how clients connect to it, and what to say where they cannot.

use std::io;
use std::slice::from_ref;
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::RespVersion;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, Server, ServerConfig,
};
use tokio_util::task::AbortOnDropHandle;

use super::dial::{NotDialed, in_time};
use super::settings::RedisSettings;
use crate::bus::BusError;

/// How many commands may wait for a connection. fred has no bound by itself.
const WAITING_COMMANDS: usize = 10_000;
/// How long a new connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The pauses between one try to connect and the next, to which fred adds up to
/// 100 ms at random. People wait for as long as the last one lasts after Redis
/// is there again.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(50);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Where and how to connect.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    /// How long a verb may take.
    pub(super) timeout: Duration,
}

impl Address {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, BusError> {
        let config = Config::from_url(&settings.url).map_err(|error| {
            BusError::Unavailable(format!("the URL of Redis is bad: {}", error.details()))
        })?;
        let config = Config {
            version: RespVersion::RESP3,
            // Wait for Redis rather than give up: who cannot wait has a time-out.
            fail_fast: false,
            ..config
        };
        let timeout = settings.timeout;
        Ok(Self { config, timeout })
    }

    /// Whether partitions may lie apart, on one node each.
    pub(super) fn is_cluster(&self) -> bool {
        self.config.server.is_clustered()
    }

    /// Whether another node may come to serve what one does now.
    pub(super) fn may_change(&self) -> bool {
        match self.config.server {
            ServerConfig::Clustered { .. } | ServerConfig::Sentinel { .. } => true,
            ServerConfig::Centralized { .. } => false,
        }
    }

    /// Connects to a node once, to learn what stands against it: a client that goes
    /// on trying does not tell.
    pub(super) async fn probe(&self, node: &Server) -> Result<(), NotDialed> {
        let config = Config {
            fail_fast: true,
            ..self.config_at(node)
        };
        let client = Client::new(config, None, None, None);
        let mut connections = client.reconnect_rx();
        // Ends with us, however that comes.
        let mut connection = AbortOnDropHandle::new(client.connect());
        let connected = async {
            tokio::select! {
                ended = &mut connection => match ended {
                    Ok(Err(error)) => Err(not_dialed(&error)),
                    Ok(Ok(())) | Err(_) => Err(NotDialed::Silent(CONNECT_TIMEOUT)),
                },
                _ = connections.recv() => Ok(()),
            }
        };
        in_time(CONNECT_TIMEOUT, connected).await
    }

    /// A client for commands to one node, which does not connect yet.
    pub(super) fn client(&self, node: &Server) -> Client {
        let performance = PerformanceConfig {
            default_command_timeout: self.timeout,
            ..PerformanceConfig::default()
        };
        let mut connection = ConnectionConfig {
            connection_timeout: CONNECT_TIMEOUT,
            internal_command_timeout: CONNECT_TIMEOUT,
            max_command_buffer_len: WAITING_COMMANDS,
            ..ConnectionConfig::default()
        };
        connection.tcp.nodelay = Some(true);
        let [first, longest] = [FIRST_PAUSE, LONGEST_PAUSE].map(|pause| pause.as_millis() as u32);
        let policy = ReconnectPolicy::new_exponential(0, first, longest, 2);
        Client::new(
            self.config_at(node),
            Some(performance),
            Some(connection),
            Some(policy),
        )
    }

    /// Of any node as of a single server: fred does not know that there are others.
    fn config_at(&self, node: &Server) -> Config {
        let server = ServerConfig::Centralized {
            server: node.clone(),
        };
        Config {
            server,
            ..self.config.clone()
        }
    }
}

fn not_dialed(error: &Error) -> NotDialed {
    if *error.kind() != ErrorKind::IO {
        return NotDialed::Refused(error.to_string());
    }
    let kind = if error.details().contains("ConnectionRefused") {
        io::ErrorKind::ConnectionRefused
    } else {
        io::ErrorKind::Other
    };
    NotDialed::Io(io::Error::new(kind, io_reason(error)))
}

impl NotDialed {
    /// Why there is no connection to `servers`, and what to do.
    pub(super) fn in_words(&self, servers: &[Server]) -> BusError {
        match self {
            Self::Io(error) => io_in_words(servers, error),
            Self::Silent(limit) => no_connection(*limit),
            Self::OfPrimary(primary, error) => error.in_words(from_ref(primary)),
            Self::Replica => {
                let servers = in_a_row(servers);
                BusError::Unavailable(format!(
                    "Redis at {servers} is a replica: name its primary, or the Sentinels that know \
                     it, in redis.url (REDIS_URL)"
                ))
            }
            Self::Malformed(_)
            | Self::Refused(_)
            | Self::Nowhere
            | Self::Earlier
            | Self::Another(_) => BusError::Unavailable(self.to_string()),
        }
    }
}

fn io_in_words(servers: &[Server], error: &io::Error) -> BusError {
    let servers = in_a_row(servers);
    BusError::Unavailable(if error.kind() == io::ErrorKind::ConnectionRefused {
        format!("Redis at {servers} refuses connections: start it, or set redis.url (REDIS_URL)")
    } else {
        format!("Redis at {servers} cannot be reached: {error}; see redis.url (REDIS_URL)")
    })
}

fn in_a_row(servers: &[Server]) -> String {
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    servers.join(", ")
}

/// What the system says. fred keeps no more of that than its form for debugging.
pub(super) fn io_reason(error: &Error) -> &str {
    let details = error.details();
    details.rsplit('"').nth(1).unwrap_or(details)
}

pub(super) fn no_connection(limit: Duration) -> BusError {
    BusError::Unavailable(format!("no connection to Redis within {limit:?}"))
}
