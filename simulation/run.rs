//! One seed: people talk, faults strike, all comes to rest, and the checker
//! reads what everybody wrote down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_loadtest::check::{Verdict, check};
use causerie_loadtest::ledger::{Entry, Log};
use causerie_loadtest::person::durable;
use causerie_shared::bus::Bus;
use causerie_shared::bus::log::HistoryRange;
use causerie_shared::room::RoomKey;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::{Client, Habits, Orders, Person, Positions};
use crate::condition::State;
use crate::history::History;
use crate::installation::{Installation, RULES};
use crate::link::LATEST;
use crate::plan::{Kind, STORM, Strike, plan};
use crate::told::Told;

/// How long everything may take to come to rest.
const RESTS_WITHIN: Duration = Duration::from_secs(120);

/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const TENANTS: [&str; 2] = ["acme", "globex"];
const PROJECTS: [&str; 2] = ["project:p1", "project:p2"];

/// What came of a seed.
pub struct Outcome {
    pub verdict: Verdict,
    pub entries: Vec<Entry>,
    pub plan: Vec<Strike>,
}

/// Runs one seed, from its beginning to its verdict.
pub fn run(seed: u64) -> Outcome {
    // The jitter of pauses comes from here.
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (history, plan) = runtime.block_on(async { Story::begin(seed).tell().await });
    let entries = history.entries();
    Outcome {
        verdict: check(entries.iter().cloned(), RULES),
        entries,
        plan,
    }
}

/// A run while it goes on.
struct Story {
    history: History,
    installation: Arc<Installation>,
    orders: Arc<Told<Orders>>,
    clients: Vec<Arc<Client>>,
    plan: Vec<Strike>,
    dice: StdRng,
    began: Instant,
}

impl Story {
    fn begin(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let history = History::new();
        let of_nodes = StdRng::seed_from_u64(dice.random());
        let mut story = Self {
            installation: Installation::start(history.clone(), of_nodes),
            history,
            orders: Arc::default(),
            clients: Vec::new(),
            plan: plan(&mut dice),
            dice,
            began: Instant::now(),
        };
        for _ in 0..story.dice.random_range(3..=7) {
            let tenant = TENANTS[story.dice.random_range(0..TENANTS.len())];
            story.let_in(tenant, Positions::new());
        }
        story
    }

    /// Everything from the first word to the last look at the logs.
    async fn tell(mut self) -> (History, Vec<Strike>) {
        if !self.installation.is_calm() {
            self.note_weather();
        }
        let mut due = Due::of(&self.plan);
        while let Some((at, act)) = due.next() {
            sleep_until(self.began + at).await;
            self.act(act);
        }
        sleep_until(self.began + STORM).await;
        self.installation.calm_down();
        self.installation.set_all(State::Up);
        self.orders.change(|orders| orders.be_quiet = true);
        self.come_to_rest().await;
        self.read_logs().await;
        (self.history, self.plan)
    }

    /// The weather may keep brokers and the AI from anything all the while, and people
    /// from what they wait for.
    fn note_weather(&self) {
        let ends = self.plan.iter().map(Strike::until).max();
        let storm = STORM.max(ends.unwrap_or_default());
        // What was given up in it may still be done.
        let until = u64::try_from((storm + LATEST).as_micros()).unwrap();
        self.history.fault("weather", "network", until);
        self.history.fault("ai-weather", "ai", until);
        self.history.fault("people-weather", "people", until);
    }

