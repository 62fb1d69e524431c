//! What is done with results: written, merged, compared, shown.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::comparison::Comparison;
use super::figures::CPU_PER_DELIVERY;
use super::goal::{Goal, Judged};
use super::report;
use super::results::{Results, make_folder_of, write_file};
use crate::circumstances::Circumstances;
use crate::remarks;

/// What is done with the results of runs that are over.
#[derive(Debug, Subcommand)]
pub enum Reporting {
    /// Add up what several processes found in one run, or hold runs to goals
    Merge {
        /// What each of them wrote with --json
        #[arg(required = true, value_name = "JSON")]
        parts: Vec<PathBuf>,
        /// These are no parts of one run, but runs of the same one after another: goals
        /// are for medians. Shown whole is the first in which not all went well, or the
        /// first
        #[arg(long)]
        runs: bool,
        /// What a figure is to be, by its name in the report and at the most (<=) or at the
        /// least (>=): 'Delivery, p99, ms<=100'; where it is missed, the exit code is 4
        #[arg(long = "goal", value_name = "FIGURE<=NUMBER")]
        goals: Vec<Goal>,
        /// What a floor of loadtest/limits did in turn with these runs: the report tells how
        /// many times what a send cost it each delivery cost; once for each run
        #[arg(long = "floor", value_name = "JSON", requires = "runs")]
        floors: Vec<PathBuf>,
        /// Where they go
        #[command(flatten)]
        output: Output,
    },
    /// Show the results of a run again
    Report {
        /// What was written with --json
        #[arg(value_name = "JSON")]
        results: PathBuf,
        /// Where they go
        #[command(flatten)]
        output: Output,
    },
    /// Tell the ratios of runs to those of something else, which took turns with them
    Ratios {
        /// Our runs, in the order in which they ran; the first is shown whole
        #[arg(required = true, value_name = "JSON")]
        ours: Vec<PathBuf>,
        /// As many runs of each of the others, in the same order
        #[arg(long, required = true, num_args = 1.., value_name = "JSON")]
        against: Vec<PathBuf>,
        /// Where they go
        #[command(flatten)]
        output: Output,
    },
}

/// Where results go.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Results")]
pub struct Output {
    /// Write the results here, to be merged, compared and shown again
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a report here: one HTML file with tables and plots
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write a short report here: Markdown with tables and, beside it and of the same name, an
    /// SVG picture of the plots; remarks beneath a report that is there are kept
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// The command that a report names as its own, where a script gave this one
    #[arg(long, value_name = "TEXT")]
    pub command: Option<String>,
}

impl Reporting {
    /// Does it. Gives the results for who wants to show them.
    ///
    /// # Errors
    /// Files cannot be read or written, or do not belong together.
    pub fn run(&self) -> anyhow::Result<Results> {
        let (results, output) = match self {
            Self::Merge {
                parts,
                runs,
                goals,
                floors,
                output,
            } => {
                let runs = if *runs {
                    read(parts)?
                } else {
                    vec![merged(parts)?]
                };
                let mut beside = beside_floors(&runs, &read(floors)?)?;
                let mut results = judged(runs, goals)?;
                results.comparisons.append(&mut beside);
                (results, output)
            }
            Self::Report { results, output } => (Results::read(results)?, output),
            Self::Ratios {
                ours,
                against,
                output,
            } => (compared(ours, against)?, output),
        };
        output.put(results)
    }
}

impl Output {
    /// Writes what is wanted, and gives the results with what was added to them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn put(&self, mut results: Results) -> anyhow::Result<Results> {
        if let Some(command) = &self.command {
            command.clone_into(&mut results.circumstances.command);
        }
        if let Some(file) = &self.json {
            results.write(file)?;
        }
        if let Some(file) = &self.report {
            write_file(file, &report::html(&results))?;
        }
        if let Some(file) = &self.markdown {
            make_folder_of(file)?;
            let picture = write_picture(&results, &file.with_extension("svg"))?;
            remarks::write_above(file, &report::markdown(&results, picture.as_deref()))?;
        }
        Ok(results)
    }
}

/// Writes the plots as a picture, if there are any; gives its name.
fn write_picture(results: &Results, file: &Path) -> anyhow::Result<Option<String>> {
    let Some(picture) = report::picture(results) else {
        return Ok(None);
    };
    write_file(file, &picture)?;
    let name = file.file_name().context("the report has no name")?;
    Ok(Some(name.to_string_lossy().into_owned()))
}

fn merged(parts: &[PathBuf]) -> anyhow::Result<Results> {
    let (first, others) = parts.split_first().context("nothing to merge")?;
    let mut sum = Results::read(first)?;
    for file in others {
        let part = Results::read(file)?;
        let merging = || format!("merging {}", file.display());
        let [mine, others] = [&sum, &part].map(parts_of);
        ensure!(
            mine.iter().all(|part| !others.contains(part)),
            "{} is of another run than the one before it, for both are part {}: say --runs",
            file.display(),
            others.join(", ")
        );
        sum.merge(part).with_context(merging)?;
    }
    let commit = &mut sum.circumstances.commit;
    if commit.is_empty() {
        // It ran where there is no repository, with programs that were brought there.
        *commit = Circumstances::now().commit;
    }
    Ok(sum)
}

/// Which parts of all clients these are of.
fn parts_of(results: &Results) -> Vec<&str> {
    let parts = results.parameters.get("part").into_iter();
    parts.flat_map(|parts| parts.split(", ")).collect()
}

/// One of these runs of the same, with what all of them say to the goals.
fn judged(runs: Vec<Results>, goals: &[Goal]) -> anyhow::Result<Results> {
    let mut judged: Vec<_> = goals
        .iter()
        .map(|goal| Judged::of_runs(goal, &runs))
        .collect();
    let count = runs.len();
    let went_ill = |run: &Results| !run.counts.faults().is_empty();
    let shown = runs.iter().position(went_ill).unwrap_or(0);
    let mut results = runs.into_iter().nth(shown).context("no run")?;
    results.goals.append(&mut judged);
    if count > 1 {
        let told = format!("{count}, of which this is number {}", shown + 1);
        results.parameters.insert("runs".to_owned(), told);
    }
    Ok(results)
}

/// What a delivery cost, beside what a send cost the floor. All else that they do differs.
fn beside_floors(runs: &[Results], floors: &[Results]) -> anyhow::Result<Vec<Comparison>> {
    ensure!(
        floors.is_empty() || floors.len() == runs.len(),
        "{} runs cannot be paired with {} of the floor",
        runs.len(),
        floors.len()
    );
    let mut beside = Comparison::of_runs(runs, floors);
    beside.retain(|comparison| comparison.figure == CPU_PER_DELIVERY);
    Ok(beside)
}

fn read(files: &[PathBuf]) -> anyhow::Result<Vec<Results>> {
    files.iter().map(|file| Results::read(file)).collect()
}

fn compared(ours: &[PathBuf], against: &[PathBuf]) -> anyhow::Result<Results> {
    let (ours, against) = (read(ours)?, read(against)?);
    let mut shown = ours.first().context("no run of ours")?.clone();
    let mut subjects: Vec<_> = against.iter().map(|of| of.subject.as_str()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    for subject in subjects {
        let theirs = against.iter().filter(|of| of.subject == subject).cloned();
        let theirs: Vec<_> = theirs.collect();
        ensure!(
            ours.len() == theirs.len(),
            "{} runs of {} cannot be paired with {} of {subject}",
            ours.len(),
            shown.subject,
            theirs.len(),
        );
        shown
            .comparisons
            .extend(Comparison::of_runs(&ours, &theirs));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests;
