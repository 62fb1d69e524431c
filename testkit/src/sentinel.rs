//! Redis Sentinels that watch a primary and its replicas.

use std::process::Command;

use tempfile::TempDir;

use crate::child::Child;
use crate::port;
use crate::redis::{self, Redis};
use crate::resp::{Reply, Resp};

const READY: &str = "Sentinel ID is";
/// What they call what they watch.
const SERVICE: &str = "causerie";

/// For how long they let a server be silent before they take it for dead, in
/// milliseconds: as long as Sentinels do that nobody has told otherwise, so that none of
/// them replaces a primary that is only slow.
const PATIENT: &str = "30000";
/// The same where a primary is known to have died.
const ALERT: &str = "1000";

/// Sentinels that let a replica take over once most of them take the primary for dead.
/// Dropping them ends them.
#[derive(Debug)]
pub(crate) struct Sentinels(Vec<Sentinel>);

#[derive(Debug)]
struct Sentinel {
    port: u16,
    _child: Child,
    _folder: TempDir,
}

impl Sentinels {
    /// Starts so many that watch `primary`.
    ///
    /// # Panics
    /// When one does not start.
    pub(crate) async fn watch(primary: &Redis, count: usize) -> Self {
        let quorum = count / 2 + 1;
        let starting = (0..count).map(|_| Sentinel::start(primary, quorum));
        Self(futures::future::join_all(starting).await)
    }

    /// `redis-sentinel://127.0.0.1:PORT/0?node=127.0.0.1:PORT…&sentinelServiceName=…`
    pub(crate) fn url(&self) -> String {
        let others = self.0.iter().skip(1);
        let others: String = others
            .map(|sentinel| format!("node=127.0.0.1:{}&", sentinel.port))
            .collect();
        let first = self.0[0].port;
        format!("redis-sentinel://127.0.0.1:{first}/0?{others}sentinelServiceName={SERVICE}")
    }

    /// Where they listen, on 127.0.0.1.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|sentinel| sentinel.port)
    }

    /// The port of the server that all of them now take for the primary; none
    /// while they disagree.
    ///
    /// # Panics
    /// When one does not answer.
    pub(crate) async fn primary_port(&self) -> Option<u16> {
        let mut agreed = None;
        for sentinel in &self.0 {
            let address = sentinel.ask("GET-MASTER-ADDR-BY-NAME").await;
            let port = address.list()[1].text().parse().expect("a port");
            if *agreed.get_or_insert(port) != port {
                return None;
            }
        }
        agreed
    }

    /// Lets a replica take over from a primary that lives; whether one of them has
    /// begun to.
    pub(crate) async fn try_fail_over(&self) -> bool {
        self.0[0].try_ask("FAILOVER").await.is_ok()
    }

    /// From now on they soon notice that a server has died, or, as at first, give it
    /// time.
    ///
    /// # Panics
    /// When one does not answer.
    pub(crate) async fn be_alert(&self, are_alert: bool) {
        let after = if are_alert { ALERT } else { PATIENT };
        for sentinel in &self.0 {
            let mut connection = Resp::connect(sentinel.port).await.unwrap();
            let set = ["SENTINEL", "SET", SERVICE, "down-after-milliseconds", after];
            connection.command(&set).await.unwrap();
        }
    }

    /// Whether each knows all the others, and so many replicas.
    ///
    /// # Panics
    /// When one does not answer.
    pub(crate) async fn know(&self, replicas: usize) -> bool {
        for sentinel in &self.0 {
            let others = sentinel.ask("SENTINELS").await.list().len();
            let known = sentinel.ask("REPLICAS").await.list().len();
            if (others + 1, known) != (self.0.len(), replicas) {
                return false;
            }
        }
        true
    }
}

impl Sentinel {
    async fn start(primary: &Redis, quorum: usize) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let port = port::free(&[]);
        // A Sentinel writes into its configuration what it learns.
        let file = folder.path().join("sentinel.conf");
        let settings = format!(
            "port {port}\nbind 127.0.0.1\n\
             sentinel monitor {SERVICE} 127.0.0.1 {} {quorum}\n\
             sentinel down-after-milliseconds {SERVICE} {PATIENT}\n\
             sentinel failover-timeout {SERVICE} 5000\n",
            primary.port()
        );
        std::fs::write(&file, settings).expect("a file can be written");
        let mut command = Command::new(redis::server());
        command.current_dir(folder.path());
        command.arg(&file).arg("--sentinel");
        let child = Child::spawn(&format!("sentinel {port}"), command);
        let ready = child.find_line(0, READY, |line| line.contains(READY).then_some(()));
        ready.await.unwrap_or_else(|reason| panic!("{reason}"));
        Self {
            port,
            _child: child,
            _folder: folder,
        }
    }

    async fn ask(&self, what: &str) -> Reply {
        self.try_ask(what).await.unwrap()
    }

    async fn try_ask(&self, what: &str) -> Result<Reply, String> {
        let mut connection = Resp::connect(self.port).await?;
        connection.command(&["SENTINEL", what, SERVICE]).await
    }
}
