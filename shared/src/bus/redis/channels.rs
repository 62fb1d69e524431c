//! Sharded channels, kept subscribed whatever happens to connections.
//!
//! Each node is heard over a connection of our own (`subscriber`), so that one
//! that hangs holds up no other. Where a partition moves to another node its
//! channels go along.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use fred::types::config::Server;
use futures::future::select_all;
use tokio::sync::{Notify, RwLock, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::events::Purpose;
use super::links::Links;
use super::names;
use super::subscriber::{Common, Listener, Order, Subscriber};
use super::topology::Topology;
use super::wanted::{Refusal, Refusals};
use crate::bus::BusError;

/// How many orders may wait for a node.
const WAITING_ORDERS: usize = 4_096;
/// How long to wait before subscribing again to what has moved.
const PAUSE: Duration = Duration::from_millis(50);

type Orders = mpsc::Sender<Order>;

/// The channels that one listener hears. Dropping it ends that.
pub(super) struct Channels {
    nodes: Arc<Nodes>,
    _ends_tasks: DropGuard,
}

/// Who hears which node.
struct Nodes {
    common: Arc<Common>,
    /// As it is followed.
    topology: ArcSwap<Topology>,
    orders: Mutex<BTreeMap<Server, Orders>>,
    /// Written to while channels go from one node to another. What is at neither just
    /// then could not be let go of.
    moving: RwLock<()>,
    ended: CancellationToken,
}

/// Channels that one node serves.
struct Share {
    /// `None` where no node serves them.
    node: Option<Server>,
    orders: Option<Orders>,
    channels: Vec<String>,
}

impl Channels {
    pub(super) fn open(links: &Arc<Links>, purpose: Purpose, listener: Arc<dyn Listener>) -> Self {
        let common = Arc::new(Common {
            links: Arc::clone(links),
            purpose,
            listener,
            moved: Notify::new(),
        });
        let mut changes = links.servers.topology();
        let topology = Arc::clone(&changes.borrow_and_update());
        let ended = CancellationToken::new();
        let nodes = Arc::new(Nodes {
            common,
            topology: ArcSwap::new(Arc::clone(&topology)),
            orders: Mutex::default(),
            moving: RwLock::default(),
            ended: ended.clone(),
        });
        for node in &topology.primaries {
            // So that it is connected before it is needed.
            nodes.of(node);
        }
        let following = follow(Arc::clone(&nodes), changes);
        tokio::spawn(ended.clone().run_until_cancelled_owned(following));
        Self {
            nodes,
            _ends_tasks: ended.drop_guard(),
        }
    }

    /// Returns when Redis has confirmed all; what failed of which channel. One
    /// that failed may yet be subscribed to, until it is unsubscribed from.
    pub(super) async fn subscribe(&self, channels: Vec<String>) -> HashMap<String, BusError> {
        let mut left: BTreeSet<_> = channels.into_iter().collect();
        let mut failed = HashMap::new();
        let subscribing = async {
            while !left.is_empty() {
                // Each node by itself: one that hangs fails nothing that others serve.
                let shares = self.by_node(left.iter().cloned().collect());
                let asked = shares.into_iter().map(|share| self.try_subscribe(share));
                let mut asked: Vec<_> = asked.map(Box::pin).collect();
                while !asked.is_empty() {
                    // What gives way to others while it waits, as `FuturesUnordered` does,
                    // would keep the orders of a crowd from going to Redis together.
                    let ((channels, mut refusals), _, others) = select_all(asked).await;
                    asked = others;
                    for channel in channels {
                        match refusals.remove(&channel) {
                            // Tried again where it is served now.
                            Some(Refusal::Moved(_)) if self.nodes.may_change() => continue,
                            Some(Refusal::Moved(why) | Refusal::Refused(why)) => {
                                failed.insert(channel.clone(), BusError::Unavailable(why));
                            }
                            None => {}
                        }
                        left.remove(&channel);
                    }
                }
                if !left.is_empty() {
                    self.nodes.common.moved.notify_one();
                    sleep(PAUSE).await;
                }
            }
        };
        let limit = self.nodes.common.links.address.timeout;
        let too_late = timeout(limit, subscribing).await.is_err();
        if too_late {
            let why = format!("not done within {limit:?}");
            let late = left.into_iter();
            failed.extend(late.map(|channel| (channel, BusError::Unavailable(why.clone()))));
        }
        failed
    }

    /// The channels of one node, and what is refused of them.
    async fn try_subscribe(&self, share: Share) -> (Vec<String>, Refusals) {
        let refusals = self.ask(&share).await.unwrap_or_else(|| {
            // Where nobody answers the node is not one of the cluster, or no more.
            let channels = share.channels.iter().cloned();
            let moved = |channel| (channel, Refusal::Moved("no node serves it".to_owned()));
            channels.map(moved).collect()
        });
        (share.channels, refusals)
    }

    /// What the node refuses; `None` where it is gone, or serves them no more.
    async fn ask(&self, share: &Share) -> Option<Refusals> {
        let orders = share.orders.as_ref()?;
        let (done, refusals) = oneshot::channel();
        let channels = share.channels.clone();
        let order = Order::Subscribe { channels, done };
        orders.send(order).await.ok()?;
        // A partition that moves from now on takes along what it was asked. Of one
        // that has moved before, the node has let go already.
        if self.has_moved(share) {
            let (done, _) = oneshot::channel();
            let channels = share.channels.clone();
            let _ = orders.send(Order::Unsubscribe { channels, done }).await;
            return None;
        }
        refusals.await.ok()
    }

    /// Whether another node serves any of them now.
    fn has_moved(&self, share: &Share) -> bool {
        let topology = self.nodes.topology.load();
        let mut channels = share.channels.iter();
        channels.any(|channel| owner(&topology, channel) != share.node.as_ref())
    }

    /// Returns when Redis is being told; it need not confirm that.
    pub(super) async fn unsubscribe(&self, channels: Vec<String>) {
        let _nothing_moves = self.nodes.moving.read().await;
        for orders in self.nodes.others() {
            let channels = channels.clone();
            // However long that takes: nobody would ask again.
            let _ = orders.send(Order::Forget { channels }).await;
        }
        for share in self.by_node(channels) {
            let (done, told) = oneshot::channel();
            let channels = share.channels;
            if let Some(orders) = share.orders {
                let _ = orders.send(Order::Unsubscribe { channels, done }).await;
                let _ = told.await;
            }
        }
    }

    /// Which of these channels each node serves.
    fn by_node(&self, channels: Vec<String>) -> Vec<Share> {
        let topology = self.nodes.topology.load_full();
        let share = |(node, channels): (Option<&Server>, Vec<String>)| Share {
            node: node.cloned(),
            orders: node.map(|node| self.nodes.of(node)),
            channels,
        };
        by_owner(&topology, channels)
            .into_iter()
            .map(share)
            .collect()
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").finish_non_exhaustive()
    }
}

/// The node that serves a channel; `None` where none does.
fn owner<'a>(topology: &'a Topology, channel: &str) -> Option<&'a Server> {
    topology.owner(names::partition_of_channel(channel)?)
}

