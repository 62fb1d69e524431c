//! Which node of a cluster serves what, as the cluster itself sees it.
//!
//! fred's own look (`sync_cluster`) makes a new connection each time, to nodes
//! that may hang, and reads nothing else meanwhile. So it is only made when this
//! one, over the connections that there are, has found a change.

use std::collections::BTreeSet;
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, ClusterInterface};
use fred::types::config::{Options, Server};
use fred::types::{Key, Value};
use futures::future::select_ok;

use super::names;
use crate::room::Partition;

/// How long a node may take to tell.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nodes are named `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topology {
    pub(super) primaries: BTreeSet<String>,
    /// Of each partition the node that serves it; empty where none does.
    owners: Vec<String>,
}

impl Topology {
    /// As the first node that answers sees it; `None` where none does, or where
    /// there is no cluster.
    pub(super) async fn ask(client: &Client) -> Option<Self> {
        let servers = client.active_connections();
        if !client.is_clustered() || servers.is_empty() {
            return None;
        }
        let asked = servers
            .into_iter()
            .map(|server| Box::pin(Self::ask_one(client, server)));
        let (topology, _) = select_ok(asked).await.ok()?;
        Some(topology)
    }

    async fn ask_one(client: &Client, server: Server) -> Result<Self, Error> {
        let options = Options {
            max_attempts: Some(1),
            timeout: Some(PATIENCE),
            cluster_node: Some(server.clone()),
            ..Options::default()
        };
        let slots: Value = client.with_options(&options).cluster_slots().await?;
        Ok(Self::of(slots, &server))
    }

    fn of(slots: Value, asked: &Server) -> Self {
        let ranges: Vec<_> = slots
            .into_array()
            .into_iter()
            .filter_map(|range| Range::of(range, asked))
            .collect();
        let owner = |partition| {
            let slot = u64::from(Key::from(names::prefix(partition)).cluster_hash());
            let mut ranges = ranges.iter();
            let range = ranges.find(|range| (range.first..=range.last).contains(&slot));
            range.map(|range| range.primary.clone()).unwrap_or_default()
        };
        Self {
            owners: Partition::all().map(owner).collect(),
            primaries: ranges.iter().map(|range| range.primary.clone()).collect(),
        }
    }

    /// Whether each partition is served by some node.
    pub(super) fn is_whole(&self) -> bool {
        self.owners.iter().all(|owner| !owner.is_empty())
    }

    /// The node that serves `partition`; empty where none does.
    pub(super) fn owner(&self, partition: Partition) -> &str {
        self.owners
            .get(partition.index())
            .map_or("", String::as_str)
    }
}

/// The node of that name. Its host may have colons of its own.
pub(super) fn server_of(name: &str) -> Option<Server> {
    let (host, port) = name.rsplit_once(':')?;
    Some(Server::new(host, port.parse().ok()?))
}

struct Range {
    first: u64,
    last: u64,
    primary: String,
}

impl Range {
    /// `[first, last, [host, port, …], …]`; a host of none is the one asked.
    fn of(range: Value, asked: &Server) -> Option<Self> {
        let mut range = range.into_array().into_iter();
        let (first, last) = (range.next()?.as_u64()?, range.next()?.as_u64()?);
        let mut primary = range.next()?.into_array().into_iter();
        let host = primary
            .next()?
            .into_string()
            .filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| asked.host.to_string());
        let port = primary.next()?.as_u64()?;
        Some(Self {
            first,
            last,
            primary: format!("{host}:{port}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let node = Value::Array(vec![host, port.into()]);
        Value::Array(vec![first.into(), last.into(), node])
    }

    #[test]
    fn a_moved_partition_is_found() {
        let asked = Server::new("10.0.0.9", 1);
        let whole = |host: &str| {
            let all = range(0, 16_383, Value::from(host), 7_000);
            Topology::of(Value::Array(vec![all]), &asked)
        };
        let (before, after) = (whole("10.0.0.1"), whole("10.0.0.2"));
        let owner = |topology: &Topology, partition| topology.owner(partition).to_owned();
        for partition in Partition::all() {
            assert_eq!(owner(&before, partition), "10.0.0.1:7000");
            assert_eq!(owner(&after, partition), "10.0.0.2:7000");
        }
        assert!(before.primaries.contains("10.0.0.1:7000") && before.is_whole());
        let half = range(0, 8_191, Value::from("10.0.0.1"), 7_000);
        assert!(!Topology::of(Value::Array(vec![half]), &asked).is_whole());

        let unnamed = range(0, 16_383, Value::Null, 7_000);
        let unnamed = Topology::of(Value::Array(vec![unnamed]), &asked);
        assert!(unnamed.primaries.contains("10.0.0.9:7000"));
    }

    #[test]
    fn the_name_of_a_node_leads_back_to_it() {
        for host in ["10.0.0.1", "::1", "redis.example"] {
            let asked = Server::new("10.0.0.9", 1);
            let all = range(0, 16_383, Value::from(host), 7_000);
            let topology = Topology::of(Value::Array(vec![all]), &asked);
            let server = server_of(topology.owner(Partition::FIRST));
            assert_eq!(server, Some(Server::new(host, 7_000)));
        }
    }
}
