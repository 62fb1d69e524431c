//! Our own programs as processes, each in an empty folder, on ports of the
//! system's choice, with nothing of the caller's environment that could
//! configure it.
//!
//! ```no_run
//! # async fn example() {
//! use causerie_testkit::process::Program;
//! let mut node = Program::gateway().env("REDIS_URL", "redis://127.0.0.1:6379").start().await;
//! let socket = format!("{}?t=demo", node.ws_url());
//! node.kill(); // as `kill -9`
//!
//! // A program that is expected to end by itself:
//! let end = Program::causerie().args(["--check"]).env("WEBSOCKET_PORT", "x").run().await;
//! assert_eq!(end.code, Some(2), "{}", end.output);
//! # }
//! ```

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::DEADLINE;
use crate::child::Child;
use crate::client::http::client;
use crate::recorded::sum_of;

mod binary;
mod faketime;

/// How long a program may take to answer on its admin port. A deadline of its own,
/// so that one answer that never comes doesn't take all the time there is.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Variables of the caller that a program needs to run at all, or that only
/// change how it reports.
const PASSED_ON: [&str; 8] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "RUST_BACKTRACE",
    "LLVM_PROFILE_FILE",
    "SSL_CERT_FILE",
    // Of whoever measures: docs/hosting.md.
    "TOKIO_WORKER_THREADS",
    // Of programs that were built for it: shared/src/sabotage.rs.
    "CAUSERIE_SABOTAGE",
];

/// A program of ours that is going to be started.
#[derive(Debug, Clone)]
#[must_use]
pub struct Program {
    name: &'static str,
    has_public_port: bool,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    config: Option<String>,
    /// A program, with its arguments, that starts it.
    started_by: Vec<String>,
    clock_is_off: bool,
}

/// Where a program of ours stands, built from the sources as they are now.
///
/// # Panics
/// When it does not build.
pub fn path_of(name: &str) -> PathBuf {
    binary::find(name)
}

impl Program {
    /// `causerie`, all in one process.
    pub fn causerie() -> Self {
        Self::new("causerie", true)
    }

    /// `causerie-gateway`
    pub fn gateway() -> Self {
        Self::new("causerie-gateway", true)
    }

    /// `causerie-broker`, which listens on its admin port only.
    pub fn broker() -> Self {
        Self::new("causerie-broker", false)
    }

    fn new(name: &'static str, has_public_port: bool) -> Self {
        let program = Self {
            name,
            has_public_port,
            arguments: Vec::new(),
            environment: Vec::new(),
            config: None,
            started_by: Vec::new(),
            clock_is_off: false,
        };
        program
            .env("WEBSOCKET_PORT", "0")
            .env("ADMIN_PORT", "0")
            // All clients of a test come from here. Set to nothing, it is as by default.
            .env("LIMITS_EXEMPT", "127.0.0.0/8")
    }

