//! A Redis Sentinel that watches a primary and its replicas.

use std::process::Command;

use tempfile::TempDir;

use crate::child::Child;
use crate::port;
use crate::redis::{self, Redis};
use crate::resp::Resp;

const READY: &str = "Sentinel ID is";
/// What it calls what it watches.
const SERVICE: &str = "causerie";

/// A Sentinel that alone decides when the primary is dead: after a second.
/// Dropping it ends it.
#[derive(Debug)]
pub struct Sentinel {
    port: u16,
    _child: Child,
    _folder: TempDir,
}

impl Sentinel {
    /// Starts one that watches `primary`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn watch(primary: &Redis) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let port = port::free(&[]);
        // A Sentinel writes into its configuration what it learns.
        let file = folder.path().join("sentinel.conf");
        let settings = format!(
            "port {port}\nbind 127.0.0.1\n\
             sentinel monitor {SERVICE} 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds {SERVICE} 1000\n\
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

    /// `redis-sentinel://127.0.0.1:PORT/0?sentinelServiceName=…`
    pub fn url(&self) -> String {
        let port = self.port;
        format!("redis-sentinel://127.0.0.1:{port}/0?sentinelServiceName={SERVICE}")
    }

    /// The port of the server that it now takes for the primary.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn primary_port(&self) -> u16 {
        let command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE];
        let mut connection = Resp::connect(self.port).await.unwrap();
        let address = connection.command(&command).await.unwrap();
        address.list()[1].text().parse().expect("a port")
    }

    /// How many replicas it knows of.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn replica_count(&self) -> usize {
        let mut connection = Resp::connect(self.port).await.unwrap();
        let replicas = connection.command(&["SENTINEL", "REPLICAS", SERVICE]).await;
        replicas.unwrap().list().len()
    }

    /// Whether it knows of a replica at that port, and would promote it.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn has_sound_replica(&self, port: u16) -> bool {
        let mut connection = Resp::connect(self.port).await.unwrap();
        let replicas = connection.command(&["SENTINEL", "REPLICAS", SERVICE]).await;
        let replicas = replicas.unwrap();
        replicas.list().iter().any(|replica| {
            let fields: Vec<_> = replica.list().iter().map(ToString::to_string).collect();
            let has = |name: &str, value: &str| {
                fields
                    .chunks(2)
                    .any(|field| field[0] == name && field[1] == value)
            };
            has("port", &port.to_string())
                && has("flags", "slave")
                && has("master-link-status", "ok")
        })
    }
}
