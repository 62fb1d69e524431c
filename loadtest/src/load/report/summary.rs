//! What a run found, in words and numbers: for people at a terminal, and as the
//! tables of a report.

use super::text::{number, whole};
use crate::load::figures::{self, QUANTILES, quantiles_ms};
use crate::load::goal::{Judged, Verdict};
use crate::load::results::{Counts, Results};
use crate::load::sample::{Process, Use};
use crate::load::statistics::median;

/// Rows of cells under a head.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Whether all is as it has to be, as a sentence.
pub fn verdict(results: &Results) -> String {
    let faults = results.counts.faults();
    if faults.is_empty() {
        let Counts {
            delivered,
            replies,
            connections,
            ..
        } = results.counts;
        let counts = [
            (delivered, "deliveries"),
            (replies, "replies"),
            (connections, "connections"),
        ];
        let some = counts.into_iter().filter(|(count, _)| *count > 0);
        let some: Vec<_> = some
            .map(|(count, what)| format!("{} {what}", whole(count as i64)))
            .collect();
        return format!(
            "Nothing was lost, duplicated, out of order or refused: {}.",
            some.join(", ")
        );
    }
    let faults: Vec<_> = faults
        .into_iter()
        .map(|(what, count)| format!("{what}: {}", whole(count as i64)))
        .collect();
    format!("Not all went well. {}.", faults.join("; "))
}

/// Whether all goals are met, and that as a sentence; none where there are none.
pub(super) fn verdict_on_goals(results: &Results) -> Option<(bool, String)> {
    let goals = &results.goals;
    let runs = match goals.iter().map(|judged| judged.runs).max()? {
        1 => "in one run".to_owned(),
        runs => format!("by the medians of {runs} runs"),
    };
    let failed = goals
        .iter()
        .filter(|judged| judged.verdict() != Verdict::Met);
    let failed: Vec<_> = failed
        .map(|judged| format!("{}: {}", judged.goal, judged.verdict().title()))
        .collect();
    let verdict = if failed.is_empty() {
        format!("All goals are met, {runs}.")
    } else {
        format!("Not all goals are met, {runs}. {}.", failed.join("; "))
    };
    Some((failed.is_empty(), verdict))
}

/// All of it as text.
pub fn text(results: &Results) -> String {
    let mut text = format!(
        "{} of {}\n{}\n",
        results.scenario,
        results.subject,
        verdict(results)
    );
    if let Some((_, verdict)) = verdict_on_goals(results) {
        text.push_str(&verdict);
        text.push('\n');
    }
    for table in tables(results) {
        text.push('\n');
        text.push_str(&table.text());
    }
    text
}

/// All tables that have something to say.
pub(super) fn tables(results: &Results) -> Vec<Table> {
    let tables = [
        goals(&results.goals),
        times(results),
        figures(results),
        comparisons(results),
        counts(&results.counts),
        processes(results),
    ];
    tables
        .into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect()
}

fn goals(goals: &[Judged]) -> Table {
    let head = ["goal", "median", "least", "most", "runs", "verdict"];
    let shown = |value: Option<f64>| value.map_or(String::new(), number);
    let rows = goals.iter().map(|judged| {
        let found = || judged.found.iter().copied();
        vec![
            judged.goal.to_string(),
            shown(judged.median()),
            shown(found().min_by(f64::total_cmp)),
            shown(found().max_by(f64::total_cmp)),
            judged.runs.to_string(),
            judged.verdict().title().to_owned(),
        ]
    });
    Table::new("Goals", head, rows)
}

fn times(results: &Results) -> Table {
    let quantiles = QUANTILES.map(|(name, _)| name);
    let head = ["milliseconds"]
        .into_iter()
        .chain(quantiles)
        .chain(["max", "how often"]);
    let latencies = results
        .latencies
        .iter()
        .filter(|(_, latency)| latency.whole.count() > 0);
    let rows = latencies.map(|(measure, latency)| {
        let times = quantiles_ms(&latency.whole).map(|(_, ms)| number(ms));
        let count = whole(latency.whole.count() as i64);
        [measure.title().to_owned()]
            .into_iter()
            .chain(times)
            .chain([count])
            .collect()
    });
    Table::new("How long it took", head, rows)
}

