//! A short run of `first-delta`: all that it checks, and no figure.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn a_short_run_loses_nothing_and_writes_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.md");
    let output = Command::new(env!("CARGO_BIN_EXE_first-delta"))
        .args([
            "--questions",
            "200",
            "--ramp",
            "3",
            "--rounds",
            "2",
            "--report",
        ])
        .arg(&report)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(report).unwrap();
    for wanted in [
        "medians of 2 runs at half load",
        "| p99, ms | ",
        "≤ 5: a first look",
        "| questions | 200 a run, ",
    ] {
        assert!(text.contains(wanted), "no {wanted} in {text}");
    }
}
