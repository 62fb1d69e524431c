//! How long it takes until people can go on after a fault.
//!
//! ```text
//! cargo build --release --workspace && cargo run --release --bin recovery-times
//! ```
//!
//! Two gateways, two brokers and Redis run as processes, three times: on one
//! Redis, on three servers behind three Sentinels, on a Redis Cluster. People ask
//! and read replies all the time. Faults of each kind strike while replies are being
//! streamed. Everybody writes down what happens and when; the times are read
//! from that.
//!
//! Exit code: 0 every goal was met, 1 somebody never went on, 2 it could not be
//! measured, 3 a goal was missed.

mod kind;
mod report;
mod stage;
mod times;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use causerie_loadtest::{ledger, remarks};
use causerie_shared::cli::raise_open_files;
use causerie_testkit::storage::StorageKind;
use clap::Parser;
use futures::future::try_join_all;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::spawn_blocking;

use kind::{Kind, STORAGES};
use stage::Stage;
use times::Times;

/// Measures how long it takes until people can go on after a fault.
///
/// Exit code: 0 every goal was met, 1 somebody never went on, 2 it could not be
/// measured, 3 a goal was missed.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// How often each kind of fault strikes.
    #[arg(long, default_value_t = 30)]
    faults: usize,
    /// People who are connected.
    #[arg(long, default_value_t = 20)]
    people: usize,
    /// What people do, and when faults strike, is drawn from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these kinds of faults, by their names, with commas between.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
    /// Where the report is written; it is printed in any case. Remarks beneath
    /// one that is there are kept.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Args {
    fn wants(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::named(name).ok_or_else(|| {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("must be one of {}", names.join(", "))
    })
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
    let of_storage = STORAGES.map(|storage| measure(storage, &args));
    let mut times = Times::default();
    for measured in try_join_all(of_storage).await? {
        times.add(measured);
    }
    let text = report::write(&times, args.people);
    report::show(&text);
    if let Some(file) = &args.report {
        remarks::write_above(file, &text)?;
    }
    let wanted: Vec<_> = Kind::ALL.into_iter().filter(|k| args.wants(*k)).collect();
    let (code, says) = verdict(&times, &wanted);
    report::show(&says);
    Ok(ExitCode::from(code))
}

/// What is to be said of it in the end, with the exit code.
fn verdict(times: &Times, wanted: &[Kind]) -> (u8, String) {
    let never: usize = times.measured().map(|(_, measured)| measured.never).sum();
    if never > 0 {
        return (1, format!("{never} never went on."));
    }
    let of = |kind| times.measured().find(|(of, _)| *of == kind);
    let is_measured = |kind| of(kind).is_some_and(|(_, measured)| !measured.times.is_empty());
    if let Some(kind) = wanted.iter().find(|kind| !is_measured(**kind)) {
        return (2, format!("Nothing was measured of {}.", kind.name()));
    }
    let goals = times.measured().flat_map(|(kind, of)| of.goals(kind));
    let missed = goals.filter(|goal| !goal.is_met).count();
    match missed {
        0 => (0, "Every goal was met.".to_owned()),
        1 => (3, "A goal was missed.".to_owned()),
        _ => (3, format!("{missed} goals were missed.")),
    }
}

/// Lets the faults strike that an installation on this storage can have.
async fn measure(storage: StorageKind, args: &Args) -> anyhow::Result<Times> {
    let is_wanted = |kind: &Kind| kind.storage() == storage && args.wants(*kind);
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(is_wanted).collect();
    let mut times = Times::default();
    if kinds.is_empty() {
        return Ok(times);
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.jsonl");
    let dice = StdRng::seed_from_u64(args.seed);
    let mut stage = Stage::start(storage, args.people, dice, &path).await?;
    for kind in kinds {
        for number in 1..=args.faults {
            stage.strike(kind).await?;
            report::show(&format!("{} {number}/{}", kind.name(), args.faults));
        }
    }
    stage.end().await?;
    // Elsewhere than here, where others are to strike in time.
    spawn_blocking(move || {
        for entry in ledger::read(&path)? {
            times.take(entry.context("reading the ledger")?);
        }
        times.end();
        Ok(times)
    })
    .await?
}
