//! A gateway as its program runs it, on the in-memory bus.

use std::sync::Arc;

use causerie_gateway::node;
use causerie_shared::admin::{Added, Health, Readiness};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::reply::Wake;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::cli::Running;
use causerie_shared::config::{Loader, Program, SettingsHandle, Sources};
use causerie_shared::status::Pulse;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::port;
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::config::TENANTS;
use super::keys::{SECRET, hs256};
use crate::auth::claims;
use crate::making::Making;

/// Under which the API keys of the node's servers are hashed.
pub(crate) const KEY_SECRET: &str = "api-keys-api-keys-api-keys-api-k";

pub(crate) const ORIGIN: &str = "https://acme.example";

/// A gateway on a port of its own.
pub(crate) struct Node {
    pub(crate) url: String,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) settings: SettingsHandle,
    pub(crate) shutdown: CancellationToken,
    folder: TempDir,
    wakes: Mutex<mpsc::Receiver<Wake>>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Node {
    /// With `auth.jwt_secret`, `auth.api_key_secret`, and two tenants that take visitors.
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// The same, with `more` in the configuration.
    pub(crate) async fn with(more: &str) -> Self {
        Self::on(Arc::new(MemoryBus::new(Retention::default())), more).await
    }

    /// The same, on `bus`.
    pub(crate) async fn on(bus: Arc<dyn Bus>, more: &str) -> Self {
        Self::on_and_set(bus, more, &[]).await
    }

    /// As [`start`](Self::start), with these `key=value` set.
    pub(crate) async fn set(keys: &[&str]) -> Self {
        let bus = Arc::new(MemoryBus::new(Retention::default()));
        Self::on_and_set(bus, "", keys).await
    }

    /// On `bus`, with `more` in the configuration and these `key=value` set.
    pub(crate) async fn on_and_set(bus: Arc<dyn Bus>, more: &str, keys: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("causerie.toml");
        let port = port::free(&[]);
        let toml = format!(
            "{more}\n[auth]\njwt_secret = '{SECRET}'\nvisitor_secret = \
             'visitors-visitors-visitors-visit'\napi_key_secret = '{KEY_SECRET}'\n{TENANTS}"
        );
        std::fs::write(&file, toml).unwrap();
        let sources = Sources {
            config: Some(file),
            set: [&format!("websocket.port={port}")[..]]
                .iter()
                .chain(keys)
                .map(|pair| (*pair).to_owned())
                .collect(),
            ..Sources::default()
        };
        let loader = Loader::new(Program::Standalone, sources).unwrap();
        let settings = SettingsHandle::load(loader).unwrap();
        let has_tls = settings.current().tls.is_enabled();
        let scheme = if has_tls { "https" } else { "http" };
        let (shutdown, readiness) = (CancellationToken::new(), Readiness::starting());
        let running = Running {
            settings: settings.clone(),
            shutdown: shutdown.clone(),
            health: Health::new(Program::Standalone, "test", readiness.clone()),
            readiness,
            operators: Added::default(),
            pulse: Pulse::new(&settings.current(), Program::Standalone, String::new),
        };
        let wakes = Mutex::new(bus.wakes(64));
        let running = tokio::spawn(node::run(running, Arc::clone(&bus)));
        let node = Self {
            url: format!("{scheme}://127.0.0.1:{port}"),
            bus,
            settings,
            shutdown,
            folder,
            wakes,
            running,
        };
        node.until_ready().await;
        node
    }

    async fn until_ready(&self) {
        let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
        while TcpStream::connect(self.address()).await.is_err() {
            assert!(tokio::time::Instant::now() < deadline && !self.running.is_finished());
            tokio::task::yield_now().await;
        }
    }

    /// What it listens on.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn ws(&self) -> String {
        self.at("/ws").replacen("http", "ws", 1)
    }

    pub(crate) fn config_file(&self) -> std::path::PathBuf {
        self.folder.path().join("causerie.toml")
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        let headers = [("authorization", &*format!("Bearer {token}"))];
        request(Method::GET, &self.at(path), &headers, None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let headers = [("authorization", &*format!("Bearer {token}"))];
        request(Method::POST, &self.at(path), &headers, Some(body)).await
    }

    /// Waits for a question, and claims it as a broker does.
    pub(crate) async fn next_question(&self) -> Making {
        let mut wakes = self.wakes.lock().await;
        tokio::time::timeout(causerie_testkit::DEADLINE, async {
            loop {
                if let Some(making) = Making::claim(&self.bus).await {
                    return making;
                }
                wakes.recv().await.unwrap();
            }
        })
        .await
        .expect("a question comes in time")
    }

    /// Tells the node to end, and waits until it has.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// A token of `u1` of the tenant `acme`, with these claims besides.
pub(crate) fn token(more: Value) -> String {
    hs256(SECRET, &claims(more))
}
