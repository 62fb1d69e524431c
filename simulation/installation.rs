//! The nodes, and the bus between them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use causerie_broker::backend::breaker::BreakerConfig;
use causerie_broker::backend::call::{CallPolicy, Guarded};
use causerie_broker::{Ai, Answering, Broker};
use causerie_gateway::gateway::Gateway;
use causerie_gateway::settings::Settings;
use causerie_loadtest::check::Rules;
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::clock::Clock;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::condition::{Condition, State, Weather};
use crate::history::History;
use crate::link::Link;
use crate::oracle::Oracle;

/// When all runs begin, in milliseconds since 1970.
const BEGAN_MS: u64 = 1_700_000_000_000;

/// How far a node's clock is off, at the most, in milliseconds.
const OFF_MS: u64 = 150;

/// Tries of one attempt at a reply.
const TRIES: u32 = 2;

/// What the checker is told of the installation.
pub const RULES: Rules = Rules {
    attempts: 3,
    tries: TRIES as u64,
    has_fallback: false,
    takeover_us: 5_000_000,
    // A claim that its broker has given up may still be done, as much as `LATEST` later.
    // The weather explains that, and is written down as a fault that lasts so long. In good
    // weather what is answered as a fault ends comes a little after its end.
    late_claim_us: 10_000,
    hang_up_us: 0,
    max_recover: 1_000,
    abort_us: 1_000_000,
    // The breakers never open, and the AI is well as soon as its fault is over.
    ai_recovers_us: 0,
    let_in_us: 10_000_000,
    reads_slowly: true,
    asks_too_much: true,
};

/// A node, and its network.
pub struct Node<T> {
    pub what: T,
    pub condition: Arc<Condition>,
}

/// A gateway that runs.
pub type GatewayNode = Node<Arc<Gateway>>;

/// A broker that runs.
type BrokerNode = Node<JoinHandle<()>>;

/// The nodes, and the bus between them.
pub struct Installation {
    pub bus: MemoryBus,
    pub history: History,
    gateways: Mutex<Vec<Option<Arc<GatewayNode>>>>,
    brokers: Mutex<Vec<Option<BrokerNode>>>,
    weather: Mutex<Weather>,
    dice: Mutex<StdRng>,
    outbox_bytes: usize,
    concurrent: usize,
}

impl Installation {
    pub fn start(history: History, mut dice: StdRng) -> Arc<Self> {
        let retention = Retention::default();
        let (gateways, brokers) = (dice.random_range(2..=3), dice.random_range(2..=3));
        let sizes = [6 << 10, 32 << 10, 1 << 20];
        let installation = Arc::new(Self {
            bus: MemoryBus::with_clock(retention, Clock::starting_at(BEGAN_MS)),
            history,
            gateways: Mutex::new(std::iter::repeat_with(|| None).take(gateways).collect()),
            brokers: Mutex::new(std::iter::repeat_with(|| None).take(brokers).collect()),
            weather: Mutex::new(Weather::of(&mut dice)),
            outbox_bytes: *sizes.choose(&mut dice).unwrap(),
            concurrent: dice.random_range(1..=8),
            dice: Mutex::new(dice),
        });
        (0..gateways).for_each(|at| installation.start_gateway(at));
        (0..brokers).for_each(|at| installation.start_broker(at));
        installation
    }

    /// How many gateways there are, and how many brokers.
    pub fn sizes(&self) -> (usize, usize) {
        let gateways = self.gateways.lock().unwrap().len();
        (gateways, self.brokers.lock().unwrap().len())
    }

    /// A gateway that runs, if any does.
    pub fn some_gateway(&self, dice: &mut StdRng) -> Option<Arc<GatewayNode>> {
        let gateways = self.gateways.lock().unwrap();
        let running: Vec<_> = gateways.iter().flatten().collect();
        running.choose(dice).map(|node| Arc::clone(node))
    }

