//! How much Causerie adds before a reply's first words are seen.
//!
//! ```text
//! cargo build --release --workspace && cargo run --release --bin first-delta
//! ```
//!
//! Two gateways, two brokers and Redis (with its append-only file, which goes to
//! disk each second) run as processes; an AI server in this one writes, as its first words, the time at
//! which it writes them. What lies between that and the arrival of the first
//! delta at the client that asked is what Causerie adds.
//!
//! First a closed loop finds the full load: it doubles the clients that ask one
//! question after the other until that answers hardly more of them a second.
//! Then questions come at half that rate, whether or not earlier ones have been
//! answered, in several runs. A question without its one answer ends the program
//! with an error.

mod clients;
mod report;

use anyhow::ensure;
use causerie_loadtest::remarks;
use causerie_shared::cli::raise_open_files;
use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

use clients::{Load, Seen};

/// Words after the first of each answer, and the time from one to the next.
const WORDS: usize = 5;
const PACE: Duration = Duration::from_millis(10);

/// How long the model thinks before it begins. Real ones take longer; one that
/// answers at once would be overtaken by the announcement of its reply.
const THINKING: Duration = Duration::from_millis(50);

/// Clients at the start of the search for the full load, and at its end.
const FEWEST: usize = 4;
const MOST: usize = 1024;

/// Twice the clients answer so much more, or the load is full.
const GAIN: f64 = 1.1;

/// What it takes to say whether a goal is met.
const QUESTIONS: u32 = 10_000;
const ROUNDS: u32 = 5;

/// Measures how much Causerie adds before a reply's first words are seen.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Questions of each run at half load. With fewer, or fewer rounds, goals are not
    /// judged.
    #[arg(long, default_value_t = QUESTIONS, value_parser = clap::value_parser!(u32).range(2..))]
    questions: u32,
    /// Runs at half load.
    #[arg(long, default_value_t = ROUNDS, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Questions of each client while the full load is looked for.
    #[arg(long, default_value_t = 30)]
    ramp: usize,
    /// Where the report is written; it is printed in any case. Remarks beneath
    /// one that is there are kept.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    // All clients, and all of the AI's connections, are this process's.
    raise_open_files();
    let cluster = start().await;
    let (full, clients, ramped) = full_load(&cluster, args.ramp).await?;
    let (rate, questions) = (full / 2.0, args.questions as usize);
    let mut runs = Vec::new();
    for round in 1..=args.rounds {
        let (name, load) = (format!("run-{round}"), Load::Open { rate, questions });
        let seen = clients::ask(&cluster, &name, clients, load).await?;
        ensure!(
            seen.answers == questions && seen.firsts.len() == questions as u64,
            "{questions} questions, {} answers, {} first deltas",
            seen.answers,
            seen.firsts.len()
        );
        report::round(round, &seen);
        runs.push(seen);
    }
    let (calls, asked) = (cluster.ai.arrived(), ramped + questions * runs.len());
    ensure!(
        calls == asked as u64,
        "{asked} questions, {calls} calls of the AI"
    );
    let text = report::write(&report::Measured {
        full,
        rate,
        clients,
        runs: &runs,
        is_whole: args.questions >= QUESTIONS && args.rounds >= ROUNDS && !cfg!(debug_assertions),
        calls,
    });
    report::show(&text);
    if let Some(file) = &args.report {
        remarks::write_above(file, &text)?;
    }
    Ok(())
}

async fn start() -> Cluster {
    let plenty = "100000";
    let mut cluster = Cluster::options()
        .durable()
        .behaviour(
            Behaviour::new(Plot::Stamp(WORDS))
                .at_pace(PACE)
                .after(THINKING),
        )
        .env("AI_MAX_CONCURRENT", "2000")
        .env("AI_MAX_CONCURRENT_PER_TENANT", "2000")
        .env("LIMITS_QUEUED_PER_USER", plenty)
        .env("LIMITS_QUEUED_PER_TENANT", plenty)
        .start()
        .await;
    // As docs/redis.md advises. What a test's Redis does, which goes to disk before it
    // answers, would be measured else.
    let settings = ["CONFIG", "SET", "appendfsync", "everysec"];
    cluster.redis().command(&settings).await;
    cluster
}

/// Questions a second that are answered when more clients answer hardly more,
/// how many clients that took, and how many questions.
async fn full_load(cluster: &Cluster, each: usize) -> anyhow::Result<(f64, usize, usize)> {
    let (mut best, mut clients, mut asked) = (0.0, FEWEST, 0);
    loop {
        let (name, load) = (format!("ramp-{clients}"), Load::Closed { each });
        let Seen { answers, took, .. } = clients::ask(cluster, &name, clients, load).await?;
        ensure!(
            answers == clients * each,
            "{clients} clients: {answers} answers"
        );
        asked += answers;
        let rate = answers as f64 / took.as_secs_f64();
        report::progress(clients, rate);
        if rate < best * GAIN || clients >= MOST {
            return Ok((best.max(rate), clients, asked));
        }
        best = rate;
        clients *= 2;
    }
}
