//! A real Redis Cluster on loopback: three masters, three replicas.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use crate::redis::Redis;

/// Hash slots of any Redis Cluster.
pub const SLOTS: u32 = 16_384;
/// Masters of ours, which serve a third of the slots each.
pub const MASTERS: u32 = 3;
const NODES: u32 = 6;
/// Gossip takes its seconds, more so on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Six nodes that agree. The first three start as masters, node `n + 3` as the
/// replica of node `n`. Dropping it ends all.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
    ids: Vec<String>,
}

impl RedisCluster {
    /// Starts the nodes, and waits until every one says `cluster_state:ok` and
    /// every replica is in step with its master.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn start() -> Self {
        let starting = (0..NODES).map(|_| {
            Redis::options()
                .cluster()
                // A dead master is replaced after this many ms.
                .set("cluster-node-timeout", "3000")
                .set("cluster-allow-replica-migration", "no")
                .start()
        });
        let nodes = join_all(starting).await;
        let mut ids = Vec::new();
        for node in &nodes {
            ids.push(node.command(&["CLUSTER", "MYID"]).await.text());
        }
        let cluster = Self { nodes, ids };
        cluster.introduce().await;
        cluster.share_slots().await;
        cluster.attach_replicas().await;
        cluster.ready().await;
        cluster
    }

    /// `redis-cluster://127.0.0.1:PORT?node=127.0.0.1:PORT…`, naming all nodes.
    pub fn url(&self) -> String {
        let others: Vec<_> = self
            .nodes
            .iter()
            .skip(1)
            .map(|node| format!("node=127.0.0.1:{}", node.port()))
            .collect();
        format!(
            "redis-cluster://127.0.0.1:{}?{}",
            self.nodes[0].port(),
            others.join("&")
        )
    }

    /// Where the nodes listen, on 127.0.0.1.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.nodes.iter().map(Redis::port)
    }

    /// One of the six, by number from 0.
    pub fn node(&self, number: usize) -> &Redis {
        &self.nodes[number]
    }

    /// The same, to kill, pause or restart it.
    pub fn node_mut(&mut self, number: usize) -> &mut Redis {
        &mut self.nodes[number]
    }

    /// How many nodes there are.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The number of the node that serves this slot now, as the node `asked` sees it.
    /// Where that is nobody just now, it waits for who takes it over.
    ///
    /// # Panics
    /// When nobody serves it in time, or `asked` does not answer.
    pub async fn owner(&self, asked: usize, slot: u32) -> usize {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.served(asked, slot).await {
                Served::By(owner) => return owner,
                Served::ByNobody => assert!(
                    Instant::now() < deadline,
                    "node {asked} sees nobody serve slot {slot}"
                ),
                Served::Unknown => panic!("node {asked} does not answer"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn served(&self, asked: usize, slot: u32) -> Served {
        let shards = self.nodes[asked].try_command(&["CLUSTER", "SLOTS"]).await;
        let Ok(shards) = shards else {
            return Served::Unknown;
        };
        let shard = shards.list().iter().find(|shard| {
            let [first, last, ..] = shard.list() else {
                panic!("odd reply {shard:?}")
            };
            (first.integer()..=last.integer()).contains(&i64::from(slot))
        });
        // A slot may be nobody's while it goes from a dead master to its replica.
        shard.map_or(Served::ByNobody, |shard| {
            let id = shard.list()[2].list()[2].text();
            let owner = self.ids.iter().position(|known| *known == id);
            Served::By(owner.expect("one of our nodes"))
        })
    }

    /// The slot of a key.
    pub async fn slot_of(&self, key: &str) -> u32 {
        let slot = self.nodes[0]
            .command(&["CLUSTER", "KEYSLOT", key])
            .await
            .integer();
        u32::try_from(slot).expect("a slot is a small number")
    }

    /// Moves a slot with its keys to the master `to`, as `redis-cli --cluster
    /// reshard` does, and waits until all masters know.
    pub async fn migrate_slot(&self, slot: u32, to: usize) {
        let from = self.owner(to, slot).await;
        if from == to {
            return;
        }
        let number = slot.to_string();
        let set_slot = |state: &'static str, id: &str| {
            ["CLUSTER", "SETSLOT", &number, state, id].map(str::to_owned)
        };
        let run = async |node: usize, command: [String; 5]| {
            self.nodes[node]
                .command(&command.each_ref().map(String::as_str))
                .await;
        };
        run(to, set_slot("IMPORTING", &self.ids[from])).await;
        run(from, set_slot("MIGRATING", &self.ids[to])).await;
        self.move_keys(&number, from, to).await;
        run(to, set_slot("NODE", &self.ids[to])).await;
        run(from, set_slot("NODE", &self.ids[to])).await;
        let told = self.all(async |node| self.owner(node, slot).await == to);
        assert!(
            told.await,
            "not every node learnt that slot {slot} has moved"
        );
    }

    async fn move_keys(&self, slot: &str, from: usize, to: usize) {
        let (source, port) = (&self.nodes[from], self.nodes[to].port().to_string());
        loop {
            let keys = source
                .command(&["CLUSTER", "GETKEYSINSLOT", slot, "100"])
                .await;
            let keys: Vec<_> = keys.list().iter().map(ToString::to_string).collect();
            if keys.is_empty() {
                return;
            }
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            migrate.extend(keys.iter().map(String::as_str));
            source.command(&migrate).await;
        }
    }

    /// Waits until every node that runs says `cluster_state:ok`, sees all slots
    /// served, and every replica is in step.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn ready(&self) {
        let ready = self.all(async |node| {
            let node = &self.nodes[node];
            let Ok(info) = node.try_command(&["CLUSTER", "INFO"]).await else {
                return true;
            };
            let info = info.text();
            let replication = node.command(&["INFO", "replication"]).await.text();
            info.contains("cluster_state:ok")
                && info.contains(&format!("cluster_slots_ok:{SLOTS}"))
                && !replication.contains("master_link_status:down")
        });
        if !ready.await {
            let info = self.nodes[0].try_command(&["CLUSTER", "NODES"]).await;
            panic!("the cluster is not ready within {PATIENCE:?}: {info:?}");
        }
    }

    /// Waits until the slot is served by another node than `old`, as all that
    /// run see it; gives its number.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn taken_over(&self, slot: u32, old: usize) -> usize {
        let others = self.all(async |node| match self.served(node, slot).await {
            Served::By(owner) => owner != old,
            Served::ByNobody => false,
            Served::Unknown => true,
        });
        assert!(
            others.await,
            "nobody has taken slot {slot} over from node {old}"
        );
        self.owner((old + 1) % self.nodes.len(), slot).await
    }

    /// Waits until `holds` is true for every node; false when the time is over.
    async fn all(&self, holds: impl AsyncFn(usize) -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        for number in 0..self.nodes.len() {
            while !holds(number).await {
                if Instant::now() > deadline {
                    return false;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        true
    }

    async fn introduce(&self) {
        let first = self.nodes[0].port().to_string();
        for (number, node) in self.nodes.iter().enumerate() {
            // Distinct from the start, or nodes would have to settle it.
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()])
                .await;
            if number > 0 {
                node.command(&["CLUSTER", "MEET", "127.0.0.1", &first])
                    .await;
            }
        }
        let met = self.all(async |node| {
            let known = self.nodes[node].command(&["CLUSTER", "NODES"]).await.text();
            self.ids.iter().all(|id| known.contains(id.as_str())) && !known.contains("handshake")
        });
        assert!(met.await, "the nodes did not meet within {PATIENCE:?}");
    }

    async fn share_slots(&self) {
        for (master, node) in (0..MASTERS).zip(&self.nodes) {
            let first = SLOTS * master / MASTERS;
            let last = SLOTS * (master + 1) / MASTERS - 1;
            let range = [first.to_string(), last.to_string()];
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]])
                .await;
        }
    }

    async fn attach_replicas(&self) {
        let masters = self.ids.iter();
        for (replica, id) in self.nodes[MASTERS as usize..].iter().zip(masters) {
            replica.command(&["CLUSTER", "REPLICATE", id]).await;
        }
        // Told here, so that a test which kills a master at once finds a successor.
        let known = self.all(async |node| {
            let known = self.nodes[node].command(&["CLUSTER", "NODES"]).await.text();
            known.lines().filter(|line| line.contains("slave")).count()
                == (NODES - MASTERS) as usize
        });
        assert!(
            known.await,
            "the replicas are not known within {PATIENCE:?}"
        );
    }
}

/// Who serves a slot, as one node sees it.
enum Served {
    By(usize),
    ByNobody,
    /// The node does not answer.
    Unknown,
}
