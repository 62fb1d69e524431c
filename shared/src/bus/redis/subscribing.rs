//! SSUBSCRIBE: to each channel by itself, or to many at once.
//!
//! fred waits for one confirmation of an SSUBSCRIBE. What comes of the others it
//! takes for the answer to whatever it sends next, or drops where that is
//! nothing. So many are subscribed to while nothing else is under way on their
//! connection, and until a *fence* has come: a message on the last channel of
//! them, published over another connection once the first was confirmed. Redis
//! sends in order, so by then all confirmations have come too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, PubsubInterface};
use fred::types::config::Options;
use fred::types::{ClusterHash, CustomCommand, Value};
use futures::future::{self, join_all};
use futures::stream::{self, StreamExt};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::link::Link;
use super::messages::Listener;
use super::names;
use super::topology::Topology;
use crate::ids::ConnectionId;
use crate::room::Partition;

/// How many commands of one channel each are in flight at once.
const IN_FLIGHT: usize = 512;

/// Fewer than these are each subscribed to by themselves, which is quicker.
const MANY: usize = 16;

/// How many channels one SSUBSCRIBE takes, but for the fence.
const AT_ONCE: usize = 1_000;

/// How long one SSUBSCRIBE may take at the most: others wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a fence may be on its way before it is sent again, and how often it
/// is sent.
const FENCE_WITHIN: Duration = Duration::from_millis(500);
const FENCES: usize = 6;

/// Why a channel is not subscribed to.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum NotSubscribed {
    #[error(transparent)]
    Failed(#[from] Error),
    /// The connection gives answers to the wrong commands.
    #[error("it was given the answer to something else")]
    Shifted,
}

impl NotSubscribed {
    /// Whether no answer came, where another may be a refusal.
    fn is_silence(&self) -> bool {
        match self {
            Self::Failed(error) => matches!(
                error.kind(),
                ErrorKind::Timeout | ErrorKind::IO | ErrorKind::Canceled
            ),
            Self::Shifted => false,
        }
    }
}

/// What a subscription failed of, by channel.
pub(super) type Failed = HashMap<String, NotSubscribed>;

/// Fences that are waited for.
#[derive(Debug)]
pub(super) struct Fences {
    /// The name in the channels of these fences.
    name: String,
    count: AtomicU64,
    awaited: Mutex<HashMap<String, Arc<Notify>>>,
}

impl Fences {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            name: ConnectionId::generate().to_string(),
            count: AtomicU64::new(0),
            awaited: Mutex::default(),
        })
    }

    fn on_message(&self, message: &[u8]) {
        let text = String::from_utf8_lossy(message);
        if let Some(awaited) = self.lock().get(text.as_ref()) {
            awaited.notify_one();
        }
    }

    fn channel(&self, partition: Partition) -> String {
        names::fence(partition, &self.name)
    }

    /// Returns when a message has come through `channel` and back.
    async fn pass(&self, publisher: &Client, channel: &str) -> Result<(), NotSubscribed> {
        let message = self.count.fetch_add(1, Ordering::Relaxed).to_string();
        let came = Arc::new(Notify::new());
        self.lock().insert(message.clone(), Arc::clone(&came));
        let mut passed = Err(Error::new(ErrorKind::Timeout, "no fence came").into());
        for _ in 0..FENCES {
            if let Err(error) = publisher.spublish::<(), _, _>(channel, &*message).await {
                passed = Err(error.into());
                break;
            }
            if timeout(FENCE_WITHIN, came.notified()).await.is_ok() {
                passed = Ok(());
                break;
            }
        }
        self.lock().remove(&message);
        passed
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps fences from a listener.
pub(super) struct Fenced {
    pub(super) fences: Arc<Fences>,
    pub(super) listener: Arc<dyn Listener>,
}

impl Listener for Fenced {
    fn on_message(&self, channel: &str, message: Bytes) {
        if names::is_fence(channel) {
            self.fences.on_message(&message);
        } else {
            self.listener.on_message(channel, message);
        }
    }

    fn on_gap(&self) {
        self.listener.on_gap();
    }
}

/// The node that serves a channel; empty where nobody knows, or there is but one.
pub(super) fn owner<'a>(topology: Option<&'a Topology>, channel: &str) -> &'a str {
    let partition = names::partition_of_channel(channel);
    let owner = topology.zip(partition);
    owner.map_or("", |(topology, partition)| topology.owner(partition))
}

/// Subscribes to each by itself, many in flight at once; tells of which failed.
pub(super) async fn each(
    link: &Link,
    topology: Option<&Topology>,
    channels: BTreeSet<String>,
) -> Failed {
    let mut by_owner: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for channel in channels {
        let of_owner = by_owner.entry(owner(topology, &channel)).or_default();
        of_owner.insert(channel);
    }
    let subscribing = by_owner
        .into_values()
        .map(|channels| each_of_node(link, channels));
    join_all(subscribing).await.into_iter().flatten().collect()
}

async fn each_of_node(link: &Link, channels: BTreeSet<String>) -> Failed {
    let silence = &OnceLock::new();
    in_flight(channels, |channel| async move {
        // What a node does not answer now it will not answer for the rest.
        if let Some(error) = silence.get() {
            return Err(NotSubscribed::clone(error));
        }
        let subscribed = ssubscribe(link, vec![channel]).await;
        if let Err(error) = &subscribed
            && error.is_silence()
        {
            silence.get_or_init(|| error.clone());
        }
        subscribed
    })
    .await
}

/// Unsubscribes from each by itself, in the same way.
pub(super) async fn end_each(link: &Link, channels: BTreeSet<String>) -> Failed {
    in_flight(channels, |channel| async {
        Ok(link.client.sunsubscribe(channel).await?)
    })
    .await
}

