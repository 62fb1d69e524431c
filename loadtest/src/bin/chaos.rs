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
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::chaos::plan::{Faults, Plan};
use causerie_loadtest::chaos::report::{self, Story};
use causerie_loadtest::chaos::round::Round;
use causerie_loadtest::check::{
    self, Checker, LAST_WORDS_WITH_END, RESTARTS_SEEN, Rules, SEEN_TO_LAST_WORD, Verdict,
};
use causerie_loadtest::ledger::{self, Entry, What};
use causerie_shared::cli::raise_open_files;
use clap::Parser;
use futures::stream::{self, StreamExt};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How often each kind strikes at least in a run that is to take some time.
const LONG: usize = 20;

/// Lets faults strike while people talk, and proves that nothing was lost.
///
/// Exit code: 0 no promise was broken, 1 some were, 2 no verdict could be given,
/// 3 too little happened to tell.
#[derive(Parser)]
#[command(name = "chaos", version, args_override_self = true)]
struct Args {
    /// What the plan is made from; a run prints its own.
    #[arg(long)]
    seed: Option<u64>,
    /// How often each kind of fault strikes.
    #[arg(long, default_value_t = 2)]
    times: usize,
    /// As often as fits into so many minutes, with the rounds that run at the
    /// same time, and 20 times at least; in place of a number of times.
    #[arg(long)]
    minutes: Option<u64>,
    /// People who talk.
    #[arg(long, default_value_t = 60)]
    people: usize,
    /// How many rounds run at the same time, each on an installation of its own.
    #[arg(long, default_value_t = 1)]
    together: usize,
    /// Only these kinds of faults, by their names, with commas between.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
    /// Where the report is written, as HTML.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Judge these ledgers, which were kept, and let nothing strike.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    check: Vec<PathBuf>,
    /// Where the ledgers are written, one of each round. Rounds of the same plan
    /// and commit that stand there already are not run again.
    #[arg(long, value_name = "FOLDER")]
    ledgers: PathBuf,
    /// Empty that folder first.
    #[arg(long)]
    anew: bool,
    /// Of which commit the programs are: rounds of another one are not taken
    /// into the report.
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
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            say(&format!("No verdict: {error:#}."));
            ExitCode::from(2)
        }
    }
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if !args.check.is_empty() {
        return judge(&args.check);
    }
    raise_open_files();
    let wanted = Wanted::new(&args)?;
    let plan = Plan::new(wanted.seed, &wanted.kinds, wanted.times);
    say(&plan.to_string());
    if args.anew && args.ledgers.exists() {
        std::fs::remove_dir_all(&args.ledgers)
            .with_context(|| format!("emptying {}", args.ledgers.display()))?;
    }
    std::fs::create_dir_all(&args.ledgers)
        .with_context(|| format!("making {}", args.ledgers.display()))?;
    let mut found = Found::default();
    let mut left = Vec::new();
    for (number, faults) in plan.rounds.iter().enumerate() {
        let one = One {
            number: number + 1,
            round: wanted.round(number, faults),
            faults: faults.clone(),
            ledger: args.ledgers.join(format!("round-{}.jsonl", number + 1)),
        };
        match one.read()? {
            Some(checked) => found.add(checked),
            None => left.push(one),
        }
    }
    say(&format!(
        "{} rounds, of which {} were run before",
        plan.rounds.len(),
        plan.rounds.len() - left.len()
    ));
    let runs = stream::iter(left).map(One::run);
    let mut runs = runs.buffered(args.together.max(1));
    while let Some(checked) = runs.next().await {
        found.add(checked?);
    }
    found.say();
    if let Some(file) = &args.report {
        let page = found.report(&args, &wanted, &plan);
        std::fs::write(file, page).with_context(|| format!("writing {}", file.display()))?;
        say(&format!("The report: {}", file.display()));
    }
    Ok(found.verdict(&args, &wanted))
}

