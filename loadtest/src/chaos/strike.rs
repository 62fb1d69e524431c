//! How a fault strikes.

use std::time::Duration;

use causerie_shared::room::RoomKey;
use causerie_testkit::cluster::TENANTS;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use causerie_testkit::redis_cluster::{MASTERS, RedisCluster, SLOTS};
use causerie_testkit::replicated::Replicated;
use rand::Rng;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::fault::Kind;
use super::installation::{Installation, Place};
use super::link::{Link, Spoiling};
use super::seat::PROJECTS;
use super::storage::{port_of, slot_of};

/// How long a killed program is away.
const AWAY: Duration = Duration::from_secs(1);

/// What is cut off the end of Redis's file, where it has twice as much.
const LOST_BYTES: u64 = 20_000;

/// How far replicas are behind that lag: less than Sentinels take to notice.
const LAG: Duration = Duration::from_millis(1_500);

/// By how much a clock is wrong, and how long.
const CLOCK_OFF_SECONDS: i64 = 3_600;
const CLOCK_OFF_FOR: Duration = Duration::from_secs(6);

/// How long a slot stays elsewhere: gateways look for moves every two seconds.
const ELSEWHERE: Duration = Duration::from_secs(3);

/// Whom a fault strikes, if it strikes one.
#[derive(Debug, Clone)]
pub struct Aim {
    /// Numbers among the gateways, the brokers, all nodes.
    gateway: usize,
    broker: usize,
    node: usize,
    /// How wrong a clock is.
    seconds: i64,
    /// One that people are in.
    room: RoomKey,
}

/// A part that a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Struck {
    /// A gateway, its door, or its way to Redis, by its number.
    Gateway(usize),
    /// A broker, or its way to Redis or to the AI, by its number.
    Broker(usize),
    /// What a room is kept in.
    Room(RoomKey),
    /// All that there is of something.
    All(&'static str),
}

impl Aim {
    /// Chooses at random.
    ///
    /// # Errors
    /// What people are in has a name that no room has.
    pub fn new(at: &Installation, dice: &mut StdRng) -> anyhow::Result<Self> {
        let (gateways, brokers) = (at.gateways.len(), at.brokers.len());
        let one_of = |names: &[&str], dice: &mut StdRng| {
            let at = dice.random_range(0..names.len());
            names.get(at).copied().unwrap_or_default().to_owned()
        };
        let (tenant, project) = (one_of(&TENANTS, dice), one_of(&PROJECTS, dice));
        let room = format!("{tenant}:project:{project}");
        Ok(Self {
            gateway: dice.random_range(0..gateways.max(1)),
            broker: dice.random_range(0..brokers.max(1)),
            node: dice.random_range(0..(gateways + brokers).max(1)),
            seconds: if dice.random() {
                CLOCK_OFF_SECONDS
            } else {
                -CLOCK_OFF_SECONDS
            },
            room: room.parse()?,
        })
    }

    /// Those whom `kind` strikes then.
    pub fn struck(&self, kind: Kind, at: &Installation) -> Vec<Struck> {
        let gateway = Struck::Gateway(self.gateway);
        let broker = Struck::Broker(self.broker);
        match kind {
            Kind::GatewayKilled
            | Kind::GatewayFrozen
            | Kind::Link(Link::Door | Link::GatewayRedis, _) => vec![gateway],
            Kind::BrokerKilled
            | Kind::BrokerFrozen
            | Kind::Link(Link::BrokerRedis | Link::Ai, _) => vec![broker],
            Kind::GatewayAndBrokerKilled | Kind::GatewayAndBrokerFrozen => vec![gateway, broker],
            Kind::ClockOff | Kind::Link(Link::Primary | Link::Master, _) => {
                vec![match self.node.checked_sub(at.gateways.len()) {
                    None => Struck::Gateway(self.node),
                    Some(broker) => Struck::Broker(broker),
                }]
            }
            Kind::DoorsCut | Kind::DoorsSilent | Kind::SlowReaders | Kind::Crowd => {
                vec![Struck::All("people")]
            }
            Kind::RollingRestart => vec![Struck::All("all nodes")],
            Kind::RedisRestarted
            | Kind::RedisTruncated
            | Kind::RedisEmptied
            | Kind::RedisPaused => vec![Struck::All("redis")],
            Kind::SentinelFailover | Kind::SentinelFailoverLagging => {
                vec![Struck::All("the primary")]
            }
            Kind::ClusterMasterKilled | Kind::SlotMigrated => {
                vec![Struck::Room(self.room.clone())]
            }
        }
    }

