//! The program, and servers for it.

use std::process::Stdio;

use causerie_loadtest::load::results::Results;
use causerie_testkit::process::{Node, Program};
use tokio::process::Command;

const SECRET: &str = "a secret that clients and servers know";

/// How a run ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// What it wrote with `--json`.
    pub(crate) results: Option<Results>,
}

impl End {
    pub(crate) fn results(&self) -> &Results {
        self.results.as_ref().unwrap_or_else(|| panic!("{self:#?}"))
    }

    /// The results of a run in which nothing went wrong.
    pub(crate) fn well(&self) -> &Results {
        assert_eq!(self.code, 0, "{self:#?}");
        assert!(self.results().counts.faults().is_empty(), "{self:#?}");
        self.results()
    }
}

/// Runs `causerie-loadtest` to its end, with a JSON file, and the servers' secret.
pub(crate) async fn run(scenario: &str, targets: &[String], arguments: &str) -> End {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("results.json");
    let mut command = command();
    command.arg(scenario).arg("--json").arg(&json);
    for target in targets {
        command.args(["--target", target]);
    }
    command.args(arguments.split_whitespace());
    let mut end = run_as(&mut command).await;
    end.results = json.exists().then(|| Results::read(&json).unwrap());
    end
}

/// The program, with the servers' secret in its environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causerie-loadtest"));
    command.env("AUTH_JWT_SECRET", SECRET);
    command
}

/// Runs it to its end.
pub(crate) async fn run_as(command: &mut Command) -> End {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = output.await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    End {
        code: output.status.code().expect("it ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        results: None,
    }
}

/// All of Causerie in one process, which knows the secret.
pub(crate) async fn causerie() -> Node {
    standalone().start().await
}

/// The same, to be set otherwise.
pub(crate) fn standalone() -> Program {
    Program::causerie()
        .env("AUTH_JWT_SECRET", SECRET)
        .env("AI_ECHO_FIRST_TOKEN_DELAY", "100ms")
        .env("AI_ECHO_TOKENS_PER_SECOND", "100")
}

/// Two gateways over a Redis: where each listens.
pub(crate) struct Gateways {
    _redis: causerie_testkit::redis::Redis,
    nodes: Vec<Node>,
}

impl Gateways {
    pub(crate) async fn start() -> Self {
        let redis = causerie_testkit::redis::Redis::start().await;
        let tenants = r#"[{"id":"demo","hash":"demo"}]"#;
        let gateway = || {
            Program::gateway()
                .env("WEBSOCKET_BIND", "127.0.0.1")
                .env("REDIS_URL", redis.url())
                .env("TENANTS", tenants)
                .env("AUTH_JWT_SECRET", SECRET)
                .start()
        };
        let (one, other) = tokio::join!(gateway(), gateway());
        Self {
            nodes: vec![one, other],
            _redis: redis,
        }
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        self.nodes.iter().map(target).collect()
    }
}

pub(crate) fn target(node: &Node) -> String {
    format!("ws://127.0.0.1:{}", node.port())
}