/// The channels, by the nodes that serve them.
fn by_owner(topology: &Topology, channels: Vec<String>) -> BTreeMap<Option<&Server>, Vec<String>> {
    let mut by_owner: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for channel in channels {
        let of_owner = by_owner.entry(owner(topology, &channel));
        of_owner.or_default().push(channel);
    }
    by_owner
}

impl Nodes {
    fn may_change(&self) -> bool {
        self.common.links.address.may_change()
    }

    /// Whom to tell about that node.
    fn of(&self, node: &Server) -> Orders {
        let mut orders = self.orders();
        if let Some(orders) = orders.get(node) {
            return orders.clone();
        }
        let (sender, waiting) = mpsc::channel(WAITING_ORDERS);
        let subscriber = Subscriber::new(Arc::clone(&self.common), node.clone());
        let hearing = subscriber.run(waiting);
        tokio::spawn(self.ended.clone().run_until_cancelled_owned(hearing));
        orders.insert(node.clone(), sender.clone());
        sender
    }

    /// Those that may keep what they serve no more.
    fn others(&self) -> Vec<Orders> {
        if self.may_change() {
            self.orders().values().cloned().collect()
        } else {
            Vec::new()
        }
    }

    /// Lets channels go along with their partitions.
    async fn follow(&self, topology: &Arc<Topology>) {
        let _moving = self.moving.write().await;
        self.topology.store(Arc::clone(topology));
        for orders in self.others() {
            let (released, channels) = oneshot::channel();
            let topology_now = Arc::clone(topology);
            let order = Order::Release {
                topology: topology_now,
                released,
            };
            let _ = orders.send(order).await;
            let channels = channels.await.unwrap_or_default();
            for (owner, channels) in by_owner(topology, channels) {
                if let Some(node) = owner {
                    let _ = self.of(node).send(Order::Adopt { channels }).await;
                }
            }
        }
        // What nobody serves just now is kept by who served it last.
        if topology.is_whole() {
            self.orders()
                .retain(|node, _| topology.primaries.contains(node));
        }
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<Server, Orders>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows partitions that move to other nodes, for ever.
async fn follow(nodes: Arc<Nodes>, mut changes: watch::Receiver<Arc<Topology>>) {
    let mut has_moved = false;
    loop {
        tokio::select! {
            () = nodes.common.moved.notified() => {
                // A partition may have come back to where it was.
                has_moved = true;
                nodes.common.links.servers.doubt();
            }
            looked = changes.changed() => {
                if looked.is_err() {
                    // There is but one node.
                    return;
                }
                let now = Arc::clone(&changes.borrow_and_update());
                if has_moved || now != nodes.topology.load_full() {
                    nodes.follow(&now).await;
                }
                has_moved = false;
            }
        }
    }
}
