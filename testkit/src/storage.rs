//! What an installation keeps its rooms in.

use anyhow::bail;

use crate::redis::Redis;
use crate::redis_cluster::RedisCluster;
use crate::replicated::Replicated;

/// Which storage an installation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageKind {
    /// One Redis, which writes nothing to disk.
    Volatile,
    /// One Redis, which writes down every change before it answers.
    Durable,
    /// A primary with two replicas, behind three Sentinels.
    Sentinel,
    /// A Redis Cluster of three masters and three replicas.
    Cluster,
}

/// A running storage. Dropping it ends it.
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
    /// Starts one, and waits until it is ready.
    ///
    /// # Panics
    /// When a part does not start.
    pub async fn start(self) -> Storage {
        match self {
            Self::Volatile => Storage::Redis(Redis::start().await),
            Self::Durable => Storage::Redis(Redis::options().aof().start().await),
            Self::Sentinel => Storage::Sentinel(Replicated::start().await),
            Self::Cluster => Storage::Cluster(RedisCluster::start().await),
        }
    }
}

impl Storage {
    /// What `redis.url` is set to.
    pub fn url(&self) -> String {
        match self {
            Self::Redis(redis) => redis.url(),
            Self::Sentinel(replicated) => replicated.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    /// Where all of it listens, on 127.0.0.1.
    pub fn ports(&self) -> Vec<u16> {
        match self {
            Self::Redis(redis) => vec![redis.port()],
            Self::Sentinel(replicated) => replicated.ports().collect(),
            Self::Cluster(cluster) => cluster.ports().collect(),
        }
    }

    /// Where its servers listen, without the Sentinels.
    pub fn servers(&self) -> Vec<u16> {
        match self {
            Self::Redis(redis) => vec![redis.port()],
            Self::Sentinel(replicated) => replicated.servers().collect(),
            Self::Cluster(cluster) => cluster.ports().collect(),
        }
    }

    /// Where its Sentinels listen; none where there are none.
    pub fn sentinels(&self) -> Vec<u16> {
        match self {
            Self::Redis(_) | Self::Cluster(_) => Vec::new(),
            Self::Sentinel(replicated) => replicated.sentinels().collect(),
        }
    }

    /// The one Redis.
    ///
    /// # Errors
    /// There are more.
    pub fn redis(&mut self) -> anyhow::Result<&mut Redis> {
        match self {
            Self::Redis(redis) => Ok(redis),
            Self::Sentinel(_) | Self::Cluster(_) => bail!("here is more than one Redis"),
        }
    }

    /// The primary and its replicas.
    ///
    /// # Errors
    /// There are none.
    pub fn replicated(&mut self) -> anyhow::Result<&mut Replicated> {
        match self {
            Self::Sentinel(replicated) => Ok(replicated),
            Self::Redis(_) | Self::Cluster(_) => bail!("no Sentinel watches this Redis"),
        }
    }

    /// The Redis Cluster.
    ///
    /// # Errors
    /// There is none.
    pub fn cluster(&mut self) -> anyhow::Result<&mut RedisCluster> {
        match self {
            Self::Cluster(cluster) => Ok(cluster),
            Self::Redis(_) | Self::Sentinel(_) => bail!("this is no Redis Cluster"),
        }
    }
}
