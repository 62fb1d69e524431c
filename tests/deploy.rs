//! What is deployed by containers and manifests fits what the programs take.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use causerie_shared::config::{Loader, Program, Sources};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Holds that gateways and brokers start with `file`, and these keys from secrets, and warn
/// of nothing.
fn is_taken(file: PathBuf, secrets: &[&str]) {
    for program in [Program::Gateway, Program::Broker] {
        let sources = Sources {
            config: Some(file.clone()),
            set: secrets.iter().map(|&pair| pair.to_owned()).collect(),
            ..Sources::default()
        };
        let loader = Loader::new(program, sources).expect("the file is read");
        let settings = loader.load();
        let settings = settings.unwrap_or_else(|error| panic!("{file:?}: {error}"));
        assert_eq!(loader.warnings(&settings), [""; 0], "{file:?}");
    }
}

#[test]
fn what_init_makes_for_compose_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets");
    let init = || {
        let mut init = Command::new(root().join("deploy/compose/init"));
        init.env("SECRETS", &secrets).output().unwrap()
    };
    let made = init();
    assert!(made.status.success(), "{made:?}");
    let compose = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let (_, proxies) = compose
        .split_once("AUTH_TRUSTED_PROXIES: ${SUBNET:-")
        .unwrap();
    let (proxies, _) = proxies.split_once('}').unwrap();
    let proxies = format!("auth.trusted_proxies={proxies}");
    is_taken(secrets.join("causerie.toml"), &[&proxies]);
    let conf = std::fs::read_to_string(secrets.join("redis.conf")).unwrap();
    let password = conf
        .lines()
        .find_map(|line| line.strip_prefix("requirepass "));
    let toml = std::fs::read_to_string(secrets.join("causerie.toml")).unwrap();
    let url = format!("redis://:{}@redis:6379", password.unwrap());
    assert!(toml.contains(&url), "the password is another");
    // Whoever calls it again keeps the secrets that people came in with.
    let again = init();
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let kept = std::fs::read_to_string(secrets.join("causerie.toml")).unwrap();
    assert_eq!(kept, toml);
}

#[test]
fn what_kubernetes_mounts_is_taken() {
    let overlays = root().join("deploy/kubernetes/overlays");
    let secret = "5f0c1d7a93e24b68a1c3e5f70911b2d4";
    let (visitors, tokens) = (
        format!("auth.visitor_secret={secret}"),
        format!("auth.jwt_secret={secret}"),
    );
    for overlay in ["dev", "production"] {
        let set = ["redis.url=redis://:s3cret@redis:6379", &visitors, &tokens];
        is_taken(overlays.join(overlay).join("causerie.toml"), &set);
    }
}

/// The Prometheus operator wants them in a resource of its own.
#[test]
fn kubernetes_has_the_same_alerts() {
    let groups = |path: &str| -> Vec<String> {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let after = text.lines().skip_while(|line| line.trim() != "groups:");
        let lines = after.skip(1).map(|line| line.trim().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    };
    let alerts = groups("deploy/observability/alerts.yml");
    assert!(alerts.iter().any(|line| line.starts_with("- alert: ")));
    let rules = groups("deploy/kubernetes/components/monitoring/rules.yaml");
    assert_eq!(rules, alerts);
}
