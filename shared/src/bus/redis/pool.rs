//! Commands: which connection carries them, and what is tried again.

use std::slice::Chunks;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, LuaInterface};
use fred::types::Value;
use fred::types::config::{Options, Server};
use futures::future::select_ok;
use tokio::time::{sleep, timeout};

use super::address::Address;
use super::answer::Answer;
use super::args::Args;
use super::events;
use super::link::Lent;
use super::links::Links;
use super::names;
use super::script::Script;
use super::servers::Servers;
use crate::bus::BusError;
use crate::room::Partition;

/// How long to wait before asking again: while Redis moves a partition, while nobody
/// serves it, or after a connection was replaced.
const PAUSE: Duration = Duration::from_millis(50);

/// fred's own time-out comes first: it takes back a command not yet sent.
const GRACE: Duration = Duration::from_millis(50);

/// The connections that carry commands.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) links: Arc<Links>,
}

/// How long somebody waits.
#[derive(Debug, Clone, Copy)]
struct Patience {
    since: Instant,
    limit: Duration,
}

impl Pool {
    /// Begins to connect to all nodes.
    pub(super) fn open(address: &Address, servers: Arc<Servers>, size: usize) -> Self {
        let links = Links::open(address, servers, size);
        Self { links }
    }

    /// How many rows there are of those of whom one script can serve several.
    pub(super) fn rows(&self) -> usize {
        if self.links.address.is_cluster() {
            usize::from(Partition::COUNT)
        } else {
            self.links.size
        }
    }

    /// The row in which those stand who ask for something in `partition`.
    pub(super) fn row_of(&self, partition: Partition) -> usize {
        partition.index() % self.rows()
    }

    /// Those at which one script can look: in a cluster each by itself, else all.
    pub(super) fn together<'a, T>(&self, of_partitions: &'a [T]) -> Chunks<'a, T> {
        let is_cluster = self.links.address.is_cluster();
        let all = of_partitions.len().max(1);
        of_partitions.chunks(if is_cluster { 1 } else { all })
    }

    /// Returns when some node answers.
    pub(super) async fn ping(&self) -> Result<(), BusError> {
        let is_connected = |node: &&Server| {
            let lent = self.links.lend_of_node(node);
            lent.is_some_and(|lent| lent.client.is_connected())
        };
        let nodes = self.links.nodes();
        // What nobody waits for any more would pile up where there is no connection.
        let connected: Vec<_> = nodes.iter().filter(is_connected).cloned().collect();
        let asked = if connected.is_empty() {
            nodes
        } else {
            connected
        };
        let pings = asked.into_iter().map(|node| {
            Box::pin(async move {
                let lend = || self.links.lend_of_node(&node);
                let ping = |client: Client| async move { client.ping::<()>(None).await };
                self.ask_of("ping", lend, ping).await
            })
        });
        select_ok(pings).await.map(|((), _)| ())
    }

    /// Runs a script in `partition`; `None` where it answers false.
    pub(super) async fn run(
        &self,
        partition: Partition,
        script: &Script,
        args: Args,
    ) -> Result<Option<Answer>, BusError> {
        let patience = self.patience(Instant::now());
        self.run_with(patience, partition, script, args).await
    }

    /// The same for who has waited since then, and waits no longer than `limit`.
    pub(super) async fn run_since(
        &self,
        since: Instant,
        limit: Duration,
        partition: Partition,
        script: &Script,
        args: Args,
    ) -> Result<Option<Answer>, BusError> {
        let patience = Patience { since, limit };
        self.run_with(patience, partition, script, args).await
    }

    /// The same for who waits no longer than `limit`.
    pub(super) async fn run_within(
        &self,
        limit: Duration,
        partition: Partition,
        script: &Script,
        args: Args,
    ) -> Result<Option<Answer>, BusError> {
        let limit = limit.min(self.longest());
        self.run_since(Instant::now(), limit, partition, script, args)
            .await
    }

    async fn run_with(
        &self,
        patience: Patience,
        partition: Partition,
        script: &Script,
        args: Args,
    ) -> Result<Option<Answer>, BusError> {
        let args = args.into_values();
        let lend = || self.links.lend(partition);
        let run = |client| try_run(client, patience, partition, script, &args);
        let value = self.ask_with(patience, script.verb, lend, run).await?;
        Ok(Answer::of(script.verb, value))
    }

    /// Asks who serves `partition`, and again as long as there is hope, until the
    /// time-out.
    pub(super) async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        verb: &'static str,
        partition: Partition,
        attempt: impl Fn(Client) -> F,
    ) -> Result<T, BusError> {
        let lend = || self.links.lend(partition);
        self.ask_of(verb, lend, attempt).await
    }

    /// The same of whose client `lend` gives.
    pub(super) async fn ask_of<T, F: Future<Output = Result<T, Error>>>(
        &self,
        verb: &'static str,
        lend: impl Fn() -> Option<Arc<Lent>>,
        attempt: impl Fn(Client) -> F,
    ) -> Result<T, BusError> {
        let patience = self.patience(Instant::now());
        self.ask_with(patience, verb, lend, attempt).await
    }

    async fn ask_with<T, F: Future<Output = Result<T, Error>>>(
        &self,
        patience: Patience,
        verb: &'static str,
        lend: impl Fn() -> Option<Arc<Lent>>,
        attempt: impl Fn(Client) -> F,
    ) -> Result<T, BusError> {
        let answered = timeout(patience.left(GRACE), async {
            loop {
                if let Some(lent) = lend() {
                    let answered = attempt(lent.client.clone()).await;
                    match answered {
                        Err(error) if self.is_worth_another_try(&error, &lent) => {}
                        answered => return answered,
                    }
                } else {
                    self.links.servers.doubt();
                }
                sleep(PAUSE).await;
            }
        });
        let result = match answered.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(bus_error(&error)),
            Err(_) => Err(patience.too_late()),
        };
        events::asked(verb, patience.since.elapsed(), result.as_ref().err());
        result
    }

    /// Whether the slot is on its way to another node, or has gone there, or another
    /// server has taken this one's place, or the client was replaced. All that is asked may
    /// be asked again.
    fn is_worth_another_try(&self, error: &Error, lent: &Lent) -> bool {
        let says = |word| error.details().starts_with(word);
        if says("MOVED") || says("CLUSTERDOWN") {
            self.links.servers.doubt();
        }
        let is_demoted = says("READONLY");
        if is_demoted {
            self.links.servers.doubt();
            lent.on_demoted();
        }
        let is_elsewhere = says("TRYAGAIN") || *error.kind() == ErrorKind::Cluster;
        is_elsewhere || is_demoted || lent.is_taken_back()
    }

    /// What comes in the time of who has waited since then, and waits no longer than
    /// `limit`.
    pub(super) async fn in_time<T>(
        &self,
        since: Instant,
        limit: Duration,
        verb: &'static str,
        coming: impl Future<Output = T>,
    ) -> Result<T, BusError> {
        let patience = Patience { since, limit };
        let in_time = timeout(patience.left(GRACE), coming).await;
        in_time.map_err(|_| {
            let error = patience.too_late();
            events::asked(verb, since.elapsed(), Some(&error));
            error
        })
    }

    /// The longest that anybody waits.
    pub(super) fn longest(&self) -> Duration {
        self.links.address.timeout
    }

    fn patience(&self, since: Instant) -> Patience {
        let limit = self.longest();
        Patience { since, limit }
    }
}

