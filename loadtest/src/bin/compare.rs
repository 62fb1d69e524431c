//! Causerie beside its rivals and the floors, on the same cores and under the same
//! load. `loadtest/compare` gets what it needs and starts it; see
//! `docs/comparison.md`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use causerie_loadtest::circumstances::Circumstances;
use causerie_loadtest::compare::contender::{Contender, in_turn};
use causerie_loadtest::compare::cores::{Cores, pin};
use causerie_loadtest::compare::effort::Effort;
use causerie_loadtest::compare::measure::{Search, measure};
use causerie_loadtest::compare::row::Row;
use causerie_loadtest::compare::run::Run;
use causerie_loadtest::compare::runs::Runs;
use causerie_loadtest::compare::stage::Stage;
use causerie_loadtest::compare::store::Store;
use causerie_loadtest::compare::{picture, quiet, report};
use causerie_loadtest::load::report as page;
use causerie_loadtest::remarks;
use causerie_shared::cli::raise_open_files;
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

/// Compares Causerie with its rivals and the floors.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(flatten)]
    comparison: Comparison,
    #[command(subcommand)]
    instead: Option<Instead>,
}

#[derive(Parser)]
struct Comparison {
    /// How often all are measured, one after another
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// What is measured; all if not named
    #[arg(long, value_enum, value_delimiter = ',')]
    rows: Vec<Row>,
    /// Who is measured; all that are there if not named
    #[arg(long, value_enum, value_delimiter = ',')]
    contenders: Vec<Contender>,
    /// How long each rate is measured; less is a first look
    #[arg(long, default_value_t = Effort::FULL.seconds)]
    seconds: f64,
    /// How many of a row's clients there are; less than 100 is a first look, and its
    /// figures are not those that the report's titles say
    #[arg(long, default_value_t = Effort::FULL.percent, value_name = "PERCENT")]
    clients: usize,
    /// Measure though others use the machine; it is a first look
    #[arg(long)]
    busy: bool,
    /// Where the results of each run go, and the report; rounds of the same commit that
    /// are there are not measured again
    #[arg(long, default_value = "target/comparison", value_name = "FOLDER")]
    folder: PathBuf,
    /// Where the report goes as well; remarks beneath one that is there are kept
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Instead {
    /// Only start a contender, say where it listens, and wait for Ctrl-C
    Serve {
        /// Whom
        contender: Contender,
        /// One node, or several over a Redis of their own
        #[arg(long, default_value_t = 1)]
        nodes: usize,
    },
}

/// How often a contender is measured in a round, at the most, if others use the machine.
const TRIES: u32 = 3;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    raise_open_files();
    // Before this process keeps itself to some of them.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = Runtime::new()?;
    match args.instead {
        Some(Instead::Serve { contender, nodes }) => {
            runtime.block_on(serve(contender, nodes, cores))
        }
        None => args.comparison.run(&runtime, cores),
    }
}

