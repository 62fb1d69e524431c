//! What the manifests say of a program, and what the program makes of it.

use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::config::{Loader, Program, Settings, Sources};
use serde_json::Value;

use super::{containers, pod_of, title};
use crate::build::Build;

/// What a program may take after its drain: to end its tasks, and to write what is left.
const SPARE: u64 = 10;

/// The grace period covers `preStop` and the drain.
pub(super) fn grace(build: &Build) -> Vec<String> {
    let mut found = Vec::new();
    for (workload, settings) in programs(build) {
        let container = containers(workload).next().expect("a container");
        let stopping = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64();
        let drain = drain(&settings).as_secs();
        let needed = stopping.unwrap_or(0) + drain + SPARE;
        let grace = pod_of(workload)["terminationGracePeriodSeconds"].as_u64();
        if stopping.is_none_or(|seconds| seconds == 0) {
            found.push(format!(
                "{}: no preStop lets it finish what comes",
                title(workload)
            ));
        }
        if grace.is_none_or(|grace| grace < needed) {
            found.push(format!(
                "{}: terminationGracePeriodSeconds is {grace:?}, and preStop, a drain of {drain} s \
                 and {SPARE} s to spare are {needed}",
                title(workload)
            ));
        }
    }
    found
}

/// The longest that a program drains.
fn drain(settings: &Settings) -> Duration {
    settings.websocket.drain_grace.max(settings.ai.drain_grace)
}

/// The program listens where its container's ports are, for everybody who asks.
pub(super) fn ports(build: &Build) -> Vec<String> {
    let mut found = Vec::new();
    for (workload, settings) in programs(build) {
        let mut wanted = vec![("admin", settings.admin.port, settings.admin.bind)];
        if workload["metadata"]["name"] == "gateway" {
            wanted.push(("http", settings.websocket.port, settings.websocket.bind));
        }
        let ports = containers(workload).flat_map(|one| super::list(one, "/ports"));
        let stated: Vec<_> = ports
            .map(|port| (&port["name"], &port["containerPort"]))
            .collect();
        if stated.len() != wanted.len() {
            found.push(format!(
                "{}: it has {} ports",
                title(workload),
                wanted.len()
            ));
        }
        for (name, port, bind) in wanted {
            if !stated.iter().any(|(a, b)| **a == *name && **b == port) {
                found.push(format!(
                    "{}: it listens at {port} for {name}",
                    title(workload)
                ));
            }
            if bind.is_loopback() {
                found.push(format!(
                    "{}: nobody reaches {name} at {bind}",
                    title(workload)
                ));
            }
        }
    }
    found
}

/// Our programs with the settings that they would have.
fn programs(build: &Build) -> impl Iterator<Item = (&Value, Arc<Settings>)> {
    let workloads = build.workloads();
    workloads.filter_map(|workload| {
        let program = match workload["metadata"]["name"].as_str()? {
            "gateway" => Program::Gateway,
            "broker" => Program::Broker,
            _ => return None,
        };
        Some((workload, settings_of(build, workload, program)))
    })
}

fn settings_of(build: &Build, workload: &Value, program: Program) -> Arc<Settings> {
    let container = containers(workload).next().expect("a container");
    let variables = super::list(container, "/env").iter();
    let stated = variables.filter_map(|variable| {
        let [name, value] = ["name", "value"].map(|key| variable[key].as_str());
        Some((OsString::from(name?), OsString::from(value?)))
    });
    let secret = "0123456789abcdef0123456789abcdef";
    let secrets = [
        ("REDIS_URL", "redis://redis:6379"),
        ("AUTH_JWT_SECRET", secret),
        ("AUTH_VISITOR_SECRET", secret),
    ];
    let secrets = secrets.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    // The base has none of its own, and no tenants.
    let tenants = r#"[{"id":"acme","hash":"acme","origins":["https://acme.example"]}]"#;
    let tenants = build
        .of_kind("ConfigMap")
        .next()
        .is_none()
        .then_some(tenants);
    let tenants = tenants.map(|tenants| ("TENANTS".into(), tenants.into()));
    let maps = build.of_kind("ConfigMap");
    let toml: String = maps
        .filter_map(|map| map["data"]["causerie.toml"].as_str())
        .collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(toml.as_bytes()).unwrap();
    let sources = Sources {
        config: Some(file.path().to_owned()),
        environment: stated.chain(secrets).chain(tenants).collect(),
        set: Vec::new(),
    };
    let loader = Loader::new(program, sources).expect("the sources are read");
    Arc::new(loader.load().expect("the program takes it"))
}