    /// Their names.
    pub fn target(&self, kind: Kind, at: &Installation) -> String {
        let name_of = |places: &[Place], number: usize| {
            let place = places.get(number);
            place.map_or("", |place| &place.name).to_owned()
        };
        let struck = self.struck(kind, at);
        let names = struck.iter().map(|struck| match struck {
            Struck::Gateway(number) => name_of(&at.gateways, *number),
            Struck::Broker(number) => name_of(&at.brokers, *number),
            Struck::Room(room) => format!("the slot of {room}"),
            Struck::All(what) => (*what).to_owned(),
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// Strikes, and returns when all parts run again. What people do to
    /// themselves is left to [`ordered`](super::fault::ordered). The port of the
    /// server that took over, where one was to.
    ///
    /// # Errors
    /// The installation has another storage than the fault is for.
    pub async fn strike(&self, kind: Kind, at: &mut Installation) -> anyhow::Result<Option<u16>> {
        let mut heir = None;
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
            Kind::GatewayAndBrokerFrozen => {
                tokio::join!(
                    freeze(at.gateways.get_mut(self.gateway), kind.lasts()),
                    freeze(at.brokers.get_mut(self.broker), kind.lasts())
                );
            }
            Kind::DoorsCut => at_all_doors(at, Proxy::block, kind.lasts()).await,
            Kind::DoorsSilent => at_all_doors(at, Proxy::stall, kind.lasts()).await,
            Kind::SlowReaders | Kind::Crowd => sleep(kind.lasts()).await,
            Kind::RollingRestart => {
                for place in at.places_mut() {
                    place.roll().await;
                }
            }
            Kind::ClockOff => {
                if let Some(place) = at.places_mut().nth(self.node) {
                    place.roll_with_clock_off_by(self.seconds).await?;
                    sleep(CLOCK_OFF_FOR).await;
                    place.roll().await;
                }
            }
            Kind::RedisRestarted => at.storage.redis()?.restart().await,
            Kind::RedisTruncated => truncate(at.storage.redis()?).await,
            Kind::RedisEmptied => {
                let redis = at.storage.redis()?;
                redis.kill();
                redis.lose_everything();
                redis.restart().await;
            }
            Kind::RedisPaused => {
                let redis = at.storage.redis()?;
                redis.pause();
                sleep(kind.lasts()).await;
                redis.resume();
            }
            Kind::SentinelFailover => {
                let storage = at.storage.replicated()?;
                storage.hold_in_step().await;
                heir = Some(fail_over(storage).await);
            }
            Kind::SentinelFailoverLagging => {
                let storage = at.storage.replicated()?;
                let replication = storage.through_proxy().await;
                replication.stall();
                sleep(LAG).await;
                heir = Some(fail_over(storage).await);
            }
            Kind::ClusterMasterKilled => {
                let cluster = at.storage.cluster()?;
                let slot = slot_of(cluster, &self.room).await;
                heir = Some(kill_master(cluster, slot).await);
            }
            Kind::SlotMigrated => {
                let cluster = at.storage.cluster()?;
                let slot = slot_of(cluster, &self.room).await;
                migrate_there_and_back(cluster, slot).await;
            }
            Kind::Link(link, spoiling) => {
                if let Some(network) = self.network(link, at).await {
                    spoil(network, spoiling).await;
                }
            }
        }
        Ok(heir)
    }

    async fn network<'a>(&self, link: Link, at: &'a Installation) -> Option<&'a Proxy> {
        let gateway = at.gateways.get(self.gateway);
        let broker = at.brokers.get(self.broker);
        let node = match link {
            Link::Door => return gateway?.door.as_ref(),
            Link::Ai => return broker?.to_ai.as_ref(),
            Link::GatewayRedis => gateway?,
            Link::BrokerRedis => broker?,
            Link::Primary | Link::Master => at.places().nth(self.node)?,
        };
        let port = port_of(&at.storage, &self.room).await;
        node.to_redis.get(&port)
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

async fn at_all_doors(at: &Installation, strike: fn(&Proxy), lasts: Duration) {
    let doors = || at.gateways.iter().filter_map(|place| place.door.as_ref());
    doors().for_each(strike);
    sleep(lasts).await;
    doors().for_each(Proxy::resume);
}

async fn spoil(network: &Proxy, spoiling: Spoiling) {
    spoiling.spoil(network);
    sleep(spoiling.lasts()).await;
    network.resume();
}

async fn truncate(redis: &mut Redis) {
    redis.kill();
    let size = redis.aof_size();
    redis.truncate_aof(size - LOST_BYTES.min(size / 2));
    // As `docs/redis.md` tells operators to.
    redis.mend_aof();
    redis.restart().await;
}

/// The primary dies; it comes back when another has taken its place, as that
/// one's replica. That one's port.
async fn fail_over(storage: &mut Replicated) -> u16 {
    let old = storage.primary().await;
    storage.server_mut(old).kill();
    let heir = storage.taken_over(old).await;
    storage.server_mut(old).restart().await;
    storage.ready().await;
    storage.server(heir).port()
}

/// The same, of the master that serves a slot.
async fn kill_master(cluster: &mut RedisCluster, slot: u32) -> u16 {
    let old = cluster.owner(0, slot).await;
    cluster.node_mut(old).kill();
    let heir = cluster.taken_over(slot, old).await;
    cluster.node_mut(old).restart().await;
    // It learns itself what has become of it.
    cluster.taken_over(slot, old).await;
    cluster.ready().await;
    cluster.node(heir).port()
}

async fn migrate_there_and_back(cluster: &RedisCluster, slot: u32) {
    let home = cluster.owner(0, slot).await;
    // A third of all slots further on another master serves.
    let other = (slot + SLOTS.div_ceil(MASTERS)) % SLOTS;
    let elsewhere = cluster.owner(0, other).await;
    cluster.migrate_slot(slot, elsewhere).await;
    sleep(ELSEWHERE).await;
    cluster.migrate_slot(slot, home).await;
}
