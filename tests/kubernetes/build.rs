//! What `kubectl kustomize` builds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// All objects of one `kubectl kustomize`.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    /// As `overlays/dev` or `base + custom-metrics`.
    pub name: String,
    /// Everything that `kubectl apply -k` would send.
    pub objects: Vec<Value>,
}

impl Build {
    /// The object of this kind and name.
    pub(crate) fn object(&self, kind: &str, name: &str) -> &Value {
        self.find(kind, name)
            .unwrap_or_else(|| panic!("{} has no {kind} {name}", self.name))
    }

    /// The same, where it may be missing.
    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.of_kind(kind)
            .find(|object| object["metadata"]["name"] == name)
    }

    /// All objects of this kind.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let objects = self.objects.iter();
        objects.filter(move |object| object["kind"] == kind)
    }

    /// What runs pods.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Value> {
        let objects = self.objects.iter();
        objects.filter(|object| object.pointer("/spec/template/spec").is_some())
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where the manifests are.
pub(crate) fn manifests() -> PathBuf {
    root().join("deploy/kubernetes")
}

/// One folder of the manifests as it is.
pub(crate) fn build(folder: &str) -> Build {
    Build {
        name: folder.to_owned(),
        objects: kustomize(&manifests().join(folder)),
    }
}

/// The base and each overlay, alone and with each choice of the components that it lacks.
pub(crate) fn all() -> Vec<Build> {
    let overlays = folders("overlays").map(|name| format!("overlays/{name}"));
    let roots = [String::from("base")].into_iter().chain(overlays);
    roots.flat_map(|root| with_components(&root)).collect()
}

fn with_components(root: &str) -> Vec<Build> {
    let own = manifests().join(root).join("kustomization.yaml");
    let own = fs::read_to_string(own).expect("a kustomization.yaml");
    let lacking: Vec<String> = folders("components")
        .filter(|name| !own.contains(&format!("components/{name}")))
        .collect();
    let choices = 0..1_u32 << lacking.len();
    let choices = choices.map(|bits| {
        let chosen = lacking.iter().enumerate();
        let chosen = chosen.filter(|(at, _)| bits & (1 << at) != 0);
        chosen.map(|(_, name)| name.as_str()).collect::<Vec<_>>()
    });
    choices
        .map(|chosen| match chosen.is_empty() {
            true => build(root),
            false => build_with(root, &chosen),
        })
        .collect()
}

/// With components that somebody adds to the list of an overlay.
fn build_with(root: &str, components: &[&str]) -> Build {
    let folder = tempfile::tempdir().unwrap();
    copy(&manifests(), folder.path());
    let file = folder.path().join(root).join("kustomization.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let up = "../".repeat(root.split('/').count());
    let added = components
        .iter()
        .map(|name| format!("{up}components/{name}, "));
    let added = format!("components: [{}", added.collect::<String>());
    let text = match text.contains("components: [") {
        true => text.replace("components: [", &added),
        false => format!("{text}{added}]\n"),
    };
    fs::write(file, text).unwrap();
    Build {
        name: format!("{root} + {}", components.join(" + ")),
        objects: kustomize(&folder.path().join(root)),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

fn folders(of: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(manifests().join(of)).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.into_iter()
}

fn kustomize(folder: &Path) -> Vec<Value> {
    let yaml = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    let folder = folder.to_str().unwrap();
    fs::write(yaml.path(), kubectl(&["kustomize", folder])).unwrap();
    // A patch that changes nothing, and asks no cluster: kubectl tells its YAML as JSON.
    let json = kubectl(&[
        "patch",
        "--local",
        "--type=merge",
        "--patch={}",
        "--output=json",
        "--filename",
        yaml.path().to_str().unwrap(),
    ]);
    let objects = serde_json::Deserializer::from_str(&json).into_iter();
    objects
        .map(|object| object.expect("kubectl prints JSON"))
        .collect()
}

fn kubectl(arguments: &[&str]) -> String {
    let kubectl = std::env::var_os("CAUSERIE_KUBECTL");
    let kubectl = kubectl.expect("these tests are run by ./test kubernetes");
    let mut command = Command::new(kubectl);
    let output = command
        .args(arguments)
        .env("KUBECONFIG", "/dev/null")
        .output();
    let output = output.expect("kubectl can be started");
    assert!(output.status.success(), "kubectl {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
}
