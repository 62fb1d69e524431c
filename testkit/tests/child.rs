//! Children are watched, ended, and never outlive the test process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::Command;
use std::time::Duration;

use causerie_testkit::DEADLINE;
use causerie_testkit::child::Child;
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

fn shell(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Child::spawn("a shell", command)
}

#[tokio::test]
async fn lines_are_found_before_and_after_they_come() {
    let child = shell("echo one; echo two >&2; exec sleep 1000");
    let two = child
        .find_line(0, "two", |line| line.strip_prefix("tw").map(str::to_owned))
        .await;
    assert_eq!(two.unwrap(), "o");
    child
        .find_line(0, "one", |line| (line == "one").then_some(()))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_early_end_is_told_with_the_output() {
    let child = shell("echo cannot do it; exit 3");
    let error = child
        .find_line(0, "readiness", |line| (line == "ready").then_some(()))
        .await;
    let error = error.unwrap_err();
    assert!(
        error.contains("ended before") && error.contains("cannot do it"),
        "{error}"
    );
}

#[tokio::test]
async fn the_end_is_waited_for_with_all_output() {
    let mut child = shell("echo last words; exit 7");
    assert_eq!(child.wait_within(DEADLINE).await.code(), Some(7));
    assert_eq!(child.output(), "last words");
}

#[tokio::test]
#[should_panic(expected = "still runs after")]
async fn a_child_that_stays_fails_the_wait() {
    shell("exec sleep 1000")
        .wait_within(Duration::from_millis(50))
        .await;
}

#[tokio::test]
async fn a_signal_arrives() {
    let mut child =
        shell("trap 'echo asked to end; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    child
        .find_line(0, "up", |line| (line == "up").then_some(()))
        .await
        .unwrap();
    child.signal(Signal::SIGTERM);
    assert!(child.wait_within(DEADLINE).await.success());
    assert!(child.output().contains("asked to end"));
}

/// Set for the copy of this test executable that is going to be killed.
const VICTIM: &str = "CAUSERIE_TESTKIT_VICTIM";

#[test]
fn victim_that_holds_a_child() {
    if std::env::var_os(VICTIM).is_some() {
        let child = shell("exec sleep 1000");
        println!("child {}", child.pid());
        std::thread::park();
    }
}

#[tokio::test]
async fn a_child_dies_with_a_killed_test_process() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "victim_that_holds_a_child", "--nocapture"])
        .env(VICTIM, "1");
    let mut victim = Child::spawn("the victim", command);
    let number = |line: &str| line.split_once("child ")?.1.parse::<u32>().ok();
    let grandchild = victim.find_line(0, "its child's id", number).await.unwrap();
    assert!(runs(grandchild));
    victim.kill();
    let deadline = Instant::now() + DEADLINE;
    while runs(grandchild) {
        assert!(
            Instant::now() < deadline,
            "process {grandchild} has outlived its parent"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

/// A dead process that nobody has waited for yet (a zombie) does not run.
fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with('Z'))
    })
}