    /// Sets an environment variable; the last one of a name holds.
    pub fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.environment.push((key.to_owned(), value.into()));
        self
    }

    /// Shows it a wall clock that is wrong by so many seconds; its monotonic
    /// clock stays right.
    ///
    /// # Panics
    /// When there is no libfaketime.
    pub fn clock_off_by(mut self, seconds: i64) -> Self {
        self.clock_is_off = true;
        self.env("LD_PRELOAD", faketime::library().to_string_lossy())
            .env("FAKETIME", format!("{seconds:+}"))
            .env("DONT_FAKE_MONOTONIC", "1")
    }

    /// Adds command-line arguments.
    pub fn args<I: IntoIterator<Item: Into<String>>>(mut self, arguments: I) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Keeps it on these cores, as `taskset` is told them: `0` or `0,2-3`.
    pub fn on_cores(mut self, cores: &str) -> Self {
        self.started_by = ["taskset", "--cpu-list", cores].map(str::to_owned).into();
        self
    }

    /// Lets it open so many files, and no more however it asks.
    pub fn open_files(mut self, most: u32) -> Self {
        self.started_by = vec!["prlimit".to_owned(), format!("--nofile={most}")];
        self
    }

    /// The text of its `causerie.toml`.
    pub fn config(mut self, toml: impl Into<String>) -> Self {
        self.config = Some(toml.into());
        self
    }

    /// Starts it, reads from its output where it listens, and waits until it is ready.
    ///
    /// # Panics
    /// When it ends, or is not ready in time; with all it has printed.
    pub async fn start(self) -> Node {
        let node = self.start_without_waiting().await;
        node.ready().await;
        node
    }

    /// The same, but returns as soon as it listens: for a program that cannot
    /// become ready yet.
    ///
    /// # Panics
    /// When it ends, or does not listen in time; with all it has printed.
    pub async fn start_without_waiting(self) -> Node {
        let (child, folder) = self.spawn();
        let admin = child
            .find_line(0, "its admin URL", |line| listening(line, true))
            .await;
        let admin = admin.unwrap_or_else(|reason| panic!("{reason}"));
        let public = if self.has_public_port {
            let public = child
                .find_line(0, "its URL", |line| listening(line, false))
                .await;
            Some(public.unwrap_or_else(|reason| panic!("{reason}")))
        } else {
            None
        };
        Node {
            _leftovers: self.clock_is_off.then(|| faketime::Leftovers(child.pid())),
            child,
            folder,
            public,
            admin,
        }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end by itself.
    pub async fn run(self) -> End {
        let (mut child, _folder) = self.spawn();
        let status = child.wait_within(DEADLINE).await;
        End {
            code: status.code(),
            output: child.output(),
        }
    }

    fn spawn(&self) -> (Child, TempDir) {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let program = binary::find(self.name);
        let mut command = match self.started_by.split_first() {
            Some((starter, arguments)) => {
                let mut starter = Command::new(starter);
                starter.args(arguments).arg(program);
                starter
            }
            None => Command::new(program),
        };
        command.args(&self.arguments).current_dir(folder.path());
        // One by one: of a command that was told to clear all, `Child` could not tell.
        for (key, _) in std::env::vars_os() {
            if !PASSED_ON.iter().any(|passed_on| key == *passed_on) {
                command.env_remove(key);
            }
        }
        if let Some(config) = &self.config {
            let path = folder.path().join("causerie.toml");
            std::fs::write(&path, config).expect("the configuration can be written");
            command.env("CAUSERIE_CONFIG", path);
        }
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        (Child::spawn(self.name, command), folder)
    }
}

/// How a program that ended by itself has ended.
#[derive(Debug, Clone)]
pub struct End {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it printed on standard output and error.
    pub output: String,
}

/// A running program of ours. Dropping it kills it.
#[derive(Debug)]
pub struct Node {
    child: Child,
    folder: TempDir,
    public: Option<String>,
    admin: String,
    // Behind the child: it has ended when these are removed.
    _leftovers: Option<faketime::Leftovers>,
}

impl Node {
    /// `http://127.0.0.1:PORT` of the public listener, or `https://` where it takes TLS.
    ///
    /// # Panics
    /// For a broker, which has none.
    pub fn url(&self) -> &str {
        self.public.as_deref().expect("a broker has no public port")
    }

    /// The port of the public listener.
    ///
    /// # Panics
    /// For a broker, which has none.
    pub fn port(&self) -> u16 {
        let (_, port) = self.url().rsplit_once(':').expect("a URL with a port");
        port.parse().expect("a port is a number")
    }

    /// `ws://127.0.0.1:PORT/ws`, or `wss://` where it takes TLS.
    ///
    /// # Panics
    /// For a broker, which has none.
    pub fn ws_url(&self) -> String {
        format!("{}/ws", self.url().replacen("http", "ws", 1))
    }

