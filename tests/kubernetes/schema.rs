//! Every object fits Kubernetes' own schema, and has no field that the schema lacks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::build::{Build, all, build, root};

/// The strict schema of one version of Kubernetes, and one of the Prometheus operator's kinds.
struct Schemas {
    definitions: Map<String, Value>,
    /// The definition of each `apiVersion` and kind.
    names: BTreeMap<(String, String), String>,
}

impl Schemas {
    fn read() -> Self {
        let kubernetes = std::env::var_os("CAUSERIE_KUBERNETES_SCHEMA");
        let kubernetes = kubernetes.expect("these tests are run by ./test kubernetes");
        let mut definitions = definitions(Path::new(&kubernetes));
        definitions.append(&mut definitions_of_operator());
        let mut names = BTreeMap::new();
        for (name, definition) in &definitions {
            for kind in definition["x-kubernetes-group-version-kind"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let [group, version, kind] = ["group", "version", "kind"]
                    .map(|part| kind[part].as_str().unwrap_or_default());
                let api = if group.is_empty() {
                    version.to_owned()
                } else {
                    format!("{group}/{version}")
                };
                names.insert((api, kind.to_owned()), name.clone());
            }
        }
        Self { definitions, names }
    }

    /// What is wrong with an object.
    fn complaints(&self, object: &Value) -> Vec<String> {
        let [api, kind] =
            ["apiVersion", "kind"].map(|key| object[key].as_str().unwrap_or_default());
        let Some(name) = self.names.get(&(api.to_owned(), kind.to_owned())) else {
            return vec![format!("no schema knows {api} {kind}")];
        };
        let schema = json!({
            "$ref": format!("#/$defs/{name}"),
            "$defs": self.definitions,
        });
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors = validator.iter_errors(object);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    fn complaints_of(&self, build: &Build) -> Vec<String> {
        let objects = build.objects.iter();
        let complaints = objects.flat_map(|object| {
            let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
            let complaints = self.complaints(object).into_iter();
            complaints.map(move |complaint| format!("{kind} {name} {complaint}"))
        });
        complaints.collect()
    }
}

fn definitions(file: &Path) -> Map<String, Value> {
    let text = fs::read_to_string(file).expect("definitions");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    match schema["$defs"].take() {
        Value::Object(definitions) => definitions,
        other => panic!("{}: {other}", file.display()),
    }
}

/// Ours: those fields of its kinds that we might use. No registry has its schema.
fn definitions_of_operator() -> Map<String, Value> {
    definitions(&root().join("tests/kubernetes/operator.json"))
}

#[test]
fn every_object_of_every_build_fits_its_schema() {
    let schemas = Schemas::read();
    let mut complaints = Vec::new();
    for build in all() {
        assert!(!build.objects.is_empty(), "{} is empty", build.name);
        let of_build = schemas.complaints_of(&build).into_iter();
        complaints.extend(of_build.map(|complaint| format!("{}: {complaint}", build.name)));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Where a schema was not strict, what is misspelt would pass.
#[test]
fn what_fits_no_schema_is_found() {
    let schemas = Schemas::read();
    let production = build("overlays/production");
    let kinds = [
        (
            "Deployment",
            "gateway",
            "/spec/template/spec/containers/0",
            "imagePullPolice",
            json!("Always"),
        ),
        (
            "Deployment",
            "gateway",
            "/spec/template/spec/containers/0/readinessProbe/httpGet",
            "pth",
            json!("/"),
        ),
        ("Deployment", "broker", "/spec", "replicas", json!("two")),
        ("Deployment", "broker", "/metadata", "label", json!({})),
        ("Service", "gateway", "/spec/ports/0", "portt", json!(1)),
        (
            "Ingress",
            "gateway",
            "/spec/rules/0/http/paths/0",
            "pathTyp",
            json!("Prefix"),
        ),
        (
            "HorizontalPodAutoscaler",
            "gateway",
            "/spec/behavior/scaleDown",
            "window",
            json!(1),
        ),
        (
            "PodDisruptionBudget",
            "gateway",
            "/spec",
            "maxUnavailabel",
            json!(1),
        ),
        (
            "NetworkPolicy",
            "broker",
            "/spec/egress/0",
            "port",
            json!([]),
        ),
        ("ServiceAccount", "causerie", "", "automount", json!(false)),
        (
            "ServiceMonitor",
            "gateway",
            "/spec/endpoints/0",
            "intervall",
            json!("15s"),
        ),
        (
            "ServiceMonitor",
            "gateway",
            "/spec/endpoints/0",
            "port",
            json!(8081),
        ),
        (
            "PrometheusRule",
            "causerie",
            "/spec/groups/0/rules/0",
            "expression",
            json!("up"),
        ),
    ];
    for (kind, name, above, key, value) in kinds {
        let mut object = production.object(kind, name).clone();
        assert_eq!(schemas.complaints(&object), [""; 0], "before the mistake");
        object.pointer_mut(above).expect("what is above it")[key] = value;
        assert_ne!(
            schemas.complaints(&object),
            [""; 0],
            "{above}/{key} of {kind} {name}"
        );
    }
    let mut object = production.object("Service", "gateway").clone();
    object["apiVersion"] = json!("v2");
    assert_ne!(schemas.complaints(&object), [""; 0], "there is no such API");
}
