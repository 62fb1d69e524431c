//! What is started with what the manifests say is ready by their probes, and works.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use causerie_testkit::child::Child;
use causerie_testkit::client::http::request;
use causerie_testkit::client::ws::Connect;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::build::{Build, build};
use crate::pod::{HOST, Pod, Secrets, command};

/// The Redis of development, as its manifest starts it, where `redis` is found by pods.
pub(crate) struct Redis {
    _child: Child,
    _folder: TempDir,
    // Its port is the manifest's, so there is one at a time.
    _turn: MutexGuard<'static, ()>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        let development = build("overlays/dev");
        let pod = &development.object("StatefulSet", "redis")["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let folder = TempDir::new().unwrap();
        let server = std::env::var_os("CAUSERIE_REDIS_SERVER");
        let mut command = Command::new(server.unwrap_or_else(|| "redis-server".into()));
        for argument in container["args"].as_array().expect("args") {
            let path = &container["volumeMounts"][0]["mountPath"];
            match argument == path {
                true => command.arg(folder.path()),
                false => command.arg(argument.as_str().expect("a text")),
            };
        }
        let port = &container["ports"][0]["containerPort"];
        // As its image has it: a container is reached from elsewhere.
        let host = HOST.to_string();
        command
            .args(["--protected-mode", "no", "--bind", &host, "--port"])
            .arg(port.to_string());
        let child = Child::spawn("redis-server", command);
        let listens = child.find_line(0, "that it is ready", |line| {
            line.contains("Ready to accept connections").then_some(())
        });
        listens.await.unwrap_or_else(|reason| panic!("{reason}"));
        Self {
            _child: child,
            _folder: folder,
            _turn: turn,
        }
    }
}

/// As many pods of a Deployment as there are at the least, all of them ready.
pub(crate) async fn start_all(build: &Build, deployment: &str, secrets: &Secrets) -> Vec<Pod> {
    let scaler = build.object("HorizontalPodAutoscaler", deployment);
    let least = scaler["spec"]["minReplicas"].as_u64();
    let pods = (0..least.expect("minReplicas")).map(|_| async {
        let mut pod = Pod::start(build, deployment, secrets);
        pod.ready().await;
        pod
    });
    join_all(pods).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn development_is_ready_and_answers() {
    let development = build("overlays/dev");
    let _redis = Redis::start().await;
    let secrets = Secrets::new();
    let (gateways, brokers) = tokio::join!(
        start_all(&development, "gateway", &secrets),
        start_all(&development, "broker", &secrets)
    );
    let gateway = &gateways[0];
    let url = format!("ws://{}:{}/ws", gateway.address, gateway.port("http"));
    let connect = Connect::to(&url)
        .param("t", "demo")
        .header("origin", &origin(&development));
    let mut client = connect.open().await;
    client.expect_type("ready").await;
    let question = json!({"action": "sendMessage", "data": {"user_input": "Is it you?"}});
    let ack = client.request(question).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let is_answer =
        |frame: &Value| frame["type"] == "message" && frame["data"]["finish_reason"] == "stop";
    let answer = client.expect("the answer", is_answer).await;
    assert_eq!(answer["data"]["in_reply_to"], ack["data"]["message_id"]);
    // What the ServiceMonitors scrape.
    for pod in gateways.iter().chain(&brokers) {
        let url = format!("http://{}:{}/metrics", pod.address, pod.port("admin"));
        let answer = request(Method::GET, &url, &[], None).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", pod.name);
    }
}

/// Where the demo tenant's visitors come from.
fn origin(build: &Build) -> String {
    let mut maps = build.of_kind("ConfigMap");
    let toml = maps.find_map(|map| map["data"]["causerie.toml"].as_str());
    let (_, after) = toml.unwrap().split_once("origins = [\"").expect("origins");
    after.split('"').next().unwrap().to_owned()
}

/// Otherwise a program that writes, or may do what it should not, would go unnoticed.
#[tokio::test]
async fn a_container_of_these_tests_may_write_nothing() {
    let spec = build("base").object("Deployment", "gateway")["spec"]["template"]["spec"].clone();
    let user = spec["securityContext"]["runAsUser"].to_string();
    let run = async |number: u8, program: &str, arguments: &[&str]| {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("config");
        fs::create_dir(&config).unwrap();
        let (name, address) = (format!("may-{number}"), Ipv4Addr::new(10, 99, 0, number));
        let mut command = command(&name, address, folder.path(), &user, Path::new(program));
        command.arg(format!("{}:/etc/causerie", config.display()));
        command.args(["--", "A=1", "--"]).args(arguments);
        let mut child = Child::spawn(&name, command);
        let status = child.wait_within(Duration::from_secs(20)).await;
        (status.success(), child.output())
    };
    for (number, path) in [
        (240, "/x"),
        (241, "/tmp/x"),
        (242, "/etc/causerie/x"),
        (243, "/usr/lib/x"),
    ] {
        let (succeeded, output) = run(number, "/usr/bin/touch", &[path]).await;
        assert!(!succeeded, "{path} was written");
        let is_refused = output.contains("Read-only file system") || path == "/tmp/x";
        assert!(is_refused, "{path}: {output}");
    }
    assert_eq!(
        run(244, "/usr/bin/id", &["--user"]).await,
        (true, user.clone())
    );
    assert_eq!(
        run(245, "/usr/bin/env", &[]).await,
        (true, String::from("A=1"))
    );
    let (_, status) = run(246, "/usr/bin/cat", &["/proc/self/status"]).await;
    for line in [
        "CapEff:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }
}
