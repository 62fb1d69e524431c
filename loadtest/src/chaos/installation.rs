//! An installation of real processes, with networks between them that can be
//! spoilt.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_testkit::ai::{AiOptions, AiServer, Behaviour, Plot, Provider};
use causerie_testkit::cluster::tenants;
use causerie_testkit::port;
use causerie_testkit::process::{Node, Program};
use causerie_testkit::proxy::Proxy;
use causerie_testkit::storage::{Storage, StorageKind};
use url::Url;

use crate::check::Rules;

/// How long a program that was asked to end may take.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

/// How long a program may take to show its metrics: a frozen one shows none.
const SHOWS_WITHIN: Duration = Duration::from_millis(500);

/// What the AI says: so many words at this pace, some three seconds, or, one time in
/// ten, twenty: longer than anything is granted beyond a fault.
const WORDS: usize = 60;
const PACE: Duration = Duration::from_millis(50);

/// Which program a place is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `causerie-gateway`
    Gateway,
    /// `causerie-broker`
    Broker,
}

/// A program's place: what stays the same when it is started again.
#[derive(Debug)]
pub struct Place {
    /// Its name in logs and reports.
    pub name: String,
    /// How often it was started.
    pub starts: u32,
    /// The process.
    pub node: Node,
    /// Between it and each server of the storage, by the server's port.
    pub to_redis: BTreeMap<u16, Proxy>,
    /// Between people and it; of a gateway.
    pub door: Option<Proxy>,
    /// Between it and the AI; of a broker.
    pub to_ai: Option<Proxy>,
    role: Role,
    port: u16,
    redis_url: String,
    /// Where the fallback is, to which all networks are good.
    fallback: Url,
}

/// All processes of a run. Dropping it ends them.
#[derive(Debug)]
pub struct Installation {
    /// What all is kept in.
    pub storage: Storage,
    /// The AI server.
    pub ai: AiServer,
    /// The one that is asked where that fails.
    pub fallback: AiServer,
    /// Gateways.
    pub gateways: Vec<Place>,
    /// Brokers.
    pub brokers: Vec<Place>,
}

impl Installation {
    /// Starts one.
    ///
    /// # Errors
    /// A part does not start.
    pub async fn start(
        storage: StorageKind,
        gateways: usize,
        brokers: usize,
    ) -> anyhow::Result<Self> {
        let behaviour = Behaviour::new(Plot::Talk(WORDS)).at_pace(PACE);
        let talking = |provider| {
            AiServer::start(AiOptions {
                behaviour: behaviour.clone(),
                ..AiOptions::new(provider)
            })
        };
        let mut installation = Self {
            storage: storage.start().await,
            ai: talking(Provider::OpenAi).await?,
            fallback: talking(Provider::Anthropic).await?,
            gateways: Vec::new(),
            brokers: Vec::new(),
        };
        for number in 1..=gateways {
            let place = installation
                .open(Role::Gateway, format!("gateway-{number}"))
                .await?;
            installation.gateways.push(place);
        }
        for number in 1..=brokers {
            let place = installation
                .open(Role::Broker, format!("broker-{number}"))
                .await?;
            installation.brokers.push(place);
        }
        Ok(installation)
    }

    /// Where people connect.
    pub fn doors(&self) -> Arc<[String]> {
        let doors = self.gateways.iter().filter_map(|place| place.door.as_ref());
        doors.map(|door| format!("{}/ws", door.url("ws"))).collect()
    }

    /// All places.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.gateways.iter().chain(&self.brokers)
    }

    /// The same, to do something to them.
    pub fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.gateways.iter_mut().chain(&mut self.brokers)
    }

    async fn open(&self, role: Role, name: String) -> anyhow::Result<Place> {
        // An address of its own, at which it finds whatever servers it is told of.
        let address = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(self.places().count())?);
        let mut to_redis = BTreeMap::new();
        for port in self.storage.ports() {
            to_redis.insert(port, Proxy::in_place_of(port, address).await);
        }
        let redis_url = self.storage.url();
        let redis_url = redis_url.replace("127.0.0.1", &address.to_string());
        let (port, door, to_ai) = match role {
            Role::Gateway => {
                let port = port::free(&[]);
                (port, Some(Proxy::start_narrow(port).await), None)
            }
            Role::Broker => {
                let ai = self.ai.url().port().context("the AI server has a port")?;
                (0, None, Some(Proxy::start(ai).await))
            }
        };
        let fallback = self.fallback.url();
        let program = program(role, &name, port, &redis_url, to_ai.as_ref(), &fallback);
        let node = program.start().await;
        Ok(Place {
            name,
            starts: 1,
            node,
            to_redis,
            door,
            to_ai,
            role,
            port,
            redis_url,
            fallback,
        })
    }
}

