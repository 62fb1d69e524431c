//! Each policy finds what breaks it, so that "nothing found" means something.

use serde_json::{Value, json};

use super::{POLICIES, Policy};
use crate::build::{Build, build};

/// A mistake: of which object, at which path, what stands there instead; `Null` takes it away.
struct Mistake {
    policy: &'static str,
    object: (&'static str, &'static str),
    path: &'static str,
    value: Value,
}

const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

fn mistakes() -> Vec<Mistake> {
    let gateway = ("Deployment", "gateway");
    let broker = ("Deployment", "broker");
    let redis = ("StatefulSet", "redis");
    let of_pod = |path| (POD, path);
    let of_container = |path| (CONTAINER, path);
    let whole = |path| ("", path);
    let list = [
        (
            "images",
            gateway,
            of_container("/image"),
            json!("causerie/gateway:latest"),
        ),
        (
            "images",
            gateway,
            of_container("/image"),
            json!("localhost:5000/gateway"),
        ),
        (
            "resources",
            gateway,
            of_container("/resources/limits/memory"),
            Value::Null,
        ),
        (
            "resources",
            broker,
            of_container("/resources/requests/cpu"),
            Value::Null,
        ),
        (
            "restricted",
            gateway,
            of_pod("/securityContext/runAsNonRoot"),
            Value::Null,
        ),
        (
            "restricted",
            broker,
            of_pod("/securityContext/runAsUser"),
            json!(0),
        ),
        (
            "restricted",
            redis,
            of_pod("/securityContext/seccompProfile"),
            Value::Null,
        ),
        ("restricted", broker, of_pod("/hostNetwork"), json!(true)),
        (
            "restricted",
            gateway,
            of_pod("/volumes/0/hostPath"),
            json!({"path": "/"}),
        ),
        (
            "restricted",
            gateway,
            of_container("/securityContext/readOnlyRootFilesystem"),
            Value::Null,
        ),
        (
            "restricted",
            broker,
            of_container("/securityContext/allowPrivilegeEscalation"),
            json!(true),
        ),
        (
            "restricted",
            gateway,
            of_container("/securityContext/capabilities/add"),
            json!(["NET_ADMIN"]),
        ),
        (
            "restricted",
            redis,
            of_container("/securityContext/capabilities"),
            Value::Null,
        ),
        (
            "restricted",
            gateway,
            of_container("/securityContext/privileged"),
            json!(true),
        ),
        (
            "restricted",
            gateway,
            of_container("/securityContext/runAsUser"),
            json!(0),
        ),
        (
            "no account",
            gateway,
            of_pod("/enableServiceLinks"),
            Value::Null,
        ),
        (
            "no account",
            redis,
            of_pod("/automountServiceAccountToken"),
            json!(true),
        ),
        (
            "no account",
            ("ServiceAccount", "causerie"),
            whole("/automountServiceAccountToken"),
            Value::Null,
        ),
        (
            "probes",
            gateway,
            of_container("/livenessProbe"),
            Value::Null,
        ),
        (
            "probes",
            redis,
            of_container("/readinessProbe"),
            Value::Null,
        ),
        (
            "probes",
            broker,
            of_container("/startupProbe/httpGet/port"),
            json!("http"),
        ),
        (
            "grace",
            gateway,
            of_pod("/terminationGracePeriodSeconds"),
            json!(40),
        ),
        ("grace", broker, of_container("/env/2/value"), json!("60s")),
        ("grace", gateway, of_container("/lifecycle"), Value::Null),
        (
            "ports",
            gateway,
            of_container("/ports/0/containerPort"),
            json!(8090),
        ),
        (
            "ports",
            broker,
            of_container("/env/0/value"),
            json!("127.0.0.1"),
        ),
        (
            "ports",
            gateway,
            of_container("/env/1/value"),
            json!("9000"),
        ),
        (
            "selectors",
            gateway,
            whole("/spec/selector/matchLabels"),
            json!({"app.kubernetes.io/name": "other"}),
        ),
        (
            "selectors",
            ("Service", "gateway"),
            whole("/spec/selector"),
            json!({"app": "gateway"}),
        ),
        (
            "selectors",
            ("Service", "broker"),
            whole("/spec/ports/0/targetPort"),
            json!("http"),
        ),
        (
            "selectors",
            ("ServiceMonitor", "broker"),
            whole("/spec/endpoints/0/port"),
            json!("metrics"),
        ),
        (
            "budgets",
            ("PodDisruptionBudget", "gateway"),
            whole("/spec/selector/matchLabels"),
            json!({"app": "gateway"}),
        ),
        (
            "budgets",
            ("PodDisruptionBudget", "broker"),
            whole("/spec/maxUnavailable"),
            json!(0),
        ),
        (
            "budgets",
            ("HorizontalPodAutoscaler", "broker"),
            whole("/spec/minReplicas"),
            json!(1),
        ),
        ("budgets", gateway, whole("/spec/replicas"), json!(3)),
        (
            "budgets",
            gateway,
            whole("/spec/strategy/rollingUpdate/maxUnavailable"),
            json!(1),
        ),
        (
            "budgets",
            gateway,
            of_pod("/topologySpreadConstraints"),
            Value::Null,
        ),
        (
            "references",
            gateway,
            of_pod("/serviceAccountName"),
            json!("causery"),
        ),
        (
            "references",
            broker,
            of_pod("/volumes/0/configMap/name"),
            json!("causerie"),
        ),
        (
            "references",
            gateway,
            of_container("/envFrom/0/secretRef/name"),
            json!("gateways"),
        ),
        (
            "references",
            ("HorizontalPodAutoscaler", "gateway"),
            whole("/spec/scaleTargetRef/name"),
            json!("gate"),
        ),
        (
            "references",
            ("Ingress", "gateway"),
            whole("/spec/rules/0/http/paths/0/backend/service/name"),
            json!("web"),
        ),
        (
            "namespaces",
            ("Namespace", "causerie-dev"),
            whole("/metadata/labels"),
            Value::Null,
        ),
        (
            "namespaces",
            ("Service", "redis"),
            whole("/metadata/namespace"),
            json!("default"),
        ),
        (
            "network",
            ("NetworkPolicy", "gateway"),
            whole("/spec/policyTypes"),
            json!(["Ingress"]),
        ),
        (
            "network",
            ("NetworkPolicy", "gateway"),
            whole("/spec/ingress/0/from"),
            Value::Null,
        ),
        (
            "network",
            ("NetworkPolicy", "gateway"),
            whole("/spec/ingress/1/ports/0/port"),
            json!("http"),
        ),
        (
            "network",
            ("NetworkPolicy", "broker"),
            whole("/spec/egress/1/ports/0/port"),
            json!(6380),
        ),
        (
            "network",
            ("NetworkPolicy", "broker"),
            whole("/spec/egress/0/ports"),
            Value::Null,
        ),
        (
            "network",
            ("NetworkPolicy", "redis"),
            whole("/spec/ingress/0/from"),
            json!([{"podSelector": {}}]),
        ),
        (
            "network",
            ("NetworkPolicy", "redis"),
            whole("/spec/podSelector/matchLabels"),
            json!({"app": "redis"}),
        ),
    ];
    let mistakes = list
        .into_iter()
        .map(|(policy, object, (under, path), value)| {
            let path = format!("{under}{path}").leak();
            Mistake {
                policy,
                object,
                path,
                value,
            }
        });
    mistakes.collect()
}

