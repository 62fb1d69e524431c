//! A short run of `redis-path`: all that it checks, and no figure.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn a_short_run_measures_each_step_and_writes_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.md");
    let output = Command::new(env!("CARGO_BIN_EXE_redis-path"))
        .args(["--rooms", "8", "--callers", "1,4", "--operations", "40"])
        .args(["--bursts", "4", "--report"])
        .arg(&report)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(report).unwrap();
    for row in [
        "publish, 4 callers",
        "accept, 1 callers",
        "append, 4 replies",
        "beat, 8 at once",
        "hear, 4 at once",
        "| load at the end | ",
    ] {
        assert!(text.contains(row), "no {row} in {text}");
    }
}

#[test]
fn a_step_that_is_none_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_redis-path"))
        .args(["--only", "publsh"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
