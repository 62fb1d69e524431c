//! What an installation keeps its rooms in.

use anyhow::bail;
use causerie_shared::room::RoomKey;
use causerie_testkit::redis::Redis;
use causerie_testkit::redis_cluster::RedisCluster;
use causerie_testkit::replicated::Replicated;

/// Which storage an installation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageKind {
    /// One Redis, which writes down every change before it answers.
    Redis,
    /// A primary with two replicas, behind three Sentinels.
    Sentinel,
    /// A Redis Cluster of three masters and three replicas.
    Cluster,
}

/// A running storage.
#[derive(Debug)]
pub enum Storage {
    /// One Redis.
    Redis(Redis),
    /// A primary with replicas.
    Sentinel(Replicated),
    /// A Redis Cluster.
    Cluster(RedisCluster),
}

impl StorageKind {
    /// Starts one.
    pub async fn start(self) -> Storage {
        match self {
            Self::Redis => Storage::Redis(Redis::options().aof().start().await),
            Self::Sentinel => Storage::Sentinel(Replicated::start().await),
            Self::Cluster => Storage::Cluster(RedisCluster::start().await),
        }
    }
}

impl Storage {
    /// What `redis.url` is set to where nothing stands between.
    pub fn url(&self) -> String {
        match self {
            Self::Redis(redis) => redis.url(),
            Self::Sentinel(replicated) => replicated.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    /// The one Redis.
    ///
    /// # Errors
    /// There are more.
    pub fn redis(&mut self) -> anyhow::Result<&mut Redis> {
        match self {
            Self::Redis(redis) => Ok(redis),
            Self::Sentinel(_) | Self::Cluster(_) => bail!("this fault is for a single Redis"),
        }
    }

    /// The primary and its replicas.
    ///
    /// # Errors
    /// There are none.
    pub fn replicated(&mut self) -> anyhow::Result<&mut Replicated> {
        match self {
            Self::Sentinel(replicated) => Ok(replicated),
            Self::Redis(_) | Self::Cluster(_) => bail!("this fault is for Redis behind Sentinels"),
        }
    }

    /// The Redis Cluster.
    ///
    /// # Errors
    /// There is none.
    pub fn cluster(&mut self) -> anyhow::Result<&mut RedisCluster> {
        match self {
            Self::Cluster(cluster) => Ok(cluster),
            Self::Redis(_) | Self::Sentinel(_) => bail!("this fault is for a Redis Cluster"),
        }
    }
}

/// The slot of a Redis Cluster in which all that is stored of a room lies.
pub async fn slot_of(cluster: &RedisCluster, room: &RoomKey) -> u32 {
    let partition = room.partition();
    cluster.slot_of(&format!("{{p{partition}}}")).await
}
