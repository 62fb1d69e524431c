//! One contender under one row's load.

use anyhow::Context;
use clap::Parser;

use super::contender::{Contender, SECRET, TENANT};
use super::effort::Effort;
use super::quiet;
use super::row::Row;
use super::run::Run;
use super::stage::Stage;
use crate::load::scenario::Scenario;

/// So many connections rest before those come whose memory is measured.
const PLATEAU: usize = 5_000;

/// Seconds that they rest, and all in the end.
const REST: &str = "20";

/// What the program `causerie-loadtest` would be told.
#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

/// The parameter that says how many cores those who make the load have, and Redis.
pub(super) const CORES_OF_THE_LOAD: &str = "cores of the load";

/// How the highest rate is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Messages a second at which it begins.
    from: f64,
    /// It goes up by so many times until a rate is too much.
    step: f64,
}

impl Search {
    /// The first of a row, which is far from what any of them bears.
    pub fn first(row: Row) -> Self {
        Self {
            from: row.first_rate(),
            step: 2.0,
        }
    }

    /// The next one of who bore so many messages a second before: close to that, and by
    /// steps as fine as a search is precise.
    pub fn after(borne: f64) -> Self {
        Self {
            from: borne * 0.9,
            step: 1.09,
        }
    }
}

/// Puts a contender that runs under a row's load, which is made on so many cores; none
/// where it shares them with the servers.
///
/// # Errors
/// It does not bear any, or the load cannot be made.
pub fn measure(
    row: Row,
    contender: Contender,
    stage: &Stage,
    search: Search,
    effort: Effort,
    cores: Option<usize>,
) -> anyhow::Result<Run> {
    let load = load(row, contender, search, effort, cores.unwrap_or(2));
    let line = ["causerie-loadtest".to_owned()].into_iter();
    let line = line.chain(load.clone()).chain(servers(contender, stage));
    let Line { scenario } = Line::try_parse_from(line).context("what the load is told")?;
    let load = load.join(" ");
    let mut parameters = effort.parameters();
    parameters.insert("load".to_owned(), load.clone());
    let cores = cores.map(|cores| (CORES_OF_THE_LOAD.to_owned(), cores.to_string()));
    parameters.extend(cores);
    let mut results = scenario.run(row.title(), parameters).context(load)?;
    results.subject = contender.to_string();
    let disturbance = quiet::disturbance(&results).filter(|_| effort.is_idle);
    let run = Run::of(results);
    Ok(match disturbance {
        Some(why) => run.disturbed(why),
        None => run,
    })
}

/// The load, as words of a command line.
fn load(
    row: Row,
    contender: Contender,
    search: Search,
    effort: Effort,
    threads: usize,
) -> Vec<String> {
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
        Row::Memory => {
            say(&["connect", "--connect-rate", "2000", "--hold", REST]);
            say(&["--plateau", &share(PLATEAU), "--clients"]);
        }
        Row::Deflate => {
            say(&["fanout", "--rate", "50", "--bytes", "1024"]);
            say(&["--subscribers"]);
        }
    }
    say(&[&share(row.clients())]);
    if row.is_search() {
        let Search { from, step } = search;
        say(&["--search", "--search-from", &from.to_string()]);
        say(&["--search-step", &step.to_string()]);
        if !contender.keeps_order() {
            say(&["--any-order"]);
        }
        if effort.is_idle {
            say(&["--undisturbed"]);
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
    if contender == Contender::Compressed {
        say(&["--deflate"]);
    }
    say(&["--threads", &threads.to_string()]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_load_is_understood() {
        for row in Row::ALL {
            for contender in row.contenders() {
                let load = load(row, *contender, Search::after(20.0), Effort::FULL, 2);
                let line = ["causerie-loadtest".to_owned()].into_iter().chain(load);
                let understood = Line::try_parse_from(line.clone());
                assert!(understood.is_ok(), "{:?}", line.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn memory_is_seen_at_two_rests_and_compressed_where_that_is_measured() {
        let of =
            |row, contender| load(row, contender, Search::first(row), Effort::FULL, 2).join(" ");
        let memory = of(Row::Memory, Contender::Compressed);
        for words in [
            "--plateau 5000",
            "--clients 19000",
            "--hold 20",
            "--deflate",
        ] {
            assert!(memory.contains(words), "{memory}");
        }
        assert!(!of(Row::Deflate, Contender::Causerie).contains("--deflate"));
    }
}
