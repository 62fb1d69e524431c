//! Commands: which connection carries them, and what is tried again.

use std::slice::Chunks;
use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, LuaInterface};
use fred::types::Value;
use fred::types::config::Options;
use futures::future::try_join_all;
use tokio::time::{sleep, timeout};

use super::answer::Answer;
use super::args::Args;
use super::events;
use super::link::{Address, Link};
use super::names;
use super::script::Script;
use crate::bus::BusError;
use crate::room::Partition;

/// How long to wait before asking again while Redis moves a partition.
const WHILE_MOVING: Duration = Duration::from_millis(50);

/// fred's own time-out comes first: it takes back a command not yet sent.
const GRACE: Duration = Duration::from_millis(50);

/// The connections that carry commands.
#[derive(Debug)]
pub(super) struct Pool {
    links: Vec<Link>,
    timeout: Duration,
}

impl Pool {
    pub(super) async fn connect(address: &Address, size: usize) -> Result<Self, BusError> {
        let links: Vec<_> = (0..size.max(1)).map(|_| Link::open(address)).collect();
        try_join_all(links.iter().map(Link::connected_in_time)).await?;
        let timeout = address.timeout;
        Ok(Self { links, timeout })
    }

    /// The client of a partition: always the same, so that nothing overtakes.
    pub(super) fn client(&self, partition: Partition) -> &Client {
        let at = partition.index() % self.links.len();
        // `connect` opens one at the least.
        self.links
            .get(at)
            .map(|link| &link.client)
            .unwrap_or_else(|| unreachable!("a pool of no connections"))
    }

    /// How many rows there are of those of whom one script can serve several.
    pub(super) fn rows(&self) -> usize {
        if self.client(Partition::FIRST).is_clustered() {
            usize::from(Partition::COUNT)
        } else {
            self.links.len()
        }
    }

    /// The row in which those stand who ask for something in `partition`.
    pub(super) fn row_of(&self, partition: Partition) -> usize {
        partition.index() % self.rows()
    }

    /// Those at which one script can look: in a cluster each by itself, else all.
    pub(super) fn together<'a, T>(&self, of_partitions: &'a [T]) -> Chunks<'a, T> {
        let is_clustered = self.client(Partition::FIRST).is_clustered();
        let all = of_partitions.len().max(1);
        of_partitions.chunks(if is_clustered { 1 } else { all })
    }

    /// Runs a script in `partition`; `None` where it answers false.
    pub(super) async fn run(
        &self,
        partition: Partition,
        script: &Script,
        args: Args,
    ) -> Result<Option<Answer>, BusError> {
        self.run_since(Instant::now(), partition, script, args)
            .await
    }

    /// The same for who has waited since then.
    pub(super) async fn run_since(
        &self,
        began: Instant,
        partition: Partition,
        script: &Script,
        args: Args,
    ) -> Result<Option<Answer>, BusError> {
        let args = args.into_values();
        let run = || self.try_run(began, partition, script, &args);
        let value = self.ask_since(began, script.verb, run).await?;
        Ok(Answer::of(script.verb, value))
    }

    async fn try_run(
        &self,
        began: Instant,
        partition: Partition,
        script: &Script,
        args: &[Value],
    ) -> Result<Value, Error> {
        let left = self.timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            // fred would take that for no time-out at all.
            return Err(Error::new(ErrorKind::Timeout, "it waited for too long"));
        }
        let client = self.client(partition).with_options(&Options {
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

    /// Asks Redis, again while it moves what is asked for, until the time-out.
    pub(super) async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        verb: &'static str,
        attempt: impl Fn() -> F,
    ) -> Result<T, BusError> {
        self.ask_since(Instant::now(), verb, attempt).await
    }

    async fn ask_since<T, F: Future<Output = Result<T, Error>>>(
        &self,
        began: Instant,
        verb: &'static str,
        attempt: impl Fn() -> F,
    ) -> Result<T, BusError> {
        let answered = timeout(self.patience(began), async {
            loop {
                match attempt().await {
                    Err(error) if is_moving(&error) => sleep(WHILE_MOVING).await,
                    result => return result,
                }
            }
        });
        let result = match answered.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(bus_error(&error)),
            Err(_) => Err(self.too_late()),
        };
        events::asked(verb, began.elapsed(), result.as_ref().err());
        result
    }

    /// What comes in the time of who has waited since then.
    pub(super) async fn in_time<T>(
        &self,
        began: Instant,
        verb: &'static str,
        coming: impl Future<Output = T>,
    ) -> Result<T, BusError> {
        let in_time = timeout(self.patience(began), coming).await;
        in_time.map_err(|_| {
            let error = self.too_late();
            events::asked(verb, began.elapsed(), Some(&error));
            error
        })
    }

    fn patience(&self, began: Instant) -> Duration {
        (self.timeout + GRACE).saturating_sub(began.elapsed())
    }

    fn too_late(&self) -> BusError {
        BusError::Unavailable(format!("no answer within {:?}", self.timeout))
    }
}

/// Whether the slot is on its way to another node.
fn is_moving(error: &Error) -> bool {
    error.details().starts_with("TRYAGAIN")
        || matches!(error.kind(), ErrorKind::Cluster | ErrorKind::Routing)
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
