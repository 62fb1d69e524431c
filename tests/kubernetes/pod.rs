//! A pod as the manifests state it, without a cluster: see `pod.sh`.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use causerie_testkit::child::Child;
use causerie_testkit::process::path_of;
use nix::sys::signal::Signal;
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::build::{Build, root};

/// Where this process, and what it serves, is reached from pods.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// The Secrets of an installation by their names, with what stands in them.
pub(crate) type Secrets = BTreeMap<String, BTreeMap<String, String>>;

/// A running pod. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Pod {
    pub name: String,
    pub address: Ipv4Addr,
    spec: Value,
    child: Child,
    _folder: TempDir,
}

impl Pod {
    /// Starts one more pod of a Deployment. The Secrets are those of the build and these.
    pub(crate) fn start(build: &Build, deployment: &str, secrets: &Secrets) -> Self {
        // The first is the host's.
        static NEXT: AtomicU8 = AtomicU8::new(2);
        let last = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = Ipv4Addr::new(10, 99, 0, last);
        let name = format!("{deployment}-{last}");
        let spec = build.object("Deployment", deployment)["spec"]["template"]["spec"].clone();
        let container = &spec["containers"][0];
        let folder = TempDir::new().unwrap();
        let user = spec["securityContext"]["runAsUser"].to_string();
        let mut command = command(
            &name,
            address,
            folder.path(),
            &user,
            &path_of(&format!("causerie-{deployment}")),
        );
        command.args(mounts(build, &spec, folder.path()));
        command
            .arg("--")
            .args(environment(build, container, &name, secrets));
        command.arg("--").args(texts(&container["args"]));
        Self {
            child: Child::spawn(&name, command),
            name,
            address,
            spec,
            _folder: folder,
        }
    }

    fn container(&self) -> &Value {
        &self.spec["containers"][0]
    }

    /// Waits until the startup probe, and then the readiness probe, says yes; each is asked as
    /// often as it states, and the startup probe no oftener than it may fail.
    pub(crate) async fn ready(&mut self) {
        let tries = self.container()["startupProbe"]["failureThreshold"].as_u64();
        let tries = tries.expect("a failureThreshold");
        self.says_yes("startupProbe", tries).await;
        self.says_yes("readinessProbe", 30).await;
        assert!(self.probe("livenessProbe").await, "{}", self.child.output());
    }

    async fn says_yes(&mut self, kind: &str, tries: u64) {
        let pause = seconds(&self.container()[kind]["periodSeconds"], 10);
        for _ in 0..tries {
            if self.probe(kind).await {
                return;
            }
            let ended = self.child.try_status();
            assert!(
                ended.is_none(),
                "{}: {ended:?} {}",
                self.name,
                self.child.output()
            );
            // As the kubelet does.
            sleep(pause).await;
        }
        panic!("{kind} of {} says no: {}", self.name, self.child.output());
    }

    /// Asks once, as the manifest says: where, and how patiently.
    pub(crate) async fn probe(&self, kind: &str) -> bool {
        let probe = &self.container()[kind];
        let get = &probe["httpGet"];
        let port = self.port(get["port"].as_str().expect("a port's name"));
        let path = get["path"].as_str().expect("a path");
        let url = format!("http://{}:{port}{path}", self.address);
        let answer = Client::builder().no_proxy().build().unwrap().get(url);
        let answer = answer
            .timeout(seconds(&probe["timeoutSeconds"], 1))
            .send()
            .await;
        // Any status from 200 to 399 is a yes.
        answer.is_ok_and(|answer| answer.status().as_u16() < 400)
    }

    /// The number of a port that the container names.
    pub(crate) fn port(&self, name: &str) -> u64 {
        let ports = self.container()["ports"].as_array().expect("ports");
        let port = ports.iter().find(|port| port["name"] == name);
        let port = port.unwrap_or_else(|| panic!("{} has no port {name}", self.name));
        port["containerPort"].as_u64().expect("a number")
    }

