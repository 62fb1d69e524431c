//! What stands around the pods, and names them.

use serde_json::Value;

use super::{containers, labels_of, list, matches, pod_of, port_number, title};
use crate::build::Build;

/// Whoever selects pods finds some, and the ports that are asked for.
pub(super) fn selectors(build: &Build) -> Vec<String> {
    let mut found = Vec::new();
    for workload in build.workloads() {
        if !matches(&workload["spec"]["selector"], labels_of(workload)) {
            found.push(format!("{} does not select its own pods", title(workload)));
        }
    }
    for service in build.of_kind("Service") {
        let Some(workload) = behind(build, service) else {
            found.push(format!("{} selects nothing", title(service)));
            continue;
        };
        for port in list(service, "/spec/ports") {
            if port_number(workload, &port["targetPort"]).is_none() {
                found.push(format!(
                    "{}: there is no port {}",
                    title(service),
                    port["targetPort"]
                ));
            }
        }
    }
    for monitor in build.of_kind("ServiceMonitor") {
        for endpoint in list(monitor, "/spec/endpoints") {
            let mut services = build.of_kind("Service").filter(|service| {
                matches(&monitor["spec"]["selector"], &service["metadata"]["labels"])
            });
            if !services.any(|service| has_port(service, &endpoint["port"])) {
                found.push(format!(
                    "{} finds no port {}",
                    title(monitor),
                    endpoint["port"]
                ));
            }
        }
    }
    found
}

fn behind<'a>(build: &'a Build, service: &Value) -> Option<&'a Value> {
    let selector = serde_json::json!({"matchLabels": service["spec"]["selector"]});
    build
        .workloads()
        .find(|workload| matches(&selector, labels_of(workload)))
}

fn has_port(service: &Value, name: &Value) -> bool {
    list(service, "/spec/ports")
        .iter()
        .any(|port| port["name"] == *name)
}

/// Each Deployment has two pods and more, of which a drained node takes one at a time.
pub(super) fn budgets(build: &Build) -> Vec<String> {
    let mut found = Vec::new();
    for workload in build.of_kind("Deployment") {
        let (name, labels) = (&workload["metadata"]["name"], labels_of(workload));
        let budgets = build.of_kind("PodDisruptionBudget");
        let budgets: Vec<_> = budgets
            .filter(|budget| matches(&budget["spec"]["selector"], labels))
            .collect();
        match budgets.as_slice() {
            [budget] if budget["spec"]["maxUnavailable"] == 1 => {}
            [_] => found.push(format!(
                "{}: its budget has to be maxUnavailable 1",
                title(workload)
            )),
            others => found.push(format!(
                "{}: {} budgets select it",
                title(workload),
                others.len()
            )),
        }
        let mut scalers = build.of_kind("HorizontalPodAutoscaler");
        let scaler = scalers.find(|scaler| scaler["spec"]["scaleTargetRef"]["name"] == *name);
        let least = scaler.and_then(|scaler| scaler["spec"]["minReplicas"].as_u64());
        if least.is_none_or(|least| least < 2) {
            found.push(format!(
                "{}: minReplicas is {least:?}, and has to be 2 or more",
                title(workload)
            ));
        }
        if !workload["spec"]["replicas"].is_null() {
            found.push(format!(
                "{}: replicas are the autoscaler's to say",
                title(workload)
            ));
        }
        let rolling = &workload["spec"]["strategy"]["rollingUpdate"];
        if rolling["maxUnavailable"] != 0 {
            found.push(format!(
                "{}: a rollout takes pods away first",
                title(workload)
            ));
        }
        let spread = list(pod_of(workload), "/topologySpreadConstraints");
        if spread.is_empty()
            || spread
                .iter()
                .any(|one| !matches(&one["labelSelector"], labels))
        {
            found.push(format!("{}: its pods are not spread", title(workload)));
        }
    }
    found
}

/// What is named is there: accounts, files and Secrets, services behind the Ingress.
pub(super) fn references(build: &Build) -> Vec<String> {
    let mut found = Vec::new();
    let mut wants = |owner: &Value, kind: &str, name: &Value| {
        if build
            .find(kind, name.as_str().unwrap_or_default())
            .is_none()
        {
            found.push(format!("{}: there is no {kind} {name}", title(owner)));
        }
    };
    // Secrets and files are the overlays'; those of production are made by hand.
    let has_files = build.of_kind("ConfigMap").next().is_some();
    let has_secrets = build.of_kind("Secret").next().is_some();
    for workload in build.workloads() {
        let pod = pod_of(workload);
        if !pod["serviceAccountName"].is_null() {
            wants(workload, "ServiceAccount", &pod["serviceAccountName"]);
        }
        for volume in list(pod, "/volumes").iter().filter(|_| has_files) {
            if !volume["configMap"].is_null() {
                wants(workload, "ConfigMap", &volume["configMap"]["name"]);
            }
        }
        let from = containers(workload).flat_map(|container| list(container, "/envFrom"));
        for source in from.filter(|_| has_secrets) {
            wants(workload, "Secret", &source["secretRef"]["name"]);
        }
    }
    for scaler in build.of_kind("HorizontalPodAutoscaler") {
        let target = &scaler["spec"]["scaleTargetRef"];
        wants(
            scaler,
            target["kind"].as_str().unwrap_or_default(),
            &target["name"],
        );
    }
    for ingress in build.of_kind("Ingress") {
        let rules = list(ingress, "/spec/rules").iter();
        for path in rules.flat_map(|rule| list(rule, "/http/paths")) {
            let backend = &path["backend"]["service"];
            wants(ingress, "Service", &backend["name"]);
        }
    }
    found
}

/// An overlay's namespace refuses pods that may more than ours, and all is in it.
pub(super) fn namespaces(build: &Build) -> Vec<String> {
    let Some(namespace) = build.of_kind("Namespace").next() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let enforced = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
    if *enforced != "restricted" {
        found.push(format!("{} enforces {enforced}", title(namespace)));
    }
    for object in build
        .objects
        .iter()
        .filter(|object| object["kind"] != "Namespace")
    {
        if object["metadata"]["namespace"] != namespace["metadata"]["name"] {
            found.push(format!("{} is elsewhere", title(object)));
        }
    }
    found
}
