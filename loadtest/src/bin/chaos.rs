//! Lets faults strike an installation while people talk, and proves from the
//! ledger that no promise was broken.
//!
//! ```text
//! ./chaos                          two faults of each kind
//! ./chaos --seed 7 --times 20      the same again, twenty of each kind
//! ./chaos --kinds broker-killed    one kind only
//! ```

use std::cmp::Reverse;
use std::fs::OpenOptions;
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::chaos::found::Found;
use causerie_loadtest::chaos::machine;
use causerie_loadtest::chaos::one::One;
use causerie_loadtest::chaos::plan::Plan;
use causerie_loadtest::chaos::report;
use causerie_loadtest::chaos::wanted::Wanted;
use causerie_loadtest::check::{self, Rules};
use causerie_shared::cli::raise_open_files;
use causerie_testkit::child::keep_output_in;
use clap::Parser;
use futures::stream::{self, StreamExt};
use tokio::runtime::Runtime;
use tokio::signal::ctrl_c;

/// How often each kind strikes at least in a run that is to take some time.
const LONG: usize = 20;

/// How often where nobody says, among how many people, and in how many rounds at the
/// same time.
const TIMES: usize = 2;
const PEOPLE: usize = 60;
const TOGETHER: usize = 1;

/// Beside this there is a script of the same name, which builds all programs first
/// and takes the same words.
#[derive(Parser)]
#[command(
    name = "chaos",
    version,
    args_override_self = true,
    override_help = include_str!("../chaos/usage.txt"),
    override_usage = "./chaos --help says what may be given"
)]
struct Args {
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long)]
    times: Option<usize>,
    #[arg(long, conflicts_with = "times")]
    minutes: Option<u64>,
    #[arg(long)]
    people: Option<usize>,
    #[arg(long)]
    together: Option<usize>,
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
    #[arg(long)]
    report: Option<PathBuf>,
    #[arg(long, num_args = 1..)]
    check: Vec<PathBuf>,
    /// Rounds of the same plan and commit that stand there already are not run
    /// again.
    #[arg(long)]
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

fn main() -> ExitCode {
    let tell = panic::take_hook();
    // A round that gives up is told of as the reason why there is no verdict.
    panic::set_hook(Box::new(move |info| {
        if thread::current().name() != Some("main") {
            tell(info);
        }
    }));
    let ended = Runtime::new().map_err(Into::into).and_then(|runtime| {
        let ended = runtime.block_on(run(Args::parse()));
        // A ledger that is being read when somebody interrupts is not read to its end.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(code) => code,
        Err(error) => no_verdict(&error),
    }
}

fn no_verdict(why: &anyhow::Error) -> ExitCode {
    say(&format!("No verdict: {why:#}."));
    ExitCode::from(2)
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if !args.check.is_empty() {
        return judge(&args.check);
    }
    let open_files = raise_open_files();
    let wanted = args.wanted()?;
    let kinds: Vec<_> = Kind::all().filter(|kind| wanted.wants(*kind)).collect();
    let plan = Plan::new(wanted.seed, &kinds, wanted.times);
    let together = wanted.together.min(plan.rounds.len());
    machine::check(open_files, wanted.people, together)?;
    if let Some(file) = &args.report {
        // Now, and not when all is over; what is there stays, until a run begins.
        let opened = OpenOptions::new().append(true).create(true).open(file);
        opened.with_context(|| format!("writing {}", file.display()))?;
    }
    if args.anew && args.ledgers.exists() {
        std::fs::remove_dir_all(&args.ledgers)
            .with_context(|| format!("emptying {}", args.ledgers.display()))?;
    }
    let output = args.ledgers.join("output");
    std::fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
    keep_output_in(output);
    wanted.claim(&args.ledgers)?;
    args.write_report(&report::without_verdict("the run has not come to its end"))?;
    say(&plan.to_string());
    let found = match find(&args, &wanted, &plan).await {
        Ok(found) => found,
        Err(error) => {
            let code = no_verdict(&error);
            say(&args.how_to_go_on(&wanted));
            args.write_report(&report::without_verdict(&format!("{error:#}")))?;
            return Ok(code);
        }
    };
    found.lines().iter().for_each(|line| say(line));
    let missing = found.missing(&wanted);
    args.write_report(&report::html(&report::Run {
        plan: &plan,
        people: wanted.people,
        command: &wanted.command(None),
        commit: &wanted.commit,
        machine: &args.machine,
        missing: &missing,
        found: &found,
    }))?;
    if let Some(file) = &args.report {
        say(&format!("The report: {}", file.display()));
    }
    Ok(verdict(&found, &missing, &args, &wanted))
}

/// Runs the rounds that were not run before, and reads the ledgers of all.
async fn find(args: &Args, wanted: &Wanted, plan: &Plan) -> anyhow::Result<Found> {
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
        "Rounds: {}; run before: {}",
        plan.rounds.len(),
        plan.rounds.len() - left.len()
    ));
    // The longest first: one that begins late would go on alone.
    left.sort_by_key(|one| Reverse(one.faults.duration()));
    let runs = stream::iter(left).map(|one| one.run(say));
    let mut runs = runs.buffer_unordered(wanted.together);
    let all = async {
        while let Some(checked) = runs.next().await {
            found.add(checked?);
        }
        anyhow::Ok(())
    };
    tokio::select! {
        ended = all => ended?,
        _ = ctrl_c() => bail!("interrupted"),
    }
    drop(runs);
    Ok(found)
}