/// Says what ledgers prove that were kept.
fn judge(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let (mut broken, mut missing_in) = (0, Vec::new());
    for file in files {
        let name = file.display();
        let verdict = check::judge(file, Rules::default())?;
        say(&format!("{name}: judged {}", verdict.extent()));
        let missing = verdict.missing().into_iter();
        missing_in.extend(missing.map(|what| format!("no {what} in {name}")));
        for violation in &verdict.violations {
            say(&format!("{name}: {violation}"));
        }
        broken += verdict.violations.len();
    }
    if broken > 0 {
        say(&format!("{broken} promises were broken."));
        return Ok(ExitCode::from(1));
    }
    Ok(kept_all(&missing_in))
}

/// The verdict where no promise was broken, and this is missing for it to prove
/// much.
fn kept_all(missing: &[String]) -> ExitCode {
    if missing.is_empty() {
        say("No promise was broken.");
        return ExitCode::SUCCESS;
    }
    say(&format!(
        "No promise was broken, but this proves little: {}.",
        missing.join(", ")
    ));
    ExitCode::from(3)
}

/// What is to be done.
struct Wanted {
    seed: u64,
    kinds: Vec<Kind>,
    times: usize,
    people: usize,
    together: usize,
    commit: String,
    are_all: bool,
}

impl Wanted {
    fn new(args: &Args) -> anyhow::Result<Self> {
        ensure!(
            args.times > 0 && args.people > 0 && args.together > 0,
            "--times, --people and --together must be 1 at least"
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let are_all = args.kinds.is_empty();
        let kinds = if are_all {
            Kind::all().collect()
        } else {
            args.kinds.clone()
        };
        let in_minutes = |minutes: u64| {
            let minutes = minutes * args.together.max(1) as u64;
            Plan::times_in(&kinds, Duration::from_secs(minutes * 60)).max(LONG)
        };
        Ok(Self {
            seed: args.seed.unwrap_or(now.as_secs() % 1_000_000),
            times: args.minutes.map_or(args.times, in_minutes),
            people: args.people,
            together: args.together.max(1),
            commit: args.commit.clone(),
            kinds,
            are_all,
        })
    }

    fn round(&self, number: usize, faults: &Faults) -> ledger::Round {
        ledger::Round {
            // Seeds beside each other share no round.
            seed: StdRng::seed_from_u64(self.seed)
                .random_iter()
                .nth(number)
                .unwrap_or_default(),
            people: self.people,
            faults: faults
                .kinds
                .iter()
                .map(|kind| kind.name().to_owned())
                .collect(),
            commit: self.commit.clone(),
        }
    }

    /// The command that does the same again.
    fn command(&self) -> String {
        let Self {
            seed,
            times,
            people,
            together,
            ..
        } = self;
        let names: Vec<_> = self.kinds.iter().map(|kind| kind.name()).collect();
        let kinds = if self.are_all {
            String::new()
        } else {
            format!(" --kinds {}", names.join(","))
        };
        let release = if cfg!(debug_assertions) {
            ""
        } else {
            " --release"
        };
        format!(
            "./chaos{release} --seed {seed} --times {times} --people {people} \
             --together {together}{kinds}"
        )
    }
}

/// One round of the plan.
struct One {
    /// Counted from 1.
    number: usize,
    round: ledger::Round,
    faults: Faults,
    ledger: PathBuf,
}

impl One {
    /// Lets its faults strike, and reads its ledger.
    async fn run(self) -> anyhow::Result<Checked> {
        let number = self.number;
        let round = Round::start(self.faults.storage, &self.round, &self.ledger).await?;
        let progress = |line: &str| say(&format!("round {number}: {line}"));
        round.run(&self.faults.kinds, progress).await?;
        // That takes a while, in which other rounds go on.
        tokio::task::spawn_blocking(move || {
            let checked = self.read()?;
            checked.with_context(|| format!("{} has no end", self.ledger.display()))
        })
        .await
        .context("the task that reads a ledger")?
    }