    fn let_in(&mut self, tenant: &'static str, positions: Positions) {
        let dice = &mut self.dice;
        let mut rooms: Vec<_> = PROJECTS.map(str::to_owned).into();
        rooms.truncate(dice.random_range(1..=PROJECTS.len()));
        let person = Person {
            number: u32::try_from(self.clients.len()).unwrap(),
            tenant,
            user: format!("u{}", dice.random_range(0..3)),
            habits: Habits {
                rooms,
                pace: Duration::from_millis(dice.random_range(200..3_000)),
                stays: Duration::from_millis(dice.random_range(500..20_000)),
                stops_reading: if dice.random_bool(0.3) { 0.05 } else { 0.0 },
            },
            positions,
        };
        let dice = StdRng::seed_from_u64(dice.random());
        let orders = Arc::clone(&self.orders);
        let client = Client::new(person, Arc::clone(&self.installation), orders, dice);
        tokio::spawn(Arc::clone(&client).live());
        self.clients.push(client);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Strikes(strike) => {
                let until = u64::try_from(strike.until().as_micros()).unwrap();
                let target = self.target(strike);
                self.history.fault(strike.kind.name(), &target, until);
                // The timers inside a frozen broker run on, and give the AI up.
                if matches!(strike.kind, Kind::BrokerFrozen | Kind::BusFrozen) {
                    self.history.fault("ai-frozen", &target, until);
                }
                // Gateways stand still with it, and who waits for an answer goes.
                if strike.kind == Kind::BusFrozen {
                    self.history.fault("gateway-frozen", "gateways", until);
                }
                self.strike(strike);
            }
            Act::Ends(strike) => self.mend(strike),
        }
    }

    /// Whom it strikes, as the checker reads it.
    fn target(&self, Strike { kind, whom, .. }: Strike) -> String {
        let (gateways, brokers) = self.installation.sizes();
        match kind {
            Kind::GatewayKilled | Kind::GatewayFrozen | Kind::GatewayCut | Kind::GatewayDeaf => {
                format!("gateway-{}", whom % gateways)
            }
            Kind::BrokerKilled | Kind::BrokerFrozen | Kind::BrokerCut => {
                format!("broker-{}", whom % brokers)
            }
            Kind::BusFrozen => "the bus".to_owned(),
            Kind::Crowd | Kind::Newcomer => "people".to_owned(),
        }
    }

    fn strike(&mut self, Strike { kind, whom, .. }: Strike) {
        let nodes = &self.installation;
        let (gateways, brokers) = nodes.sizes();
        let (gateway, broker) = (whom % gateways, whom % brokers);
        match kind {
            Kind::GatewayKilled => nodes.kill_gateway(gateway),
            Kind::GatewayFrozen => nodes.set_gateway(gateway, State::Frozen),
            Kind::GatewayCut => nodes.set_gateway(gateway, State::Cut),
            Kind::GatewayDeaf => nodes.set_gateway(gateway, State::Deaf),
            Kind::BrokerKilled => nodes.kill_broker(broker),
            Kind::BrokerFrozen => nodes.set_broker(broker, State::Frozen),
            Kind::BrokerCut => nodes.set_broker(broker, State::Cut),
            Kind::BusFrozen => nodes.set_all(State::Frozen),
            Kind::Crowd => self.orders.change(|orders| orders.drop_connection += 1),
            Kind::Newcomer => self.newcomer(whom),
        }
    }

    fn mend(&self, Strike { kind, whom, .. }: Strike) {
        let nodes = &self.installation;
        let (gateways, brokers) = nodes.sizes();
        let (gateway, broker) = (whom % gateways, whom % brokers);
        match kind {
            Kind::GatewayKilled => nodes.start_gateway(gateway),
            Kind::GatewayFrozen | Kind::GatewayCut | Kind::GatewayDeaf => {
                nodes.set_gateway(gateway, State::Up);
            }
            Kind::BrokerKilled => nodes.start_broker(broker),
            Kind::BrokerFrozen | Kind::BrokerCut => nodes.set_broker(broker, State::Up),
            Kind::BusFrozen => nodes.set_all(State::Up),
            Kind::Crowd | Kind::Newcomer => {}
        }
    }

    /// Somebody who goes on from where another one was.
    fn newcomer(&mut self, whom: usize) {
        let model = &self.clients[whom % self.clients.len()];
        let tenant = TENANTS.iter().find(|id| **id == model.tenant().as_str());
        let mut positions = model.shared_positions();
        for (_, seq) in positions.values_mut() {
            *seq = self.dice.random_range(0..=*seq);
        }
        self.let_in(tenant.unwrap(), positions);
    }

    async fn come_to_rest(&self) {
        let deadline = Instant::now() + RESTS_WITHIN;
        while !self.is_at_rest().await && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether all replies have ended, and everybody has seen all there is.
    async fn is_at_rest(&self) -> bool {
        let bus = &self.installation.bus;
        let waiting = bus.waiting().await.unwrap();
        if waiting.replies > 0 || !bus.leases().await.unwrap().is_empty() {
            return false;
        }
        for client in &self.clients {
            let Some(positions) = client.at_rest() else {
                return false;
            };
            for (room, (_, seq)) in positions {
                let key = RoomKey::new(client.tenant().clone(), room.parse().unwrap());
                if bus.read(&key, None, 0).await.unwrap().head.seq != seq {
                    return false;
                }
            }
        }
        true
    }

    async fn read_logs(&self) {
        let mut rooms = BTreeMap::new();
        for client in &self.clients {
            for room in client.known_rooms() {
                let key = RoomKey::new(client.tenant().clone(), room.parse().unwrap());
                rooms.insert(key, room);
            }
        }
        for (key, room) in rooms {
            let bus = &self.installation.bus;
            let all = HistoryRange::default();
            let history = bus.history(&key, all, usize::MAX).await.unwrap();
            let frame = |frame: &[u8]| serde_json::from_slice(frame).unwrap();
            let events = history.records.iter();
            self.history.log(Log {
                tenant: key.tenant.as_str().to_owned(),
                room,
                events: events.map(|event| durable(&frame(&event.frame))).collect(),
            });
        }
    }
}

/// Something of the plan.
#[derive(Clone, Copy)]
enum Act {
    Strikes(Strike),
    Ends(Strike),
}

/// When what of the plan is due: faults begin and end in the order of time.
struct Due(std::vec::IntoIter<(Duration, Act)>);

impl Due {
    fn of(plan: &[Strike]) -> Self {
        let begins = plan.iter().map(|strike| (strike.at, Act::Strikes(*strike)));
        let ends = plan
            .iter()
            .map(|strike| (strike.until(), Act::Ends(*strike)));
        let mut due: Vec<_> = begins.chain(ends).collect();
        due.sort_by_key(|(at, _)| *at);
        Self(due.into_iter())
    }

    fn next(&mut self) -> Option<(Duration, Act)> {
        self.0.next()
    }
}
