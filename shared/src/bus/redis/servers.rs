//! Which servers there are: found at the start, and looked for again.
//!
//! A look is made over connections of its own, so that nothing which hangs stands
//! in the way of finding what is there in its place.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fred::types::config::{Server, ServerConfig};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::address::Address;
use super::dial::{NotDialed, ask, in_time};
use super::events;
use super::sentinels;
use super::topology::Topology;
use crate::bus::BusError;

/// How often it is looked whether partitions moved to other nodes, if nobody
/// doubts that all is as it was.
const EVERY: Duration = Duration::from_secs(2);
/// How often Sentinels are asked: who was the primary tells of no change, and loses what
/// it is sent until another one is known.
const EVERY_BEHIND_SENTINELS: Duration = Duration::from_millis(500);
/// From one look to the next at the least, and at the most while they are doubted and
/// find nothing new: a node that is dead has everybody doubt until it is replaced.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long a node may take to tell.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long it is asked alone.
const ALONE: Duration = Duration::from_millis(100);

/// Knows which node serves what, for as long as it is kept.
#[derive(Debug)]
pub(super) struct Servers {
    topology: watch::Receiver<Arc<Topology>>,
    doubted: Arc<Notify>,
    _ends_task: DropGuard,
}

impl Servers {
    pub(super) async fn find(address: &Address) -> Result<Arc<Self>, BusError> {
        let first = look(address, None, 0).await;
        let first = first.map_err(|error| error.in_words(&address.config.server.hosts()))?;
        let (found, topology) = watch::channel(Arc::new(first));
        let doubted = Arc::new(Notify::new());
        let ended = CancellationToken::new();
        if address.may_change() {
            let looking = look_again(address.clone(), found, Arc::clone(&doubted));
            tokio::spawn(ended.clone().run_until_cancelled_owned(looking));
        }
        Ok(Arc::new(Self {
            topology,
            doubted,
            _ends_task: ended.drop_guard(),
        }))
    }

    /// As it was when it was last looked. Whoever awaits changes is told of every
    /// look, and of none where there is but one server.
    pub(super) fn topology(&self) -> watch::Receiver<Arc<Topology>> {
        self.topology.clone()
    }

    /// Something was not as it is known: it is looked again, soon.
    pub(super) fn doubt(&self) {
        self.doubted.notify_one();
    }
}

/// Looks again and again, for ever.
async fn look_again(address: Address, found: watch::Sender<Arc<Topology>>, doubted: Arc<Notify>) {
    let every = if address.is_cluster() {
        EVERY
    } else {
        EVERY_BEHIND_SENTINELS
    };
    let mut pause = PAUSE;
    for turn in 1.. {
        // Where nobody doubts, it is time all the same.
        let is_doubted = timeout(every, doubted.notified()).await.is_ok();
        let known = Arc::clone(&found.borrow());
        let now = look(&address, Some(&known), turn).await;
        let is_news = now.as_ref().is_ok_and(|now| *now != *known);
        match now {
            Ok(now) => {
                found.send_replace(Arc::new(now));
            }
            Err(error) => events::look_failed(&error),
        }
        pause = if is_news || !is_doubted {
            PAUSE
        } else {
            (pause * 2).min(LONGEST_PAUSE)
        };
        sleep(pause).await;
    }
}

async fn look(
    address: &Address,
    known: Option<&Topology>,
    turn: usize,
) -> Result<Topology, NotDialed> {
    match &address.config.server {
        ServerConfig::Centralized { server } => Ok(Topology::of_one(server.clone(), 0)),
        ServerConfig::Sentinel { .. } => sentinels::look(address, known).await,
        ServerConfig::Clustered { .. } => {
            let now = look_at_nodes(whom_to_ask(address, known, turn), address).await?;
            Ok(match known {
                // What has changed is known to nobody who is cut off.
                Some(known) if now.is_cut_off => known.cut_off(),
                Some(_) | None => now,
            })
        }
    }
}

/// What one node tells, the first that is not cut off from the others. They are
/// asked one after the other, or several at once where one takes its time.
async fn look_at_nodes(nodes: Vec<Server>, address: &Address) -> Result<Topology, NotDialed> {
    let mut left = nodes.into_iter();
    let mut asked = FuturesUnordered::new();
    let mut otherwise = Err(NotDialed::Nowhere);
    let mut cut_off = 0;
    loop {
        match left.next() {
            Some(server) => asked.push(ask_one(address, server)),
            None if asked.is_empty() => return otherwise,
            None => {}
        }
        tokio::select! {
            // If we stood still, what has been answered meanwhile comes first.
            biased;
            Some(told) = asked.next() => match told {
                Ok(topology) if !topology.is_cut_off => return Ok(topology),
                Ok(topology) => {
                    cut_off += 1;
                    otherwise = Ok(topology);
                }
                Err(error) => otherwise = otherwise.or(Err(error)),
            },
            // Where the cluster is broken, one that hangs is not waited for; where just a
            // few say so, the others may only be slow.
            () = sleep(ALONE) => if left.len() == 0 && cut_off > asked.len() {
                return otherwise;
            },
        }
    }
}