async fn in_flight<F>(channels: BTreeSet<String>, change: impl Fn(String) -> F) -> Failed
where
    F: Future<Output = Result<(), NotSubscribed>>,
{
    stream::iter(channels)
        .map(|channel| {
            let changed = change(channel.clone());
            async move { Some((channel, changed.await.err()?)) }
        })
        .buffer_unordered(IN_FLIGHT)
        .filter_map(future::ready)
        .collect()
        .await
}

/// Subscribes to all in as few commands as can be; tells of which failed. The
/// link is to be quiet.
pub(super) async fn all(
    link: &Link,
    publisher: &Client,
    fences: &Fences,
    topology: Option<&Topology>,
    channels: BTreeSet<String>,
) -> Failed {
    if channels.len() < MANY {
        return each(link, topology, channels).await;
    }
    let rows = rows(link.client.is_clustered(), topology, channels);
    let subscribing = rows
        .into_values()
        .map(|row| subscribe_row(link, publisher, fences, row));
    let mut failed: Failed = join_all(subscribing).await.into_iter().flatten().collect();
    // One of a batch may be refused, and none of the others; or the error was
    // the answer to something else.
    let refused = failed.extract_if(|_, error| !error.is_silence());
    let refused = refused.map(|(channel, _)| channel).collect();
    failed.extend(each(link, topology, refused).await);
    failed
}

async fn subscribe_row(
    link: &Link,
    publisher: &Client,
    fences: &Fences,
    row: Vec<Batch>,
) -> Failed {
    let mut failed = Failed::new();
    let mut silence = None;
    for batch in row {
        let subscribed = match &silence {
            None => subscribe_batch(link, publisher, fences, &batch).await,
            // What this node does not answer now it will not answer for the rest.
            Some(error) => Err(NotSubscribed::clone(error)),
        };
        let Err(error) = subscribed else {
            continue;
        };
        silence = silence.or_else(|| error.is_silence().then(|| error.clone()));
        let of_batch = batch.channels.into_iter();
        failed.extend(of_batch.map(|channel| (channel, error.clone())));
    }
    failed
}

/// Channels that one command takes.
struct Batch {
    partition: Partition,
    channels: Vec<String>,
}

/// What is subscribed to one after the other: all that one node serves. Of a
/// cluster a command takes channels of one partition, else any.
fn rows(
    is_clustered: bool,
    topology: Option<&Topology>,
    channels: BTreeSet<String>,
) -> BTreeMap<String, Vec<Batch>> {
    let mut by_partition: BTreeMap<usize, (Partition, Vec<String>)> = BTreeMap::new();
    for channel in channels {
        let partition = names::partition_of_channel(&channel).filter(|_| is_clustered);
        let partition = partition.unwrap_or(Partition::FIRST);
        let of_partition = by_partition.entry(partition.index());
        let (_, channels) = of_partition.or_insert((partition, Vec::new()));
        channels.push(channel);
    }
    let mut rows: BTreeMap<String, Vec<Batch>> = BTreeMap::new();
    for (partition, channels) in by_partition.into_values() {
        let owner = topology.map(|topology| topology.owner(partition));
        let row = rows
            .entry(owner.unwrap_or_default().to_owned())
            .or_default();
        row.extend(channels.chunks(AT_ONCE).map(|some| Batch {
            partition,
            channels: some.to_vec(),
        }));
    }
    rows
}

async fn subscribe_batch(
    link: &Link,
    publisher: &Client,
    fences: &Fences,
    batch: &Batch,
) -> Result<(), NotSubscribed> {
    let fence = fences.channel(batch.partition);
    let mut channels = batch.channels.clone();
    channels.push(fence.clone());
    ssubscribe(link, channels).await?;
    fences.pass(publisher, &fence).await
}

/// Subscribes, and checks that it is the first of the channels that is confirmed.
async fn ssubscribe(link: &Link, channels: Vec<String>) -> Result<(), NotSubscribed> {
    let first = channels.first().cloned();
    let command = CustomCommand::new_static("SSUBSCRIBE", ClusterHash::FirstKey, false);
    let options = Options {
        // Less than who asked waits, who may have waited for others before.
        timeout: Some(PATIENCE.min(link.timeout / 2)),
        ..Options::default()
    };
    let client = link.client.with_options(&options);
    let answer: Value = client.custom(command, channels).await?;
    // `["ssubscribe", channel, count]`
    let confirmed = answer.into_array().into_iter().nth(1);
    if confirmed.and_then(Value::into_string) == first {
        Ok(())
    } else {
        Err(NotSubscribed::Shifted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::RoomKey;

    fn channels(count: usize) -> BTreeSet<String> {
        let room = |number| format!("acme:user:u{number}").parse::<RoomKey>().unwrap();
        let channel = |number| names::room_channel(&room(number));
        (0..count).map(channel).collect()
    }

    fn sizes(rows: &BTreeMap<String, Vec<Batch>>) -> Vec<usize> {
        let batches = rows.values().flatten();
        batches.map(|batch| batch.channels.len()).collect()
    }

    #[test]
    fn one_server_takes_any_and_a_cluster_those_of_one_partition() {
        let one = rows(false, None, channels(2_500));
        assert_eq!(sizes(&one), [1_000, 1_000, 500]);
        let cluster = rows(true, None, channels(2_500));
        assert_eq!(sizes(&cluster).len(), usize::from(Partition::COUNT));
        for batch in cluster.values().flatten() {
            let of = |channel: &String| names::partition_of_channel(channel);
            assert!(
                batch
                    .channels
                    .iter()
                    .all(|c| of(c) == Some(batch.partition))
            );
        }
    }
}
