//! A whole program around an empty main: command line, logs, signals, reload
//! and the admin listener, in a process of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use causerie_shared::cli::{App, Running};
use causerie_shared::config::Program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// Says what the child process is to do; see [`child`].
const ARGS: &str = "PROGRAM_TEST_ARGS";
const MODE: &str = "PROGRAM_TEST_MODE";
const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: &str = "s3cret-0123456789-0123456789-0123";

/// Not a test: the process that the others start.
#[test]
fn child() {
    let Ok(args) = std::env::var(ARGS) else {
        return;
    };
    let mode = std::env::var(MODE).unwrap_or_default();
    let (redis_fails, stubborn) = (mode == "redis fails", mode == "stubborn");
    let args = std::iter::once("causerie").chain(args.split_whitespace());
    let command = clap::Command::new("shout").arg(clap::Arg::new("word").required(true));
    let code = App::new(Program::Standalone)
        .check_settings(|settings| {
            anyhow::ensure!(settings.websocket.max_depth != 99, "99 is bad");
            Ok(vec!["depth is a matter of taste".to_owned()])
        })
        .check_redis(move |_| async move {
            anyhow::ensure!(!redis_fails, "Redis at localhost:1 does not answer");
            Ok(vec!["Redis forgets".to_owned()])
        })
        .command(command, |matches, settings| {
            let word: &String = matches.get_one("word").unwrap();
            Ok(format!(
                "{} {}",
                word.to_uppercase(),
                settings.websocket.port
            ))
        })
        .run_with(args.map(Into::into), |running| {
            main_of_child(running, stubborn)
        });
    // `ExitCode` gives its number to nobody but the system.
    let code = [0, 1, 2].into_iter().find(|n| ExitCode::from(*n) == code);
    std::process::exit(code.unwrap().into());
}

async fn main_of_child(mut running: Running, stubborn: bool) -> anyhow::Result<()> {
    running.readiness.ready("start");
    let text = String::from("é, as somebody wrote");
    tokio::spawn(async move { text[1..].len() });
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            _ = tick.tick() => tracing::debug!("tick"),
            () = running.settings.changed() => {
                let tenants = &running.settings.current().tenants;
                tracing::info!(tenant = %tenants[0].id, "main sees a change");
                if tenants[0].id.as_str() == "away" {
                    running.readiness.not_ready("bus", "Redis does not answer");
                }
            }
            () = running.shutdown.cancelled(), if !stubborn => return Ok(()),
        }
    }
}

fn command(dir: &Path, args: &str, mode: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child", "--nocapture"])
        .current_dir(dir)
        .env_clear()
        .env(ARGS, args)
        .env(MODE, mode)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs to the end: exit code, what was printed, and what was complained about.
async fn outcome(dir: &Path, args: &str, mode: &str) -> (i32, String, String) {
    let output = command(dir, args, mode).output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .unwrap()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let printed = printed.replacen("\nrunning 1 test\n", "", 1);
    let complained = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), printed, complained)
}

/// A running child and its log.
struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Process {
    fn start(dir: &Path, args: &str, mode: &str) -> Self {
        let mut child = command(dir, args, mode).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log }
    }

    /// The next log line with this message.
    async fn logged(&mut self, message: &str) -> Value {
        let found = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                let line: Value =
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                if line["message"].as_str().unwrap().contains(message) {
                    return line;
                }
            }
            panic!("the log ended without {message}");
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("nothing logged {message}"))
    }

    /// Where its admin listener is.
    async fn admin(&mut self) -> String {
        let line = self.logged("admin listening on http://").await;
        let (_, address) = line["message"]
            .as_str()
            .unwrap()
            .split_once("http://")
            .unwrap();
        address.to_owned()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    async fn exit_code(mut self) -> i32 {
        // Else it could wait for its log to be read.
        drop(self.log);
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("did not end").unwrap().code().unwrap()
    }
}

async fn get(address: &str, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("http://{address}{path}"))
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn write(dir: &Path, file: &str) {
    std::fs::write(dir.join("causerie.toml"), file).unwrap();
}

