//! A Prometheus that scrapes what a test starts, and is asked about it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::child::Child;
use crate::process::Node;
use crate::{DEADLINE, port, target_dir};

const READY: &str = "Server is ready to receive web requests";

/// A running server. Dropping it ends it, and deletes what it has stored.
#[derive(Debug)]
pub struct Prometheus {
    folder: TempDir,
    url: String,
    client: reqwest::Client,
    _child: Child,
}

impl Prometheus {
    /// Starts one that scrapes nothing yet, four times a second when it does, and knows the
    /// alerts in this file.
    ///
    /// # Panics
    /// When there is none, or it does not start.
    pub async fn start(alerts: &Path) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let configuration = json!({
            "global": {"scrape_interval": "250ms", "evaluation_interval": "1s"},
            "rule_files": [alerts],
            "scrape_configs": [{
                "job_name": "causerie",
                "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "1s"}],
            }],
        });
        // JSON is YAML.
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, configuration.to_string()).expect("a file can be written");
        let address = format!("127.0.0.1:{}", port::free(&[]));
        let mut command = Command::new(program("prometheus"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        let child = Child::spawn("prometheus", command);
        let ready = child
            .find_line(0, "that it is ready", |line| {
                line.contains(READY).then_some(())
            })
            .await;
        ready.unwrap_or_else(|reason| panic!("{reason}"));
        Self {
            folder,
            url: format!("http://{address}"),
            client: reqwest::Client::new(),
            _child: child,
        }
    }

    /// Scrapes these from now on, each under its job's name.
    ///
    /// # Panics
    /// When that cannot be written down.
    pub fn scrape(&self, nodes: &[(&str, &Node)]) {
        let groups = nodes.iter().map(|(job, node)| {
            let address = node.admin_url().trim_start_matches("http://");
            json!({"targets": [address], "labels": {"job": job}})
        });
        let groups = Value::from_iter(groups).to_string();
        // At once, so that none is read half.
        let [new, file] = ["new", "targets.json"].map(|name| self.folder.path().join(name));
        std::fs::write(&new, groups).expect("a file can be written");
        std::fs::rename(new, file).expect("a file can be renamed");
    }

    /// What an expression gives now.
    ///
    /// # Panics
    /// When it is none; with what is wrong.
    pub async fn query(&self, expression: &str) -> Vec<Value> {
        let url = format!("{}/api/v1/query", self.url);
        let url = Url::parse_with_params(&url, [("query", expression)]).expect("a URL");
        let asked = self.client.get(url).send().await;
        let answer: Value = asked.expect("it answers").json().await.expect("it is JSON");
        let result = answer["data"]["result"].as_array();
        result
            .unwrap_or_else(|| panic!("{expression}: {answer}"))
            .clone()
    }

    /// Waits until an expression gives something.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until(&self, expression: &str) {
        let deadline = Instant::now() + DEADLINE;
        while self.query(expression).await.is_empty() {
            assert!(Instant::now() < deadline, "nothing comes of {expression}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Where `prometheus` or `promtool` is: what `./test` has fetched, else the system's.
pub fn program(name: &str) -> PathBuf {
    let fetched = target_dir().join("tools/bin").join(name);
    if fetched.is_file() {
        fetched
    } else {
        name.into()
    }
}
