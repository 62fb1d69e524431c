//! One contender under one row's load.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::Parser;

use super::contender::{Contender, SECRET, TENANT};
use super::row::Row;
use super::stage::Stage;
use crate::load::results::Results;
use crate::load::scenario::Scenario;

/// What the program `causerie-loadtest` would be told.
#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

/// How long a measurement takes, and how large it is.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Seconds at each rate.
    pub seconds: f64,
    /// Clients, of a hundred that a row has.
    pub percent: usize,
    /// Threads of clients.
    pub threads: u16,
}

/// Puts a contender that runs under a row's load. A search begins at `rate`
/// messages a second.
///
/// # Errors
/// It does not bear any, or the load cannot be made.
pub fn measure(
    row: Row,
    contender: Contender,
    stage: &Stage,
    rate: f64,
    effort: Effort,
) -> anyhow::Result<Results> {
    let load = load(row, contender, rate, effort);
    let line = ["causerie-loadtest".to_owned()].into_iter();
    let line = line.chain(load.clone()).chain(servers(contender, stage));
    let Line { scenario } = Line::try_parse_from(line).context("what the load is told")?;
    let load = load.join(" ");
    let parameters = BTreeMap::from([("load".to_owned(), load.clone())]);
    let mut results = scenario.run(row.title(), parameters).context(load)?;
    results.subject = contender.to_string();
    Ok(results)
}

/// The load, as words of a command line.
fn load(row: Row, contender: Contender, rate: f64, effort: Effort) -> Vec<String> {
    let share = |all: usize| (all * effort.percent / 100).max(2).to_string();
    let mut words = Vec::new();
    let mut say = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    match row {
        Row::InFlight => say(&["fanout", "--bytes", "1024", "--subscribers"]),
        Row::Saturated | Row::BigRoom | Row::TwoNodes => say(&["fanout", "--subscribers"]),
        Row::ColdStart => {
            say(&["fanout", "--rate", "20", "--connect-rate", "0"]);
            say(&["--subscribers"]);
        }
        Row::Pairs => say(&["rooms", "--members", "2", "--rooms"]),
        Row::Memory => say(&[
            "connect",
            "--hold",
            "5",
            "--connect-rate",
            "2000",
            "--clients",
        ]),
    }
    say(&[&share(row.clients())]);
    if row.is_search() {
        say(&["--search", "--search-from", &rate.to_string()]);
        if !contender.keeps_order() {
            say(&["--any-order"]);
        }
    }
    let warm_up = if row == Row::ColdStart { "0" } else { "1" };
    if row != Row::Memory {
        say(&[
            "--warm-up",
            warm_up,
            "--seconds",
            &effort.seconds.to_string(),
        ]);
    }
    say(&["--threads", &effort.threads.to_string()]);
    words
}

/// Where the servers are, and how they are spoken to.
fn servers(contender: Contender, stage: &Stage) -> Vec<String> {
    let mut words = vec!["--dialect".to_owned(), contender.dialect().to_owned()];
    let mut say = |name: &str, value: String| words.extend([name.to_owned(), value]);
    for target in stage.targets() {
        say("--target", target);
    }
    for (number, pid) in stage.pids().iter().enumerate() {
        say("--server", format!("node-{}={pid}", number + 1));
    }
    if let Some((url, pid)) = stage.redis() {
        say("--storage", format!("redis={pid}"));
        say("--redis", format!("redis={url}"));
    }
    say("--tenant", TENANT.to_owned());
    say("--jwt-secret", SECRET.to_owned());
    words
}
