//! The networks between any two parts, and how they are spoilt.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use causerie_testkit::proxy::Proxy;

/// What a network passes that trickles, in bytes a second and connection.
const TRICKLE: u32 = 1_000;

/// How long a slow network takes, each way.
const DELAY: Duration = Duration::from_millis(200);

/// The network between two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// Between people and one gateway.
    Door,
    /// Between one gateway and Redis.
    GatewayRedis,
    /// Between one broker and Redis.
    BrokerRedis,
    /// Between one node and the primary, of servers behind Sentinels.
    Primary,
    /// Between one node and the master that serves a room, of a Redis Cluster.
    Master,
    /// Between one node and all Sentinels.
    Sentinels,
    /// Between one broker and the AI.
    Ai,
}

/// What is done to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spoiling {
    /// All connections end, and for a while there are none.
    Cut,
    /// All takes its time.
    Delayed,
    /// Little passes.
    Trickling,
    /// The connections that there are die without a word; new ones pass.
    HalfOpen,
    /// Nothing passes for a while, and then all of it.
    Silent,
}

static NAMES: LazyLock<BTreeMap<(Link, Spoiling), String>> = LazyLock::new(|| {
    let named = all().map(|(link, spoiling)| {
        let name = format!("{}-{}", link.name(), spoiling.name());
        ((link, spoiling), name)
    });
    named.collect()
});

/// Each network, with each thing that is done to it.
pub fn all() -> impl Iterator<Item = (Link, Spoiling)> {
    let spoilt = |link: Link| Spoiling::ALL.map(|spoiling| (link, spoiling));
    Link::ALL.into_iter().flat_map(spoilt)
}

/// What such a fault is called.
pub fn name(link: Link, spoiling: Spoiling) -> &'static str {
    NAMES.get(&(link, spoiling)).map_or("", String::as_str)
}

impl Link {
    const ALL: [Self; 7] = [
        Self::Door,
        Self::GatewayRedis,
        Self::BrokerRedis,
        Self::Primary,
        Self::Master,
        Self::Sentinels,
        Self::Ai,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Door => "door",
            Self::GatewayRedis => "gateway-redis-link",
            Self::BrokerRedis => "broker-redis-link",
            Self::Primary => "primary-link",
            Self::Master => "master-link",
            Self::Sentinels => "sentinels-link",
            Self::Ai => "ai-link",
        }
    }
}

impl Spoiling {
    const ALL: [Self; 5] = [
        Self::Cut,
        Self::Delayed,
        Self::Trickling,
        Self::HalfOpen,
        Self::Silent,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Delayed => "delayed",
            Self::Trickling => "trickling",
            Self::HalfOpen => "half-open",
            Self::Silent => "silent",
        }
    }

    /// How long it lasts.
    pub const fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::Cut => 3,
            Self::Delayed | Self::Trickling | Self::HalfOpen | Self::Silent => 6,
        })
    }

    /// Does it to a network, until that is told to [`Proxy::resume`].
    pub fn spoil(self, proxy: &Proxy) {
        match self {
            Self::Cut => proxy.block(),
            Self::Delayed => proxy.delay(DELAY),
            Self::Trickling => proxy.trickle(TRICKLE),
            Self::HalfOpen => proxy.abandon(),
            Self::Silent => proxy.stall(),
        }
    }
}
