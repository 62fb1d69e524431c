//! How much Causerie adds before a reply's first words are seen.
//!
//! ```text
//! cargo build --release --workspace && cargo run --release --bin first-delta
//! ```
//!
//! Two gateways, two brokers and Redis (with its append-only file) run as
//! processes; an AI server in this one writes, as its first words, the time at
//! which it writes them. What lies between that and the arrival of the first
//! delta at the client that asked is what Causerie adds.
//!
//! First a closed loop finds the full load: it doubles the clients that ask one
//! question after the other until that answers hardly more of them a second.
//! Then questions come at half that rate, whether or not earlier ones have been
//! answered. A question without its one answer ends the program with an error.

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

/// Measures how much Causerie adds before a reply's first words are seen.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Questions at half load.
    #[arg(long, default_value_t = 10_000)]
    questions: usize,
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
    let rate = full / 2.0;
    let seen = clients::ask(
        &cluster,
        clients,
        Load::Open {
            rate,
            questions: args.questions,
        },
    )
    .await?;
    ensure!(
        seen.answers == args.questions && seen.firsts.len() == args.questions as u64,
        "{} questions, {} answers, {} first deltas",
        args.questions,
        seen.answers,
        seen.firsts.len()
    );
    let (calls, asked) = (cluster.ai.arrived(), ramped + args.questions);
    ensure!(
        calls == asked as u64,
        "{asked} questions, {calls} calls of the AI"
    );
    let text = report::write(&report::Run {
        full,
        rate,
        clients,
        seen: &seen,
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
    Cluster::options()
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
        .await
}

/// Questions a second that are answered when more clients answer hardly more,
/// how many clients that took, and how many questions.
async fn full_load(cluster: &Cluster, each: usize) -> anyhow::Result<(f64, usize, usize)> {
    let (mut best, mut clients, mut asked) = (0.0, FEWEST, 0);
    loop {
        let Seen { answers, took, .. } =
            clients::ask(cluster, clients, Load::Closed { each }).await?;
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
