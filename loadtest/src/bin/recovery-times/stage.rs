//! An installation, people who use it, and the faults that strike it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_loadtest::chaos::storage::slot_of;
use causerie_loadtest::ledger::{Fault, Pen, What};
use causerie_loadtest::person::{Orders, Person, State};
use causerie_shared::room::RoomKey;
use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::storage::StorageKind;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::kind::Kind;
use crate::times::TENANT;

/// What the AI says: so many words at this pace, some four seconds.
const WORDS: usize = 80;
const PACE: Duration = Duration::from_millis(50);

/// From one message of a person to the next.
const TALK: Duration = Duration::from_secs(3);

/// How long Redis is away at the most when it is restarted.
const REDIS_AWAY: Duration = Duration::from_secs(3);

const LOOK_EVERY: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// An installation, and people who use it.
pub(crate) struct Stage {
    cluster: Cluster,
    doors: Vec<Proxy>,
    people: Vec<Handle>,
    tasks: JoinSet<std::io::Result<()>>,
    pen: Pen,
    dice: StdRng,
    /// How many faults have struck.
    struck: usize,
}

struct Handle {
    orders: watch::Sender<Orders>,
    state: Arc<State>,
}

impl Stage {
    pub(crate) async fn start(
        storage: StorageKind,
        people: usize,
        dice: StdRng,
        ledger: &Path,
    ) -> anyhow::Result<Self> {
        let options = Cluster::options()
            .behaviour(Behaviour::new(Plot::Tokens(WORDS)).at_pace(PACE))
            .env("HISTORY_MAX_EVENTS", "1000000")
            .on(storage);
        let cluster = options.start().await;
        let mut doors = Vec::new();
        for gateway in &cluster.gateways {
            doors.push(Proxy::start(gateway.port()).await);
        }
        let mut stage = Self {
            cluster,
            doors,
            people: Vec::new(),
            tasks: JoinSet::new(),
            pen: Pen::new(ledger)?,
            dice,
            struck: 0,
        };
        for number in 0..people {
            stage.let_in(number)?;
        }
        Ok(stage)
    }

    fn let_in(&mut self, number: usize) -> anyhow::Result<()> {
        let user = format!("u{number}");
        let doors = self.doors.iter();
        let doors = doors.map(|door| format!("{}/ws", door.url("ws")));
        let person = Person {
            number: u32::try_from(number)?,
            tenant: TENANT.to_owned(),
            token: Cluster::token(TENANT, &user),
            user,
            device: 0,
            rooms: vec![format!("project:p{}", 1 + number % 2)],
            doors: doors.collect(),
            pace: TALK,
        };
        let (orders, ordered) = watch::channel(Orders::default());
        let state = Arc::new(State::default());
        let dice = StdRng::seed_from_u64(self.dice.random());
        let life = person.run(ordered, Arc::clone(&state), self.pen.clone(), dice);
        self.tasks.spawn(life);
        self.people.push(Handle { orders, state });
        Ok(())
    }

    /// Strikes while replies are streaming to half of the people or more, and
    /// returns when all parts run again.
    pub(crate) async fn strike(&mut self, kind: Kind) -> anyhow::Result<()> {
        self.wait_until("all to be connected and to read replies", |people| {
            let reading = people.iter().filter(|one| one.state.streaming() > 0);
            people.iter().all(|one| one.state.is_open()) && reading.count() * 2 >= people.len()
        })
        .await?;
        // Everybody has gone to the other gateway when one was struck.
        let at = self.struck % 2;
        self.struck += 1;
        match kind {
            Kind::GatewayKilled => {
                self.begins(kind, "all")?;
                self.gateway(at)?.kill();
                sleep(kind.settles_within()).await;
                self.cluster.restart_gateway(at).await;
            }
            Kind::GatewayFrozen => {
                self.begins(kind, "all")?;
                self.gateway(at)?.pause();
                sleep(kind.settles_within()).await;
                self.gateway(at)?.resume();
            }
            Kind::DoorHalfOpen => {
                self.begins(kind, "all")?;
                self.doors.get(at).context("a door")?.abandon();
                sleep(kind.settles_within()).await;
            }
            Kind::BrokerKilled => {
                self.begins(kind, "all")?;
                self.cluster.brokers.get_mut(at).context("a broker")?.kill();
                sleep(kind.settles_within()).await;
                self.cluster.restart_broker(at).await;
            }
            Kind::RedisRestarted => {
                let away = REDIS_AWAY.mul_f64(self.dice.random());
                self.begins(kind, "all")?;
                self.cluster.redis().kill();
                sleep(away).await;
                self.cluster.redis().restart().await;
                self.pen.note(What::FaultOver)?;
                sleep(kind.settles_within()).await;
            }
            Kind::SentinelFailover => {
                let primary = self.cluster.redis_replicated().primary().await;
                self.begins(kind, "all")?;
                let redis = self.cluster.redis_replicated();
                redis.server_mut(primary).kill();
                redis.taken_over(primary).await;
                self.pen.note(What::FaultOver)?;
                sleep(kind.settles_within()).await;
                let redis = self.cluster.redis_replicated();
                redis.server_mut(primary).restart().await;
                redis.ready().await;
            }
            Kind::ClusterMasterKilled => self.fail_over().await?,
        }
        Ok(())
    }

