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
    let text = std::fs::read_to_string(report).unwrap_or_default();
    // A busy machine may miss a goal; the exit code says so.
    let expected = if text.contains("**missed**") { 3 } else { 0 };
    assert_eq!(output.status.code(), Some(expected), "{output:?}");
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