    /// Starts one, unless it runs: it may have been killed twice.
    pub fn start_gateway(&self, at: usize) {
        if self.gateways.lock().unwrap()[at].is_some() {
            return;
        }
        let (condition, link) = self.network();
        let settings = Settings {
            node: format!("gw-{at}"),
            outbox_bytes: self.outbox_bytes,
            shards: 2,
            // A few in a room are a crowd, to which things are sent bit by bit.
            turn: 2,
            ..Settings::default()
        };
        let node = Node {
            what: Gateway::start(link, settings),
            condition,
        };
        self.gateways.lock().unwrap()[at] = Some(Arc::new(node));
    }

    pub fn kill_gateway(&self, at: usize) {
        let killed = self.gateways.lock().unwrap()[at].take();
        if let Some(node) = killed {
            node.condition.set(State::Dead);
            tokio::spawn(async move { node.what.stop().await });
        }
    }

    pub fn start_broker(&self, at: usize) {
        if self.brokers.lock().unwrap()[at].is_some() {
            return;
        }
        let (condition, link) = self.network();
        let seed = self.dice.lock().unwrap().random();
        let oracle = Oracle::new(Arc::clone(&condition), self.history.clone(), seed);
        // It is never left alone: what is asked of it is what is tested.
        let patient = BreakerConfig {
            failures: u32::MAX,
            ..BreakerConfig::default()
        };
        let ai = Ai {
            context_tokens: 1_000,
            call: CallPolicy {
                first_token_timeout: Duration::from_secs(3),
                stall_timeout: Duration::from_secs(2),
                timeout: Duration::from_secs(15),
                tries: TRIES,
                min_pause: Duration::from_millis(100),
                max_pause: Duration::from_millis(500),
                ..CallPolicy::default()
            },
            default: Answering {
                backends: vec![Guarded::new(Arc::new(oracle), patient)],
                ..Answering::default()
            },
            ..Ai::default()
        };
        let settings = causerie_broker::Settings {
            max_concurrent: self.concurrent,
            max_concurrent_per_tenant: self.concurrent,
            ..causerie_broker::Settings::default()
        };
        let running = Broker::new(link, settings, ai).run(CancellationToken::new());
        let node = Node {
            what: tokio::spawn(running),
            condition,
        };
        self.brokers.lock().unwrap()[at] = Some(node);
    }

    pub fn kill_broker(&self, at: usize) {
        let killed = self.brokers.lock().unwrap()[at].take();
        if let Some(node) = killed {
            node.condition.set(State::Dead);
            node.what.abort();
        }
    }

    pub fn set_gateway(&self, at: usize, state: State) {
        if let Some(node) = &self.gateways.lock().unwrap()[at] {
            node.condition.set(state);
        }
    }

    pub fn set_broker(&self, at: usize, state: State) {
        if let Some(node) = &self.brokers.lock().unwrap()[at] {
            node.condition.set(state);
        }
    }

    pub fn set_all(&self, state: State) {
        let (gateways, brokers) = self.sizes();
        (0..gateways).for_each(|at| self.set_gateway(at, state));
        (0..brokers).for_each(|at| self.set_broker(at, state));
    }

    /// Whether the network is a good one, and the AI steady.
    pub fn is_calm(&self) -> bool {
        self.weather.lock().unwrap().is_calm()
    }

    /// The network is a good one from now on.
    pub fn calm_down(&self) {
        *self.weather.lock().unwrap() = Weather::calm();
        for node in self.gateways.lock().unwrap().iter().flatten() {
            node.condition.set_weather(Weather::calm());
        }
        for node in self.brokers.lock().unwrap().iter().flatten() {
            node.condition.set_weather(Weather::calm());
        }
    }

    fn network(&self) -> (Arc<Condition>, Arc<Link>) {
        let mut dice = self.dice.lock().unwrap();
        let weather = *self.weather.lock().unwrap();
        let condition = Arc::new(Condition::new(weather, dice.random()));
        let now_ms = self.bus.clock().now_ms();
        let clock = Clock::starting_at(now_ms + dice.random_range(0..2 * OFF_MS) - OFF_MS);
        let link = Link::new(self.bus.clone(), Arc::clone(&condition), clock);
        (condition, link)
    }
}