impl Place {
    /// Starts it again where it was.
    pub async fn restart(&mut self) {
        self.start(self.program()).await;
    }

    /// Asks it to end, waits until it has, and starts it again.
    pub async fn roll(&mut self) {
        self.end().await;
        self.start(self.program()).await;
    }

    /// The same, and its clock is wrong by so many seconds from then on.
    ///
    /// # Errors
    /// Its clock is not.
    pub async fn roll_with_clock_off_by(&mut self, seconds: i64) -> anyhow::Result<()> {
        self.end().await;
        self.start(self.program().clock_off_by(seconds)).await;
        let off_by = self.node.clock_is_off_by().await;
        ensure!(
            off_by.abs_diff(seconds) < 60,
            "the clock of {} should be off by {seconds} s, and is by {off_by} s",
            self.name
        );
        Ok(())
    }

    /// The text of its metrics, if it answers.
    pub async fn metrics(&self) -> Option<String> {
        let page = format!("{}/metrics", self.node.admin_url());
        let page = reqwest::Client::new().get(page).timeout(SHOWS_WITHIN);
        let page = page.send().await.ok()?.error_for_status().ok()?;
        page.text().await.ok()
    }

    /// How many replies it is making; of a broker.
    pub async fn replies_being_made(&self) -> usize {
        let metrics = self.metrics().await.unwrap_or_default();
        let mut taken = metrics.lines().filter_map(|line| {
            let value = line.strip_prefix("causerie_broker_slots_taken ")?;
            value.parse::<f64>().ok()
        });
        taken.next().unwrap_or_default() as usize
    }

    async fn end(&mut self) {
        self.node.terminate();
        self.node.wait(ENDS_WITHIN).await;
    }

    async fn start(&mut self, program: Program) {
        self.node = program.start().await;
        self.starts += 1;
    }

    fn program(&self) -> Program {
        let to_ai = self.to_ai.as_ref();
        let Self {
            role, name, port, ..
        } = self;
        program(*role, name, *port, &self.redis_url, to_ai, &self.fallback)
    }
}

fn program(
    role: Role,
    name: &str,
    port: u16,
    redis_url: &str,
    ai: Option<&Proxy>,
    fallback: &Url,
) -> Program {
    let program = match role {
        Role::Gateway => Program::gateway().env("WEBSOCKET_PORT", port.to_string()),
        Role::Broker => Program::broker(),
    };
    // The checker is told the same.
    let rules = Rules::default();
    let program = program
        .env("NODE_NAME", name)
        .env("REDIS_URL", redis_url)
        .env(
            "REDIS_TIMEOUT",
            format!("{}ms", rules.late_claim_us / 1_000),
        )
        .env("AI_RETRIES", (rules.tries - 1).to_string())
        .env("HISTORY_MAX_RECOVER", rules.max_recover.to_string())
        .env("TENANTS", tenants())
        .env("WEBSOCKET_BIND", "127.0.0.1")
        .env("WEBSOCKET_HEARTBEAT_INTERVAL", "2s")
        .env("WEBSOCKET_DRAIN_GRACE", "5s")
        // The least, so that who reads nothing for seconds is a slow reader.
        .env("WEBSOCKET_MAX_MESSAGE_BYTES", "16K")
        .env("WEBSOCKET_OUTBOX_BYTES", "16K")
        .env("LIMITS_MAX_METADATA_BYTES", "16K")
        .env("AI_DRAIN_GRACE", "10s")
        .env("AI_BACKEND", "openai")
        .env("AI_OPENAI_MODEL", "fake")
        .env("AI_FALLBACKS", "anthropic")
        .env("AI_ANTHROPIC_BASE_URL", fallback.as_str())
        .env("AI_ANTHROPIC_API_KEY", "any")
        .env("AI_ANTHROPIC_MODEL", "fake")
        .env("AI_MAX_CONCURRENT", "1000")
        .env("AI_MAX_CONCURRENT_PER_TENANT", "1000")
        .env("HISTORY_MAX_EVENTS", "1000000");
    match ai {
        Some(ai) => program.env("AI_OPENAI_BASE_URL", format!("{}/v1", ai.url("http"))),
        // A gateway asks nobody.
        None => program.env("AI_OPENAI_BASE_URL", "http://127.0.0.1:1/v1"),
    }
}
