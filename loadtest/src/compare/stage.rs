//! A contender that runs.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, anyhow};
use causerie_testkit::child::Child;
use causerie_testkit::process::{Node, Program, path_of};
use causerie_testkit::redis::Redis;
use causerie_testkit::{DEADLINE, port};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::contender::{Contender, SECRET, TENANT};
use super::cores::{Cores, pin};

/// Nodes of Sockudo tell each other of themselves every ten seconds, and former
/// versions lost messages before they knew each other.
const SETTLING: Duration = Duration::from_secs(15);

/// The nodes of one contender and, where they are several, their Redis. Dropping
/// it ends them.
#[derive(Debug)]
pub struct Stage {
    nodes: Vec<Server>,
    redis: Option<Redis>,
}

#[derive(Debug)]
enum Server {
    Ours(Node),
    Other { child: Child, port: u16 },
}

impl Stage {
    /// Starts a node, or several over a Redis of their own, and waits until they
    /// take connections. Each is kept to its core, if they are divided.
    ///
    /// # Errors
    /// If one does not start.
    pub async fn set(
        contender: Contender,
        nodes: usize,
        cores: Option<&Cores>,
    ) -> anyhow::Result<Self> {
        let redis = match nodes {
            1 => None,
            _ => Some(redis_for(contender).await),
        };
        let mut servers = Vec::new();
        for number in 0..nodes {
            let core = cores.and_then(|cores| cores.nodes.get(number));
            let core = core.map(String::as_str);
            let server = match contender {
                Contender::Causerie | Contender::Compressed => ours(core, redis.as_ref()).await,
                Contender::Floor | Contender::SocketIo | Contender::Sockudo => {
                    other(contender, core, redis.as_ref()).await?
                }
            };
            servers.push(server);
        }
        if let (Some(cores), Some(redis)) = (cores, &redis) {
            pin(redis.pid(), &cores.others)?;
        }
        Ok(Self {
            nodes: servers,
            redis,
        })
    }

    /// Waits until the nodes know each other, where they do not wait for that
    /// themselves.
    pub async fn settle(&self, contender: Contender) {
        if contender == Contender::Sockudo && self.nodes.len() > 1 {
            sleep(SETTLING).await;
        }
    }

    /// `ws://127.0.0.1:PORT` of each node.
    pub fn targets(&self) -> Vec<String> {
        let ports = self.nodes.iter().map(Server::port);
        ports.map(|port| format!("ws://127.0.0.1:{port}")).collect()
    }

    /// The process of each node.
    pub fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(Server::pid).collect()
    }

    /// `redis://127.0.0.1:PORT`, and its process.
    pub fn redis(&self) -> Option<(String, u32)> {
        let redis = self.redis.as_ref()?;
        Some((redis.url(), redis.pid()))
    }

    /// All that the nodes have printed.
    pub fn output(&self) -> String {
        let outputs = self.nodes.iter().map(|node| match node {
            Server::Ours(node) => node.output(),
            Server::Other { child, .. } => child.output(),
        });
        outputs.collect::<Vec<_>>().join("\n")
    }
}

impl Server {
    fn port(&self) -> u16 {
        match self {
            Self::Ours(node) => node.port(),
            Self::Other { port, .. } => *port,
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Ours(node) => node.pid(),
            Self::Other { child, .. } => child.pid(),
        }
    }
}

/// Only Causerie keeps something there that must not be lost.
async fn redis_for(contender: Contender) -> Redis {
    let options = Redis::options().set("client-output-buffer-limit", "pubsub 256mb 64mb 60");
    match contender {
        Contender::Causerie | Contender::Compressed => {
            // As docs/redis.md advises; `everysec` is Redis's own.
            let kept = options.set("appendonly", "yes");
            kept.set("auto-aof-rewrite-min-size", "256mb").start().await
        }
        Contender::Floor | Contender::SocketIo | Contender::Sockudo => options.start().await,
    }
}

async fn ours(core: Option<&str>, redis: Option<&Redis>) -> Server {
    let program = match redis {
        Some(redis) => Program::gateway().env("REDIS_URL", redis.url()),
        None => Program::causerie(),
    };
    let tenant = json!({"id": TENANT, "hash": TENANT, "auth": {"jwt_secret": SECRET}});
    let program = program
        .env("WEBSOCKET_BIND", "127.0.0.1")
        .env("TENANTS", json!([tenant]).to_string());
    let program = match core {
        Some(core) => program.on_cores(core),
        None => program,
    };
    Server::Ours(program.start().await)
}

async fn other(
    contender: Contender,
    core: Option<&str>,
    redis: Option<&Redis>,
) -> anyhow::Result<Server> {
    let program = match (contender.node_script(), redis) {
        (Some(script), _) => script,
        (None, None) => path_of("bare-send"),
        (None, Some(_)) => path_of("bare-relay"),
    };
    // Sockudo takes the port above for its metrics.
    let port = port::free(&[1]);
    let mut command = match core {
        Some(core) => {
            let mut taskset = Command::new("taskset");
            taskset.args(["--cpu-list", core]).arg(program);
            taskset
        }
        None => Command::new(program),
    };
    command.arg(port.to_string());
    command.args(redis.map(|redis| redis.port().to_string()));
    let mut child = Child::spawn(&contender.to_string(), command);
    listens(&mut child, port)
        .await
        .with_context(|| format!("{contender} does not start"))?;
    Ok(Server::Other { child, port })
}

async fn listens(child: &mut Child, port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + DEADLINE;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if let Some(status) = child.try_status() {
            return Err(anyhow!("it ended with {status}:\n{}", child.output()));
        }
        if Instant::now() > deadline {
            return Err(anyhow!("no answer in {DEADLINE:?}:\n{}", child.output()));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
