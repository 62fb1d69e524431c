//! Which node serves what.

use std::collections::BTreeSet;

use fred::types::Key;
use fred::types::config::Server;

use super::names;
use super::resp::Frame;
use crate::room::Partition;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topology {
    pub(super) primaries: BTreeSet<Server>,
    /// They serve nothing, but know who does.
    replicas: BTreeSet<Server>,
    ranges: Vec<Range>,
    /// Of each partition the node that serves it; `None` where none does.
    owners: Vec<Option<Server>>,
    /// Whether the cluster is taken for broken: then all nodes that can be asked
    /// refuse everything, and may not know what others have agreed on.
    pub(super) is_cut_off: bool,
    /// Behind Sentinels, how often a fail-over was begun until it was so; else 0.
    pub(super) epoch: u64,
}

/// Hash slots, and who serves them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    first: i64,
    last: i64,
    primary: Server,
}

impl Topology {
    /// Of one that serves everything.
    pub(super) fn of_one(primary: Server, epoch: u64) -> Self {
        let all = Range {
            first: 0,
            last: i64::MAX,
            primary,
        };
        let one = Self::of(vec![all], BTreeSet::new());
        Self { epoch, ..one }
    }

    /// What the node `asked` answers to CLUSTER SLOTS; `None` where it knows of
    /// nobody who serves anything.
    pub(super) fn read(slots: Frame, asked: &Server) -> Option<Self> {
        let mut replicas = BTreeSet::new();
        let ranges = slots.into_list()?.into_iter();
        let ranges = ranges.filter_map(|range| Range::read(range, asked, &mut replicas));
        let ranges: Vec<_> = ranges.collect();
        (!ranges.is_empty()).then(|| Self::of(ranges, replicas))
    }

    fn of(ranges: Vec<Range>, replicas: BTreeSet<Server>) -> Self {
        let owner = |partition| owner_of(&ranges, names::prefix(partition)).cloned();
        Self {
            primaries: ranges.iter().map(|range| range.primary.clone()).collect(),
            replicas,
            owners: Partition::all().map(owner).collect(),
            ranges,
            is_cut_off: false,
            epoch: 0,
        }
    }

    /// What stays known of it while no node is asked but such as are cut off.
    pub(super) fn cut_off(&self) -> Self {
        Self {
            is_cut_off: true,
            ..self.clone()
        }
    }

    /// Whether each partition is served by some node.
    pub(super) fn is_whole(&self) -> bool {
        self.owners.iter().all(Option::is_some)
    }

    /// The node that serves `partition`; `None` where none does.
    pub(super) fn owner(&self, partition: Partition) -> Option<&Server> {
        self.owners.get(partition.index())?.as_ref()
    }

    /// The node that serves a key outside of all partitions.
    pub(super) fn owner_of(&self, key: &'static str) -> Option<&Server> {
        owner_of(&self.ranges, key)
    }

    /// All nodes that are known, those first that serve something.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Server> {
        self.primaries.iter().chain(&self.replicas)
    }
}

fn owner_of<'a>(ranges: &'a [Range], key: &'static str) -> Option<&'a Server> {
    let slot = i64::from(Key::from(key).cluster_hash());
    let mut ranges = ranges.iter();
    let range = ranges.find(|range| (range.first..=range.last).contains(&slot))?;
    Some(&range.primary)
}

impl Range {
    /// `[first, last, primary, replica…]`
    fn read(range: Frame, asked: &Server, replicas: &mut BTreeSet<Server>) -> Option<Self> {
        let mut range = range.into_list()?.into_iter();
        let (first, last) = (range.next()?.as_number()?, range.next()?.as_number()?);
        let primary = read_server(range.next()?, asked)?;
        replicas.extend(range.filter_map(|replica| read_server(replica, asked)));
        Some(Self {
            first,
            last,
            primary,
        })
    }
}

/// `[host, port, …]`; a host of none, or one that is not known, is the one asked.
fn read_server(server: Frame, asked: &Server) -> Option<Server> {
    let mut server = server.into_list()?.into_iter();
    let host = server.next()?;
    let host = host.as_str().filter(|host| !["", "?"].contains(host));
    let port = u16::try_from(server.next()?.as_number()?).ok()?;
    Some(Server::new(host.unwrap_or(&asked.host), port))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn server(host: &'static str, port: i64) -> Frame {
        let host = Frame::Text(Bytes::from_static(host.as_bytes()));
        Frame::List(vec![host, Frame::Number(port)])
    }

    fn range(first: i64, last: i64, servers: Vec<Frame>) -> Frame {
        let range = [Frame::Number(first), Frame::Number(last)];
        Frame::List(range.into_iter().chain(servers).collect())
    }

    fn read(ranges: Vec<Frame>) -> Option<Topology> {
        Topology::read(Frame::List(ranges), &Server::new("10.0.0.9", 1))
    }

    fn at(host: &'static str) -> Server {
        Server::new(host, 7_000)
    }

    #[test]
    fn a_moved_partition_is_found() {
        let whole = |host| read(vec![range(0, 16_383, vec![server(host, 7_000)])]).unwrap();
        let (before, after) = (whole("10.0.0.1"), whole("10.0.0.2"));
        for partition in Partition::all() {
            assert_eq!(before.owner(partition), Some(&at("10.0.0.1")));
            assert_eq!(after.owner(partition), Some(&at("10.0.0.2")));
        }
        assert_eq!(before.owner_of("a"), Some(&at("10.0.0.1")));
        assert!(before.primaries.contains(&at("10.0.0.1")) && before.is_whole());
        let half = read(vec![range(0, 8_191, vec![server("10.0.0.1", 7_000)])]);
        assert!(!half.unwrap().is_whole());
    }

    #[test]
    fn a_node_without_a_name_is_the_one_asked() {
        let unnamed = Frame::List(vec![Frame::Nil, Frame::Number(7_000)]);
        for unnamed in [unnamed, server("", 7_000), server("?", 7_000)] {
            let topology = read(vec![range(0, 16_383, vec![unnamed])]).unwrap();
            assert_eq!(topology.owner(Partition::FIRST), Some(&at("10.0.0.9")));
        }
    }

    #[test]
    fn replicas_come_after_those_that_serve() {
        let shard = |first, host| {
            let servers = vec![server(host, 7_000), server("10.0.0.0", 7_001)];
            range(first, first + 8_191, servers)
        };
        let shards = vec![shard(0, "10.0.0.1"), shard(8_192, "10.0.0.2")];
        let topology = read(shards).unwrap();
        let servers: Vec<_> = topology.servers().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.0:7001"]);
    }

    #[test]
    fn who_knows_of_nobody_tells_nothing() {
        assert_eq!(read(Vec::new()), None);
        assert_eq!(read(vec![range(0, 16_383, Vec::new())]), None);
    }

    #[test]
    fn one_serves_everything() {
        let one = Topology::of_one(at("10.0.0.1"), 0);
        assert!(one.is_whole());
        assert_eq!(one.owner_of(names::INSTALLATION), Some(&at("10.0.0.1")));
        assert_eq!(one.servers().count(), 1);
    }
}
