//! What can strike.

use std::time::Duration;

use causerie_testkit::proxy::Proxy;
use rand::Rng;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::installation::{Installation, Place};

/// How long a killed program is away.
const AWAY: Duration = Duration::from_secs(1);

/// What a network passes that trickles, in bytes a second.
const TRICKLE: u32 = 4_000;

/// How long a slow network takes, each way.
const DELAY: Duration = Duration::from_millis(200);

/// What is cut off the end of Redis's file, where it has twice as much.
const LOST_BYTES: u64 = 20_000;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `kill -9` of a gateway, which is started again.
    GatewayKilled,
    /// SIGSTOP of a gateway, for longer than its clients are patient.
    GatewayFrozen,
    /// `kill -9` of a broker, which is started again.
    BrokerKilled,
    /// SIGSTOP of a broker, for longer than others wait to take over.
    BrokerFrozen,
    /// Both at once, killed.
    GatewayAndBrokerKilled,
    /// The load balancer dies: all connections of people end.
    DoorsCut,
    /// Connections of people die without a word, in the middle of the network.
    DoorHalfOpen,
    /// The network of people slows to a trickle.
    DoorTrickles,
    /// Some people read nothing for a while.
    SlowReaders,
    /// All people come back at once.
    Crowd,
    /// Every node is replaced, one after the other, in good order.
    RollingRestart,
    /// Redis is killed and started again with its data.
    RedisRestarted,
    /// The same, and the last of its data is lost.
    RedisTruncated,
    /// The same, and all of its data is lost.
    RedisEmptied,
    /// Redis stands still for ten seconds.
    RedisPaused,
    /// A node loses its connections to Redis, and for a while gets none.
    RedisLinkCut,
    /// A node's connections to Redis go silent.
    RedisLinkHalfOpen,
    /// A node's network to Redis is slow.
    RedisLinkDelayed,
    /// A broker loses its connections to the AI.
    AiLinkCut,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 19] = [
        Self::GatewayKilled,
        Self::GatewayFrozen,
        Self::BrokerKilled,
        Self::BrokerFrozen,
        Self::GatewayAndBrokerKilled,
        Self::DoorsCut,
        Self::DoorHalfOpen,
        Self::DoorTrickles,
        Self::SlowReaders,
        Self::Crowd,
        Self::RollingRestart,
        Self::RedisRestarted,
        Self::RedisTruncated,
        Self::RedisEmptied,
        Self::RedisPaused,
        Self::RedisLinkCut,
        Self::RedisLinkHalfOpen,
        Self::RedisLinkDelayed,
        Self::AiLinkCut,
    ];

    /// Its name in plans and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GatewayKilled => "gateway-killed",
            Self::GatewayFrozen => "gateway-frozen",
            Self::BrokerKilled => "broker-killed",
            Self::BrokerFrozen => "broker-frozen",
            Self::GatewayAndBrokerKilled => "gateway-and-broker-killed",
            Self::DoorsCut => "doors-cut",
            Self::DoorHalfOpen => "door-half-open",
            Self::DoorTrickles => "door-trickles",
            Self::SlowReaders => "slow-readers",
            Self::Crowd => "crowd",
            Self::RollingRestart => "rolling-restart",
            Self::RedisRestarted => "redis-restarted",
            Self::RedisTruncated => "redis-truncated",
            Self::RedisEmptied => "redis-emptied",
            Self::RedisPaused => "redis-paused",
            Self::RedisLinkCut => "redis-link-cut",
            Self::RedisLinkHalfOpen => "redis-link-half-open",
            Self::RedisLinkDelayed => "redis-link-delayed",
            Self::AiLinkCut => "ai-link-cut",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the storage may lose what it has acknowledged.
    pub const fn may_lose(self) -> bool {
        matches!(self, Self::RedisTruncated | Self::RedisEmptied)
    }

    /// How long it lasts, about, until all parts run again.
    pub const fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::DoorsCut | Self::Crowd | Self::AiLinkCut => 1,
            Self::GatewayKilled
            | Self::BrokerKilled
            | Self::GatewayAndBrokerKilled
            | Self::RedisRestarted
            | Self::RedisTruncated
            | Self::RedisEmptied
            | Self::RedisLinkCut => 3,
            Self::GatewayFrozen
            | Self::BrokerFrozen
            | Self::DoorHalfOpen
            | Self::DoorTrickles
            | Self::SlowReaders
            | Self::RedisLinkHalfOpen
            | Self::RedisLinkDelayed => 6,
            Self::RedisPaused => 10,
            Self::RollingRestart => 60,
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

/// Whom a fault strikes: numbers among the gateways, the brokers, all nodes.
#[derive(Debug, Clone, Copy)]
pub struct Aim {
    gateway: usize,
    broker: usize,
    node: usize,
}

impl Aim {
    /// Chooses at random.
    pub fn new(at: &Installation, dice: &mut StdRng) -> Self {
        let (gateways, brokers) = (at.gateways.len(), at.brokers.len());
        Self {
            gateway: dice.random_range(0..gateways.max(1)),
            broker: dice.random_range(0..brokers.max(1)),
            node: dice.random_range(0..(gateways + brokers).max(1)),
        }
    }

