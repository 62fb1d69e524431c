//! The report, as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::contender::Contender;
use super::row::{Goal, Row};
use super::runs::Runs;
use crate::circumstances;
use crate::load::statistics::median;

/// What is shown of those that were under load: a title, and the figure's name.
const LOAD: [(&str, &str); 5] = [
    ("deliveries/s", "deliveries a second"),
    (
        "µs of CPU a delivery",
        "CPU of the servers per delivery, µs",
    ),
    ("and of Redis", "CPU of the storage per delivery, µs"),
    ("p50 ms", "Delivery, p50, ms"),
    ("p99 ms", "Delivery, p99, ms"),
];

/// And of those that were idle.
const IDLE: [(&str, &str); 2] = [
    (
        "KiB a connection",
        "memory of the servers for each connection, KiB",
    ),
    ("connections/s", "connections a second"),
];

/// The report of these runs.
pub fn write(runs: &Runs) -> String {
    let mut text = format!(
        "# Causerie, its rivals and the floors\n\n\
         Medians of {rounds} rounds, and the least and the most in brackets. In each round all\n\
         ran one after another, on the same cores and under the same load; ratios are within a\n\
         round. How and why: [comparison](../comparison.md).\n\n\
         | | |\n|---|---|\n{}",
        circumstances::rows(),
        rounds = runs.rounds(),
    );
    for row in Row::ALL {
        if row
            .contenders()
            .iter()
            .any(|of| runs.of(row, *of).count() > 0)
        {
            section(row, runs, &mut text);
        }
    }
    text
}

fn section(row: Row, runs: &Runs, text: &mut String) {
    let columns: &[(&str, &str)] = if row == Row::Memory { &IDLE } else { &LOAD };
    // What nobody has is left out.
    let is_there = |(_, figure): &&(&str, &str)| {
        let mut contenders = row.contenders().iter();
        contenders.any(|of| !runs.figure(row, *of, figure).is_empty())
    };
    let columns: Vec<_> = columns.iter().filter(is_there).collect();
    let titles: Vec<_> = columns.iter().map(|(title, _)| *title).collect();
    // Writing to a string never fails.
    let _ = write!(
        text,
        "\n## {}\n\n| | {} | Causerie is better | goal |\n|---|{}---|---|\n",
        row.title(),
        titles.join(" | "),
        "---|".repeat(columns.len()),
    );
    for contender in row.contenders() {
        let remark = match faults(row, *contender, runs) {
            none if none.is_empty() => none,
            some => format!(" ({some})"),
        };
        let cells = columns.iter().map(|(_, figure)| {
            let values = runs.figure(row, *contender, figure);
            format!(" {} |", spread(values))
        });
        let _ = writeln!(
            text,
            "| {contender}{remark} |{} {} |",
            cells.collect::<String>(),
            verdict(row, *contender, runs)
        );
    }
}

/// What was lost, out of order and so on, in all rounds together.
fn faults(row: Row, contender: Contender, runs: &Runs) -> String {
    let mut sums = BTreeMap::<&str, u64>::new();
    for (what, count) in runs.of(row, contender).flat_map(|of| of.counts.faults()) {
        *sums.entry(what).or_default() += count;
    }
    let said = sums.iter().map(|(what, count)| format!("{count} {what}"));
    said.collect::<Vec<_>>().join(", ")
}

/// By how much Causerie is better, and is to be.
fn verdict(row: Row, than: Contender, runs: &Runs) -> String {
    let mark = |is_met| if is_met { "met" } else { "**missed**" };
    if than == Contender::Causerie && row == Row::ColdStart {
        let is_met = faults(row, than, runs).is_empty();
        return format!(" | nothing lost, all in order: {}", mark(is_met));
    }
    if than == Contender::Causerie {
        let Some(most) = row.most() else {
            return " |".to_owned();
        };
        let found = median(runs.figure(row, than, row.figure().0));
        // Nothing at all is no figure: few clients find room in what is there already.
        let is_met = found.is_some_and(|found| found > 0.0 && found <= most);
        return format!(" | ≤ {}: {}", number(most), mark(is_met));
    }
    let times = runs.times_better(row, than);
    let found = median(times.iter().copied());
    let goal = row.goals().iter().find(|goal| goal.than == than);
    let goal = goal.map_or_else(String::new, |Goal { times, .. }| {
        let is_met = found.is_some_and(|found| found >= *times);
        format!("≥ {} ×: {}", number(*times), mark(is_met))
    });
    let better = match spread(times) {
        none if none.is_empty() => none,
        some => format!("{some} ×"),
    };
    format!("{better} | {goal}")
}

/// The middle and, where there are several, the least and the most.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most), Some(middle)) = (
        values.first(),
        values.last(),
        median(values.iter().copied()),
    ) else {
        return String::new();
    };
    let [least, most, middle] = [*least, *most, middle].map(number);
    if least == most {
        return middle;
    }
    format!("{middle} ({least}–{most})")
}

/// To three digits, or to the unit.
fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::runs::tests::results;

    #[test]
    fn a_ratio_is_held_to_its_goal() {
        let mut runs = Runs::default();
        let mut add = |contender, round, cpu| {
            runs.add(Row::BigRoom, contender, round, results(contender, cpu));
        };
        add(Contender::Causerie, 1, 5.0);
        add(Contender::Causerie, 2, 4.0);
        add(Contender::Sockudo, 1, 10.0);
        add(Contender::Sockudo, 2, 12.0);
        add(Contender::SocketIo, 1, 9.0);
        let text = write(&runs);
        assert!(text.contains("Medians of 2 rounds"), "{text}");
        for line in [
            "| | deliveries/s | µs of CPU a delivery | Causerie is better | goal |",
            "| Causerie | 250000 | 4.50 (4.00–5.00) |  | |",
            "| Socket.IO | 250000 | 9.00 | 1.80 × | ≥ 2.00 ×: **missed** |",
            "| Sockudo | 250000 | 11.0 (10.0–12.0) | 2.50 (2.00–3.00) × | ≥ 1.70 ×: met |",
        ] {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
        assert!(!text.contains("Redis, saturated"), "{text}");
    }
}
