//! The report, as Markdown.

use std::fmt::Write;

use super::contender::Contender;
use super::measure::CORES_OF_THE_LOAD;
use super::row::{Goal, Row};
use super::runs::Runs;
use super::verdict;
use crate::circumstances;
use crate::load::statistics::median;

/// What is shown of those that were under load: a title, and the figure's name.
const LOAD: [(&str, &str); 10] = [
    ("deliveries/s", "deliveries a second"),
    (
        "µs of CPU a delivery",
        "CPU of the servers per delivery, µs",
    ),
    ("and of Redis", "CPU of the storage per delivery, µs"),
    ("p50 ms", "Delivery, p50, ms"),
    ("p99 ms", "Delivery, p99, ms"),
    ("cores of nodes", CORES_OF_NODES),
    ("of clients", CORES_OF_CLIENTS),
    ("of Redis", CORES_OF_REDIS),
    ("of others", "CPU of others, cores"),
    (
        "clients late, p99 ms",
        "Sent, later than it was due, p99, ms",
    ),
];

const CORES_OF_NODES: &str = "CPU of the servers, cores";
const CORES_OF_CLIENTS: &str = "CPU of the clients, cores";
const CORES_OF_REDIS: &str = "CPU of the storage, cores";

/// And of those that were idle.
const IDLE: [(&str, &str); 1] = [(
    "KiB a connection",
    "memory of the servers for each connection, KiB",
)];

/// Who uses so much of what it has is what limits a search.
const ALL_BUT_ALL: f64 = 0.9;

/// As much is said of why a round failed.
const LONGEST_REASON: usize = 160;

