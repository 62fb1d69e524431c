//! What can strike.

use std::time::Duration;

use causerie_testkit::storage::StorageKind;

use super::link::{self, Link, Spoiling};

/// In less time as much is written to Redis's file as is cut off its end: while
/// a few replies are made it grows by kilobytes a second.
const TRUNCATED: Duration = Duration::from_secs(10);

/// How far behind its master a replica in a Redis Cluster may be.
const REPLICA_LAG: Duration = Duration::from_secs(1);

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `kill -9` of a gateway, which is started again.
    GatewayKilled,
    /// SIGSTOP of a gateway, for longer than its clients are patient.
    GatewayFrozen,
    /// `kill -9` of a broker, which is started again.
    BrokerKilled,
    /// SIGSTOP of a broker, until others are amidst what they have taken over.
    BrokerFrozen,
    /// Both at once, killed.
    GatewayAndBrokerKilled,
    /// Both at once, stopped.
    GatewayAndBrokerFrozen,
    /// The load balancer dies: all connections of people end.
    DoorsCut,
    /// The load balancer is stopped: nothing passes, and then all of it.
    DoorsSilent,
    /// Some people read nothing for a while, but show that they live, and others
    /// write at length.
    SlowReaders,
    /// All people come back at once.
    Crowd,
    /// Every node is replaced, one after the other, in good order.
    RollingRestart,
    /// A node is replaced by one whose clock is wrong, and that one again.
    ClockOff,
    /// Redis is killed and started again with its data.
    RedisRestarted,
    /// The same, and the last of its data is lost.
    RedisTruncated,
    /// The same, and all of its data is lost.
    RedisEmptied,
    /// Redis stands still for ten seconds.
    RedisPaused,
    /// The primary is killed when its replicas have all that it has; one of
    /// them takes over.
    SentinelFailover,
    /// The same while they are behind.
    SentinelFailoverLagging,
    /// The master that serves a room is killed; its replica takes over.
    ClusterMasterKilled,
    /// What a room is stored in moves to another master, and back.
    SlotMigrated,
    /// A network is bad.
    Link(Link, Spoiling),
}

impl Kind {
    /// All that have no kinds among themselves.
    const SINGLE: [Self; 20] = [
        Self::GatewayKilled,
        Self::GatewayFrozen,
        Self::BrokerKilled,
        Self::BrokerFrozen,
        Self::GatewayAndBrokerKilled,
        Self::GatewayAndBrokerFrozen,
        Self::DoorsCut,
        Self::DoorsSilent,
        Self::SlowReaders,
        Self::Crowd,
        Self::RollingRestart,
        Self::ClockOff,
        Self::RedisRestarted,
        Self::RedisTruncated,
        Self::RedisEmptied,
        Self::RedisPaused,
        Self::SentinelFailover,
        Self::SentinelFailoverLagging,
        Self::ClusterMasterKilled,
        Self::SlotMigrated,
    ];

    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        let links = link::all().map(|(link, spoiling)| Self::Link(link, spoiling));
        Self::SINGLE.into_iter().chain(links)
    }

    /// Its name in plans and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::GatewayKilled => "gateway-killed",
            Self::GatewayFrozen => "gateway-frozen",
            Self::BrokerKilled => "broker-killed",
            Self::BrokerFrozen => "broker-frozen",
            Self::GatewayAndBrokerKilled => "gateway-and-broker-killed",
            Self::GatewayAndBrokerFrozen => "gateway-and-broker-frozen",
            Self::DoorsCut => "doors-cut",
            Self::DoorsSilent => "doors-silent",
            Self::SlowReaders => "slow-readers",
            Self::Crowd => "crowd",
            Self::RollingRestart => "rolling-restart",
            Self::ClockOff => "clock-off",
            Self::RedisRestarted => "redis-restarted",
            Self::RedisTruncated => "redis-truncated",
            Self::RedisEmptied => "redis-emptied",
            Self::RedisPaused => "redis-paused",
            Self::SentinelFailover => "sentinel-failover",
            Self::SentinelFailoverLagging => "sentinel-failover-lagging",
            Self::ClusterMasterKilled => "cluster-master-killed",
            Self::SlotMigrated => "slot-migrated",
            Self::Link(link, spoiling) => link::name(link, spoiling),
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name() == name)
    }

    /// On which storage it strikes.
    pub const fn storage(self) -> StorageKind {
        match self {
            Self::SentinelFailover
            | Self::SentinelFailoverLagging
            | Self::Link(Link::Primary | Link::Sentinels, _) => StorageKind::Sentinel,
            Self::ClusterMasterKilled | Self::SlotMigrated | Self::Link(Link::Master, _) => {
                StorageKind::Cluster
            }
            Self::GatewayKilled
            | Self::GatewayFrozen
            | Self::BrokerKilled
            | Self::BrokerFrozen
            | Self::GatewayAndBrokerKilled
            | Self::GatewayAndBrokerFrozen
            | Self::DoorsCut
            | Self::DoorsSilent
            | Self::SlowReaders
            | Self::Crowd
            | Self::RollingRestart
            | Self::ClockOff
            | Self::RedisRestarted
            | Self::RedisTruncated
            | Self::RedisEmptied
            | Self::RedisPaused
            | Self::Link(Link::Door | Link::GatewayRedis | Link::BrokerRedis | Link::Ai, _) => {
                StorageKind::Durable
            }
        }
    }

    /// How long before it strikes may have been stored what the storage then
    /// loses; none where it loses nothing that it has acknowledged.
    pub fn loses_back_to(self) -> Option<Duration> {
        if self == Self::RedisEmptied {
            Some(Duration::MAX)
        } else if self == Self::RedisTruncated {
            Some(TRUNCATED)
        } else if self == Self::SentinelFailoverLagging {
            // The replicas have all that there is when they begin to lag.
            Some(Duration::ZERO)
        } else if self == Self::ClusterMasterKilled {
            Some(REPLICA_LAG)
        } else {
            None
        }
    }

    /// How long it lasts, about, until all parts run again.
    pub const fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::DoorsCut | Self::Crowd => 1,
            Self::GatewayKilled
            | Self::BrokerKilled
            | Self::GatewayAndBrokerKilled
            | Self::RedisRestarted
            | Self::RedisTruncated
            | Self::RedisEmptied
            | Self::SlotMigrated => 3,
            Self::BrokerFrozen => 4,
            Self::GatewayFrozen | Self::GatewayAndBrokerFrozen | Self::DoorsSilent => 6,
            Self::RedisPaused | Self::ClusterMasterKilled | Self::SlowReaders => 10,
            Self::ClockOff | Self::SentinelFailover | Self::SentinelFailoverLagging => 20,
            Self::RollingRestart => 60,
            Self::Link(_, spoiling) => return spoiling.lasts(),
        })
    }
}

/// What a fault does to people themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// Nothing.
    Nothing,
    /// They lose their connections.
    Drop,
    /// They do not read.
    StopReading,
}

/// What `kind` does to people themselves.
pub fn ordered(kind: Kind) -> Ordered {
    if kind == Kind::Crowd {
        Ordered::Drop
    } else if kind == Kind::SlowReaders {
        Ordered::StopReading
    } else {
        Ordered::Nothing
    }
}
