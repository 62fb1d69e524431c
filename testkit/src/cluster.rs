//! A whole installation of real processes: a private Redis, gateways, brokers,
//! an AI server, and tenants with secrets of their own.
//!
//! ```no_run
//! # async fn example() {
//! use causerie_testkit::client::ws::Connect;
//! use causerie_testkit::cluster::Cluster;
//! let mut cluster = Cluster::start().await;
//! let token = Cluster::token("acme", "u1");
//! let client = Connect::to(&cluster.gateways[0].ws_url()).param("token", &token).open().await;
//! cluster.redis().pause();
//! # }
//! ```

use futures::future::join_all;
use serde_json::json;

use crate::ai::{AiOptions, AiServer, Behaviour, Provider};
use crate::process::{Node, Program};
use crate::redis::Redis;
use crate::redis_cluster::RedisCluster;
use crate::replicated::Replicated;
use crate::storage::{Storage, StorageKind};
use crate::token::Token;

/// The tenants of every cluster; a tenant's hash is its id and `-hash`.
pub const TENANTS: [&str; 3] = ["acme", "bolt", "crux"];

/// How a cluster is to be started. Defaults: one Redis that writes nothing to
/// disk, two gateways, two brokers, an AI that greets.
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    storage: StorageKind,
    behaviour: Behaviour,
    brokers: usize,
    environment: Vec<(String, String)>,
}

/// A running installation. Dropping it ends all.
#[derive(Debug)]
pub struct Cluster {
    /// The gateways; a test may kill them.
    pub gateways: Vec<Node>,
    /// The brokers; a test may kill them.
    pub brokers: Vec<Node>,
    /// The AI server, which keeps a record of all calls.
    pub ai: AiServer,
    /// What all is kept in.
    pub storage: Storage,
    options: Options,
}

impl Options {
    /// On a Redis that loses nothing when it is killed.
    pub fn durable(self) -> Self {
        self.on(StorageKind::Durable)
    }

    /// On this storage.
    pub fn on(mut self, storage: StorageKind) -> Self {
        self.storage = storage;
        self
    }

    /// What the AI does unless [`AiServer::script`] tells it otherwise.
    pub fn behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }

    /// How many brokers there are.
    pub fn brokers(mut self, count: usize) -> Self {
        self.brokers = count;
        self
    }

    /// Sets an environment variable of all programs.
    pub fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.environment.push((key.to_owned(), value.into()));
        self
    }

    /// Starts everything, and waits until it is ready.
    ///
    /// # Panics
    /// When a part does not start.
    pub async fn start(self) -> Cluster {
        let ai = AiServer::start(AiOptions {
            behaviour: self.behaviour.clone(),
            ..AiOptions::new(Provider::OpenAi)
        });
        let ai = ai.await.expect("an AI server listens");
        let storage = self.storage.start().await;
        let gateways = (0..2).map(|number| self.gateway(number, &storage, &ai).start());
        let brokers = (0..self.brokers).map(|number| self.broker(number, &storage, &ai).start());
        let (gateways, brokers) = tokio::join!(join_all(gateways), join_all(brokers));
        Cluster {
            gateways,
            brokers,
            ai,
            storage,
            options: self,
        }
    }

    fn gateway(&self, number: usize, storage: &Storage, ai: &AiServer) -> Program {
        self.equip(Program::gateway(), storage, ai)
            .env("NODE_NAME", format!("gateway-{}", number + 1))
    }

    fn broker(&self, number: usize, storage: &Storage, ai: &AiServer) -> Program {
        self.equip(Program::broker(), storage, ai)
            .env("NODE_NAME", format!("broker-{}", number + 1))
    }

    fn equip(&self, program: Program, storage: &Storage, ai: &AiServer) -> Program {
        let program = program
            .env("WEBSOCKET_BIND", "127.0.0.1")
            .env("REDIS_URL", storage.url())
            .env("TENANTS", tenants())
            .env("AI_BACKEND", "openai")
            .env("AI_OPENAI_BASE_URL", format!("{}v1", ai.url()))
            .env("AI_OPENAI_MODEL", "fake");
        self.environment
            .iter()
            .fold(program, |program, (key, value)| program.env(key, value))
    }
}

impl Cluster {
    /// Starts one with the defaults of [`Options`].
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// To start one otherwise.
    pub fn options() -> Options {
        Options {
            storage: StorageKind::Volatile,
            behaviour: AiOptions::new(Provider::OpenAi).behaviour,
            brokers: 2,
            environment: Vec::new(),
        }
    }

    /// The one Redis.
    ///
    /// # Panics
    /// When there are more.
    pub fn redis(&mut self) -> &mut Redis {
        self.storage.redis().unwrap()
    }

    /// The primary and its replicas.
    ///
    /// # Panics
    /// When it does not stand on such.
    pub fn redis_replicated(&mut self) -> &mut Replicated {
        self.storage.replicated().unwrap()
    }

    /// The Redis Cluster.
    ///
    /// # Panics
    /// When it does not stand on one.
    pub fn redis_cluster(&mut self) -> &mut RedisCluster {
        self.storage.cluster().unwrap()
    }

    /// Starts a gateway anew, on the same port; kills it before if it still runs.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart_gateway(&mut self, number: usize) {
        self.gateways[number].kill();
        let port = self.gateways[number].port().to_string();
        let program = self.options.gateway(number, &self.storage, &self.ai);
        self.gateways[number] = program.env("WEBSOCKET_PORT", port).start().await;
    }

    /// Starts a broker anew; kills it before if it still runs.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart_broker(&mut self, number: usize) {
        self.brokers[number].kill();
        let program = self.options.broker(number, &self.storage, &self.ai);
        self.brokers[number] = program.start().await;
    }

    /// The secret under which a tenant signs its tokens.
    pub fn secret(tenant: &str) -> String {
        format!("the secret that only {tenant} and we know")
    }

    /// A user's signed token: projects `p1` and `p2`.
    pub fn token(tenant: &str, user: &str) -> String {
        let token = Token::of(tenant, user).project("p1").project("p2");
        token.sign(&Self::secret(tenant))
    }
}

/// What `TENANTS` is set to: each tenant has a secret of its own.
pub fn tenants() -> String {
    let tenants = TENANTS.map(|id| {
        json!({
            "id": id,
            "hash": format!("{id}-hash"),
            "auth": {"jwt_secret": Cluster::secret(id)},
        })
    });
    json!(tenants).to_string()
}