    /// Ends it as Kubernetes does: `preStop`, SIGTERM, and SIGKILL when its grace is over.
    /// Gives how it ended, and how much of its grace was left.
    pub(crate) async fn end(mut self) -> Ended {
        let grace = seconds(&self.spec["terminationGracePeriodSeconds"], 30);
        let pre_stop = &self.container()["lifecycle"]["preStop"]["sleep"]["seconds"];
        let (began, pause) = (Instant::now(), seconds(pre_stop, 0));
        // This is what the manifest asks for; nothing is waited for.
        sleep(pause).await;
        assert!(
            self.probe("readinessProbe").await,
            "{} serves on",
            self.name
        );
        self.child.signal(Signal::SIGTERM);
        let status = self.child.wait_within(grace - began.elapsed()).await;
        Ended {
            status,
            left: grace.saturating_sub(began.elapsed()),
            output: self.child.output(),
        }
    }
}

/// How a pod ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub status: ExitStatus,
    /// How much of its grace period was left.
    pub left: Duration,
    pub output: String,
}

/// The beginning of what starts a pod: mounts, variables and arguments follow.
pub(crate) fn command(
    name: &str,
    address: Ipv4Addr,
    folder: &Path,
    user: &str,
    program: &Path,
) -> Command {
    let root_of_pod = folder.join("root");
    fs::create_dir(&root_of_pod).unwrap();
    let mut command = Command::new(root().join("tests/kubernetes/pod.sh"));
    command
        .arg(name)
        .arg(address.to_string())
        .arg(root_of_pod)
        .arg(user)
        .arg(program);
    command
}

/// `SOURCE:PATH` of each volume, whose files are written into the folder, and of what
/// Kubernetes itself puts in.
fn mounts(build: &Build, spec: &Value, folder: &Path) -> Vec<String> {
    let hosts = folder.join("hosts");
    fs::write(&hosts, format!("127.0.0.1 localhost\n{HOST} redis\n")).unwrap();
    let mut mounts = vec![format!("{}:/etc/hosts", hosts.display())];
    for mount in spec["containers"][0]["volumeMounts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let mut volumes = spec["volumes"].as_array().into_iter().flatten();
        let volume = volumes.find(|volume| volume["name"] == mount["name"]);
        let map = volume.unwrap_or_else(|| panic!("no volume for {mount}"));
        let map = map["configMap"]["name"].as_str().expect("a ConfigMap");
        let files = folder.join(map);
        fs::create_dir(&files).unwrap();
        for (name, text) in build.object("ConfigMap", map)["data"]
            .as_object()
            .expect("data")
        {
            fs::write(files.join(name), text.as_str().expect("a text")).unwrap();
        }
        let path = mount["mountPath"].as_str().expect("a path");
        mounts.push(format!("{}:{path}", files.display()));
    }
    mounts
}

/// `NAME=VALUE` of all that the container is given: by Kubernetes, its image and the manifest.
fn environment(build: &Build, container: &Value, pod: &str, secrets: &Secrets) -> Vec<String> {
    let mut variables = BTreeMap::from(
        [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOSTNAME", pod),
            // Those that `enableServiceLinks: false` leaves.
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
            ("KUBERNETES_PORT", "tcp://10.96.0.1:443"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let name = source["secretRef"]["name"].as_str().expect("a Secret");
        variables.extend(secret(build, name, secrets));
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().expect("a name").to_owned();
        let from = &variable["valueFrom"]["fieldRef"]["fieldPath"];
        let value = variable["value"].as_str();
        let value = value.or((from == "metadata.name").then_some(pod));
        let value = value.unwrap_or_else(|| panic!("what is {variable}?"));
        variables.insert(name, value.to_owned());
    }
    let pairs = variables.into_iter();
    pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

fn secret(build: &Build, name: &str, made_by_hand: &Secrets) -> BTreeMap<String, String> {
    let Some(secret) = build.find("Secret", name) else {
        let secret = made_by_hand.get(name);
        return secret.unwrap_or_else(|| panic!("no Secret {name}")).clone();
    };
    let pairs = secret["data"].as_object().expect("data").iter();
    let pairs = pairs.map(|(key, value)| {
        let value = BASE64_STANDARD.decode(value.as_str().expect("a text"));
        let value = String::from_utf8(value.expect("Base64"));
        (key.clone(), value.expect("UTF-8"))
    });
    pairs.collect()
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|text| text.as_str().expect("a text").to_owned())
        .collect()
}

fn seconds(value: &Value, by_default: u64) -> Duration {
    Duration::from_secs(value.as_u64().unwrap_or(by_default))
}
