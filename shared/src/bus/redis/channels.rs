//! Sharded channels, kept subscribed whatever happens to connections.
//!
//! fred's own means are not used. Its `SubscriberClient` sends an empty
//! SUBSCRIBE and PSUBSCRIBE when it subscribes again, whose errors are then
//! taken for the answers to other commands; and of an SSUBSCRIBE with several
//! channels the second and later confirmations likewise. How it is done here
//! stands in `subscribing`; a connection whose answers have shifted is given up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike, ClusterInterface, EventInterface};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::link::{Address, Link, Purpose};
use super::messages::{Listener, drain};
use super::subscribing::{self, Failed, Fenced, Fences, NotSubscribed};
use super::topology::Topology;
use super::{events, names};
use crate::bus::BusError;

/// How many changes may wait for the task that makes them.
const WAITING_CHANGES: usize = 4_096;
/// How often it is looked whether partitions moved to other nodes: Redis ends
/// their subscriptions without a word that fred would pass on.
const LOOK_FOR_MOVES: Duration = Duration::from_secs(2);
/// How long to wait before subscribing again where that failed.
pub(super) const RETRY: Duration = Duration::from_millis(250);

/// The channels that one listener hears. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Channels {
    changes: mpsc::Sender<Change>,
    timeout: Duration,
    _ends_tasks: DropGuard,
}

#[derive(Debug)]
struct Change {
    channels: Vec<String>,
    kind: Kind,
    done: oneshot::Sender<HashMap<String, BusError>>,
}

/// What failed of which channel.
type Answer = oneshot::Receiver<HashMap<String, BusError>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Subscribe,
    Unsubscribe,
}

impl Channels {
    /// `publisher` is another connection, over which it is found out that many
    /// channels are subscribed to.
    pub(super) fn open(
        address: &Address,
        purpose: Purpose,
        listener: Arc<dyn Listener>,
        publisher: Client,
    ) -> Self {
        let (changes, waiting) = mpsc::channel(WAITING_CHANGES);
        let link = Link::open(address, purpose);
        let ended = CancellationToken::new();
        let messages = link.client.message_rx();
        let fences = Fences::new();
        let heard = Arc::new(Fenced {
            fences: Arc::clone(&fences),
            listener: Arc::clone(&listener),
        });
        let drained = drain(messages, heard);
        tokio::spawn(ended.clone().run_until_cancelled_owned(drained));
        let keeper = Keeper {
            link,
            publisher,
            fences,
            listener,
            channels: BTreeSet::new(),
            lost: BTreeSet::new(),
            topology: None,
        };
        tokio::spawn(ended.clone().run_until_cancelled_owned(keeper.run(waiting)));
        Self {
            changes,
            timeout: address.timeout,
            _ends_tasks: ended.drop_guard(),
        }
    }

    /// Returns when Redis has confirmed all; what failed of which channel. One
    /// that failed may yet be subscribed to, until it is unsubscribed from.
    pub(super) async fn subscribe(&self, channels: Vec<String>) -> HashMap<String, BusError> {
        let (change, made) = Change::new(&channels, Kind::Subscribe);
        let asked = async {
            self.changes.send(change).await.ok()?;
            made.await.ok()
        };
        self.in_time(channels, asked).await
    }

    pub(super) async fn unsubscribe(&self, channels: Vec<String>) -> HashMap<String, BusError> {
        let (change, made) = Change::new(&channels, Kind::Unsubscribe);
        // However long that takes: nobody would ask again. Where it fails the
        // answer fails with it.
        let _ = self.changes.send(change).await;
        self.in_time(channels, async { made.await.ok() }).await
    }

    async fn in_time(
        &self,
        channels: Vec<String>,
        made: impl Future<Output = Option<HashMap<String, BusError>>>,
    ) -> HashMap<String, BusError> {
        let why = match timeout(self.timeout, made).await {
            Ok(Some(failed)) => return failed,
            Ok(None) => "the feed has ended".to_owned(),
            Err(_) => format!("not done within {:?}", self.timeout),
        };
        let failed = |channel| (channel, BusError::Unavailable(why.clone()));
        channels.into_iter().map(failed).collect()
    }
}

impl Change {
    fn new(channels: &[String], kind: Kind) -> (Self, Answer) {
        let (done, answer) = oneshot::channel();
        let change = Self {
            channels: channels.to_vec(),
            kind,
            done,
        };
        (change, answer)
    }

    fn answer(self, failed: &Failed) {
        let failed = self.channels.into_iter().filter_map(|channel| {
            let error = failed.get(&channel)?;
            Some((channel, BusError::Unavailable(error.to_string())))
        });
        // Who asked may have given up.
        let _ = self.done.send(failed.collect());
    }
}

/// The task that makes all changes, one after the other.
struct Keeper {
    link: Link,
    publisher: Client,
    fences: Arc<Fences>,
    listener: Arc<dyn Listener>,
    channels: BTreeSet<String>,
    /// Those of them that are to be subscribed to again.
    lost: BTreeSet<String>,
    /// As it was before the channels were subscribed.
    topology: Option<Topology>,
}

