//! The report.

use std::fmt::Write as _;
use std::io::Write as _;

use causerie_loadtest::circumstances;

use crate::kind::Kind;
use crate::times::{Measured, Times, within};

/// Prints a text.
pub(crate) fn show(text: &str) {
    // Nobody reads: nothing is lost, the report is in its file.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The report as Markdown.
pub(crate) fn write(times: &Times, people: usize) -> String {
    let mut text = format!(
        "# Times to recover\n\n\
         How long people could not go on after a fault: {people} of them, two gateways, two\n\
         brokers, Redis and the AI server, three such installations on one machine at the\n\
         same time; replies being streamed to half of the people or more whenever a fault\n\
         struck. The first try to come back follows at\n\
         random within 250 ms of the close, at the other gateway; a client that hears nothing\n\
         for a second asks for a sign of life, and closes two seconds later. Caught up is who\n\
         has joined all its rooms and holds what the others held when it connected.\n\n\
         | fault | from → to | faults | times | never went on | p50 | p90 | max | goals |\n\
         |---|---|---|---|---|---|---|---|---|\n"
    );
    for (kind, measured) in times.measured() {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            kind.name(),
            kind.says(),
            measured.faults,
            measured.times.len(),
            measured.never,
            spread(&measured.times),
            goals(kind, measured),
        );
    }
    text.push_str(
        "\nAll times in milliseconds. The same from the moment of the fault, in which the time\n\
         to notice it is contained:\n\n\
         | fault | p50 | p90 | max |\n\
         |---|---|---|---|\n",
    );
    for (kind, measured) in times.measured() {
        let _ = writeln!(
            text,
            "| {} | {} |",
            kind.name(),
            spread(&measured.from_fault)
        );
    }
    let _ = write!(text, "\n| | |\n|---|---|\n{}", circumstances::rows());
    text
}

/// Each goal, and whether it was met.
fn goals(kind: Kind, measured: &Measured) -> String {
    let judged = measured.goals(kind).into_iter().map(|goal| {
        let result = if measured.times.is_empty() {
            "**not measured**"
        } else if goal.is_met {
            "met"
        } else {
            "**missed**"
        };
        format!("{} < {}: {result}", goal.name, goal.ms)
    });
    judged.collect::<Vec<_>>().join(", ")
}

/// The median, the ninetieth percentile and the longest, as cells.
fn spread(times: &[u64]) -> String {
    let ms = [0.5, 0.9, 1.0].map(|part| (within(times, part) / 1_000).to_string());
    ms.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_is_said_to_be_met_or_missed() {
        let mut measured = Measured {
            times: vec![100_000, 100_000, 1_600_000],
            ..Measured::default()
        };
        let says = |measured: &Measured| goals(Kind::GatewayKilled, measured);
        assert_eq!(says(&measured), "p50 < 300: met, max < 1500: **missed**");
        measured.times.pop();
        assert_eq!(says(&measured), "p50 < 300: met, max < 1500: met");
        // Who never goes on takes longer than any goal.
        measured.never = 1;
        assert_eq!(says(&measured), "p50 < 300: met, max < 1500: **missed**");
        let nothing = "p50 < 300: **not measured**, max < 1500: **not measured**";
        assert_eq!(says(&Measured::default()), nothing);
    }
}