fn tenant(id: &str) -> String {
    format!(
        "admin.port = 0\nauth.visitor_secret = '{SECRET}'\n[[tenants]]\nid = '{id}'\nhash = 'a'\n"
    )
}

#[tokio::test]
async fn what_is_typed_is_answered_or_refused_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let (code, printed, _) = outcome(dir.path(), "--help", "").await;
    assert_eq!(code, 0);
    for part in [
        "--config <FILE>",
        "--set <KEY=VALUE>",
        "--check",
        "health",
        "shout",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains("connection to Redis"), "{printed}");
    let (code, printed, _) = outcome(dir.path(), "--version", "").await;
    let version = format!("causerie {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((code, printed), (0, version));
    for (args, code, sentence) in [
        (
            "--prot 1",
            2,
            "causerie: unexpected argument '--prot' found; see `causerie --help`\n",
        ),
        (
            "--set websocket.port=x",
            1,
            "causerie: websocket.port is `x` (given by --set), but must be a whole number from 0 to 65535\n",
        ),
        (
            "--config nowhere.toml",
            1,
            "causerie: the configuration file nowhere.toml cannot be read: No such file or directory (os error 2)\n",
        ),
        (
            "health --set admin.port=1",
            1,
            "causerie: no answer from 127.0.0.1:1: Connection refused (os error 111)\n",
        ),
        (
            "health --set admin.enabled=no",
            1,
            "causerie: admin.enabled is false, so there is nobody to ask\n",
        ),
    ] {
        assert_eq!(
            outcome(dir.path(), args, "").await,
            (code, String::new(), sentence.to_owned()),
            "{args}"
        );
    }
    let (code, printed, _) = outcome(dir.path(), "shout hello --set websocket.port=99", "").await;
    assert_eq!((code, printed.as_str()), (0, "HELLO 99\n"));
}

#[tokio::test]
async fn check_prints_the_configuration_and_tries_redis() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &tenant("acme"));
    let (code, printed, complained) = outcome(dir.path(), "--check", "").await;
    assert_eq!((code, complained.as_str()), (0, ""));
    assert!(
        printed.contains("id = \"acme\"") && printed.contains("max_depth = 32"),
        "{printed}"
    );
    assert!(!printed.contains("s3cret"), "{printed}");
    for warning in ["depth is a matter of taste", "Redis forgets"] {
        let line = format!("\n# warning: {warning}\n");
        assert!(printed.contains(&line), "{printed}");
    }
    let table: toml::Table = printed.parse().expect("it is TOML");
    assert_eq!(table["auth"]["visitor_secret"].as_str(), Some("[hidden]"));

    let refused = outcome(dir.path(), "--check --set websocket.max_depth=99", "").await;
    assert_eq!(
        refused,
        (1, String::new(), "causerie: 99 is bad\n".to_owned())
    );

    let refused = outcome(dir.path(), "--check", "redis fails").await;
    let sentence = "causerie: the Redis of redis.url (REDIS_URL) cannot be used: Redis at localhost:1 does not answer\n".to_owned();
    assert_eq!(refused, (1, String::new(), sentence));
}