/// Says what came of it.
fn verdict(found: &Found, missing: &[String], args: &Args, wanted: &Wanted) -> ExitCode {
    let broken = found.verdict.violations.len();
    if broken > 0 {
        say(&format!(
            "{broken} promises were broken; the ledgers are in {}, until the next run if no \
             folder was named; the same plan again: {}",
            args.ledgers.display(),
            wanted.command(None)
        ));
        return ExitCode::from(1);
    }
    kept_all(missing)
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
        let lost = verdict.lost_unplanned().into_iter();
        missing_in.extend(lost.map(|what| format!("{what} in {name}")));
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

impl Args {
    /// What is to be done: what is not named as the folder says, where a run began
    /// there.
    fn wanted(&self) -> anyhow::Result<Wanted> {
        let begun = match self.anew {
            true => None,
            false => Wanted::of_folder(&self.ledgers)?,
        };
        let begun = begun.as_ref();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let kinds = match begun {
            Some(begun) if self.kinds.is_empty() => begun.kinds.clone(),
            Some(_) | None => {
                let wants = |kind: &Kind| self.kinds.is_empty() || self.kinds.contains(kind);
                let kinds = Kind::all().filter(wants);
                kinds.map(|kind| kind.name().to_owned()).collect()
            }
        };
        let together = self.together.or(begun.map(|begun| begun.together));
        let together = together.unwrap_or(TOGETHER);
        let in_minutes = |minutes: u64| {
            let kinds: Vec<_> = kinds.iter().filter_map(|name| Kind::named(name)).collect();
            let minutes = minutes * together as u64;
            Plan::times_in(&kinds, Duration::from_secs(minutes * 60)).max(LONG)
        };
        let times = self.minutes.map(in_minutes).or(self.times);
        let wanted = Wanted {
            seed: self
                .seed
                .or(begun.map(|begun| begun.seed))
                .unwrap_or(now.as_secs() % 1_000_000),
            times: times.or(begun.map(|begun| begun.times)).unwrap_or(TIMES),
            people: self
                .people
                .or(begun.map(|begun| begun.people))
                .unwrap_or(PEOPLE),
            together,
            kinds,
            release: cfg!(not(debug_assertions)),
            commit: self.commit.clone(),
        };
        ensure!(
            wanted.times > 0 && wanted.people > 0 && wanted.together > 0,
            "--times, --people and --together must be 1 at least"
        );
        Ok(wanted)
    }

    fn how_to_go_on(&self, wanted: &Wanted) -> String {
        if self.anew {
            return format!(
                "Nothing goes on from here: name a folder with --ledgers for that. The same plan \
                 again: {}",
                wanted.command(None)
            );
        }
        let command = wanted.command(Some(&self.ledgers));
        format!("It goes on with the rounds that are not done yet by: {command}")
    }

    /// Writes the report, where one is wanted.
    fn write_report(&self, page: &str) -> anyhow::Result<()> {
        let Some(file) = &self.report else {
            return Ok(());
        };
        std::fs::write(file, page).with_context(|| format!("writing {}", file.display()))
    }
}

/// This is a program that people look at while it runs.
#[allow(clippy::print_stdout)]
fn say(line: &str) {
    println!("{line}");
}
