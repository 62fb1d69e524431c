//! How containers run.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{containers, list, pod_of, port_number, title};
use crate::build::{Build, build, manifests, root};

/// A sentence for each container for which `complain` has one.
fn of_containers(build: &Build, complain: impl Fn(&Value, &Value) -> Vec<String>) -> Vec<String> {
    let workloads = build.workloads();
    let found = workloads.flat_map(|workload| {
        containers(workload).flat_map(|container| {
            let place = format!("{}, container {}", title(workload), container["name"]);
            let found = complain(workload, container).into_iter();
            found.map(move |found| format!("{place}: {found}"))
        })
    });
    found.collect()
}

/// Those that `wanted` says are not as they ought to be.
fn unlike(object: &Value, wanted: &[(&str, Value)]) -> Vec<String> {
    let unlike = wanted
        .iter()
        .filter(|(path, value)| object.pointer(path) != Some(value));
    unlike
        .map(|(path, value)| format!("{path} has to be {value}"))
        .collect()
}

/// A version that says which.
pub(super) fn images(build: &Build) -> Vec<String> {
    of_containers(build, |_, container| {
        let image = container["image"].as_str().unwrap_or_default();
        let name = image.rsplit('/').next().unwrap_or_default();
        match name.split_once(':') {
            None => vec![format!("the image `{image}` has no version")],
            Some((_, "latest" | "")) => vec![format!("`{image}` is another one every day")],
            Some(_) => Vec::new(),
        }
    })
}

/// An image of ours is named in one place, and the docs name the same.
#[test]
fn one_place_names_our_images() {
    let mut files = Vec::new();
    read(&manifests(), &mut files);
    let base = build("base");
    for name in ["gateway", "broker"] {
        let deployment = base.object("Deployment", name);
        let image = pod_of(deployment)["containers"][0]["image"]
            .as_str()
            .unwrap();
        let repository = image.rsplit_once(':').unwrap().0;
        let named = files.iter().filter(|(_, text)| text.contains(repository));
        let named: Vec<_> = named.map(|(path, _)| path.clone()).collect();
        assert_eq!(
            named,
            [manifests().join("base/kustomization.yaml")],
            "{image}"
        );
        let docs = fs::read_to_string(root().join("docs/kubernetes.md")).unwrap();
        for command in [format!("-t {image} ."), format!("docker push {image}")] {
            assert!(docs.contains(&command), "docs/kubernetes.md: `{command}`");
        }
    }
}

/// All files below, with their texts.
fn read(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read(&path, files),
            false => files.push((path.clone(), fs::read_to_string(path).unwrap())),
        }
    }
}

pub(super) fn resources(build: &Build) -> Vec<String> {
    of_containers(build, |_, container| {
        let of = |kind| ["cpu", "memory"].map(|what| format!("/resources/{kind}/{what}"));
        let wanted = ["requests", "limits"].into_iter().flat_map(of);
        let missing = wanted.filter(|path| container.pointer(path).is_none());
        missing.map(|path| format!("{path} is missing")).collect()
    })
}

/// What the pod security standard `restricted` asks for, and a read-only root.
pub(super) fn restricted(build: &Build) -> Vec<String> {
    let mut found = of_containers(build, |_, container| {
        let of_image = [
            ("/securityContext/allowPrivilegeEscalation", json!(false)),
            ("/securityContext/readOnlyRootFilesystem", json!(true)),
            ("/securityContext/capabilities", json!({"drop": ["ALL"]})),
        ];
        let mut found = unlike(container, &of_image);
        for key in ["privileged", "runAsUser", "runAsNonRoot", "seccompProfile"] {
            if !container["securityContext"][key].is_null() {
                found.push(format!("{key} is the pod's to say"));
            }
        }
        found
    });
    for workload in build.workloads() {
        let pod = pod_of(workload);
        let of_pod = [
            ("/securityContext/runAsNonRoot", json!(true)),
            (
                "/securityContext/seccompProfile",
                json!({"type": "RuntimeDefault"}),
            ),
        ];
        let mut complaints = unlike(pod, &of_pod);
        if pod["securityContext"]["runAsUser"].as_u64().unwrap_or(0) == 0 {
            complaints.push("runAsUser has to be a number that is not root's".to_owned());
        }
        for key in ["hostNetwork", "hostPID", "hostIPC"] {
            if !pod[key].is_null() {
                complaints.push(format!("{key} is set"));
            }
        }
        let volumes = list(pod, "/volumes").iter();
        let of_host = volumes.filter(|volume| !volume["hostPath"].is_null());
        complaints.extend(of_host.map(|volume| format!("{} is of the host", volume["name"])));
        let complaints = complaints.into_iter();
        found.extend(complaints.map(|complaint| format!("{}: {complaint}", title(workload))));
    }
    found
}

/// Nothing asks Kubernetes for anything, so nothing is told how to.
pub(super) fn no_account(build: &Build) -> Vec<String> {
    let wanted = [
        ("/automountServiceAccountToken", json!(false)),
        ("/enableServiceLinks", json!(false)),
    ];
    let workloads = build.workloads().flat_map(|workload| {
        let found = unlike(pod_of(workload), &wanted).into_iter();
        found.map(move |found| format!("{}: {found}", title(workload)))
    });
    let accounts = build.of_kind("ServiceAccount").flat_map(|account| {
        let found = unlike(account, &wanted[..1]).into_iter();
        found.map(move |found| format!("{}: {found}", title(account)))
    });
    workloads.chain(accounts).collect()
}

/// Programs that serve over HTTP have all three; each asks at a port that the container has.
pub(super) fn probes(build: &Build) -> Vec<String> {
    of_containers(build, |workload, container| {
        let mut found = Vec::new();
        for kind in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let probe = &container[kind];
            let (get, is_needed) = (&probe["httpGet"], kind != "livenessProbe");
            if probe.is_null() && (is_needed || workload["kind"] == "Deployment") {
                found.push(format!("{kind} is missing"));
            }
            if !get.is_null() && port_number(workload, &get["port"]).is_none() {
                found.push(format!("{kind} asks at {}, which is no port", get["port"]));
            }
        }
        found
    })
}