#[test]
fn every_policy_finds_what_breaks_it() {
    // Where it matters which: development has a Redis and Secrets, production monitors.
    let builds = ["overlays/dev", "overlays/production"].map(build);
    let mistakes = mistakes();
    for (name, policy) in POLICIES {
        let mut of_policy = mistakes
            .iter()
            .filter(|mistake| mistake.policy == name)
            .peekable();
        assert!(
            of_policy.peek().is_some(),
            "nothing shows that `{name}` finds anything"
        );
        for mistake in of_policy {
            finds(policy, mistake, &builds);
        }
    }
}

fn finds(policy: Policy, mistake: &Mistake, builds: &[Build]) {
    let Mistake {
        policy: name,
        object: (kind, of),
        path,
        value,
    } = mistake;
    let mut builds = builds.iter();
    let build = builds.find(|build| build.find(kind, of).is_some());
    let mut build = build.unwrap_or_else(|| panic!("no {kind} {of}")).clone();
    assert_eq!(policy(&build), [""; 0], "before the mistake");
    let mut objects = build.objects.iter_mut();
    let object =
        objects.find(|object| object["kind"] == *kind && object["metadata"]["name"] == *of);
    put(object.expect("just found"), path, value);
    assert_ne!(
        policy(&build),
        [""; 0],
        "`{name}` does not see {value} at {path} of {kind} {of}"
    );
}

fn put(object: &mut Value, path: &str, value: &Value) {
    let (above, key) = path.rsplit_once('/').expect("a path");
    let above = object.pointer_mut(above);
    let above = above.unwrap_or_else(|| panic!("nothing is above {path}"));
    match above {
        Value::Object(map) if value.is_null() => {
            assert!(map.remove(key).is_some(), "nothing is at {path}");
        }
        other => other[key] = value.clone(),
    }
}
