//! What is done with results: written, merged, compared, shown.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::comparison::Comparison;
use super::report;
use super::results::{Results, write_file};
use crate::circumstances::Circumstances;

/// What is done with the results of runs that are over.
#[derive(Debug, Subcommand)]
pub enum Reporting {
    /// Add up what several processes found in one run
    Merge {
        /// What each of them wrote with --json
        #[arg(required = true, value_name = "JSON")]
        parts: Vec<PathBuf>,
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
    /// Compare runs with those of a floor or of peers, which took turns with them
    Compare {
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
            Self::Merge { parts, output } => (merged(parts)?, output),
            Self::Report { results, output } => (Results::read(results)?, output),
            Self::Compare {
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
        Ok(results)
    }
}

fn merged(parts: &[PathBuf]) -> anyhow::Result<Results> {
    let (first, others) = parts.split_first().context("nothing to merge")?;
    let mut sum = Results::read(first)?;
    for file in others {
        let part = Results::read(file)?;
        let merging = || format!("merging {}", file.display());
        sum.merge(part).with_context(merging)?;
    }
    let commit = &mut sum.circumstances.commit;
    if commit.is_empty() {
        // It ran where there is no repository, with programs that were brought there.
        *commit = Circumstances::now().commit;
    }
    Ok(sum)
}

fn compared(ours: &[PathBuf], against: &[PathBuf]) -> anyhow::Result<Results> {
    let read = |files: &[PathBuf]| {
        let results = files.iter().map(|file| Results::read(file));
        results.collect::<anyhow::Result<Vec<_>>>()
    };
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

    #[test]
    fn parts_are_merged_written_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let [json, html] = ["sum.json", "sum.html"].map(|name| folder.join("new").join(name));
        let parts = [("a", 100), ("b", 300)].map(|(name, n)| write(folder, name, "Causerie", n));
        let output = Output {
            json: Some(json.clone()),
            report: Some(html.clone()),
            command: Some("loadtest/1k.sh".to_owned()),
        };
        let parts = parts.to_vec();
        Reporting::Merge { parts, output }.run().unwrap();
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
            Reporting::Compare {
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
        let (parts, output) = (vec![one, other], Output::default());
        let error = Reporting::Merge { parts, output }.run().unwrap_err();
        assert!(error.to_string().contains("b.json"), "{error:#}");
    }
}
