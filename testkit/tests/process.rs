//! Programs are started with nothing of the caller's environment that could matter.
#![allow(clippy::unwrap_used, missing_docs)]

use causerie_testkit::process::Program;

#[tokio::test]
async fn what_surrounds_us_is_not_handed_on() {
    let ours = "CARGO_PKG_NAME";
    assert!(std::env::var_os(ours).is_some());
    let broker = Program::broker().env("REDIS_URL", "redis://127.0.0.1:1");
    let node = broker.start_without_waiting().await;
    let environment = std::fs::read(format!("/proc/{}/environ", node.pid())).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    let has = |name: &str| {
        let mut lines = environment.split('\0');
        lines.any(|line| line.split_once('=').is_some_and(|(key, _)| key == name))
    };
    assert!(has("REDIS_URL") && has("PATH"), "{environment}");
    assert!(!has(ours), "{environment}");
}
