//! A short run of `reconnect-storm`: all that it checks, and no figure.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn a_crowd_that_comes_to_another_gateway_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.md");
    let output = Command::new(env!("CARGO_BIN_EXE_reconnect-storm"))
        .args(["--clients", "300", "--onlookers", "3", "--report"])
        .arg(&report)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(report).unwrap();
    assert!(text.contains("that 300 clients were on"), "{text}");
    assert!(text.contains("| caught up | p50 "), "{text}");
}
