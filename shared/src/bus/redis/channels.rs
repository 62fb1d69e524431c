//! Sharded channels, kept subscribed whatever happens to connections.
//!
//! Each node is heard over a connection of our own (`subscriber`), so that one
//! that hangs holds up no other. Where a partition moves to another node its
//! channels go along.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike;
use futures::future::join_all;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::link::{Address, Purpose};
use super::names;
use super::subscriber::{Common, Listener, Order, Place, Subscriber};
use super::topology::Topology;
use super::wanted::{Refusal, Refusals};
use crate::bus::BusError;

/// How many orders may wait for a node.
const WAITING_ORDERS: usize = 4_096;
/// How often it is looked whether partitions moved to other nodes, if none says so.
const LOOK_FOR_MOVES: Duration = Duration::from_secs(2);
/// From one look to the next at the least.
const PAUSE: Duration = Duration::from_millis(50);

type Orders = mpsc::Sender<Order>;

/// The channels that one listener hears. Dropping it ends that.
pub(super) struct Channels {
    nodes: Arc<Nodes>,
    topology: watch::Receiver<Option<Arc<Topology>>>,
    timeout: Duration,
    _ends_tasks: DropGuard,
}

/// Who hears which node, by the node's name; of the one server that is no cluster
/// it is empty.
struct Nodes {
    common: Arc<Common>,
    is_cluster: bool,
    orders: Mutex<BTreeMap<String, Orders>>,
    ended: CancellationToken,
}

impl Channels {
    /// `control` knows which servers there are.
    pub(super) fn open(
        address: &Address,
        purpose: Purpose,
        listener: Arc<dyn Listener>,
        control: Client,
    ) -> Self {
        let is_cluster = control.is_clustered();
        let common = Arc::new(Common {
            address: address.clone(),
            purpose,
            listener,
            control,
            moved: Notify::new(),
        });
        let ended = CancellationToken::new();
        let nodes = Arc::new(Nodes {
            common,
            is_cluster,
            orders: Mutex::default(),
            ended: ended.clone(),
        });
        let (found, topology) = watch::channel(None);
        if is_cluster {
            let following = follow(Arc::clone(&nodes), found);
            tokio::spawn(ended.clone().run_until_cancelled_owned(following));
        } else {
            // So that it is connected before it is needed.
            nodes.of("");
        }
        Self {
            nodes,
            topology,
            timeout: address.timeout,
            _ends_tasks: ended.drop_guard(),
        }
    }

    /// Returns when Redis has confirmed all; what failed of which channel. One
    /// that failed may yet be subscribed to, until it is unsubscribed from.
    pub(super) async fn subscribe(&self, channels: Vec<String>) -> HashMap<String, BusError> {
        let mut left = channels;
        let mut failed = HashMap::new();
        let subscribing = async {
            while !left.is_empty() {
                let refusals = self.try_subscribe(left.clone()).await;
                left.clear();
                for (channel, refusal) in refusals {
                    match refusal {
                        // Tried again where it is served now.
                        Refusal::Moved(_) if self.nodes.is_cluster => left.push(channel),
                        Refusal::Moved(why) | Refusal::Refused(why) => {
                            failed.insert(channel, BusError::Unavailable(why));
                        }
                    }
                }
                if !left.is_empty() {
                    self.nodes.common.moved.notify_one();
                    sleep(PAUSE).await;
                }
            }
        };
        let too_late = timeout(self.timeout, subscribing).await.is_err();
        if too_late {
            let why = format!("not done within {:?}", self.timeout);
            let late = left.into_iter();
            failed.extend(late.map(|channel| (channel, BusError::Unavailable(why.clone()))));
        }
        failed
    }