#[tokio::test]
async fn a_program_starts_is_ready_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &tenant("acme"));
    let mut process = Process::start(dir.path(), "--set node.name=n1", "");
    let start = process.logged("starting").await;
    assert_eq!(start["node"], "n1");
    let settings = start["settings"].as_str().unwrap();
    assert!(
        settings.contains("id = \"acme\"") && !settings.contains("s3cret"),
        "{settings}"
    );
    let address = process.admin().await;
    process.logged("ready").await;

    let (code, body) = get(&address, "/health").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(code, 200);
    assert_eq!(
        (&body["program"], &body["node"]),
        (&"causerie".into(), &"n1".into())
    );
    assert_eq!(get(&address, "/health/live").await.0, 200);
    let (_, index) = get(&address, "/").await;
    assert!(index.contains("href=\"/metrics\""), "{index}");
    let (_, metrics) = get(&address, "/metrics").await;
    assert!(metrics.contains("causerie_ready 1"), "{metrics}");
    assert!(
        metrics.contains("process_resident_memory_bytes "),
        "{metrics}"
    );
    assert_eq!(get(&address, "/metrics/prometheus").await.0, 200);

    // The same process, asked as a container would ask; and a second one that
    // wants the same port.
    let port = address.rsplit(':').next().unwrap();
    let args = format!("health --set admin.port={port}");
    let (code, printed, _) = outcome(dir.path(), &args, "").await;
    assert_eq!(
        (code, printed.contains("\"ready\"")),
        (0, true),
        "{printed}"
    );
    let (code, _, log) = outcome(dir.path(), &format!("--set admin.port={port}"), "").await;
    let sentence = format!(
        "admin.port is {port}, but another program listens on 127.0.0.1 port {port}: \
         set admin.port (ADMIN_PORT) to a free port, or to 0 for any"
    );
    assert!(code == 1 && log.contains(&sentence), "{log}");

    write(dir.path(), &tenant("away"));
    process.logged("not ready").await;
    let (code, body) = get(&address, "/health/ready").await;
    assert!(
        code == 503 && body.contains("Redis does not answer"),
        "{body}"
    );
    let (code, _, complained) = outcome(dir.path(), &args, "").await;
    assert!(
        code == 1 && complained.contains("Redis does not answer"),
        "{complained}"
    );

    process.signal(Signal::SIGTERM);
    assert_eq!(process.exit_code().await, 0);
}

#[tokio::test]
async fn the_file_is_read_again_on_sighup_and_on_change() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &tenant("acme"));
    let mut process = Process::start(dir.path(), "", "");
    let address = process.admin().await;
    process.signal(Signal::SIGHUP);
    assert_eq!(process.logged("configuration read again").await["keys"], "");

    let changed = format!(
        "ai.retries = 7\ntelemetry.log_level = 'debug'\n{}",
        tenant("other")
    );
    write(dir.path(), &changed);
    let line = process.logged("configuration read again").await;
    assert_eq!(line["keys"], "tenants, telemetry.log_level");
    assert_eq!(
        process.logged("needs a restart").await["keys"],
        "ai.retries"
    );
    process
        .logged("nobody can come in to the tenant `other`")
        .await;
    assert_eq!(
        process.logged("main sees a change").await["tenant"],
        "other"
    );
    process.logged("tick").await;

    write(dir.path(), "limits.dedup_window = 'soon'\n");
    let line = process.logged("not read again").await;
    assert_eq!(line["level"], "ERROR");
    assert!(
        line["error"]
            .as_str()
            .unwrap()
            .starts_with("limits.dedup_window is `soon`"),
        "{line}"
    );
    let (_, metrics) = get(&address, "/metrics").await;
    for counted in ["{result=\"failed\"} 1", "{result=\"ok\"} 2"] {
        let counted = format!("causerie_config_reloads_total{counted}");
        assert!(metrics.contains(&counted), "{counted}: {metrics}");
    }
    process.signal(Signal::SIGINT);
    assert_eq!(process.exit_code().await, 0);
}

#[tokio::test]
async fn a_panic_is_one_log_line_and_a_second_signal_ends_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), "--set admin.enabled=false", "stubborn");
    let line = process.logged("a task panicked").await;
    let at = line["at"].as_str().unwrap();
    assert!(at.contains("program.rs"), "{line}");
    assert!(!line.to_string().contains("somebody"), "{line}");
    process.signal(Signal::SIGTERM);
    process.logged("a second signal ends at once").await;
    process.signal(Signal::SIGINT);
    assert_eq!(process.exit_code().await, 130);
}

#[tokio::test]
async fn rust_log_goes_before_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path(), "--set admin.enabled=false", "");
    let child = child.env("RUST_LOG", "debug").spawn();
    let mut child = child.unwrap();
    let log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut process = Process { child, log };
    process.logged("tick").await;

    let mut refused = command(dir.path(), "", "");
    let output = refused.env("RUST_LOG", "loud=very").output().await.unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(
        complained.starts_with("causerie: RUST_LOG is `loud=very`, but must be"),
        "{complained}"
    );
}
