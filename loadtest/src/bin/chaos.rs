//! Lets faults strike an installation while people talk, and proves from the
//! ledger that no promise was broken.
//!
//! ```text
//! ./chaos                          two faults of each kind
//! ./chaos --seed 7 --times 20      the same again, twenty of each kind
//! ./chaos --kinds broker-killed    one kind only
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::chaos::plan::Plan;
use causerie_loadtest::chaos::report::{self, Story};
use causerie_loadtest::chaos::round::Round;
use causerie_loadtest::check::{Checker, Rules};
use causerie_loadtest::ledger;
use causerie_shared::cli::raise_open_files;
use clap::Parser;

/// Lets faults strike while people talk, and proves that nothing was lost.
#[derive(Parser)]
#[command(name = "chaos", version)]
struct Args {
    /// What the plan is made from; a run prints its own.
    #[arg(long)]
    seed: Option<u64>,
    /// How often each kind of fault strikes.
    #[arg(long, default_value_t = 2)]
    times: usize,
    /// People who talk.
    #[arg(long, default_value_t = 60)]
    people: usize,
    /// Only these kinds of faults, by their names, with commas between.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
    /// Where the report is written, as HTML.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where the ledger is written, and stays.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// What the report says of the commit.
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// What the report says of the machine.
    #[arg(long, default_value = "unknown")]
    machine: String,
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::named(name).ok_or_else(|| {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    raise_open_files();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seed = args.seed.unwrap_or(now.as_secs() % 1_000_000);
    let kinds = if args.kinds.is_empty() {
        Kind::ALL.to_vec()
    } else {
        args.kinds.clone()
    };
    let plan = Plan::new(seed, &kinds, args.times);
    say(&plan.to_string());

    let folder = tempfile::tempdir()?;
    let ledger = args
        .ledger
        .clone()
        .unwrap_or_else(|| folder.path().join("ledger.jsonl"));
    let round = Round::start(args.people, seed, &ledger).await?;
    let counted = round.run(&plan, say).await?;

    let (mut checker, mut story) = (Checker::new(Rules::default()), Story::default());
    for entry in ledger::read(&ledger)? {
        let entry = entry.context("reading the ledger")?;
        story.take(&entry);
        checker.take(entry);
    }
    let verdict = checker.finish();
    for (name, count) in counted.iter().chain(&verdict.counts) {
        say(&format!("{name}: {count}"));
    }
    for violation in &verdict.violations {
        say(&violation.to_string());
    }
    if let Some(file) = &args.report {
        let command = format!(
            "./chaos --seed {seed} --times {} --people {}",
            args.times, args.people
        );
        let page = report::html(&report::Run {
            plan: &plan,
            people: args.people,
            command: &command,
            commit: &args.commit,
            machine: &args.machine,
            verdict: &verdict,
            counted: &counted,
            story: &story,
        });
        std::fs::write(file, page).with_context(|| format!("writing {}", file.display()))?;
    }
    if !verdict.violations.is_empty() {
        bail!(
            "{} promises were broken; again: --seed {seed}",
            verdict.violations.len()
        );
    }
    say("No promise was broken.");
    Ok(ExitCode::SUCCESS)
}

/// This is a program that people look at while it runs.
#[allow(clippy::print_stdout)]
fn say(line: &str) {
    println!("{line}");
}
