//! The kinds of faults, and what is measured of each.

use std::time::Duration;

/// On what the installation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// One Redis, which writes down every change before it answers.
    Single,
    /// A primary and two replicas behind Sentinels.
    Replicated,
    /// A Redis Cluster of three masters and three replicas.
    Cluster,
}

impl Storage {
    pub(crate) const ALL: [Self; 3] = [Self::Single, Self::Replicated, Self::Cluster];
}

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A gateway is killed.
    GatewayKilled,
    /// A gateway stands still; its sockets stay open.
    GatewayFrozen,
    /// The network forgets the connections to a gateway and tells nobody.
    HalfOpen,
    /// A broker is killed.
    BrokerKilled,
    /// Redis is killed, and started again with its data after up to three seconds.
    RedisRestarted,
    /// The primary is killed, and Sentinels put a replica in its place.
    SentinelFailOver,
    /// A master of the Redis Cluster is killed, and its replica takes its place.
    ClusterFailOver,
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
        Self::HalfOpen,
        Self::BrokerKilled,
        Self::RedisRestarted,
        Self::SentinelFailOver,
        Self::ClusterFailOver,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::GatewayKilled => "gateway-killed",
            Self::GatewayFrozen => "gateway-frozen",
            Self::HalfOpen => "connection-half-open",
            Self::BrokerKilled => "broker-killed",
            Self::RedisRestarted => "redis-restarted",
            Self::SentinelFailOver => "sentinel-fail-over",
            Self::ClusterFailOver => "cluster-fail-over",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) const fn storage(self) -> Storage {
        match self {
            Self::GatewayKilled
            | Self::GatewayFrozen
            | Self::HalfOpen
            | Self::BrokerKilled
            | Self::RedisRestarted => Storage::Single,
            Self::SentinelFailOver => Storage::Replicated,
            Self::ClusterFailOver => Storage::Cluster,
        }
    }

    pub(crate) const fn measure(self) -> Measure {
        match self {
            Self::GatewayKilled | Self::GatewayFrozen | Self::HalfOpen => Measure::Return,
            Self::BrokerKilled => Measure::Takeover,
            Self::RedisRestarted | Self::SentinelFailOver | Self::ClusterFailOver => {
                Measure::Delivery
            }
        }
    }

    /// How long nothing else is done, so that all can go on.
    pub(crate) const fn settles_within(self) -> Duration {
        Duration::from_secs(match self {
            Self::GatewayKilled => 2,
            Self::RedisRestarted | Self::SentinelFailOver | Self::ClusterFailOver => 3,
            // A client notices after three seconds.
            Self::GatewayFrozen | Self::HalfOpen | Self::BrokerKilled => 5,
        })
    }

    pub(crate) const fn goal(self) -> Goal {
        let (p50, max) = match self {
            Self::GatewayKilled | Self::GatewayFrozen | Self::HalfOpen => (Some(300), 1_500),
            Self::BrokerKilled => (None, 3_000),
            Self::RedisRestarted => (None, 1_000),
            Self::SentinelFailOver | Self::ClusterFailOver => (None, 2_000),
        };
        Goal { p50, max }
    }

    /// From when to when the time is taken, for people who read the report.
    pub(crate) const fn says(self) -> &'static str {
        match self {
            Self::GatewayKilled | Self::GatewayFrozen | Self::HalfOpen => {
                "close of the socket → connected elsewhere and caught up"
            }
            Self::BrokerKilled => "kill → first piece of the new attempt",
            Self::RedisRestarted => "Redis answers → first event in a room that had a reply",
            Self::SentinelFailOver | Self::ClusterFailOver => {
                "new master known → first event in a room that had a reply"
            }
        }
    }
}
