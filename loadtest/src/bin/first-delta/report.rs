//! The report.

use std::io::Write;

use causerie_loadtest::circumstances;
use causerie_loadtest::load::statistics::median;

use crate::clients::{Seen, TURNS};

/// What is added may be so much at the most, in milliseconds.
const MOST_P50: f64 = 1.0;
const MOST_P99: f64 = 5.0;

/// Questions that are asked by so much more slowly are no half load.
const SLACK: f64 = 0.02;

/// What was measured.
pub(crate) struct Measured<'a> {
    /// Questions a second at full load.
    pub full: f64,
    /// Questions a second that were to be asked.
    pub rate: f64,
    /// How many people asked.
    pub clients: usize,
    /// What they saw in each run.
    pub runs: &'a [Seen],
    /// Whether these are enough to say whether a goal is met.
    pub is_whole: bool,
    /// How often the model was called, the search for the full load included.
    pub calls: u64,
}

/// Says how far the search for the full load has come.
pub(crate) fn progress(clients: usize, rate: f64) {
    show(&format!("{clients} clients: {rate:.0} answers a second"));
}

/// Says what a run at half load found.
pub(crate) fn round(number: u32, seen: &Seen) {
    let [p50, p99] = [0.5, 0.99].map(|quantile| ms(seen, quantile));
    show(&format!(
        "run {number}: {:.0} questions a second, p50 {p50:.2} ms, p99 {p99:.2} ms",
        rate_of(seen)
    ));
}

/// Prints a text.
pub(crate) fn show(text: &str) {
    // Nobody reads: nothing is lost, the report is in its file.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The report as Markdown.
pub(crate) fn write(measured: &Measured<'_>) -> String {
    let Measured { runs, rate, .. } = measured;
    let of = |figure: &dyn Fn(&Seen) -> f64| runs.iter().map(figure).collect::<Vec<_>>();
    let asked = of(&rate_of);
    let is_half = asked.iter().all(|asked| *asked >= rate * (1.0 - SLACK));
    let row = |name: &str, quantile: f64, most: Option<f64>| {
        let found = of(&|seen| ms(seen, quantile));
        let middle = median(found.iter().copied()).unwrap_or(f64::NAN);
        let goal = most.map_or(String::new(), |most| {
            format!(
                "≤ {most}: {}",
                verdict(measured.is_whole, is_half, middle <= most)
            )
        });
        format!("| {name} | {middle:.2} | {} | {goal} |\n", span(&found, 2))
    };
    let rows = [
        row("p50, ms", 0.5, Some(MOST_P50)),
        row("p90, ms", 0.9, None),
        row("p95, ms", 0.95, None),
        row("p99, ms", 0.99, Some(MOST_P99)),
        row("most, ms", 1.0, None),
    ];
    format!(
        "# First delta: what Causerie adds\n\n\
         From the moment at which the AI server wrote a reply's first words to the\n\
         arrival of the first delta at the client that asked: two gateways, two brokers,\n\
         Redis with its append-only file (`everysec`), clients and AI server on one machine.\n\
         The model thinks for 50 ms; that is not counted.\n\n\
         | added, medians of {count} runs at half load | | least–most | goal |\n|---|---|---|---|\n\
         {rows}\n\
         | | |\n|---|---|\n\
         | questions | {questions} a run, over {clients} connections, in sessions of {TURNS} |\n\
         | full load | {full:.0} answers a second: the most in a closed loop whose clients were doubled until that brought less than a tenth more, or to 1,024 |\n\
         | half of it | {rate:.0} questions a second were to be asked, {asked} were{reached} |\n\
         | model calls in all | {calls} |\n{circumstances}",
        count = runs.len(),
        rows = rows.concat(),
        questions = runs.first().map_or(0, |seen| seen.answers),
        clients = measured.clients,
        full = measured.full,
        asked = span(&asked, 0),
        reached = if is_half {
            ""
        } else {
            ": **half load was not reached**"
        },
        calls = measured.calls,
        circumstances = circumstances::rows(),
    )
}

fn verdict(is_whole: bool, is_half: bool, is_met: bool) -> &'static str {
    match (is_whole, is_half, is_met) {
        (false, _, _) => "a first look",
        (true, false, _) => "not measured",
        (true, true, true) => "met",
        (true, true, false) => "**missed**",
    }
}

fn ms(seen: &Seen, quantile: f64) -> f64 {
    seen.firsts.value_at_quantile(quantile) as f64 / 1000.0
}

/// Questions that were asked in a second: the first one at the begin.
fn rate_of(seen: &Seen) -> f64 {
    seen.answers.saturating_sub(1) as f64 / seen.asked_within.as_secs_f64()
}

/// The least and the most of them.
fn span(values: &[f64], decimals: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{least:.decimals$}–{most:.decimals$}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hdrhistogram::Histogram;

    use super::*;

    /// A hundred questions, all with the same first delta, and the last asked when it
    /// was.
    fn run(added_us: u64, asked_within: Duration) -> Seen {
        let mut firsts = Histogram::new(3).unwrap();
        firsts.record_n(added_us, 100).unwrap();
        Seen {
            answers: 100,
            firsts,
            asked_within,
            took: asked_within,
        }
    }

    fn measured(runs: &[Seen]) -> Measured<'_> {
        Measured {
            full: 198.0,
            rate: 99.0,
            clients: 4,
            runs,
            is_whole: true,
            calls: 300,
        }
    }

    #[test]
    fn medians_are_held_to_the_goals() {
        let second = Duration::from_secs(1);
        let runs = [600, 6_000, 1_500].map(|added| run(added, second));
        let text = write(&measured(&runs));
        for line in [
            "medians of 3 runs at half load",
            "| p50, ms | 1.50 | 0.60–6.00 | ≤ 1: **missed** |",
            "| p99, ms | 1.50 | 0.60–6.00 | ≤ 5: met |",
            "| half of it | 99 questions a second were to be asked, 99–99 were |",
            "| load at the end | ",
        ] {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn what_was_asked_too_slowly_is_no_half_load() {
        let runs = [run(600, Duration::from_millis(1_030))];
        let text = write(&measured(&runs));
        assert!(
            text.contains("96–96 were: **half load was not reached**"),
            "{text}"
        );
        assert!(text.contains("≤ 1: not measured"), "{text}");
    }

    #[test]
    fn what_is_too_little_is_a_first_look() {
        let runs = [run(600, Duration::from_secs(1))];
        let few = Measured {
            is_whole: false,
            ..measured(&runs)
        };
        let text = write(&few);
        assert!(text.contains("| ≤ 1: a first look |"), "{text}");
        assert!(!text.contains(": met"), "{text}");
    }
}
