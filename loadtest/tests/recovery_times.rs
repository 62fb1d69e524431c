//! A short run of `recovery-times`: everybody goes on, and no figure.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn everybody_goes_on_after_each_kind_of_fault() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.md");
    let output = Command::new(env!("CARGO_BIN_EXE_recovery-times"))
        .args(["--faults", "1", "--report"])
        .arg(&report)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(report).unwrap();
    for kind in [
        "gateway-killed",
        "gateway-frozen",
        "door-half-open",
        "broker-killed",
        "redis-restarted",
        "sentinel-failover",
        "cluster-master-killed",
    ] {
        assert!(text.contains(&format!("| {kind} | ")), "{kind}: {text}");
    }
    assert!(!text.contains("not measured"), "{text}");
}