async fn serve(contender: Contender, nodes: usize, cores: usize) -> anyhow::Result<()> {
    let cores = Cores::divide(cores, nodes);
    let stage = Stage::set(contender, nodes, cores.as_ref()).await?;
    for (target, pid) in stage.targets().iter().zip(stage.pids()) {
        say(&format!("{target} (process {pid})"));
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}

impl Comparison {
    fn run(self, runtime: &Runtime, cores: usize) -> anyhow::Result<()> {
        let mut runs = Runs::default();
        let mut searches = BTreeMap::new();
        let rows = self.rows()?;
        let store = Store {
            folder: self.folder.clone(),
            commit: Circumstances::now().commit,
            effort: self.effort(),
        };
        for round in 1..=self.rounds {
            for (row, contenders) in &rows {
                let (row, order) = (*row, in_turn(contenders, round).collect::<Vec<_>>());
                let mut known = store.round(row, &order, round).into_iter().flatten();
                for contender in order {
                    let search = searches
                        .entry((row, contender))
                        .or_insert_with(|| Search::first(row));
                    let title = format!("{}, {contender}, round {round}", row.title());
                    let run = match known.next() {
                        Some(run) => {
                            say(&format!("{title}: as it was measured before"));
                            run
                        }
                        None => {
                            say(&title);
                            let run = self.measure(runtime, cores, row, contender, *search);
                            store.keep(row, contender, round, run.results())?;
                            run
                        }
                    };
                    *search = next_search(&run).unwrap_or(*search);
                    runs.add(row, contender, round, run);
                }
            }
            self.write(&runs)?;
        }
        say(&report::write(&runs, None));
        Ok(())
    }

    fn effort(&self) -> Effort {
        Effort {
            seconds: self.seconds,
            percent: self.clients,
            is_idle: !self.busy,
        }
    }

    /// What is measured, and of whom.
    fn rows(&self) -> anyhow::Result<Vec<(Row, Vec<Contender>)>> {
        let mut contenders = Vec::new();
        for contender in Contender::ALL {
            let is_named = self.contenders.contains(&contender);
            match contender.missing() {
                Some(command) if is_named => bail!("{contender} is not there: {command}"),
                Some(command) => say(&format!("{contender} is left out: {command} gets it")),
                None if is_named || self.contenders.is_empty() => contenders.push(contender),
                None => {}
            }
        }
        let rows = match self.rows.as_slice() {
            [] => &Row::ALL,
            rows => rows,
        };
        let of_row = |row: &Row| {
            let here = row.contenders().iter().copied();
            let here = here.filter(|contender| contenders.contains(contender));
            (*row, here.collect())
        };
        Ok(rows.iter().map(of_row).collect())
    }

    /// Measures once, or some times more where others do not leave the machine alone.
    fn measure(
        &self,
        runtime: &Runtime,
        cores: usize,
        row: Row,
        contender: Contender,
        mut search: Search,
    ) -> Run {
        let mut tries = TRIES;
        loop {
            let busy = if self.busy { None } else { quiet::wait() };
            if let Some(why) = busy {
                say(&format!("the machine does not come to rest: {why}"));
            }
            let run = self.try_measure(runtime, cores, row, contender, search);
            let run = run.unwrap_or_else(|error| {
                // The others can be compared all the same.
                say(&format!("failed: {error:#}"));
                Run::failed(row, contender, self.effort(), &format!("{error:#}"))
            });
            tries -= 1;
            match run.disturbance() {
                Some(why) => say(&format!("it does not count: {why}")),
                None => return run,
            }
            if tries == 0 {
                return run;
            }
            search = next_search(&run).unwrap_or(search);
        }
    }

    fn try_measure(
        &self,
        runtime: &Runtime,
        cores: usize,
        row: Row,
        contender: Contender,
        search: Search,
    ) -> anyhow::Result<Run> {
        let cores = Cores::divide(cores, row.nodes());
        if let Some(cores) = &cores {
            // All threads of clients begin after this.
            pin(std::process::id(), &cores.others)?;
        }
        let stage = Stage::set(contender, row.nodes(), cores.as_ref());
        let stage = runtime.block_on(stage)?;
        if row != Row::ColdStart {
            runtime.block_on(stage.settle(contender));
        }
        let cores = cores.map(|cores| cores.count_of_others);
        measure(row, contender, &stage, search, self.effort(), cores)
    }

    /// The report so far: a run that is interrupted is not for nothing.
    fn write(&self, runs: &Runs) -> anyhow::Result<()> {
        let file = self.folder.join("report.md");
        for file in [&file].into_iter().chain(&self.report) {
            let picture = write_picture(runs, &file.with_extension("svg"))?;
            remarks::write_above(file, &report::write(runs, picture.as_deref()))?;
        }
        for row in Row::ALL {
            if let Some(results) = runs.compared(row) {
                let page = self.folder.join(format!("{row}.html"));
                std::fs::write(&page, page::html(&results))
                    .with_context(|| format!("writing {}", page.display()))?;
            }
        }
        Ok(())
    }
}

/// Writes the picture, if there is one; gives its name.
fn write_picture(runs: &Runs, file: &Path) -> anyhow::Result<Option<String>> {
    let Some(picture) = picture::of(runs) else {
        return Ok(None);
    };
    std::fs::write(file, picture).with_context(|| format!("writing {}", file.display()))?;
    let name = file.file_name().context("the report has no name")?;
    Ok(Some(name.to_string_lossy().into_owned()))
}

/// The search after one that has found something.
fn next_search(run: &Run) -> Option<Search> {
    let borne = run.results().parameters.get("rate")?;
    borne.parse().ok().map(Search::after)
}

fn say(text: &str) {
    // Nobody reads: the report is in its file.
    let _ = writeln!(std::io::stdout(), "{text}");
}
