//! The report.

use std::io::Write;

use causerie_loadtest::circumstances;

use crate::clients::Seen;

/// What was measured.
pub(crate) struct Run<'a> {
    /// Questions a second at full load.
    pub full: f64,
    /// Questions a second that were asked.
    pub rate: f64,
    /// How many people asked.
    pub clients: usize,
    /// What they saw.
    pub seen: &'a Seen,
    /// How often the model was called, the search for the full load included.
    pub calls: u64,
}

/// Says how far the search for the full load has come.
pub(crate) fn progress(clients: usize, rate: f64) {
    show(&format!("{clients} clients: {rate:.0} answers a second"));
}

/// Prints a text.
pub(crate) fn show(text: &str) {
    // Nobody reads: nothing is lost, the report is in its file.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The report as Markdown.
pub(crate) fn write(run: &Run<'_>) -> String {
    let ms = |quantile| run.seen.firsts.value_at_quantile(quantile) as f64 / 1000.0;
    format!(
        "# First delta: what Causerie adds\n\n\
         From the moment at which the AI server wrote a reply's first words to the\n\
         arrival of the first delta at the client that asked: two gateways, two brokers,\n\
         Redis with its append-only file, clients and AI server on one machine. The model\n\
         thinks for 50 ms; that is not counted.\n\n\
         | | |\n|---|---|\n\
         | questions | {questions}, {rate:.0} a second, over {clients} connections |\n\
         | p50 | {p50:.2} ms |\n| p90 | {p90:.2} ms |\n| p99 | {p99:.2} ms |\n| most | {most:.2} ms |\n\
         | full load | {full:.0} answers a second: the most in a closed loop whose clients were doubled until that brought less than a tenth more, or to 1,024 |\n\
         | model calls in all | {calls} |\n{circumstances}",
        questions = run.seen.answers,
        rate = run.rate,
        clients = run.clients,
        p50 = ms(0.5),
        p90 = ms(0.9),
        p99 = ms(0.99),
        most = run.seen.firsts.max() as f64 / 1000.0,
        full = run.full,
        calls = run.calls,
        circumstances = circumstances::rows(),
    )
}
