//! A gateway dies, and all who were on it come to another at once.
//!
//! ```text
//! cargo build --release --workspace && cargo run --release --bin reconnect-storm
//! ```
//!
//! Two gateways, two brokers and Redis (with its append-only file) run as
//! processes. The crowd, each a user of its own, is on one gateway; onlookers
//! read replies on the other. The crowd's gateway is killed. Each who comes back
//! has missed an event of a room of its own, which the other gateway knows
//! nothing of, and one of a room that onlookers hear there. Somebody who does
//! not get both ends the program with an error.

mod crowd;
mod onlookers;
mod redis;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_loadtest::remarks;
use causerie_shared::cli::raise_open_files;
use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use clap::Parser;
use futures::stream::{self, StreamExt, TryStreamExt};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crowd::Member;
use onlookers::Onlookers;
use redis::Commands;

/// What onlookers are told: enough for the whole run.
const WORDS: usize = 20_000;
const PACE: Duration = Duration::from_millis(50);

/// How long nothing happens before the gateway is killed: what is counted then
/// is the ground that all counts stand on.
const CALM: Duration = Duration::from_secs(5);

/// How many come in at once before the storm.
const DOORWAY: usize = 100;

/// Longer than anybody should be away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures what happens when all clients of a gateway come to another at once.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Clients on the gateway that is killed, each a user of its own.
    #[arg(long, default_value_t = 5_000)]
    clients: usize,
    /// Clients on the other, each of whom reads a reply all the time.
    #[arg(long, default_value_t = 20)]
    onlookers: usize,
    /// The pauses before the first tries are drawn from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the report is written; it is printed in any case. Remarks beneath
    /// one that is there are kept.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    raise_open_files();
    let mut cluster = start().await;
    let [from, to] = [0, 1].map(|at| cluster.gateways.get(at).map(|node| node.ws_url()));
    let (from, to) = (from.context("a gateway")?, to.context("another gateway")?);
    let onlookers = Onlookers::come(&to, args.onlookers).await?;
    let coming = (0..args.clients).map(|number| Member::come(number, &from));
    let crowd: Vec<Member> = stream::iter(coming)
        .buffer_unordered(DOORWAY)
        .try_collect()
        .await?;
    report::show(&format!("{} are in", crowd.len()));

    let before = Commands::count(&mut cluster).await?;
    sleep(CALM).await;
    let after = Commands::count(&mut cluster).await?;
    let calm = after.since(&before, CALM);

    let mut dice = StdRng::seed_from_u64(args.seed);
    let mut returning = JoinSet::new();
    for member in crowd {
        returning.spawn(member.lose_and_return(to.clone(), dice.random()));
    }
    let killed = Instant::now();
    cluster.gateways.first_mut().context("a gateway")?.kill();
    onlookers.say_something().await?;
    let (mut members, mut returns) = (Vec::new(), Vec::new());
    while let Some(member) = timeout(PATIENCE, returning.join_next())
        .await
        .context("somebody is not back")?
    {
        let (member, back) = member.context("a client's task")??;
        members.push(member);
        returns.push(back);
    }
    let took = killed.elapsed();
    let storm = Commands::count(&mut cluster).await?.since(&after, took);
    // It must not be that what was held back by the storm is not seen.
    sleep(CALM).await;
    let gaps = onlookers.leave(killed).await?;
    ensure!(returns.len() == args.clients, "{} are back", returns.len());
    drop(members);

    let text = report::write(&report::Run {
        clients: args.clients,
        onlookers: args.onlookers,
        returns: &returns,
        took,
        calm: &calm,
        storm: &storm,
        gaps: &gaps,
    });
    report::show(&text);
    if let Some(file) = &args.report {
        remarks::write_above(file, &text)?;
    }
    Ok(())
}

async fn start() -> Cluster {
    let words = Behaviour::new(Plot::Tokens(WORDS)).at_pace(PACE);
    Cluster::options()
        .durable()
        .behaviour(words)
        .env("AI_TIMEOUT", "1h")
        .start()
        .await
}
