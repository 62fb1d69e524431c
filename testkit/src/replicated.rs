//! A primary with two replicas, behind three Sentinels.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::sentinel::Sentinels;

const SERVERS: usize = 3;
const SENTINELS: usize = 3;
/// Sentinels take their seconds, more so on a busy machine: to agree on a new
/// primary, and to make a replica of an old one that has come back.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long no changes are let in: what is stored is away from people for as long.
const HELD: Duration = Duration::from_millis(800);

/// Servers of which any may be the primary. All write down every change before
/// they answer, and take none while no replica hears of it. Dropping it ends all.
#[derive(Debug)]
pub struct Replicated {
    servers: Vec<Redis>,
    sentinels: Sentinels,
}

impl Replicated {
    /// Starts all, and waits until they know each other and are in step.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn start() -> Self {
        let options = || Redis::options().aof().set("min-replicas-to-write", "1");
        let mut servers = vec![options().start().await];
        for _ in 1..SERVERS {
            servers.push(options().replica_of(&servers[0]).start().await);
        }
        let sentinels = Sentinels::watch(&servers[0], SENTINELS).await;
        let replicated = Self { servers, sentinels };
        replicated.ready().await;
        replicated
    }

    /// What `redis.url` is set to.
    pub fn url(&self) -> String {
        self.sentinels.url()
    }

    /// Where servers and Sentinels listen, on 127.0.0.1.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.servers().chain(self.sentinels())
    }

    /// Where the servers alone do.
    pub fn servers(&self) -> impl Iterator<Item = u16> {
        self.servers.iter().map(Redis::port)
    }

    /// Where the Sentinels do.
    pub fn sentinels(&self) -> impl Iterator<Item = u16> {
        self.sentinels.ports()
    }

    /// One of the servers.
    pub fn server(&self, number: usize) -> &Redis {
        &self.servers[number]
    }

    /// The same, to kill or restart it.
    pub fn server_mut(&mut self, number: usize) -> &mut Redis {
        &mut self.servers[number]
    }

    /// The number of the server that all Sentinels take for the primary.
    ///
    /// # Panics
    /// When they don't agree in time.
    pub async fn primary(&self) -> usize {
        self.wait("the Sentinels to agree", async || self.try_primary().await)
            .await
    }

    /// Waits until another server than `old` is the primary; gives its number. Only
    /// meanwhile Sentinels soon take a silent server for dead.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn taken_over(&self, old: usize) -> usize {
        self.sentinels.be_alert(true).await;
        let heir = async || self.try_primary().await.filter(|heir| *heir != old);
        let heir = self.wait("a replica to take over", heir).await;
        self.sentinels.be_alert(false).await;
        heir
    }

    /// Lets a replica take over from a primary that lives, as an operator does. That
    /// it has, [`Self::taken_over`] tells.
    ///
    /// # Panics
    /// When no Sentinel begins that in time.
    pub async fn fail_over(&self) {
        let begun = async || self.sentinels.try_fail_over().await.then_some(());
        self.wait("a fail-over to begin", begun).await;
    }

    /// Waits until all servers run, all but the primary are its replicas, and
    /// the Sentinels know them.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn ready(&self) {
        let ready = async || {
            let primary = self.try_primary().await?;
            let is_known = self.sentinels.know(SERVERS - 1).await;
            (is_known && self.online_replicas(primary).await == SERVERS - 1).then_some(())
        };
        self.wait("all replicas to be in step", ready).await;
    }

    /// Lets no more changes in at the primary, for less than a second, as soon as
    /// its replicas have all that were. Its number: killed at once, it takes nothing
    /// with it. It need not be the one that was primary before: the Sentinels of a
    /// busy machine may have let another take over meanwhile.
    ///
    /// # Panics
    /// When they don't get them in time.
    pub async fn hold_in_step(&self) -> usize {
        let held = async || {
            let primary = self.try_primary().await?;
            self.try_hold_in_step(primary).await.then_some(primary)
        };
        self.wait("the replicas to catch up", held).await
    }

    /// The same; false where the replicas did not catch up while nothing changed, or
    /// little of that time is left.
    async fn try_hold_in_step(&self, primary: usize) -> bool {
        let until = Instant::now() + HELD / 2;
        let held = HELD.as_millis().to_string();
        let pause = ["CLIENT", "PAUSE", &held, "WRITE"];
        if self.servers[primary].try_command(&pause).await.is_err() {
            return false;
        }
        while Instant::now() < until {
            let offset = async |server| field(server, "master_repl_offset:").await;
            let offsets = join_all(self.servers.iter().map(offset)).await;
            let are_in_step = offsets.iter().all(|other| *other == offsets[0]);
            if are_in_step && Instant::now() < until {
                return true;
            }
        }
        // So that Sentinels are heard before the next try.
        let _ = self.servers[primary]
            .try_command(&["CLIENT", "UNPAUSE"])
            .await;
        false
    }

    /// Leads what the replicas hear through a proxy, for a while: Sentinels
    /// undo that after some seconds.
    ///
    /// # Panics
    /// When the replicas don't come back through it in time.
    pub async fn through_proxy(&self) -> Proxy {
        loop {
            if let Some(proxy) = self.try_through_proxy().await {
                return proxy;
            }
        }
    }

    /// The same; none where the Sentinels let another take over meanwhile.
    async fn try_through_proxy(&self) -> Option<Proxy> {
        let primary = self.primary().await;
        let proxy = Proxy::start(self.servers[primary].port()).await;
        let port = proxy.port().to_string();
        let replicas = || {
            let numbered = self.servers.iter().enumerate();
            numbered.filter_map(|(number, server)| (number != primary).then_some(server))
        };
        for replica in replicas() {
            replica.command(&["REPLICAOF", "127.0.0.1", &port]).await;
        }
        let back = async || {
            for replica in replicas() {
                let (to, link) = (field(replica, "master_port:"), "master_link_status:");
                if to.await != port || field(replica, link).await != "up" {
                    return false;
                }
            }
            true
        };
        let are_back = self.wait_under(primary, "the replicas to come back", back);
        are_back.await.then_some(proxy)
    }

    /// Waits for something; false where `primary` is it no more before.
    async fn wait_under(&self, primary: usize, what: &str, is_so: impl AsyncFn() -> bool) -> bool {
        let look = async || match self.try_primary().await {
            Some(now) if now != primary => Some(false),
            Some(_) | None => is_so().await.then_some(true),
        };
        self.wait(what, look).await
    }

    async fn try_primary(&self) -> Option<usize> {
        let port = self.sentinels.primary_port().await?;
        self.servers.iter().position(|server| server.port() == port)
    }

    async fn online_replicas(&self, primary: usize) -> usize {
        let info = self.servers[primary].try_command(&["INFO", "replication"]);
        let info = info.await.map(|info| info.text()).unwrap_or_default();
        info.matches("state=online").count()
    }

    async fn wait<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            assert!(
                Instant::now() < deadline,
                "waited {PATIENCE:?} in vain for {what}"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A line of what a server says of its replication; empty while it is away.
async fn field(server: &Redis, name: &str) -> String {
    let info = server.try_command(&["INFO", "replication"]).await;
    let info = info.map(|info| info.text()).unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().to_owned()
}
