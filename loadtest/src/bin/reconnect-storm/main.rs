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
//! nothing of, and one of a room that onlookers hear there.
//!
//! Exit code: 0 every goal was met, 1 a promise was broken, 2 it could not be
//! measured, 3 a goal was missed.

mod onlookers;
mod redis;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Error, ensure};
use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::load::dialect::Causerie;
use causerie_loadtest::load::options::Ramp;
use causerie_loadtest::load::storm::{Guests, Outcome, Storm};
use causerie_loadtest::load::target::Doors;
use causerie_loadtest::remarks;
use causerie_shared::cli::raise_open_files;
use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use clap::Parser;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use onlookers::Onlookers;
use redis::Commands;

/// What onlookers are told: enough for the whole run.
const WORDS: usize = 20_000;
const PACE: Duration = Duration::from_millis(50);

/// How long nothing happens before the gateway is killed: what is counted then
/// is the ground that all counts stand on.
const CALM: Duration = Duration::from_secs(5);

/// How many come in within a second before the storm.
const DOORWAY: f64 = 1_000.0;

/// How long it may take until all clients of the gateway see that it is gone.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

/// Longer than anybody should be away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures what happens when all clients of a gateway come to another at once.
///
/// Exit code: 0 every goal was met, 1 a promise was broken, 2 it could not be
/// measured, 3 a goal was missed.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Clients on the gateway that is killed, each a user of its own.
    #[arg(long, default_value_t = 5_000)]
    clients: usize,
    /// Clients on the other, each of whom reads a reply all the time.
    #[arg(long, default_value_t = 20)]
    onlookers: usize,
    /// Whether limits hold for the crowd; else its address is exempt from them, and nobody
    /// is counted.
    #[arg(long)]
    limits: bool,
    /// The pauses before the first tries are drawn from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the report is written; it is printed in any case. Remarks beneath
    /// one that is there are kept.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            report::show(&format!("Not measured: {error:#}."));
            ExitCode::from(2)
        }
    }
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    raise_open_files();
    let mut cluster = start(args.limits).await;
    let [from, to] = [0, 1].map(|at| cluster.gateways.get(at).map(Node::ws_url));
    let (from, to) = (from.context("a gateway")?, to.context("another gateway")?);
    let onlookers = Onlookers::come(&to, args.onlookers).await?;
    let mut crowd = block_in_place(|| gather(&args, &[from, to]))?;
    report::show(&format!("{} are in", args.clients));

    let before = Commands::count(&mut cluster).await?;
    sleep(CALM).await;
    let after = Commands::count(&mut cluster).await?;
    let calm = after.since(&before, CALM);

    crowd.note_fault(Kind::GatewayKilled, "gateway-1", NOTICED_WITHIN);
    let killed = Instant::now();
    cluster.gateways.first_mut().context("a gateway")?.kill();
    let said = onlookers.say_something().await?;
    block_in_place(|| crowd.wait_until_back(PATIENCE))?;
    let took = killed.elapsed();
    let storm = Commands::count(&mut cluster).await?.since(&after, took);
    // It must not be that what was held back by the storm is not seen.
    sleep(CALM).await;
    let gaps = onlookers.leave(killed).await?;
    let Outcome {
        returns,
        violations,
    } = block_in_place(|| crowd.end(said))?;
    ensure!(returns.len() == args.clients, "{} are back", returns.len());
    if let Some(violation) = violations.first() {
        report::show(&format!(
            "{} promises were broken, the first: {violation}.",
            violations.len()
        ));
        return Ok(ExitCode::from(1));
    }

    let run = report::Run {
        clients: args.clients,
        onlookers: args.onlookers,
        has_limits: args.limits,
        returns: &returns,
        took,
        calm: &calm,
        storm: &storm,
        gaps: &gaps,
    };
    let text = report::write(&run);
    report::show(&text);
    if let Some(file) = &args.report {
        remarks::write_above(file, &text)?;
    }
    let (code, says) = run.verdict();
    report::show(says);
    Ok(ExitCode::from(code))
}

/// Lets the crowd come in, all to the first of the gateways.
fn gather(args: &Args, gateways: &[String]) -> anyhow::Result<Storm> {
    let targets: Result<_, String> = gateways.iter().map(|url| url.parse()).collect();
    let doors = Doors::new(targets.map_err(Error::msg)?, Vec::new()).context("no gateway")?;
    let dialect = Causerie {
        tenant: "acme".to_owned(),
        jwt_secret: Cluster::secret("acme"),
    };
    let guests = Guests {
        clients: args.clients,
        room_size: args.clients,
        name: "crowd".to_owned(),
        missed: 1,
        are_together: true,
        seed: args.seed,
    };
    Storm::gather(&doors, &dialect, guests, &Ramp::at_rate(DOORWAY), PATIENCE)
}

async fn start(has_limits: bool) -> Cluster {
    let words = Behaviour::new(Plot::Tokens(WORDS)).at_pace(PACE);
    let exempt = if has_limits { "" } else { "127.0.0.0/8" };
    Cluster::options()
        .durable()
        .behaviour(words)
        .env("AI_TIMEOUT", "1h")
        .env("LIMITS_EXEMPT", exempt)
        .start()
        .await
}
