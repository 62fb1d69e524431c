//! What is done with results: written, merged, compared, shown.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::comparison::Comparison;
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
    /// Write a short report here: Markdown, with tables only; remarks beneath one that is
    /// there are kept
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
                output,
            } => {
                let runs = if *runs {
                    read(parts)?
                } else {
                    vec![merged(parts)?]
                };
                (judged(runs, goals)?, output)
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
            remarks::write_above(file, &report::markdown(&results))?;
        }
        Ok(results)
    }
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
mod tests {
    use std::path::Path;

    use super::*;
    use crate::load::results::Stretch;

    fn write(folder: &Path, name: &str, subject: &str, deliveries: u64) -> PathBuf {
        let results = Results {
            scenario: "fanout".to_owned(),
            subject: subject.to_owned(),
            processes: 1,
            stretch: Stretch {
                from: 0,
                until: 1_000,
                deliveries,
            },
            ..Results::default()
        };
        let file = folder.join(name);
        results.write(&file).unwrap();
        file
    }

    fn merge(
        files: &[PathBuf],
        runs: bool,
        goals: &[&str],
        output: Output,
    ) -> anyhow::Result<Results> {
        let goals = goals.iter().map(|goal| goal.parse().unwrap());
        Reporting::Merge {
            parts: files.to_vec(),
            runs,
            goals: goals.collect(),
            output,
        }
        .run()
    }

    #[test]
    fn parts_are_merged_written_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let names = ["sum.json", "sum.html", "sum.md"];
        let [json, html, markdown] = names.map(|name| folder.join("new").join(name));
        let parts = [("a", 100), ("b", 300)].map(|(name, n)| write(folder, name, "Causerie", n));
        let output = Output {
            json: Some(json.clone()),
            report: Some(html.clone()),
            markdown: Some(markdown.clone()),
            command: Some("loadtest/1k.sh".to_owned()),
        };
        merge(&parts, false, &["deliveries a second>=500"], output).unwrap();
        let shown = Reporting::Report {
            results: json,
            output: Output::default(),
        };
        let results = shown.run().unwrap();
        assert_eq!((results.processes, results.stretch.deliveries), (2, 400));
        assert_eq!(results.circumstances.command, "loadtest/1k.sh");
        let page = std::fs::read_to_string(html).unwrap();
        assert!(
            page.contains("loadtest/1k.sh") && page.contains("<td>400</td>"),
            "{page}"
        );
        let text = std::fs::read_to_string(markdown).unwrap();
        for line in [
            "# fanout of Causerie",
            "Not all goals are met, in one run. deliveries a second ≥ 500: missed.",
            "| deliveries a second ≥ 500 | 400 | 400 | 400 | 1 | missed |",
            "| deliveries a second | 400 |",
            "| command | loadtest/1k.sh |",
        ] {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
        assert!(page.contains("class=ill>Not all goals are met"), "{page}");
    }

    #[test]
    fn runs_one_after_another_are_held_to_goals_by_their_medians() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let runs = [("a", 100), ("b", 900), ("c", 300)];
        let runs = runs.map(|(name, n)| write(folder, name, "Causerie", n));
        let goals = ["deliveries a second>=300", "deliveries a second<=299"];
        let results = merge(&runs, true, &goals, Output::default()).unwrap();
        assert_eq!(results.stretch.deliveries, 100, "the first is shown");
        let said: Vec<_> = results
            .goals
            .iter()
            .map(|of| of.verdict().title())
            .collect();
        assert_eq!(said, ["met", "missed"]);
        assert_eq!(results.goals[0].found, [100.0, 900.0, 300.0]);

        // One in which something went wrong is not hidden by the others.
        let [_, second, _] = &runs;
        let mut ill = Results::read(second).unwrap();
        ill.counts.duplicated = 1;
        ill.write(second).unwrap();
        let results = merge(&runs, true, &goals, Output::default()).unwrap();
        assert_eq!(results.counts.faults(), [("duplicated", 1)]);
        assert_eq!(results.parameters["runs"], "3, of which this is number 2");
    }

    #[test]
    fn runs_are_not_taken_for_parts_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| {
            let file = write(folder.path(), name, "Causerie", 1);
            let mut results = Results::read(&file).unwrap();
            let part = ("part".to_owned(), "1/1".to_owned());
            results.parameters.extend([part]);
            results.write(&file).unwrap();
            file
        });
        let error = merge(&files, false, &[], Output::default()).unwrap_err();
        assert!(error.to_string().contains("say --runs"), "{error:#}");
        merge(&files, true, &[], Output::default()).unwrap();
    }

    #[test]
    fn runs_are_compared_with_each_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let ours = [("a", 100), ("b", 300)].map(|(name, n)| write(folder, name, "Causerie", n));
        let floor = [("c", 50), ("d", 100)].map(|(name, n)| write(folder, name, "bare send", n));
        let peer = [("e", 10), ("f", 10)].map(|(name, n)| write(folder, name, "a peer", n));
        let compare = |against: Vec<PathBuf>| {
            let (ours, output) = (ours.to_vec(), Output::default());
            Reporting::Ratios {
                ours,
                against,
                output,
            }
            .run()
        };
        let results = compare([floor.clone(), peer].concat()).unwrap();
        let found = results.comparisons.iter();
        let found: Vec<_> = found.map(|of| (of.against.as_str(), of.ratios())).collect();
        let expected = [("a peer", vec![10.0, 30.0]), ("bare send", vec![2.0, 3.0])];
        assert_eq!(found, expected);

        let [first, _] = floor;
        let error = compare(vec![first]).unwrap_err().to_string();
        assert_eq!(
            error,
            "2 runs of Causerie cannot be paired with 1 of bare send"
        );
    }

    #[test]
    fn a_part_of_another_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let one = write(folder.path(), "a.json", "Causerie", 1);
        let other = write(folder.path(), "b.json", "a peer", 1);
        let error = merge(&[one, other], false, &[], Output::default()).unwrap_err();
        assert!(error.to_string().contains("b.json"), "{error:#}");
    }
}