    /// `http://127.0.0.1:PORT` of the admin listener.
    pub fn admin_url(&self) -> &str {
        &self.admin
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> String {
        let answer = self.ask("/metrics").await;
        let answer = answer.expect("the admin listener answers");
        answer.text().await.expect("metrics are text")
    }

    /// The value of a metric, summed over its labels; 0 where there is none yet.
    pub async fn metric(&self, name: &str) -> f64 {
        sum_of(name, &self.metrics().await)
    }

    /// Waits until a metric, summed over its labels, is more than 0, as it is at the start. The
    /// tests of observability take it from this call that a test changes the metric.
    ///
    /// # Panics
    /// When it is not in time.
    pub async fn metric_rises(&self, name: &str) {
        let deadline = Instant::now() + DEADLINE;
        while self.metric(name).await <= 0.0 {
            assert!(
                Instant::now() < deadline,
                "{name} does not rise within {DEADLINE:?}"
            );
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a metric, summed over its labels, is `value`: what others hear of may be
    /// counted right after.
    ///
    /// # Panics
    /// When it is not in time.
    pub async fn metric_becomes(&self, name: &str, value: f64) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let seen = self.metric(name).await;
            if seen == value {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{name} is {seen} and not {value} within {DEADLINE:?}"
            );
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Where its `causerie.toml` is, for tests that change it while it runs.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("causerie.toml")
    }

    /// Waits until `/health/ready` says yes.
    ///
    /// # Panics
    /// When it does not in time, or the program has ended.
    pub async fn ready(&self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let seen = match self.ask("/health/ready").await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => format!(
                    "{} {}",
                    answer.status(),
                    answer.text().await.unwrap_or_default()
                ),
                Err(error) => error.to_string(),
            };
            assert!(
                Instant::now() < deadline,
                "not ready within {DEADLINE:?}; last answer: {seen}; it printed:\n{}",
                self.output()
            );
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// What the admin listener answers.
    async fn ask(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        let request = client().get(format!("{}{path}", self.admin));
        request.timeout(ANSWERS_WITHIN).send().await
    }

    /// Waits for a line of its output that holds `text`, and gives that line.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn log_line(&self, text: &str) -> String {
        let line = self
            .child
            .find_line(0, text, |line| line.contains(text).then(|| line.to_owned()));
        line.await.unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Everything printed so far.
    pub fn output(&self) -> String {
        self.child.output()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Asks it to end (SIGTERM); [`Node::wait`] tells when it has.
    pub fn terminate(&mut self) {
        self.child.signal(Signal::SIGTERM);
    }

    /// Asks it to read its configuration again (SIGHUP).
    pub fn reload(&mut self) {
        self.child.signal(Signal::SIGHUP);
    }

    /// Stops it without ending it (SIGSTOP): its sockets stay open.
    pub fn pause(&mut self) {
        self.child.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after a pause.
    pub fn resume(&mut self) {
        self.child.signal(Signal::SIGCONT);
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it still runs after `limit`.
    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        self.child.wait_within(limit).await
    }
}

/// The URL in a line that says `listening on http://…` or `https://…`; the line about
/// the admin listener says `admin listening on http://…`.
fn listening(line: &str, admin: bool) -> Option<String> {
    let (before, url) = line.split_once("listening on ")?;
    let is_admin = before.trim_end().ends_with("admin");
    // In a JSON log line a quote ends the text.
    let end = |c: char| c.is_whitespace() || matches!(c, '"' | ',' | '/');
    let (scheme, rest) = url.split_once("://")?;
    let address = rest.split(end).next()?;
    let is_wanted = is_admin == admin && matches!(scheme, "http" | "https");
    is_wanted.then(|| format!("{scheme}://{address}"))
}

#[cfg(test)]
mod tests {
    use super::listening;

    #[test]
    fn reads_where_a_program_listens() {
        let public = "2026-11-21T01:02:03Z  INFO causerie: listening on http://127.0.0.1:4711";
        assert_eq!(
            listening(public, false).as_deref(),
            Some("http://127.0.0.1:4711")
        );
        assert_eq!(listening(public, true), None);
        let admin = r#"{"level":"INFO","message":"admin listening on http://127.0.0.1:4712"}"#;
        assert_eq!(
            listening(admin, true).as_deref(),
            Some("http://127.0.0.1:4712")
        );
        assert_eq!(listening(admin, false), None);
        let tls = "INFO causerie: listening on https://127.0.0.1:4713";
        let shown = Some("https://127.0.0.1:4713");
        assert_eq!(listening(tls, false).as_deref(), shown);
        assert_eq!(listening("listening on tcp 127.0.0.1:4711", false), None);
        assert_eq!(listening("nothing of the kind", false), None);
    }
}