    fn gateway(&mut self, at: usize) -> anyhow::Result<&mut Node> {
        self.cluster.gateways.get_mut(at).context("a gateway")
    }

    /// Kills the master that serves the room in which most people read a reply.
    async fn fail_over(&mut self) -> anyhow::Result<()> {
        let slots = self.slots().await;
        let busiest = self.busiest_room().context("a room with a reply")?;
        let (_, slot) = slots
            .iter()
            .find(|(room, _)| *room == busiest)
            .context("its slot")?;
        let slot = *slot;
        let redis = self.cluster.redis_cluster();
        let (master, asked) = (redis.owner(0, slot).await, |not| usize::from(not == 0));
        let mut struck = Vec::new();
        for (room, slot) in slots {
            if redis.owner(asked(master), slot).await == master {
                struck.push(room);
            }
        }
        self.begins(Kind::ClusterMasterKilled, &struck.join(" "))?;
        let redis = self.cluster.redis_cluster();
        redis.node_mut(master).kill();
        let deadline = Instant::now() + PATIENCE;
        while redis.owner(asked(master), slot).await == master {
            ensure!(Instant::now() < deadline, "nobody took the slots over");
            sleep(LOOK_EVERY).await;
        }
        self.pen.note(What::FaultOver)?;
        sleep(Kind::ClusterMasterKilled.settles_within()).await;
        let redis = self.cluster.redis_cluster();
        redis.node_mut(master).restart().await;
        redis.ready().await;
        Ok(())
    }

    /// The room in which most people read a reply now.
    fn busiest_room(&self) -> Option<String> {
        let mut readers = BTreeMap::<String, usize>::new();
        for one in &self.people {
            for room in one.state.streaming_in().iter() {
                *readers.entry(room.clone()).or_default() += 1;
            }
        }
        let busiest = readers.into_iter().max_by_key(|(_, readers)| *readers)?;
        Some(busiest.0)
    }

    /// The rooms that people are in, and the slots of their partitions.
    async fn slots(&mut self) -> Vec<(String, u32)> {
        let rooms = self.people.iter().flat_map(|one| one.state.positions());
        let rooms: BTreeSet<_> = rooms.map(|(room, _)| room).collect();
        let mut slots = Vec::new();
        for room in rooms {
            let Ok(key) = format!("{TENANT}:{room}").parse::<RoomKey>() else {
                continue;
            };
            let slot = slot_of(self.cluster.redis_cluster(), &key).await;
            slots.push((room, slot));
        }
        slots
    }

    fn begins(&self, kind: Kind, rooms: &str) -> anyhow::Result<()> {
        self.pen.note(What::Fault(Fault {
            kind: kind.name().to_owned(),
            target: rooms.to_owned(),
            until: self.pen.now(),
            streaming: self.people.iter().map(|one| one.state.streaming()).sum(),
            loses_since: None,
        }))?;
        Ok(())
    }

    async fn wait_until(
        &self,
        what: &str,
        is_so: impl Fn(&[Handle]) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.people) {
            ensure!(Instant::now() < deadline, "waited in vain for {what}");
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Lets everybody go, and all be written down.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        for person in &self.people {
            person.orders.send_modify(|orders| orders.leave = true);
        }
        while let Some(ended) = self.tasks.join_next().await {
            ended.context("a person's task")??;
        }
        self.pen.flush()?;
        Ok(())
    }
}