/// Those that are known, each time another primary first, and then those that the URL
/// names.
fn whom_to_ask(address: &Address, known: Option<&Topology>, turn: usize) -> Vec<Server> {
    let mut all: Vec<Server> = known
        .into_iter()
        .flat_map(Topology::servers)
        .cloned()
        .collect();
    let primaries = known.map_or(0, |known| known.primaries.len());
    if let Some(primaries) = all.get_mut(..primaries)
        && let Some(first) = turn.checked_rem(primaries.len())
    {
        primaries.rotate_left(first);
    }
    all.extend(address.config.server.hosts());
    let mut named = BTreeSet::new();
    all.retain(|server| named.insert(server.clone()));
    all
}

async fn ask_one(address: &Address, server: Server) -> Result<Topology, NotDialed> {
    let asked = async {
        let mut stream = address.dial(&server).await?;
        let info = ask(&mut stream, &["CLUSTER", "INFO"]).await?;
        let slots = ask(&mut stream, &["CLUSTER", "SLOTS"]).await?;
        let is_ok = |info: &str| info.contains("cluster_state:ok");
        let mut topology = Topology::read(slots, &server).ok_or(NotDialed::Nowhere)?;
        topology.is_cut_off = !info.as_str().is_some_and(is_ok);
        Ok(topology)
    };
    in_time(PATIENCE, asked).await
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use causerie_testkit::recorded::Recorded;
    use causerie_testkit::redis::Redis;
    use causerie_testkit::redis_cluster::RedisCluster;
    use causerie_testkit::replicated::Replicated;

    use super::*;
    use crate::bus::redis::names;
    use crate::bus::redis::resp::Frame;
    use crate::bus::redis::settings::RedisSettings;
    use crate::room::Partition;

    #[test]
    fn each_time_another_primary_is_asked_first() {
        let settings = RedisSettings::new("redis-cluster://10.0.0.1:7000?node=10.0.0.9:7000");
        let address = Address::new(&settings).unwrap();
        let server = |host| {
            let host = Frame::Text(Bytes::from_static(host));
            Frame::List(vec![host, Frame::Number(7_000)])
        };
        let range = |at, host| {
            let slots = [Frame::Number(at), Frame::Number(at)].into_iter();
            let servers = [server(host), server(b"10.0.0.3")];
            Frame::List(slots.chain(servers).collect())
        };
        let slots = Frame::List(vec![range(0, b"10.0.0.1"), range(1, b"10.0.0.2")]);
        let known = Topology::read(slots, &Server::new("10.0.0.1", 7_000)).unwrap();
        for (turn, order) in [(0, [1, 2, 3, 9]), (1, [2, 1, 3, 9]), (2, [1, 2, 3, 9])] {
            let order = order.map(|host| Server::new(format!("10.0.0.{host}"), 7_000));
            assert_eq!(whom_to_ask(&address, Some(&known), turn), order);
        }
        assert_eq!(whom_to_ask(&address, None, 1).len(), 2);
    }

    #[tokio::test]
    async fn one_that_is_cut_off_is_not_followed_while_the_others_are_slow() {
        let mut cluster = RedisCluster::start().await;
        let address = Address::new(&RedisSettings::new(cluster.url())).unwrap();
        let known = look(&address, None, 0).await.unwrap();
        let slot = cluster.slot_of(names::prefix(Partition::FIRST)).await;
        let cut_off = cluster.owner(0, slot).await;
        believe_broken(cluster.node(cut_off), slot).await;
        let others: Vec<_> = (0..cluster.size())
            .filter(|node| *node != cut_off)
            .collect();
        for &node in &others {
            let slow = ["CLIENT", "PAUSE", "800", "ALL"];
            cluster.node(node).command(&slow).await;
        }
        assert_eq!(look(&address, Some(&known), 0).await.unwrap(), known);

        // Where there are no others, who serves what stays as it was.
        for node in others {
            cluster.node_mut(node).kill();
        }
        let broken = look(&address, Some(&known), 0).await.unwrap();
        assert_eq!(broken, known.cut_off());
    }

    #[tokio::test]
    async fn looks_that_fail_are_counted() {
        let recorded = Recorded::here();
        let redis = Replicated::start().await;
        let address = Address::new(&RedisSettings::new(redis.url())).unwrap();
        let _servers = Servers::find(&address).await.unwrap();
        drop(redis);
        let is_counted = async {
            while recorded.metric("causerie_redis_looks_failed_total") < 1.0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(10), is_counted).await.unwrap();
        recorded.metric_rises("causerie_redis_looks_failed_total");
    }

    /// Has a node miss a slot, as after a restart, which the others know it to serve.
    async fn believe_broken(node: &Redis, slot: u32) {
        let forget = ["CLUSTER", "DELSLOTS", &slot.to_string()];
        node.command(&forget).await;
        let is_broken = async {
            let state = async || node.command(&["CLUSTER", "INFO"]).await.text();
            while !state().await.contains("cluster_state:fail") {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(10), is_broken).await.unwrap();
    }
}
