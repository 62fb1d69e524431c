//! The report.

use std::fmt::Write as _;
use std::io::Write as _;

use causerie_loadtest::circumstances;

use crate::kind::Kind;
use crate::times::{Measured, Times};

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
         | fault | from → to | faults | times | p50 | p90 | max | goal |\n\
         |---|---|---|---|---|---|---|---|\n"
    );
    for (kind, measured) in times.measured() {
        row(
            &mut text,
            kind,
            kind.says(),
            &measured.times,
            measured,
            true,
        );
    }
    text.push_str(
        "\nAll times in milliseconds. The same from the moment of the fault, in which the time\n\
         to notice it is contained:\n\n\
         | fault | from → to | faults | times | p50 | p90 | max | goal |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (kind, measured) in times.measured() {
        row(
            &mut text,
            kind,
            "fault → the same",
            &measured.from_fault,
            measured,
            false,
        );
    }
    let _ = write!(text, "\n| | |\n|---|---|\n{}", circumstances::rows());
    text
}

fn row(
    text: &mut String,
    kind: Kind,
    says: &str,
    times: &[u64],
    measured: &Measured,
    judged: bool,
) {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let goal = kind.goal();
    let p50 = goal.p50.map(|ms| format!("p50 < {ms}, "));
    let is_met = [(0.5, goal.p50), (1.0, Some(goal.max))]
        .into_iter()
        .all(|(part, ms)| ms.is_none_or(|ms| at(&sorted, part) < ms * 1_000));
    let result = match (sorted.is_empty(), is_met) {
        (true, _) => "**not measured**",
        (false, true) => "met",
        (false, false) => "**missed**",
    };
    let goal = if judged {
        let p50 = p50.unwrap_or_default();
        format!("{p50}max < {}: {result}", goal.max)
    } else {
        "–".to_owned()
    };
    let ms = |part| at(&sorted, part) / 1_000;
    let _ = writeln!(
        text,
        "| {} | {says} | {} | {} | {} | {} | {} | {goal} |",
        kind.name(),
        measured.faults,
        sorted.len(),
        ms(0.5),
        ms(0.9),
        ms(1.0),
    );
}

/// The time within which this part of all was over; 0 where there is none.
fn at(sorted: &[u64], part: f64) -> u64 {
    let last = sorted.len().saturating_sub(1) as f64;
    let index = (last * part).ceil() as usize;
    sorted.get(index).copied().unwrap_or_default()
}
