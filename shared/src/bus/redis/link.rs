//! One client of Redis, kept connected and watched.

use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::RespVersion;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, ServerConfig,
};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::settings::RedisSettings;
use super::{events, heartbeat};
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
/// How long to wait before a client that ended is started again, and for Redis
/// to take leave of one that is dropped.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked whether a client is connected.
const LOOK: Duration = Duration::from_millis(100);

/// What a connection is for: for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Commands,
    Rooms,
    Wakes,
}

impl Purpose {
    pub(super) const ALL: [Self; 3] = [Self::Commands, Self::Rooms, Self::Wakes];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Rooms => "rooms",
            Self::Wakes => "wakes",
        }
    }
}

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

    /// Connects once, to learn what stands against it: a client that goes on
    /// trying does not tell.
    pub(super) async fn probe(&self) -> Result<(), BusError> {
        self.probe_at(self.config.server.clone()).await
    }

    /// The same, at one server.
    pub(super) async fn probe_at(&self, server: ServerConfig) -> Result<(), BusError> {
        let config = Config {
            fail_fast: true,
            server,
            ..self.config.clone()
        };
        let client = Client::new(config, None, None, None);
        match timeout(CONNECT_TIMEOUT, client.init()).await {
            Ok(Ok(_)) => {
                // It has served its turn; how it ends matters to nobody.
                let _ = client.quit().await;
                Ok(())
            }
            Ok(Err(error)) => Err(BusError::Unavailable(self.in_words(&error))),
            Err(_) => Err(no_connection()),
        }
    }

    /// Why there is no connection, and what to do.
    fn in_words(&self, error: &Error) -> String {
        if *error.kind() != ErrorKind::IO {
            return error.to_string();
        }
        let servers = self.config.server.hosts();
        let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let servers = servers.join(", ");
        if error.details().contains("ConnectionRefused") {
            format!(
                "Redis at {servers} refuses connections: start it, or set redis.url (REDIS_URL)"
            )
        } else {
            let reason = io_reason(error);
            format!("Redis at {servers} cannot be reached: {reason}; see redis.url (REDIS_URL)")
        }
    }

    fn client(&self) -> Client {
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
        // Told to ask another node, fred says ASKING there, and takes for its
        // answer that of whatever was asked there before. `Pool::ask` asks
        // again by itself.
        connection.max_redirections = 0;
        let [first, longest] = [FIRST_PAUSE, LONGEST_PAUSE].map(|pause| pause.as_millis() as u32);
        let policy = ReconnectPolicy::new_exponential(0, first, longest, 2);
        Client::new(
            self.config.clone(),
            Some(performance),
            Some(connection),
            Some(policy),
        )
    }
}

/// A client for commands, connected again whenever it must. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    _ends_tasks: DropGuard,
}

impl Link {
    /// Begins to connect. Commands wait until it has.
    pub(super) fn open(address: &Address) -> Self {
        let client = address.client();
        let ended = CancellationToken::new();
        let telling = tell(client.clone());
        tokio::spawn(ended.clone().run_until_cancelled_owned(telling));
        let checking = heartbeat::check(client.clone(), address.clone());
        tokio::spawn(ended.clone().run_until_cancelled_owned(checking));
        tokio::spawn(keep_connected(client.clone(), ended.clone()));
        Self {
            client,
            _ends_tasks: ended.drop_guard(),
        }
    }

    /// Waits until it is connected for the first time.
    pub(super) async fn connected(&self) {
        // fred's own wait misses a connection made while it begins to wait.
        while timeout(LOOK, self.client.wait_for_connect()).await != Ok(Ok(())) {
            if self.client.is_connected() {
                return;
            }
        }
    }

    /// The same, with an error where it takes too long.
    pub(super) async fn connected_in_time(&self) -> Result<(), BusError> {
        let connected = timeout(CONNECT_TIMEOUT, self.connected()).await;
        connected.map_err(|_| no_connection())
    }
}

/// What the system says. fred keeps no more of that than its form for debugging.
pub(super) fn io_reason(error: &Error) -> &str {
    let details = error.details();
    details.rsplit('"').nth(1).unwrap_or(details)
}

fn no_connection() -> BusError {
    BusError::Unavailable(format!("no connection to Redis within {CONNECT_TIMEOUT:?}"))
}

/// fred's own task ends on errors that it takes for final; an operator may have
/// put right what was wrong.
async fn keep_connected(client: Client, ended: CancellationToken) {
    loop {
        let mut connection = client.connect();
        tokio::select! {
            () = ended.cancelled() => {
                // Whether Redis took leave of us matters to nobody.
                let _ = timeout(PAUSE, client.quit()).await;
                connection.abort();
                return;
            }
            result = &mut connection => events::link_ended(Purpose::Commands, result),
        }
        sleep(PAUSE).await;
    }
}

/// Tells of lost and regained connections.
async fn tell(client: Client) {
    let mut errors = client.error_rx();
    let mut connections = client.reconnect_rx();
    loop {
        tokio::select! {
            error = errors.recv() => match error {
                Ok((error, server)) => {
                    events::link_failed(Purpose::Commands, server.as_ref(), io_reason(&error));
                },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            server = connections.recv() => match server {
                Ok(server) => events::link_connected(Purpose::Commands, &server),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// Returns when there are new connections, or none are wanted any more.
pub(super) async fn begin_anew(client: &Client, why: &str) {
    events::link_begun_anew(Purpose::Commands, why);
    // What is left to fail is that the client is being ended.
    let _ = client.force_reconnection().await;
}
