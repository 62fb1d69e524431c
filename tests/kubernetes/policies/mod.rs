//! What holds for every manifest, and what no schema knows. Each policy gives one sentence for
//! each place that breaks it, and is shown to find one.

mod around;
mod grace;
mod network;
mod planted;
mod pods;

use serde_json::Value;

use crate::build::{Build, all};

/// Says what in a build breaks it.
type Policy = fn(&Build) -> Vec<String>;

/// By the names that [`planted`] calls them.
const POLICIES: [(&str, Policy); 12] = [
    ("images", pods::images),
    ("resources", pods::resources),
    ("restricted", pods::restricted),
    ("no account", pods::no_account),
    ("probes", pods::probes),
    ("grace", grace::grace),
    ("ports", grace::ports),
    ("selectors", around::selectors),
    ("budgets", around::budgets),
    ("references", around::references),
    ("namespaces", around::namespaces),
    ("network", network::network),
];

#[test]
fn every_build_keeps_every_policy() {
    let mut broken = Vec::new();
    for build in all() {
        for (name, policy) in POLICIES {
            let found = policy(&build).into_iter();
            broken.extend(found.map(|found| format!("{} ({name}): {found}", build.name)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The list at a path of the object, empty where there is none.
fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    let list = object.pointer(path).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// `Deployment gateway`
fn title(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap_or("?");
    format!("{} {name}", object["kind"].as_str().unwrap_or("?"))
}

fn pod_of(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]
}

/// All containers of a workload, those before the others too.
fn containers(workload: &Value) -> impl Iterator<Item = &Value> {
    let pod = pod_of(workload);
    let first = list(pod, "/initContainers").iter();
    first.chain(list(pod, "/containers"))
}

/// Whether labels have all that a `matchLabels` or `matchExpressions` (`In` alone) asks for.
fn matches(selector: &Value, labels: &Value) -> bool {
    let pairs = selector["matchLabels"].as_object();
    let mut pairs = pairs.into_iter().flatten();
    pairs.all(|(key, value)| labels[key] == *value)
        && list(selector, "/matchExpressions")
            .iter()
            .all(|expression| {
                assert_eq!(expression["operator"], "In", "{expression}");
                let key = expression["key"].as_str().expect("a key");
                list(expression, "/values").contains(&labels[key])
            })
}

fn labels_of(workload: &Value) -> &Value {
    &workload["spec"]["template"]["metadata"]["labels"]
}

/// The number that a port's name, or the port itself, stands for in a container of the pod.
fn port_number(workload: &Value, port: &Value) -> Option<u64> {
    port.as_u64().or_else(|| {
        let mut ports = containers(workload).flat_map(|container| list(container, "/ports"));
        ports.find(|known| known["name"] == *port)?["containerPort"].as_u64()
    })
}