fn figures(results: &Results) -> Table {
    let figures = figures::of_the_stretch(results).into_iter();
    let rows = figures.map(|(name, value)| vec![name, number(value)]);
    let seconds = format!("in {} s", number(results.stretch.seconds()));
    Table::new("Figures", ["what was measured", &seconds], rows)
}

fn comparisons(results: &Results) -> Table {
    let head = [
        "figure", "ours", "theirs", "against", "ratio", "lowest", "highest", "runs",
    ];
    let rows = results.comparisons.iter().map(|comparison| {
        let medians = comparison
            .medians()
            .map(|median| median.map_or(String::new(), number));
        let [ours, theirs] = medians;
        let ratios = comparison.ratios();
        let shown = |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        vec![
            comparison.figure.clone(),
            ours,
            theirs,
            comparison.against.clone(),
            shown(median(ratios.iter().copied())),
            shown(ratios.first().copied()),
            shown(ratios.last().copied()),
            comparison.pairs.len().to_string(),
        ]
    });
    Table::new("Compared, medians of paired runs", head, rows)
}

fn counts(counts: &Counts) -> Table {
    let rows = [
        ("connections", counts.connections),
        ("refused connections", counts.refused),
        ("messages sent", counts.sent),
        ("messages accepted", counts.accepted),
        ("deliveries expected", counts.expected),
        ("deliveries made", counts.delivered),
        ("questions asked", counts.questions),
        ("whole replies", counts.replies),
        ("bytes received", counts.received_bytes),
    ];
    let happened = rows.into_iter().filter(|(_, count)| *count > 0);
    let all = happened.chain(counts.faults());
    let rows = all.map(|(what, count)| vec![what.to_owned(), whole(count as i64)]);
    Table::new("Counts", ["what happened", "how often"], rows)
}

fn processes(results: &Results) -> Table {
    const MIB: f64 = 1_048_576.0;
    let head = [
        "process",
        "role",
        "cores",
        "MiB at the end",
        "MiB at the most",
        "threads",
        "open files",
    ];
    let stretch = results.stretch;
    let row = |process: &Process| {
        let cpu = process.cpu_seconds(stretch.from, stretch.until);
        let most = |of: fn(&Use) -> u64| process.samples.iter().map(of).max().unwrap_or(0);
        let at_the_end = process.samples.last().map_or(0, |of| of.rss_bytes);
        vec![
            process.name.clone(),
            process.role.title().to_owned(),
            number(cpu / stretch.seconds()),
            number(at_the_end as f64 / MIB),
            number(most(|of| of.rss_bytes) as f64 / MIB),
            whole(most(|of| of.threads) as i64),
            whole(most(|of| of.open_files) as i64),
        ]
    };
    Table::new("Processes", head, results.samples.processes.iter().map(row))
}

impl Table {
    fn new<'a>(
        title: &'static str,
        head: impl IntoIterator<Item = &'a str>,
        rows: impl Iterator<Item = Vec<String>>,
    ) -> Self {
        let head = head.into_iter().map(str::to_owned).collect();
        Self {
            title,
            head,
            rows: rows.collect(),
        }
    }

    /// In the dialect of GitHub.
    pub(super) fn markdown(&self) -> String {
        let line = |row: &Vec<String>| format!("| {} |\n", row.join(" | ").replace('\n', " "));
        let rule = "---:|".repeat(self.head.len().saturating_sub(1));
        let rows: String = self.rows.iter().map(line).collect();
        format!("{}|---|{rule}\n{rows}", line(&self.head))
    }

    /// With columns as wide as they have to be; numbers to the right.
    fn text(&self) -> String {
        let all = || [&self.head].into_iter().chain(&self.rows);
        let width = |column: usize| {
            let cells = all().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let line = |row: &Vec<String>| {
            let cells =
                row.iter()
                    .enumerate()
                    .map(|(column, cell)| match (column, width(column)) {
                        (0, width) => format!("{cell:width$}"),
                        (_, width) => format!("{cell:>width$}"),
                    });
            let cells: Vec<_> = cells.collect();
            format!("  {}\n", cells.join("  ").trim_end())
        };
        all().map(line).collect()
    }
}
