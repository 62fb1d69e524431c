//! Lets faults strike an installation while people talk, and proves from the
//! ledger that no promise was broken.
//!
//! ```text
//! ./chaos                          two faults of each kind
//! ./chaos --seed 7 --times 20      the same again, twenty of each kind
//! ./chaos --kinds broker-killed    one kind only
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::chaos::plan::Plan;
use causerie_loadtest::chaos::report::{self, Story};
use causerie_loadtest::chaos::round::{Counted, Round};
use causerie_loadtest::check::{Checker, Rules, Verdict};
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
    /// Where the ledgers are written, one of each round, and stay.
    #[arg(long, value_name = "FOLDER")]
    ledgers: Option<PathBuf>,
    /// What the report says of the commit.
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// What the report says of the machine.
    #[arg(long, default_value = "unknown")]
    machine: String,
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::named(name).ok_or_else(|| {
        let names: Vec<_> = Kind::all().map(Kind::name).collect();
        format!("must be one of {}", names.join(", "))
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    raise_open_files();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seed = args.seed.unwrap_or(now.as_secs() % 1_000_000);
    let all: Vec<_> = Kind::all().collect();
    let kinds = match &*args.kinds {
        [] => &all,
        some => some,
    };
    let plan = Plan::new(seed, kinds, args.times);
    say(&plan.to_string());

    let temporary = tempfile::tempdir()?;
    let folder = args.ledgers.as_deref().unwrap_or(temporary.path());
    let mut found = Found::default();
    for (number, faults) in plan.rounds.iter().enumerate() {
        let ledger = folder.join(format!("round-{}.jsonl", number + 1));
        let round =
            Round::start(faults.storage, args.people, seed + number as u64, &ledger).await?;
        let counted = round.run(&faults.kinds, say).await?;
        found.add(&ledger, counted)?;
    }
    found.say();
    if let Some(file) = &args.report {
        let page = found.report(&args, &plan);
        std::fs::write(file, page).with_context(|| format!("writing {}", file.display()))?;
    }
    let broken = found.verdict.violations.len();
    ensure!(
        broken == 0,
        "{broken} promises were broken; again: --seed {seed}"
    );
    let missing = found.missing(kinds, args.times);
    if !missing.is_empty() {
        say(&format!(
            "No promise was broken, but this proves little: {}.",
            missing.join(", ")
        ));
        return Ok(ExitCode::from(3));
    }
    say("No promise was broken.");
    Ok(ExitCode::SUCCESS)
}

/// What was found, in all rounds.
#[derive(Default)]
struct Found {
    verdict: Verdict,
    counted: Counted,
    stories: Vec<Story>,
}

impl Found {
    fn add(&mut self, ledger: &Path, counted: Counted) -> anyhow::Result<()> {
        let (mut checker, mut story) = (Checker::new(Rules::default()), Story::default());
        for entry in ledger::read(ledger)? {
            let entry = entry.context("reading the ledger")?;
            story.take(&entry);
            checker.take(entry);
        }
        self.verdict.add(checker.finish());
        self.stories.push(story);
        for (name, count) in counted {
            *self.counted.entry(name).or_default() += count;
        }
        Ok(())
    }

    fn say(&self) {
        for (name, count) in self.counted.iter().chain(&self.verdict.counts) {
            say(&format!("{name}: {count}"));
        }
        for violation in &self.verdict.violations {
            say(&violation.to_string());
        }
    }

    /// What did not happen, without which a run proves little.
    fn missing(&self, kinds: &[Kind], times: usize) -> Vec<String> {
        let struck = report::struck_while_streaming(&self.stories);
        let calm = kinds
            .iter()
            .filter(|kind| struck.get(kind.name()) < Some(&times));
        let calm =
            calm.map(|kind| format!("{} struck too seldom while a reply streamed", kind.name()));
        // A few kinds alone need not bring about everything.
        let all = kinds.len() == Kind::all().count();
        let never = self.counted.iter().filter(|(_, count)| all && **count == 0);
        calm.chain(never.map(|(name, _)| format!("no {name}")))
            .collect()
    }

    fn report(&self, args: &Args, plan: &Plan) -> String {
        let Args { times, people, .. } = args;
        let command = format!(
            "./chaos --seed {} --times {times} --people {people}",
            plan.seed
        );
        report::html(&report::Run {
            plan,
            people: *people,
            command: &command,
            commit: &args.commit,
            machine: &args.machine,
            verdict: &self.verdict,
            counted: &self.counted,
            stories: &self.stories,
        })
    }
}

/// This is a program that people look at while it runs.
#[allow(clippy::print_stdout)]
fn say(line: &str) {
    println!("{line}");
}