impl Patience {
    /// How much is left, and so much more.
    fn left(&self, more: Duration) -> Duration {
        (self.limit + more).saturating_sub(self.since.elapsed())
    }

    fn too_late(&self) -> BusError {
        BusError::Unavailable(format!("no answer within {:?}", self.limit))
    }
}

async fn try_run(
    client: Client,
    patience: Patience,
    partition: Partition,
    script: &Script,
    args: &[Value],
) -> Result<Value, Error> {
    let left = patience.left(Duration::ZERO);
    if left.is_zero() {
        // fred would take that for no time-out at all.
        return Err(Error::new(ErrorKind::Timeout, "it waited for too long"));
    }
    let client = client.with_options(&Options {
        timeout: Some(left),
        ..Options::default()
    });
    let keys = names::script_keys(partition).to_vec();
    // In a box: fred's futures have 7 KiB, and are copied with each that holds them.
    let asked = client.evalsha(script.sha.clone(), keys.clone(), args.to_vec());
    let result = Box::pin(asked).await;
    match result {
        // This node does not have it: new, restarted, or flushed.
        Err(error) if error.details().starts_with("NOSCRIPT") => {
            Box::pin(client.eval(script.text, keys, args.to_vec())).await
        }
        result => result,
    }
}

fn bus_error(error: &Error) -> BusError {
    if is_about_what_is_stored(error.details()) {
        BusError::Unreadable(error.details().to_owned())
    } else {
        BusError::Unavailable(error.to_string())
    }
}

/// Whether Redis holds under one of our names what is not ours, or what a
/// script stumbles over: asking again won't help.
fn is_about_what_is_stored(error: &str) -> bool {
    error.starts_with("WRONGTYPE") || (error.starts_with("ERR") && error.contains("user_script"))
}
