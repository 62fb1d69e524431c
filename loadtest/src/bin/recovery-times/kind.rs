//! The kinds of faults, and what is measured of each.

use std::time::Duration;

use causerie_loadtest::chaos::fault;
use causerie_loadtest::chaos::link::{Link, Spoiling};
use causerie_testkit::storage::StorageKind;

/// On what an installation stands.
pub(crate) const STORAGES: [StorageKind; 3] = [
    StorageKind::Durable,
    StorageKind::Sentinel,
    StorageKind::Cluster,
];

/// A kind of fault of which the time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A gateway is killed.
    GatewayKilled,
    /// A gateway stands still; its sockets stay open.
    GatewayFrozen,
    /// The network forgets the connections to a gateway and tells nobody.
    DoorHalfOpen,
    /// A broker is killed.
    BrokerKilled,
    /// Redis is killed, and started again with its data after up to three seconds.
    RedisRestarted,
    /// The primary is killed, and Sentinels put a replica in its place. Whether
    /// that has all is not waited for here: it is about times.
    SentinelFailover,
    /// A master of the Redis Cluster is killed, and its replica takes its place.
    ClusterMasterKilled,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// From the end of a connection until another has everything that was said.
    Return,
    /// From the fault to the first piece of the new attempt at a reply.
    Takeover,
    /// From when Redis serves again to the first event in a room where one was
    /// being streamed.
    Delivery,
}

/// Milliseconds that it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub p50: Option<u64>,
    pub max: u64,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::GatewayKilled,
        Self::GatewayFrozen,
        Self::DoorHalfOpen,
        Self::BrokerKilled,
        Self::RedisRestarted,
        Self::SentinelFailover,
        Self::ClusterMasterKilled,
    ];

    /// What `./chaos` knows it as.
    const fn fault(self) -> fault::Kind {
        match self {
            Self::GatewayKilled => fault::Kind::GatewayKilled,
            Self::GatewayFrozen => fault::Kind::GatewayFrozen,
            Self::DoorHalfOpen => fault::Kind::Link(Link::Door, Spoiling::HalfOpen),
            Self::BrokerKilled => fault::Kind::BrokerKilled,
            Self::RedisRestarted => fault::Kind::RedisRestarted,
            Self::SentinelFailover => fault::Kind::SentinelFailover,
            Self::ClusterMasterKilled => fault::Kind::ClusterMasterKilled,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.fault().name()
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) const fn storage(self) -> StorageKind {
        self.fault().storage()
    }

    pub(crate) const fn measure(self) -> Measure {
        match self {
            Self::GatewayKilled | Self::GatewayFrozen | Self::DoorHalfOpen => Measure::Return,
            Self::BrokerKilled => Measure::Takeover,
            Self::RedisRestarted | Self::SentinelFailover | Self::ClusterMasterKilled => {
                Measure::Delivery
            }
        }
    }

    /// How long nothing else is done, so that all can go on.
    pub(crate) const fn settles_within(self) -> Duration {
        Duration::from_secs(match self {
            Self::GatewayKilled => 3,
            Self::RedisRestarted | Self::SentinelFailover | Self::ClusterMasterKilled => 4,
            // A client notices after three seconds.
            Self::GatewayFrozen | Self::DoorHalfOpen | Self::BrokerKilled => 6,
        })
    }

    pub(crate) const fn goal(self) -> Goal {
        let (p50, max) = match self {
            Self::GatewayKilled | Self::GatewayFrozen | Self::DoorHalfOpen => (Some(300), 1_500),
            Self::BrokerKilled => (None, 3_000),
            Self::RedisRestarted => (None, 1_000),
            Self::SentinelFailover | Self::ClusterMasterKilled => (None, 2_000),
        };
        Goal { p50, max }
    }

    /// From when to when the time is taken, for people who read the report.
    pub(crate) const fn says(self) -> &'static str {
        match self {
            Self::GatewayKilled | Self::GatewayFrozen | Self::DoorHalfOpen => {
                "close of the socket → connected elsewhere and caught up"
            }
            Self::BrokerKilled => "kill → first piece of the new attempt",
            Self::RedisRestarted => {
                "Redis answers → first event, or word of a loss, in a room that had a reply"
            }
            Self::SentinelFailover | Self::ClusterMasterKilled => {
                "new master known → first event, or word of a loss, in a room that had a reply"
            }
        }
    }
}
