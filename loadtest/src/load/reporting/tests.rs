use std::path::Path;

use super::*;
use crate::load::results::Stretch;
use crate::load::sample::{Process, Role, Use};

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

fn merge(files: &[PathBuf], runs: bool, goals: &[&str], output: Output) -> anyhow::Result<Results> {
    let goals = goals.iter().map(|goal| goal.parse().unwrap());
    Reporting::Merge {
        parts: files.to_vec(),
        runs,
        goals: goals.collect(),
        floors: Vec::new(),
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

/// Runs in which a server used a core for so many deliveries.
fn write_costs(folder: &Path, name: &str, deliveries: u64) -> PathBuf {
    let file = write(folder, name, name, deliveries);
    let mut results = Results::read(&file).unwrap();
    let sample = |second: u64| Use {
        at: second * 1_000,
        cpu_seconds: second as f64,
        rss_bytes: 0,
        threads: 1,
        open_files: 1,
    };
    results.samples.processes.push(Process {
        name: "server".to_owned(),
        role: Role::Server,
        samples: (0..=1).map(sample).collect(),
    });
    results.write(&file).unwrap();
    file
}

#[test]
fn what_a_delivery_costs_is_told_beside_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, floor] = [("Causerie", 200_000), ("the floor", 500_000)]
        .map(|(name, deliveries)| write_costs(folder.path(), name, deliveries));
    let merge = |floors: Vec<PathBuf>| {
        let merge = Reporting::Merge {
            parts: vec![ours.clone()],
            runs: true,
            goals: Vec::new(),
            floors,
            output: Output::default(),
        };
        merge.run()
    };
    let results = merge(vec![floor.clone()]).unwrap();
    let [comparison] = &results.comparisons[..] else {
        panic!("{:?}", results.comparisons);
    };
    assert_eq!(comparison.figure, CPU_PER_DELIVERY);
    assert_eq!(comparison.ratios(), [2.5]);
    assert_eq!(merge(Vec::new()).unwrap().comparisons, []);
    let error = merge(vec![floor.clone(), floor]).unwrap_err();
    assert!(error.to_string().contains("1 runs cannot be paired with 2"));
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
