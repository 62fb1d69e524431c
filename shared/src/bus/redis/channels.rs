//! Sharded channels, kept subscribed whatever happens to connections.
//!
//! fred's own means are not used. Its `SubscriberClient` sends an empty
//! SUBSCRIBE and PSUBSCRIBE when it subscribes again, whose errors are then
//! taken for the answers to other commands; and of an SSUBSCRIBE with several
//! channels the second and later confirmations likewise. So here each channel
//! has an SSUBSCRIBE of its own, many in flight at once, each checked to be
//! answered with its own channel's name; and a connection whose answers have
//! shifted is given up.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, ClusterInterface, EventInterface, PubsubInterface};
use fred::types::config::Server;
use fred::types::{ClusterHash, CustomCommand, Value};
use futures::future;
use futures::stream::{self, StreamExt};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::link::{Address, Link, Purpose};
use super::messages::{Listener, drain};
use super::topology::Topology;
use super::{events, names};
use crate::bus::BusError;

/// How many changes may wait for the task that makes them.
const WAITING_CHANGES: usize = 4_096;
/// How many SSUBSCRIBEs are in flight at once.
const IN_FLIGHT: usize = 512;
/// How often it is looked whether partitions moved to other nodes: Redis ends
/// their subscriptions without a word that fred would pass on.
const LOOK_FOR_MOVES: Duration = Duration::from_secs(2);
/// How long to wait before subscribing again where that failed.
const RETRY: Duration = Duration::from_millis(250);

/// The channels that one listener hears. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Channels {
    changes: mpsc::Sender<Change>,
    timeout: Duration,
    _ends_tasks: DropGuard,
}

#[derive(Debug)]
struct Change {
    channel: String,
    kind: Kind,
    done: oneshot::Sender<Result<(), BusError>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Subscribe,
    Unsubscribe,
}

impl Channels {
    pub(super) fn open(address: &Address, purpose: Purpose, listener: Arc<dyn Listener>) -> Self {
        let (changes, waiting) = mpsc::channel(WAITING_CHANGES);
        let link = Link::open(address, purpose);
        let ended = CancellationToken::new();
        let messages = link.client.message_rx();
        let drained = drain(messages, Arc::clone(&listener));
        tokio::spawn(ended.clone().run_until_cancelled_owned(drained));
        let keeper = Keeper {
            link,
            listener,
            channels: BTreeSet::new(),
            topology: None,
        };
        tokio::spawn(ended.clone().run_until_cancelled_owned(keeper.run(waiting)));
        Self {
            changes,
            timeout: address.timeout,
            _ends_tasks: ended.drop_guard(),
        }
    }

    /// Returns when Redis has confirmed it.
    pub(super) async fn subscribe(&self, channel: String) -> Result<(), BusError> {
        self.change(channel, Kind::Subscribe).await
    }

    pub(super) async fn unsubscribe(&self, channel: String) -> Result<(), BusError> {
        self.change(channel, Kind::Unsubscribe).await
    }

    async fn change(&self, channel: String, kind: Kind) -> Result<(), BusError> {
        let (done, made) = oneshot::channel();
        let change = Change {
            channel,
            kind,
            done,
        };
        let ended = || BusError::Unavailable("the feed has ended".to_owned());
        let asked = async {
            self.changes.send(change).await.map_err(|_| ended())?;
            made.await.map_err(|_| ended())?
        };
        let too_late =
            || BusError::Unavailable(format!("not subscribed within {:?}", self.timeout));
        timeout(self.timeout, asked).await.map_err(|_| too_late())?
    }
}

