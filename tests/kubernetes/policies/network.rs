//! Who reaches whom: what is needed, and nothing more.

use serde_json::{Value, json};

use super::{labels_of, list, matches, port_number, title};
use crate::build::Build;

/// Who is to reach the pods of `name` at a port; `from` are labels of a namespace or of pods.
struct Way {
    name: &'static str,
    port: &'static str,
    from: fn() -> Value,
}

const WAYS_IN: [Way; 5] = [
    Way {
        name: "gateway",
        port: "http",
        from: || in_namespace("ingress-nginx"),
    },
    Way {
        name: "gateway",
        port: "admin",
        from: || in_namespace("monitoring"),
    },
    Way {
        name: "broker",
        port: "admin",
        from: || in_namespace("monitoring"),
    },
    Way {
        name: "redis",
        port: "redis",
        from: || of_pod("gateway"),
    },
    Way {
        name: "redis",
        port: "redis",
        from: || of_pod("broker"),
    },
];

/// Names, Redis, and what is elsewhere.
const WAYS_OUT: [(u64, &str); 4] = [(53, "UDP"), (53, "TCP"), (6379, "TCP"), (443, "TCP")];

fn in_namespace(name: &str) -> Value {
    json!({"namespace": {"kubernetes.io/metadata.name": name}})
}

fn of_pod(name: &str) -> Value {
    json!({"pod": {"app.kubernetes.io/name": name}})
}

pub(super) fn network(build: &Build) -> Vec<String> {
    let mut found = Vec::new();
    for workload in build.workloads() {
        let name = workload["metadata"]["name"].as_str().expect("a name");
        let policies: Vec<_> = build
            .of_kind("NetworkPolicy")
            .filter(|policy| matches(&policy["spec"]["podSelector"], labels_of(workload)))
            .collect();
        for way in ["Ingress", "Egress"] {
            if !policies
                .iter()
                .any(|policy| list(policy, "/spec/policyTypes").contains(&json!(way)))
            {
                found.push(format!("{}: its {way} is open", title(workload)));
            }
        }
        let rules = |path: &str| -> Vec<&Value> {
            policies
                .iter()
                .flat_map(|policy| list(policy, path))
                .collect()
        };
        found.extend(ways_in(workload, name, &rules("/spec/ingress")));
        found.extend(ways_out(workload, name, &rules("/spec/egress")));
    }
    found
}

fn ways_in(workload: &Value, name: &str, rules: &[&Value]) -> Vec<String> {
    let wanted: Vec<_> = WAYS_IN.iter().filter(|way| way.name == name).collect();
    let mut found = Vec::new();
    for way in &wanted {
        let (port, from) = (port_number(workload, &json!(way.port)), (way.from)());
        let is_open = rules.iter().any(|rule| {
            let mut ports = list(rule, "/ports").iter();
            ports.any(|one| port_number(workload, &one["port"]) == port)
                && list(rule, "/from").iter().any(|peer| lets(peer, &from))
        });
        if !is_open {
            found.push(format!(
                "{}: {from} does not reach {}",
                title(workload),
                way.port
            ));
        }
    }
    for rule in rules {
        let (peers, ports) = (list(rule, "/from"), list(rule, "/ports"));
        let is_known = |one: &Value| wanted.iter().any(|way| one["port"] == way.port);
        if ports.is_empty() || !ports.iter().all(is_known) {
            found.push(format!(
                "{}: too many ports are open by {rule}",
                title(workload)
            ));
        }
        if peers.is_empty() || peers.iter().any(lets_strangers) {
            found.push(format!("{}: strangers come in by {rule}", title(workload)));
        }
    }
    found
}

fn lets(peer: &Value, from: &Value) -> bool {
    let [namespace, pod] = ["namespaceSelector", "podSelector"].map(|key| &peer[key]);
    match from.get("namespace") {
        Some(labels) => pod.is_null() && !namespace.is_null() && matches(namespace, labels),
        None => namespace.is_null() && !pod.is_null() && matches(pod, &from["pod"]),
    }
}

fn lets_strangers(peer: &Value) -> bool {
    !peer["ipBlock"].is_null() || lets(peer, &in_namespace("other")) || lets(peer, &of_pod("other"))
}

fn ways_out(workload: &Value, name: &str, rules: &[&Value]) -> Vec<String> {
    let stated: Vec<_> = rules
        .iter()
        .flat_map(|rule| list(rule, "/ports"))
        .map(|port| {
            (
                port["port"].as_u64().unwrap_or(0),
                port["protocol"].as_str().unwrap_or("TCP"),
            )
        })
        .collect();
    let wanted: &[(u64, &str)] = if name == "redis" { &[] } else { &WAYS_OUT };
    let missing = wanted.iter().filter(|way| !stated.contains(way));
    let missing = missing.map(|way| format!("{}: {way:?} is not reached", title(workload)));
    let more = stated.iter().filter(|way| !wanted.contains(way));
    let more = more.map(|way| format!("{}: {way:?} may be reached", title(workload)));
    let anywhere = rules.iter().filter(|rule| list(rule, "/ports").is_empty());
    let anywhere = anywhere.map(|rule| format!("{}: all is let out by {rule}", title(workload)));
    missing.chain(more).chain(anywhere).collect()
}