    /// The names of those whom `kind` strikes then.
    pub fn target(self, kind: Kind, at: &Installation) -> String {
        let name_of = |place: Option<&Place>| place.map_or("", |place| &place.name).to_owned();
        let gateway = name_of(at.gateways.get(self.gateway));
        let broker = name_of(at.brokers.get(self.broker));
        match kind {
            Kind::GatewayKilled | Kind::GatewayFrozen | Kind::DoorHalfOpen | Kind::DoorTrickles => {
                gateway
            }
            Kind::BrokerKilled | Kind::BrokerFrozen | Kind::AiLinkCut => broker,
            Kind::GatewayAndBrokerKilled => format!("{gateway}, {broker}"),
            Kind::RedisLinkCut | Kind::RedisLinkHalfOpen | Kind::RedisLinkDelayed => {
                name_of(at.places().nth(self.node))
            }
            Kind::DoorsCut | Kind::SlowReaders | Kind::Crowd => "people".to_owned(),
            Kind::RollingRestart => "all nodes".to_owned(),
            Kind::RedisRestarted
            | Kind::RedisTruncated
            | Kind::RedisEmptied
            | Kind::RedisPaused => "redis".to_owned(),
        }
    }

    /// Strikes, and returns when all parts run again. What people do to
    /// themselves is left to [`ordered`].
    pub async fn strike(self, kind: Kind, at: &mut Installation) {
        match kind {
            Kind::GatewayKilled => kill(at.gateways.get_mut(self.gateway)).await,
            Kind::GatewayFrozen => freeze(at.gateways.get_mut(self.gateway), kind.lasts()).await,
            Kind::BrokerKilled => kill(at.brokers.get_mut(self.broker)).await,
            Kind::BrokerFrozen => freeze(at.brokers.get_mut(self.broker), kind.lasts()).await,
            Kind::GatewayAndBrokerKilled => {
                tokio::join!(
                    kill(at.gateways.get_mut(self.gateway)),
                    kill(at.brokers.get_mut(self.broker))
                );
            }
            Kind::DoorsCut => {
                for place in &at.gateways {
                    place.door.iter().for_each(Proxy::block);
                }
                sleep(kind.lasts()).await;
                for place in &at.gateways {
                    place.door.iter().for_each(Proxy::resume);
                }
            }
            Kind::DoorHalfOpen => {
                let place = at.gateways.get(self.gateway);
                place
                    .and_then(|place| place.door.as_ref())
                    .inspect(|door| door.abandon());
                sleep(kind.lasts()).await;
            }
            Kind::DoorTrickles => {
                let place = at.gateways.get(self.gateway);
                let door = place.and_then(|place| place.door.as_ref());
                door.inspect(|door| door.trickle(TRICKLE));
                sleep(kind.lasts()).await;
                door.inspect(|door| door.resume());
            }
            Kind::SlowReaders | Kind::Crowd => sleep(kind.lasts()).await,
            Kind::RollingRestart => {
                for place in at.gateways.iter_mut().chain(&mut at.brokers) {
                    place.roll().await;
                }
            }
            Kind::RedisRestarted => at.redis.restart().await,
            Kind::RedisTruncated => {
                at.redis.kill();
                let size = at.redis.aof_size();
                at.redis.truncate_aof(size - LOST_BYTES.min(size / 2));
                // As `docs/redis.md` tells operators to.
                at.redis.mend_aof();
                at.redis.restart().await;
            }
            Kind::RedisEmptied => {
                at.redis.kill();
                at.redis.lose_everything();
                at.redis.restart().await;
            }
            Kind::RedisPaused => {
                at.redis.pause();
                sleep(kind.lasts()).await;
                at.redis.resume();
            }
            Kind::RedisLinkCut => self.link(at, kind, Proxy::block).await,
            Kind::RedisLinkHalfOpen => self.link(at, kind, Proxy::stall).await,
            Kind::RedisLinkDelayed => self.link(at, kind, |link| link.delay(DELAY)).await,
            Kind::AiLinkCut => {
                let place = at.brokers.get(self.broker);
                place
                    .and_then(|place| place.to_ai.as_ref())
                    .inspect(|link| link.cut());
                sleep(kind.lasts()).await;
            }
        }
    }

    /// Spoils a node's network to Redis for a while.
    async fn link(self, at: &Installation, kind: Kind, spoil: impl FnOnce(&Proxy)) {
        if let Some(place) = at.places().nth(self.node) {
            spoil(&place.to_redis);
            sleep(kind.lasts()).await;
            place.to_redis.resume();
        }
    }
}

async fn kill(place: Option<&mut Place>) {
    if let Some(place) = place {
        place.node.kill();
        sleep(AWAY).await;
        place.restart().await;
    }
}

async fn freeze(place: Option<&mut Place>, lasts: Duration) {
    if let Some(place) = place {
        place.node.pause();
        sleep(lasts).await;
        place.node.resume();
    }
}