/// The task that makes all changes, one after the other.
struct Keeper {
    link: Link,
    listener: Arc<dyn Listener>,
    channels: BTreeSet<String>,
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
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                connected = connections.recv() => match connected {
                    Ok(_) | Err(RecvError::Lagged(_)) => {
                        self.subscribe_again(self.channels.clone(), &mut connections).await;
                    }
                    Err(RecvError::Closed) => return,
                },
                count = waiting.recv_many(&mut batch, WAITING_CHANGES) => {
                    if count == 0 {
                        return;
                    }
                    self.make(batch.drain(..)).await;
                }
                _ = look.tick(), if self.link.client.is_clustered() => {
                    let moved = self.moved().await;
                    if !moved.is_empty() {
                        self.subscribe_again(moved, &mut connections).await;
                    }
                }
            }
        }
    }

    /// Makes changes in their order, subscriptions in a row at once.
    async fn make(&mut self, changes: impl Iterator<Item = Change>) {
        let mut to_subscribe = Vec::new();
        for change in changes {
            match change.kind {
                Kind::Subscribe => to_subscribe.push(change),
                Kind::Unsubscribe => {
                    self.subscribe(std::mem::take(&mut to_subscribe)).await;
                    self.unsubscribe(change).await;
                }
            }
        }
        self.subscribe(to_subscribe).await;
    }

    async fn subscribe(&mut self, changes: Vec<Change>) {
        let channels = changes.iter().map(|change| change.channel.clone());
        let new = channels.filter(|channel| !self.channels.contains(channel));
        let failed = self.ssubscribe_all(new.collect()).await;
        let mut abandoned = BTreeSet::new();
        for Change { channel, done, .. } in changes {
            if let Some(error) = failed.get(&channel) {
                let _ = done.send(Err(BusError::Unavailable(error.to_string())));
                continue;
            }
            let is_new = self.channels.insert(channel.clone());
            // Who has given up will not end it.
            if done.send(Ok(())).is_ok() {
                abandoned.remove(&channel);
            } else if is_new {
                abandoned.insert(channel);
            }
        }
        for channel in abandoned {
            // Where it fails the connection is lost, and the channel with it.
            let _ = self.sunsubscribe(channel).await;
        }
    }

    async fn unsubscribe(&mut self, Change { channel, done, .. }: Change) {
        let _ = done.send(self.sunsubscribe(channel).await);
    }

    async fn sunsubscribe(&mut self, channel: String) -> Result<(), BusError> {
        if !self.channels.remove(&channel) {
            return Ok(());
        }
        let result = self.link.client.sunsubscribe(channel).await;
        result.map_err(|error| BusError::Unavailable(error.to_string()))
    }

    /// Subscribes until it is done, and then tells that messages were missed.
    async fn subscribe_again(
        &mut self,
        mut channels: BTreeSet<String>,
        connections: &mut broadcast::Receiver<Server>,
    ) {
        self.topology = Topology::ask(&self.link.client).await;
        while !channels.is_empty() {
            let failed = self.ssubscribe_all(channels).await;
            if let Some(error) = failed.values().next() {
                events::not_subscribed(self.link.purpose, failed.len(), error);
                sleep(RETRY).await;
            }
            // A connection made meanwhile knows of no channel.
            channels = match connections.try_recv() {
                Ok(_) | Err(TryRecvError::Lagged(_)) => self.channels.clone(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => failed.into_keys().collect(),
            };
        }
        if !self.channels.is_empty() {
            events::subscribed_again(self.link.purpose, self.channels.len());
            self.listener.on_gap();
        }
    }

    /// Subscribes to all; tells of which failed.
    async fn ssubscribe_all(&self, channels: BTreeSet<String>) -> HashMap<String, NotSubscribed> {
        let failed = self.try_ssubscribe_all(channels).await;
        let is_shifted = |error: &NotSubscribed| matches!(error, NotSubscribed::Shifted);
        if !failed.values().any(is_shifted) {
            return failed;
        }
        let why = "a subscription was given the answer to something else";
        self.link.begin_anew(why).await;
        // An error may have been meant for something else as well.
        self.try_ssubscribe_all(failed.into_keys().collect()).await
    }

    /// The same, all at once over the connections that there are.
    async fn try_ssubscribe_all(
        &self,
        channels: BTreeSet<String>,
    ) -> HashMap<String, NotSubscribed> {
        let client = &self.link.client;
        stream::iter(channels)
            .map(|channel| async move {
                let error = ssubscribe(client, &channel).await.err()?;
                Some((channel, error))
            })
            .buffered(IN_FLIGHT)
            .filter_map(future::ready)
            .collect()
            .await
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

/// Why a channel is not subscribed to.
#[derive(Debug, thiserror::Error)]
enum NotSubscribed {
    #[error(transparent)]
    Failed(#[from] Error),
    /// The connection gives answers to the wrong commands.
    #[error("it was given the answer to something else")]
    Shifted,
}

/// Subscribes to one channel, and checks that it is this one that is confirmed.
async fn ssubscribe(client: &Client, channel: &str) -> Result<(), NotSubscribed> {
    let command = CustomCommand::new_static("SSUBSCRIBE", ClusterHash::FirstKey, false);
    let answer: Value = client.custom(command, vec![channel]).await?;
    // `["ssubscribe", channel, count]`
    let confirmed = answer.into_array().into_iter().nth(1);
    if confirmed.and_then(Value::into_string).as_deref() == Some(channel) {
        Ok(())
    } else {
        Err(NotSubscribed::Shifted)
    }
}
