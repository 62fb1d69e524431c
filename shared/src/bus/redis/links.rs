//! The links to each node, over which commands go.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use fred::types::config::Server;
use futures::future::try_join_all;
use tokio::sync::watch;

use super::address::Address;
use super::link::{Lent, Link};
use super::servers::Servers;
use super::topology::Topology;
use crate::bus::BusError;
use crate::room::Partition;

/// As many links to each node that serves something, so that one which is dead, or
/// hangs, is in the way of nothing that others serve.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) address: Address,
    pub(super) servers: Arc<Servers>,
    /// How many there are to each node.
    pub(super) size: usize,
    routes: ArcSwap<Routes>,
}

#[derive(Debug)]
struct Routes {
    topology: Arc<Topology>,
    links: BTreeMap<Server, Arc<[Link]>>,
}

impl Links {
    /// Begins to connect, and goes along with what changes from then on.
    pub(super) fn open(address: &Address, servers: Arc<Servers>, size: usize) -> Arc<Self> {
        let mut changes = servers.topology();
        let topology = Arc::clone(&changes.borrow_and_update());
        let none = Routes {
            topology: Arc::clone(&topology),
            links: BTreeMap::new(),
        };
        let links = Arc::new(Self {
            address: address.clone(),
            servers,
            size: size.max(1),
            routes: ArcSwap::from_pointee(none),
        });
        links.follow(topology);
        tokio::spawn(follow(Arc::downgrade(&links), changes));
        links
    }

    /// Waits until all to this node are connected.
    pub(super) async fn connected_in_time(&self, node: &Server) -> Result<(), BusError> {
        let routes = self.routes.load_full();
        let links = routes.links.get(node).into_iter();
        let links = links.flat_map(|links| links.iter());
        try_join_all(links.map(Link::connected_in_time)).await?;
        Ok(())
    }

    /// The client of a partition: always the same, so that nothing overtakes, unless
    /// the partition moves, or the client is replaced. `None` where nobody serves it, and
    /// while the cluster is broken: fred connects anew with each CLUSTERDOWN.
    pub(super) fn lend(&self, partition: Partition) -> Option<Arc<Lent>> {
        let routes = self.routes.load();
        if routes.topology.is_cut_off {
            return None;
        }
        let links = routes.links.get(routes.topology.owner(partition)?)?;
        links.get(partition.index() % self.size).map(Link::lend)
    }

    /// A client of who serves a key outside of all partitions.
    pub(super) fn lend_of_key(&self, key: &'static str) -> Option<Arc<Lent>> {
        let routes = self.routes.load();
        let links = routes.links.get(routes.topology.owner_of(key)?)?;
        links.first().map(Link::lend)
    }

    /// A client of that node; `None` where it serves nothing any more.
    pub(super) fn lend_of_node(&self, node: &Server) -> Option<Arc<Lent>> {
        let routes = self.routes.load();
        routes.links.get(node)?.first().map(Link::lend)
    }

    /// Those that serve something.
    pub(super) fn nodes(&self) -> Vec<Server> {
        self.routes.load().links.keys().cloned().collect()
    }

    /// Connects to nodes that have come to serve something, and ends what was asked
    /// of those that serve nothing any more.
    fn follow(&self, topology: Arc<Topology>) {
        let before = self.routes.load();
        let links = topology.primaries.iter().map(|node| {
            let links = before.links.get(node).cloned();
            (node.clone(), links.unwrap_or_else(|| self.open_to(node)))
        });
        let links = links.collect();
        self.routes.store(Arc::new(Routes { topology, links }));
    }

    fn open_to(&self, node: &Server) -> Arc<[Link]> {
        let open = |_| Link::open(&self.address, node, &self.servers);
        (0..self.size).map(open).collect()
    }
}

/// Goes along with what changes until nobody has the links any more.
async fn follow(links: Weak<Links>, mut changes: watch::Receiver<Arc<Topology>>) {
    while changes.changed().await.is_ok() {
        let Some(links) = links.upgrade() else {
            return;
        };
        let now = Arc::clone(&changes.borrow_and_update());
        if *now != *links.routes.load().topology {
            links.follow(now);
        }
    }
}