    /// Each node by itself.
    async fn try_subscribe(&self, channels: Vec<String>) -> Refusals {
        let rows = self.by_node(channels).await.into_iter();
        let asked = rows.map(|(node, channels)| async move {
            let asked = match &node {
                Some(orders) => ask(orders, channels.clone()).await,
                None => None,
            };
            // Where nobody answers the node is not one of the cluster, or no more.
            let moved = |channel| (channel, Refusal::Moved("no node serves it".to_owned()));
            asked.unwrap_or_else(|| channels.into_iter().map(moved).collect())
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Returns when Redis is being told; it need not confirm that.
    pub(super) async fn unsubscribe(&self, channels: Vec<String>) {
        for orders in self.nodes.others() {
            let channels = channels.clone();
            // However long that takes: nobody would ask again.
            let _ = orders.send(Order::Forget { channels }).await;
        }
        for (node, channels) in self.by_node(channels).await {
            let (done, told) = oneshot::channel();
            if let Some(orders) = node {
                let _ = orders.send(Order::Unsubscribe { channels, done }).await;
                let _ = told.await;
            }
        }
    }

    /// To whom orders about these channels go; nobody where no node serves them.
    async fn by_node(&self, channels: Vec<String>) -> Vec<(Option<Orders>, Vec<String>)> {
        if !self.nodes.is_cluster {
            return vec![(Some(self.nodes.of("")), channels)];
        }
        let mut topology = self.topology.clone();
        let Ok(topology) = topology.wait_for(Option::is_some).await else {
            return vec![(None, channels)];
        };
        let mut by_owner: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for channel in channels {
            let owner = owner(topology.as_deref(), &channel);
            by_owner.entry(owner).or_default().push(channel);
        }
        let node = |owner: &str| (!owner.is_empty()).then(|| self.nodes.of(owner));
        let rows = by_owner.into_iter();
        rows.map(|(owner, channels)| (node(owner), channels))
            .collect()
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").finish_non_exhaustive()
    }
}

/// What a node refuses; `None` where it is gone.
async fn ask(orders: &Orders, channels: Vec<String>) -> Option<Refusals> {
    let (done, refusals) = oneshot::channel();
    orders
        .send(Order::Subscribe { channels, done })
        .await
        .ok()?;
    refusals.await.ok()
}

/// The node that serves a channel; empty where nobody knows.
fn owner<'a>(topology: Option<&'a Topology>, channel: &str) -> &'a str {
    let partition = names::partition_of_channel(channel);
    let owner = topology.zip(partition);
    owner.map_or("", |(topology, partition)| topology.owner(partition))
}

impl Nodes {
    /// Whom to tell about the node of that name.
    fn of(self: &Arc<Self>, name: &str) -> Orders {
        let mut orders = self.orders();
        if let Some(orders) = orders.get(name) {
            return orders.clone();
        }
        let (sender, waiting) = mpsc::channel(WAITING_ORDERS);
        let place = if self.is_cluster {
            Place::Node(name.to_owned())
        } else {
            Place::Only
        };
        let subscriber = Subscriber::new(Arc::clone(&self.common), place);
        let hearing = subscriber.run(waiting);
        tokio::spawn(self.ended.clone().run_until_cancelled_owned(hearing));
        orders.insert(name.to_owned(), sender.clone());
        sender
    }

    /// Those that may keep what they serve no more.
    fn others(&self) -> Vec<Orders> {
        if self.is_cluster {
            self.orders().values().cloned().collect()
        } else {
            Vec::new()
        }
    }

    /// Lets channels go along with their partitions.
    async fn follow(self: &Arc<Self>, topology: &Arc<Topology>) {
        for orders in self.others() {
            let (released, channels) = oneshot::channel();
            let topology_now = Arc::clone(topology);
            let order = Order::Release {
                topology: topology_now,
                released,
            };
            let _ = orders.send(order).await;
            let mut by_owner: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for channel in channels.await.unwrap_or_default() {
                let owner = owner(Some(topology), &channel);
                by_owner.entry(owner).or_default().push(channel);
            }
            for (owner, channels) in by_owner {
                let _ = self.of(owner).send(Order::Adopt { channels }).await;
            }
        }
        // What nobody serves just now is kept by who served it last.
        if topology.is_whole() {
            self.orders()
                .retain(|name, _| topology.primaries.contains(name));
        }
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<String, Orders>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows a cluster whose partitions move, for ever.
async fn follow(nodes: Arc<Nodes>, found: watch::Sender<Option<Arc<Topology>>>) {
    let mut has_moved = false;
    loop {
        if let Some(now) = Topology::ask(&nodes.common.control).await {
            let now = Arc::new(now);
            let before = found.send_replace(Some(Arc::clone(&now)));
            if has_moved || before.as_ref() != Some(&now) {
                nodes.follow(&now).await;
            }
        }
        let moved = nodes.common.moved.notified();
        has_moved = timeout(LOOK_FOR_MOVES, moved).await.is_ok();
        sleep(PAUSE).await;
    }
}
