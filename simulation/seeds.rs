//! Many seeds: none breaks a promise, and each gives the same run again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{available_parallelism, scope};

#[cfg(feature = "sabotage")]
use causerie_shared::sabotage::Protection;

use crate::history::fingerprint;
use crate::run::{Outcome, run};

/// How many seeds are run where `SIMULATION_SEEDS` says nothing.
const SEEDS: u64 = 50;

/// How many of them are run twice.
const TWICE: u64 = 5;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}: a number, not {text:?}")),
    )
}

/// How many seeds are wanted; none at all would prove nothing.
fn how_many(name: &str, unless_named: u64) -> u64 {
    let count = number(name).unwrap_or(unless_named);
    assert!(count > 0, "{name}: 1 at least, not 0");
    count
}

/// Runs seeds on all cores; those with which something is wrong.
fn those_where(wrong: impl Fn(u64) -> Option<String> + Sync, seeds: u64) -> Vec<(u64, String)> {
    let next = AtomicU64::new(0);
    let threads = available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut found = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return found;
            }
            found.extend(wrong(seed).map(|says| (seed, says)));
        }
    };
    let mut found: Vec<_> = scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    found.sort();
    found
}

fn broken(outcome: &Outcome) -> Option<String> {
    let violations = &outcome.verdict.violations;
    let says = |text: String, violation| format!("{text}\n    {violation}");
    (!violations.is_empty()).then(|| violations.iter().take(5).fold(String::new(), says))
}

#[test]
fn no_seed_breaks_a_promise() {
    if let Some(seed) = number("SIMULATION_SEED") {
        return show(seed);
    }
    let seeds = how_many("SIMULATION_SEEDS", SEEDS);
    let found = those_where(|seed| broken(&run(seed)), seeds);
    for (seed, says) in found.iter().take(10) {
        eprintln!("promises were broken: seed {seed}:{says}");
        eprintln!("  again: {}", again(*seed));
    }
    assert!(
        found.is_empty(),
        "{} of {seeds} seeds broke promises",
        found.len()
    );
}

/// The command that runs one seed again, and tells all of it: with the build of
/// `./test simulation`.
fn again(seed: u64) -> String {
    format!(
        "SIMULATION_SEED={seed} cargo test --locked --profile simulation -p causerie-simulation \
         --features sabotage no_seed -- --nocapture"
    )
}

/// Prints all that happened with one seed.
fn show(seed: u64) {
    let outcome = run(seed);
    let mut entries = outcome.entries.clone();
    entries.sort_by_key(|entry| entry.at);
    for entry in &entries {
        eprintln!("{}", serde_json::to_string(entry).unwrap());
    }
    eprintln!("plan of seed {seed}:");
    for strike in &outcome.plan {
        eprintln!(
            "    {:?} of {} at {:?} for {:?}",
            strike.kind, strike.whom, strike.at, strike.lasts
        );
    }
    let says = broken(&outcome);
    assert!(
        says.is_none(),
        "promises were broken: seed {seed}:{}",
        says.unwrap()
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let differs = |seed| {
        let (once, again) = (run(seed), run(seed));
        (fingerprint(&once.entries) != fingerprint(&again.entries))
            .then(|| first_difference(&once, &again))
    };
    let found = those_where(differs, how_many("SIMULATION_TWICE", TWICE));
    assert!(found.is_empty(), "{found:#?}");
}

fn first_difference(once: &Outcome, again: &Outcome) -> String {
    let mut pairs = once.entries.iter().zip(&again.entries);
    match pairs.find(|(once, again)| once != again) {
        Some((once, again)) => format!("{once:?}\n{again:?}"),
        None => "one is longer".to_owned(),
    }
}

/// Only in a build from which protections can be taken out: without each of
/// them some seed breaks a promise that it is for.
#[cfg(feature = "sabotage")]
#[test]
fn every_missing_protection_is_noticed() {
    let mut unnoticed = Vec::new();
    for protection in Protection::ALL {
        let mut without = std::process::Command::new(std::env::current_exe().unwrap());
        without
            .args(["--exact", "--nocapture", "seeds::no_seed_breaks_a_promise"])
            // The seeds that find it are among the first.
            .env("SIMULATION_SEEDS", "200")
            .env("CAUSERIE_SABOTAGE", protection.name());
        let output = without.output().unwrap();
        let says = String::from_utf8_lossy(&output.stderr).into_owned();
        let found = promises_broken(&says);
        if broken_without(protection)
            .iter()
            .any(|promise| found.contains(promise))
        {
            let seeds = says
                .lines()
                .find(|line| line.ends_with("seeds broke promises"));
            let seeds = seeds.unwrap_or_default();
            eprintln!("without {}: {seeds}: {found:?}", protection.name());
        } else {
            unnoticed.push((protection, says));
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
}

/// The promises that a protection is for.
#[cfg(feature = "sabotage")]
fn broken_without(protection: Protection) -> &'static [&'static str] {
    match protection {
        Protection::GapRepair => &["Hole", "PieceMissing"],
        Protection::HandOver => &["Hole", "Double"],
        Protection::Dedup => &["StoredTwice"],
        Protection::Fencing => &["WrongText", "FormerAttempt"],
        Protection::SessionOrder => &["OutOfTurn"],
        Protection::DeltaIndex => &["PieceTwice"],
        Protection::Patience => &["NeedlessCall", "CallsAtOnce"],
    }
}

/// The promises that seeds broke.
#[cfg(feature = "sabotage")]
fn promises_broken(says: &str) -> std::collections::BTreeSet<&str> {
    let violations = says
        .lines()
        .filter_map(|line| line.trim().split_once(" s: "));
    let promises = violations.filter_map(|(_, violation)| violation.split_once(':'));
    promises.map(|(promise, _)| promise).collect()
}
