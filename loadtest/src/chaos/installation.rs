//! An installation of real processes, with a bad network between any two.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use causerie_testkit::ai::{AiOptions, AiServer, Behaviour, Plot, Provider};
use causerie_testkit::cluster::{Cluster, TENANTS, tenants};
use causerie_testkit::port;
use causerie_testkit::process::{Node, Program};
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;

/// How long a program that was asked to end may take.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

/// What the AI says: so many words at this pace, some three seconds.
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
    /// Between it and Redis.
    pub to_redis: Proxy,
    /// Between people and it; of a gateway.
    pub door: Option<Proxy>,
    /// Between it and the AI; of a broker.
    pub to_ai: Option<Proxy>,
    role: Role,
    port: u16,
}

/// All processes of a run. Dropping it ends them.
#[derive(Debug)]
pub struct Installation {
    /// The one Redis, which writes down every change before it answers.
    pub redis: Redis,
    /// The AI server.
    pub ai: AiServer,
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
    pub async fn start(gateways: usize, brokers: usize) -> anyhow::Result<Self> {
        let behaviour = Behaviour::new(Plot::Named(WORDS)).at_pace(PACE);
        let ai = AiServer::start(AiOptions {
            behaviour,
            ..AiOptions::new(Provider::OpenAi)
        })
        .await?;
        let redis = Redis::options().aof().start().await;
        let mut installation = Self {
            redis,
            ai,
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

    async fn open(&self, role: Role, name: String) -> anyhow::Result<Place> {
        let to_redis = Proxy::start(self.redis.port()).await;
        let (port, door, to_ai) = match role {
            Role::Gateway => {
                let port = port::free(&[]);
                (port, Some(Proxy::start(port).await), None)
            }
            Role::Broker => {
                let ai = self.ai.url().port().context("the AI server has a port")?;
                (0, None, Some(Proxy::start(ai).await))
            }
        };
        let node = program(role, &name, port, &to_redis, to_ai.as_ref())
            .start()
            .await;
        Ok(Place {
            name,
            starts: 1,
            node,
            to_redis,
            door,
            to_ai,
            role,
            port,
        })
    }
}

impl Place {
    /// Starts it again where it was.
    pub async fn restart(&mut self) {
        let to_ai = self.to_ai.as_ref();
        let program = program(self.role, &self.name, self.port, &self.to_redis, to_ai);
        self.node = program.start().await;
        self.starts += 1;
    }

    /// Asks it to end, waits until it has, and starts it again.
    pub async fn roll(&mut self) {
        self.node.terminate();
        self.node.wait(ENDS_WITHIN).await;
        self.restart().await;
    }
}

fn program(role: Role, name: &str, port: u16, redis: &Proxy, ai: Option<&Proxy>) -> Program {
    let program = match role {
        Role::Gateway => Program::gateway().env("WEBSOCKET_PORT", port.to_string()),
        Role::Broker => Program::broker(),
    };
    let program = program
        .env("NODE_NAME", name)
        .env("REDIS_URL", redis.url("redis"))
        .env("REDIS_TIMEOUT", "2s")
        .env("TENANTS", tenants())
        .env("WEBSOCKET_BIND", "127.0.0.1")
        .env("WEBSOCKET_HEARTBEAT_INTERVAL", "2s")
        .env("WEBSOCKET_DRAIN_GRACE", "5s")
        .env("AI_DRAIN_GRACE", "10s")
        .env("AI_BACKEND", "openai")
        .env("AI_OPENAI_MODEL", "fake")
        .env("AI_MAX_CONCURRENT", "1000")
        .env("AI_MAX_CONCURRENT_PER_TENANT", "1000")
        .env("HISTORY_MAX_EVENTS", "1000000");
    match ai {
        Some(ai) => program.env("AI_OPENAI_BASE_URL", format!("{}/v1", ai.url("http"))),
        // A gateway asks nobody.
        None => program.env("AI_OPENAI_BASE_URL", "http://127.0.0.1:1/v1"),
    }
}

/// The tenants' ids.
pub const TENANT_IDS: [&str; 3] = TENANTS;

/// What a user of a tenant connects with.
pub fn token(tenant: &str, user: &str) -> String {
    Cluster::token(tenant, user)
}
