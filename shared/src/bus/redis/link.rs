//! One client of fred to one node, kept connected and watched.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike, EventInterface, MetricsInterface};
use fred::types::config::Server;
use futures::future::{join, pending};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use super::address::{Address, CONNECT_TIMEOUT, io_reason, no_connection};
use super::events::{self, Purpose};
use super::heartbeat;
use super::servers::Servers;
use crate::bus::BusError;

/// How long to wait before a client that ended is started again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked whether a client is connected, or was answered.
const LOOK: Duration = Duration::from_millis(100);

/// A client for commands, connected again whenever it must, and replaced where that
/// does not help. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Link {
    lent: watch::Receiver<Arc<Lent>>,
    _ends_task: DropGuard,
}

/// A client, until another one takes its place.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) client: Client,
    demoted: Notify,
    taken_back: CancellationToken,
}

impl Link {
    /// Begins to connect. Commands wait until it has.
    pub(super) fn open(address: &Address, node: &Server, servers: &Arc<Servers>) -> Self {
        let ended = CancellationToken::new();
        let keeper = Keeper {
            address: address.clone(),
            node: node.clone(),
            servers: Arc::clone(servers),
            ended: ended.clone(),
        };
        let (lending, lent) = watch::channel(keeper.lend());
        tokio::spawn(
            ended
                .clone()
                .run_until_cancelled_owned(keeper.keep(lending)),
        );
        Self {
            lent,
            _ends_task: ended.drop_guard(),
        }
    }

    pub(super) fn lend(&self) -> Arc<Lent> {
        Arc::clone(&self.lent.borrow())
    }

    /// Waits until it is connected for the first time; an error where that takes
    /// too long.
    pub(super) async fn connected_in_time(&self) -> Result<(), BusError> {
        let connected = async {
            // fred's own wait misses a connection made while it begins to wait.
            while timeout(LOOK, self.lend().client.wait_for_connect()).await != Ok(Ok(())) {
                if self.lend().client.is_connected() {
                    return;
                }
            }
        };
        let connected = timeout(CONNECT_TIMEOUT, connected).await;
        connected.map_err(|_| no_connection(CONNECT_TIMEOUT))
    }
}

impl Lent {
    /// Whether it is of no use any more: what was asked is not answered, or was not
    /// even sent.
    pub(super) fn is_taken_back(&self) -> bool {
        self.taken_back.is_cancelled()
    }

    /// Notes that Redis is a replica and takes nothing.
    pub(super) fn on_demoted(&self) {
        self.demoted.notify_one();
    }

    /// Returns when nothing was answered for so long.
    pub(super) async fn silent_for(&self, time: Duration) {
        let mut heard = (self.answers(), Instant::now());
        while heard.1.elapsed() < time {
            sleep(LOOK).await;
            let now = self.answers();
            if now != heard.0 {
                heard = (now, Instant::now());
            }
        }
    }

    /// Whether nothing is answered for so long from now on.
    pub(super) async fn is_silent_for(&self, time: Duration) -> bool {
        let before = self.answers();
        sleep(time).await;
        self.answers() == before
    }

    /// How much has come, also for those who wait no more.
    fn answers(&self) -> u64 {
        self.client.read_res_size_metrics().samples
    }
}

/// What keeps a link.
struct Keeper {
    address: Address,
    node: Server,
    servers: Arc<Servers>,
    ended: CancellationToken,
}

impl Keeper {
    fn lend(&self) -> Arc<Lent> {
        Arc::new(Lent {
            client: self.address.client(&self.node),
            demoted: Notify::new(),
            taken_back: self.ended.child_token(),
        })
    }

    /// Lends one client after the other, each for as long as it is of use.
    async fn keep(self, lending: watch::Sender<Arc<Lent>>) {
        loop {
            let lent = Arc::clone(&lending.borrow());
            let (client, node) = (&lent.client, &self.node);
            let mut serving = pin!(self.serve(client));
            let why = tokio::select! {
                never = &mut serving => match never {},
                () = heartbeat::until_silent(&lent, node, &self.address, &self.servers) => {
                    "a heartbeat was not answered"
                }
                () = until_demoted(&lent) => "this one leads to a replica",
            };
            events::link_begun_anew(Purpose::Commands, why);
            lending.send_replace(self.lend());
            lent.taken_back.cancel();
            // Only now does what served it end: whoever waits for it knows why.
        }
    }

    async fn serve(&self, client: &Client) -> Infallible {
        let (never, _) = join(self.tell(client), keep_connected(client)).await;
        never
    }

    /// Tells of lost and regained connections.
    async fn tell(&self, client: &Client) -> Infallible {
        let mut errors = client.error_rx();
        let mut connections = client.reconnect_rx();
        loop {
            tokio::select! {
                error = errors.recv() => match error {
                    Ok((error, server)) => {
                        let reason = io_reason(&error);
                        events::link_failed(Purpose::Commands, server.as_ref(), reason);
                        self.servers.doubt();
                    },
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return pending().await,
                },
                server = connections.recv() => match server {
                    Ok(server) => events::link_connected(Purpose::Commands, &server),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return pending().await,
                },
            }
        }
    }
}

/// Returns when this one is of no use for what is written: a new one may lead to another
/// server, where the address is a name. Not at once where it has just begun, for it may
/// lead to the same one.
async fn until_demoted(lent: &Lent) {
    let earliest = Instant::now() + PAUSE;
    lent.demoted.notified().await;
    sleep_until(earliest).await;
}

/// Connects, and again whenever fred's own task ends: it does on errors that it
/// takes for final, and an operator may have put right what was wrong.
async fn keep_connected(client: &Client) -> Infallible {
    loop {
        // That task ends with us.
        let connection = AbortOnDropHandle::new(client.connect());
        events::link_ended(Purpose::Commands, connection.await);
        sleep(PAUSE).await;
    }
}