    /// What its ledger tells; none where there is none, or it is not whole.
    fn read(&self) -> anyhow::Result<Option<Checked>> {
        if !self.ledger.exists() {
            return Ok(None);
        }
        let (mut checker, mut story) = (Checker::new(Rules::default()), Story::default());
        let mut counted = None;
        for (line, entry) in ledger::read(&self.ledger)?.enumerate() {
            let Ok(entry) = entry else {
                // It broke off while it was written.
                return Ok(None);
            };
            match entry {
                Entry {
                    what: What::Round(of),
                    ..
                } if of != self.round => bail!(
                    "{} is of another plan or commit: name another folder, or empty this one",
                    self.ledger.display()
                ),
                Entry {
                    what: What::Counted { counts },
                    ..
                } => counted = Some(counts),
                entry if line == 0 && !matches!(entry.what, What::Round(_)) => bail!(
                    "{} does not say what it is of: empty the folder",
                    self.ledger.display()
                ),
                entry => {
                    story.take(&entry);
                    checker.take(entry);
                }
            }
        }
        Ok(counted.map(|counted| Checked {
            number: self.number,
            verdict: checker.finish(),
            counted,
            story,
        }))
    }
}

/// What was found in one round.
struct Checked {
    number: usize,
    verdict: Verdict,
    counted: report::Counted,
    story: Story,
}

/// What was found, in all rounds.
#[derive(Default)]
struct Found {
    verdict: Verdict,
    counted: report::Counted,
    stories: Vec<Story>,
}

impl Found {
    fn add(&mut self, checked: Checked) {
        self.verdict.add(checked.number, checked.verdict);
        self.stories.push(checked.story);
        for (name, count) in checked.counted {
            *self.counted.entry(name).or_default() += count;
        }
    }

    fn say(&self) {
        let seen = self.verdict.counts.iter();
        let seen = seen.map(|(name, count)| (*name, count));
        let counted = self.counted.iter();
        let counted = counted.map(|(name, count)| (name.as_str(), count));
        for (name, count) in counted.chain(seen) {
            say(&format!("{name}: {count}"));
        }
        for violation in &self.verdict.violations {
            say(&violation.to_string());
        }
    }

    fn verdict(&self, args: &Args, wanted: &Wanted) -> ExitCode {
        let broken = self.verdict.violations.len();
        if broken > 0 {
            say(&format!(
                "{broken} promises were broken; the ledgers are in {}, until the next run if no \
                 folder was named; the same plan again: {}",
                args.ledgers.display(),
                wanted.command()
            ));
            return ExitCode::from(1);
        }
        kept_all(&self.missing(wanted))
    }

    /// What did not happen, without which a run proves little.
    fn missing(&self, wanted: &Wanted) -> Vec<String> {
        let struck = report::struck_while_streaming(&self.stories);
        let kinds = wanted.kinds.iter();
        let calm = kinds.filter(|kind| struck.get(kind.name()) < Some(&wanted.times));
        let calm = calm.map(|kind| {
            let name = kind.name();
            format!("{name} struck too seldom where a reply was being made")
        });
        // A few kinds alone need not bring about everything.
        let never = self.counted.iter();
        let never = never.filter(|(_, count)| wanted.are_all && **count == 0);
        let restarts = self.verdict.counts.get(RESTARTS_SEEN).copied();
        let no_restart = wanted.are_all && restarts.unwrap_or_default() == 0;
        calm.chain(never.map(|(name, _)| format!("no {name}")))
            .chain(no_restart.then(|| format!("no {RESTARTS_SEEN}")))
            .chain(self.withheld())
            .collect()
    }

    /// Whether the ends of replies may have been withheld from people until all
    /// was said: faults explain that of a few.
    fn withheld(&self) -> Option<String> {
        let count = |name| self.verdict.counts.get(name).copied().unwrap_or(0);
        let withheld = count(LAST_WORDS_WITH_END);
        let seen = count(SEEN_TO_LAST_WORD);
        (withheld * 10 > seen)
            .then(|| format!("{withheld} {LAST_WORDS_WITH_END}, {seen} {SEEN_TO_LAST_WORD}"))
    }

    fn report(&self, args: &Args, wanted: &Wanted, plan: &Plan) -> String {
        report::html(&report::Run {
            plan,
            people: wanted.people,
            command: &wanted.command(),
            commit: &wanted.commit,
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
