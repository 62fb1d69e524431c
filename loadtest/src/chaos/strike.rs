//! How a fault strikes.

use std::time::Duration;

use causerie_shared::room::RoomKey;
use causerie_testkit::cluster::TENANTS;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use causerie_testkit::redis_cluster::{MASTERS, RedisCluster, SLOTS};
use causerie_testkit::replicated::Replicated;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use super::fault::Kind;
use super::installation::{Installation, Place};
use super::link::Link;
use super::seat::PROJECTS;
use super::storage::{port_of, slot_of};
use crate::ledger::{Pen, What};

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Chooses among so many gateways and brokers, for the same seed always the same.
    ///
    /// # Errors
    /// What people are in has a name that no room has.
    pub fn new(seed: u64, gateways: usize, brokers: usize) -> anyhow::Result<Self> {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut one_of = |names: &[&str]| {
            let at = dice.random_range(0..names.len());
            names.get(at).copied().unwrap_or_default().to_owned()
        };
        let (tenant, project) = (one_of(&TENANTS), one_of(&PROJECTS));
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
            Kind::ClockOff | Kind::Link(Link::Primary | Link::Master | Link::Sentinels, _) => {
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

    /// Those at which a reply has to be made for it to be struck.
    pub fn on_the_way(&self, kind: Kind, at: &Installation) -> Vec<Struck> {
        let mut parts = self.struck(kind, at);
        // By way of one master come the replies of its rooms only.
        if let Kind::Link(Link::Master, _) = kind {
            parts.push(Struck::Room(self.room.clone()));
        }
        parts
    }

    /// The names of those whom `kind` strikes.
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
    /// The installation has another storage than the fault is for, or the ledger
    /// cannot be written.
    pub async fn strike(
        &self,
        kind: Kind,
        at: &mut Installation,
        pen: &Pen,
    ) -> anyhow::Result<Option<u16>> {
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
            Kind::RedisTruncated => truncate(at.storage.redis()?, pen).await?,
            Kind::RedisEmptied => {
                let redis = at.storage.redis()?;
                redis.kill();
                redis.lose_everything();
                pen.note(What::LossOver)?;
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
                let primary = storage.hold_in_step().await;
                heir = Some(fail_over(storage, primary, pen).await?);
            }
            Kind::SentinelFailoverLagging => {
                let storage = at.storage.replicated()?;
                let replication = storage.through_proxy().await;
                replication.stall();
                sleep(LAG).await;
                let primary = storage.primary().await;
                heir = Some(fail_over(storage, primary, pen).await?);
            }
            Kind::ClusterMasterKilled => {
                let cluster = at.storage.cluster()?;
                let slot = slot_of(cluster, &self.room).await;
                heir = Some(kill_master(cluster, slot, pen).await?);
            }
            Kind::SlotMigrated => {
                let cluster = at.storage.cluster()?;
                let slot = slot_of(cluster, &self.room).await;
                migrate_there_and_back(cluster, slot).await;
            }
            Kind::Link(link, spoiling) => {
                let networks = self.networks(link, at).await;
                networks.iter().for_each(|network| spoiling.spoil(network));
                sleep(spoiling.lasts()).await;
                networks.iter().for_each(|network| network.resume());
            }
        }
        Ok(heir)
    }

    /// All that there is between two parts.
    async fn networks<'a>(&self, link: Link, at: &'a Installation) -> Vec<&'a Proxy> {
        let gateway = at.gateways.get(self.gateway);
        let broker = at.brokers.get(self.broker);
        let node = at.places().nth(self.node);
        let server = || port_of(&at.storage, &self.room);
        match link {
            Link::Door => Vec::from_iter(gateway.and_then(|place| place.door.as_ref())),
            Link::Ai => Vec::from_iter(broker.and_then(|place| place.to_ai.as_ref())),
            Link::GatewayRedis => ways(gateway, &[server().await]),
            Link::BrokerRedis => ways(broker, &[server().await]),
            Link::Primary | Link::Master => ways(node, &[server().await]),
            Link::Sentinels => ways(node, &at.storage.sentinels()),
        }
    }
}

/// From a node to the servers at these ports.
fn ways<'a>(node: Option<&'a Place>, ports: &[u16]) -> Vec<&'a Proxy> {
    let ways = node.map(|node| &node.to_redis);
    ports.iter().filter_map(|port| ways?.get(port)).collect()
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

async fn truncate(redis: &mut Redis, pen: &Pen) -> anyhow::Result<()> {
    redis.kill();
    let size = redis.aof_size();
    redis.truncate_aof(size - LOST_BYTES.min(size / 2));
    // As `docs/redis.md` tells operators to.
    redis.mend_aof();
    pen.note(What::LossOver)?;
    redis.restart().await;
    Ok(())
}

/// The primary dies at once; it comes back when another has taken its place, as that
/// one's replica. That one's port.
async fn fail_over(storage: &mut Replicated, primary: usize, pen: &Pen) -> anyhow::Result<u16> {
    storage.server_mut(primary).kill();
    let heir = storage.taken_over(primary).await;
    pen.note(What::LossOver)?;
    storage.server_mut(primary).restart().await;
    storage.ready().await;
    Ok(storage.server(heir).port())
}

/// The same, of the master that serves a slot.
async fn kill_master(cluster: &mut RedisCluster, slot: u32, pen: &Pen) -> anyhow::Result<u16> {
    let old = cluster.owner(0, slot).await;
    cluster.node_mut(old).kill();
    let heir = cluster.taken_over(slot, old).await;
    pen.note(What::LossOver)?;
    cluster.node_mut(old).restart().await;
    // It learns itself what has become of it.
    cluster.taken_over(slot, old).await;
    cluster.ready().await;
    Ok(cluster.node(heir).port())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_aim_again_and_many_seeds_all_there_are() {
        let aims: Vec<_> = (0..200).map(|seed| Aim::new(seed, 3, 2).unwrap()).collect();
        for (seed, aim) in (0..).zip(&aims) {
            assert_eq!(Aim::new(seed, 3, 2).unwrap(), *aim);
        }
        let all = |part: fn(&Aim) -> String| aims.iter().map(part).collect::<BTreeSet<_>>().len();
        assert_eq!(all(|aim| aim.gateway.to_string()), 3);
        assert_eq!(all(|aim| aim.broker.to_string()), 2);
        assert_eq!(all(|aim| aim.node.to_string()), 5);
        assert_eq!(all(|aim| aim.seconds.to_string()), 2);
        assert_eq!(
            all(|aim| aim.room.to_string()),
            TENANTS.len() * PROJECTS.len()
        );
    }
}