/// The report of these runs, with a picture beside it if there is one.
pub fn write(runs: &Runs, picture: Option<&str>) -> String {
    let mut text = format!(
        "# Causerie, its rivals and the floors\n\n\
         Rounds: {rounds}. In each all ran one after another, on the same cores and under the same\n\
         load; ratios are within a round. Medians, and the least and the most in brackets. A\n\
         goal is met or missed by five pairs of full length on a machine that did nothing else;\n\
         less is a first look. How and why: [comparison](../comparison.md).\n\n\
         | | |\n|---|---|\n{}",
        circumstances::rows(),
        rounds = runs.rounds(),
    );
    if let Some(picture) = picture {
        let _ = writeln!(text, "\n![By how many times Causerie is better]({picture})");
    }
    for row in Row::ALL {
        let mut contenders = row.contenders().iter();
        if contenders.any(|of| runs.all_of(row, *of).next().is_some()) {
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
    let titles: String = columns
        .iter()
        .map(|(title, _)| format!(" {title} |"))
        .collect();
    // Writing to a string never fails.
    let _ = write!(
        text,
        "\n## {}\n\n| | rounds |{titles} {} is better | pairs | goal |\n|---|---|{}---|---|---|\n",
        row.title(),
        row.subject(),
        "---|".repeat(columns.len()),
    );
    for contender in row.contenders().iter().copied() {
        let cells = columns.iter().map(|(_, figure)| {
            let values = runs.figure(row, contender, figure);
            format!(" {} |", spread(values))
        });
        let _ = writeln!(
            text,
            "| {contender}{} | {} |{} {} | {} |",
            remarks(row, contender, runs),
            runs.of(row, contender).count(),
            cells.collect::<String>(),
            beside(row, contender, runs),
            verdict::goals(row, contender, runs),
        );
    }
}

/// How a row's subject compares with another, and in how many pairs.
fn beside(row: Row, than: Contender, runs: &Runs) -> String {
    if than == row.subject() {
        return " | ".to_owned();
    }
    let mut goals = row.goals().iter();
    let takes = goals.any(|goal| matches!(goal, Goal::Takes { than: line, .. } if *line == than));
    let times = if takes {
        verdict::times_as_much(row, than, runs)
    } else {
        runs.times_better(row, than)
    };
    let pairs = runs.pairs(row, than).len();
    match (spread(times), takes) {
        (none, _) if none.is_empty() => format!(" | {pairs}"),
        (times, true) => format!("takes {times} × | {pairs}"),
        (times, false) => format!("{times} × | {pairs}"),
    }
}

/// What has to be known of a contender's figures, in brackets.
fn remarks(row: Row, contender: Contender, runs: &Runs) -> String {
    let faults = runs.faults(row, contender).into_iter();
    let mut remarks: Vec<_> = faults
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    let all = || runs.all_of(row, contender);
    let failed: Vec<_> = all().filter_map(|run| run.failure()).collect();
    if let Some(why) = failed.last() {
        let of = all().count();
        let said = format!("{} of {of} rounds failed: {}", failed.len(), in_short(why));
        remarks.push(said);
    }
    let disturbed: Vec<_> = all().filter_map(|run| run.disturbance()).collect();
    if let Some(why) = disturbed.last() {
        remarks.push(format!("{} not counted: {why}", disturbed.len()));
    }
    remarks.extend(limit(row, contender, runs));
    if remarks.is_empty() {
        return String::new();
    }
    format!(" ({})", remarks.join("; "))
}

/// What a search found the limits of, if that is not the nodes.
fn limit(row: Row, contender: Contender, runs: &Runs) -> Option<String> {
    if !row.is_search() {
        return None;
    }
    let cores = |figure| median(runs.figure(row, contender, figure));
    let nodes = cores(CORES_OF_NODES)?;
    let (clients, redis) = (
        cores(CORES_OF_CLIENTS)?,
        cores(CORES_OF_REDIS).unwrap_or(0.0),
    );
    let given = runs
        .of(row, contender)
        .last()?
        .parameters
        .get(CORES_OF_THE_LOAD);
    let Some(given) = given.and_then(|cores| cores.parse::<f64>().ok()) else {
        return Some("shares its cores with the load".to_owned());
    };
    // A Redis has one thread for all commands.
    if clients + redis > ALL_BUT_ALL * given || redis > ALL_BUT_ALL {
        return Some("limited by the load".to_owned());
    }
    let each = nodes / row.nodes() as f64;
    (each < ALL_BUT_ALL).then(|| format!("not limited by its nodes: {each:.2} cores each"))
}

/// The first line of a reason, as it may stand in a table.
fn in_short(why: &str) -> String {
    let line = why.lines().next().unwrap_or_default().replace('|', "/");
    line.chars().take(LONGEST_REASON).collect()
}

/// The middle and, where there are several, the least and the most.
pub(super) fn spread(mut values: Vec<f64>) -> String {
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
pub(super) fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::effort::Effort;
    use crate::compare::run::Run;
    use crate::compare::runs::tests::results;
    use crate::load::results::Results;
    use crate::load::sample::{Process, Role};

    fn has(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn a_ratio_is_held_to_its_goal() {
        let mut runs = Runs::default();
        let mut add = |contender, round, cpu| {
            let run = Run::of(results(contender, cpu));
            runs.add(Row::BigRoom, contender, round, run);
        };
        for round in 1..=5 {
            add(Contender::Causerie, round, 4.0);
            add(Contender::Sockudo, round, 10.0);
        }
        add(Contender::Causerie, 6, 5.0);
        add(Contender::Sockudo, 6, 10.0);
        add(Contender::SocketIo, 1, 9.0);
        let text = write(&runs, None);
        has(
            &text,
            &[
                "Rounds: 6. ",
                "| | rounds | deliveries/s | µs of CPU a delivery | cores of nodes | Causerie is \
                 better | pairs | goal |",
                "| Causerie | 6 | 250000 | 4.00 (4.00–5.00) | 1.00 (1.00–1.25) |  |  |  |",
                "| Socket.IO | 1 | 250000 | 9.00 | 2.25 | 2.25 × | 1 | ≥ 2.00 ×: a first look |",
                "| Sockudo | 6 | 250000 | 10.0 | 2.50 | 2.50 (2.00–2.50) × | 6 | ≥ 1.70 ×: met |",
            ],
        );
        assert!(!text.contains("Redis, saturated"), "{text}");
    }

    #[test]
    fn what_does_not_count_is_told() {
        let mut runs = Runs::default();
        let (row, who) = (Row::InFlight, Contender::Causerie);
        runs.add(row, who, 1, Run::of(results(who, 1.0)));
        let disturbed = Run::of(results(who, 9.0)).disturbed("others used 1.3 cores".to_owned());
        runs.add(row, who, 2, disturbed);
        let failed = Run::failed(row, who, Effort::FULL, "a | b\nand much more");
        runs.add(row, who, 3, failed);
        let floor = Run::of(results(Contender::Floor, 0.8));
        runs.add(row, Contender::Floor, 1, floor);
        has(
            &write(&runs, None),
            &[
                "| Causerie (1 of 3 rounds failed: a / b; 1 not counted: others used 1.3 cores) | 1 |",
                "| takes 1.25 × | 1 | ≤ 1.30 ×: a first look |",
            ],
        );
    }

    #[test]
    fn who_makes_the_load_may_be_the_limit() {
        let of = |nodes: f64, clients: f64, cores: Option<&str>| {
            let mut results: Results = results(Contender::Causerie, nodes * 4.0);
            let load = Process {
                role: Role::Clients,
                ..results.samples.processes[0].clone()
            };
            results.samples.processes.push(load);
            for used in &mut results.samples.processes[1].samples {
                used.cpu_seconds *= clients / nodes;
            }
            let cores = cores.map(|cores| (CORES_OF_THE_LOAD.to_owned(), cores.to_owned()));
            results.parameters.extend(cores);
            let mut runs = Runs::default();
            runs.add(Row::TwoNodes, Contender::Causerie, 1, Run::of(results));
            limit(Row::TwoNodes, Contender::Causerie, &runs)
        };
        assert_eq!(of(1.9, 1.7, Some("2")), None);
        assert_eq!(
            of(1.9, 1.9, Some("2")),
            Some("limited by the load".to_owned())
        );
        let lazy = Some("not limited by its nodes: 0.80 cores each".to_owned());
        assert_eq!(of(1.6, 1.0, Some("2")), lazy);
        let shared = Some("shares its cores with the load".to_owned());
        assert_eq!(of(1.6, 1.0, None), shared);
    }

    #[test]
    fn who_keeps_to_itself_needs_no_cold_start() {
        let mut runs = Runs::default();
        let floor = Run::of(results(Contender::Floor, 1.0));
        runs.add(Row::ColdStart, Contender::Floor, 1, floor);
        let text = write(&runs, None);
        has(&text, &["| Causerie | 0 |", "all in order: not measured |"]);
        assert!(!text.contains(": met"), "{text}");
    }
}