impl Keeper {
    async fn run(mut self, mut waiting: mpsc::Receiver<Change>) {
        self.link.connected().await;
        self.topology = Topology::ask(&self.link.client).await;
        let mut connections = self.link.client.reconnect_rx();
        let mut look = interval(LOOK_FOR_MOVES);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retry = interval(RETRY);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                connected = connections.recv() => match connected {
                    Ok(_) | Err(RecvError::Lagged(_)) => {
                        // It knows of no channel.
                        self.topology = Topology::ask(&self.link.client).await;
                        self.lost = self.channels.clone();
                        retry.reset_immediately();
                    }
                    Err(RecvError::Closed) => return,
                },
                _ = retry.tick(), if !self.lost.is_empty() => {
                    self.subscribe_again().await;
                    retry.reset();
                }
                _ = look.tick(), if self.link.client.is_clustered() => {
                    let moved = self.moved().await;
                    if !moved.is_empty() {
                        self.lost.extend(moved);
                        retry.reset_immediately();
                    }
                }
                count = waiting.recv_many(&mut batch, WAITING_CHANGES) => {
                    if count == 0 {
                        return;
                    }
                    self.make(batch.drain(..)).await;
                }
            }
        }
    }

    /// Makes changes in their order, those of a kind in a row at once.
    async fn make(&mut self, changes: impl Iterator<Item = Change>) {
        let mut row: Vec<Change> = Vec::new();
        for change in changes {
            if row.last().is_some_and(|last| last.kind != change.kind) {
                self.make_row(std::mem::take(&mut row)).await;
            }
            row.push(change);
        }
        self.make_row(row).await;
    }

    async fn make_row(&mut self, row: Vec<Change>) {
        match row.first().map(|first| first.kind) {
            Some(Kind::Subscribe) => self.subscribe(row).await,
            Some(Kind::Unsubscribe) => self.unsubscribe(row).await,
            None => {}
        }
    }

    /// Each node by itself: one that hangs holds up no other's answers.
    async fn subscribe(&mut self, changes: Vec<Change>) {
        if !self.link.client.is_connected() {
            self.link.connected().await;
        }
        let (link, publisher, topology) = (&self.link, &self.publisher, self.topology.as_ref());
        let mut by_owner: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
        for change in changes {
            let owner = change.channels.first();
            let owner = owner.map_or("", |first| subscribing::owner(topology, first));
            by_owner.entry(owner).or_default().push(change);
        }
        let nothing_else = link.quiet.lock().await;
        let rows = by_owner.into_values().map(|row| {
            let mut new = channels_of(&row);
            new.retain(|channel| !self.channels.contains(channel));
            let made = subscribing::all(link, publisher, &self.fences, topology, new);
            async move { (row, made.await) }
        });
        let mut rows: FuturesUnordered<_> = rows.collect();
        let (mut shifted, mut left) = (Failed::new(), Vec::new());
        while let Some((row, failed)) = rows.next().await {
            if is_shifted(&failed) {
                shifted.extend(failed);
                left.extend(row);
            } else {
                add_and_answer(&mut self.channels, row, &failed);
            }
        }
        drop((rows, nothing_else));
        let failed = self.unless_shifted(shifted).await;
        add_and_answer(&mut self.channels, left, &failed);
    }

    /// Those too that are not known to be subscribed to: where Redis did not
    /// answer it may have done so all the same.
    async fn unsubscribe(&mut self, changes: Vec<Change>) {
        let channels = channels_of(&changes);
        for channel in &channels {
            self.channels.remove(channel);
            self.lost.remove(channel);
        }
        let failed = subscribing::end_each(&self.link, channels).await;
        for change in changes {
            change.answer(&failed);
        }
    }

    /// Tries once to subscribe to what is lost, and tells that messages were
    /// missed of what is not any more.
    async fn subscribe_again(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        let count = lost.len();
        let failed = subscribing::each(&self.link, self.topology.as_ref(), lost).await;
        let failed = self.unless_shifted(failed).await;
        if let Some(error) = failed.values().next() {
            events::not_subscribed(self.link.purpose, failed.len(), error);
        }
        if failed.len() < count {
            events::subscribed_again(self.link.purpose, count - failed.len());
            self.listener.on_gap();
        }
        self.lost = failed.into_keys().collect();
    }

    /// Gives a connection up that answers to the wrong commands, and tries again.
    async fn unless_shifted(&self, failed: Failed) -> Failed {
        if !is_shifted(&failed) {
            return failed;
        }
        let why = "a subscription was given the answer to something else";
        self.link.begin_anew(why).await;
        // An error may have been meant for something else as well.
        let channels = failed.into_keys().collect();
        subscribing::each(&self.link, self.topology.as_ref(), channels).await
    }

    /// The channels of partitions that another node serves than before.
    async fn moved(&mut self) -> BTreeSet<String> {
        let Some(now) = Topology::ask(&self.link.client).await else {
            return BTreeSet::new();
        };
        let before = self.topology.replace(now.clone());
        if before.as_ref() == Some(&now) {
            return BTreeSet::new();
        }
        // So that what is subscribed next goes to the right node. Where it fails
        // the connections are lost: once there are new ones all is done anew.
        let _ = self.link.client.sync_cluster().await;
        // Where nobody could tell how it was before, all may have moved.
        let has_moved = |partition| {
            let before = before.as_ref();
            before.is_none_or(|before| now.has_moved(partition, before))
        };
        let channels = self.channels.iter();
        channels
            .filter(|channel| names::partition_of_channel(channel).is_some_and(has_moved))
            .cloned()
            .collect()
    }
}

fn channels_of(changes: &[Change]) -> BTreeSet<String> {
    let channels = changes.iter().flat_map(|change| &change.channels);
    channels.cloned().collect()
}

fn is_shifted(failed: &Failed) -> bool {
    let is_shifted = |error: &NotSubscribed| matches!(error, NotSubscribed::Shifted);
    failed.values().any(is_shifted)
}

/// Adds those that did not fail to `channels`.
fn add_and_answer(channels: &mut BTreeSet<String>, changes: Vec<Change>, failed: &Failed) {
    for change in changes {
        let made = change.channels.iter();
        let made = made.filter(|channel| !failed.contains_key(*channel));
        channels.extend(made.cloned());
        change.answer(failed);
    }
}
