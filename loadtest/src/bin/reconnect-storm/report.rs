//! The report.

use std::io::Write;
use std::time::Duration;

use causerie_loadtest::circumstances;
use causerie_loadtest::load::storm::Return;

use crate::onlookers::Gaps;
use crate::redis::Counted;

/// Redis commands for each client that must not be reached.
const COMMANDS: f64 = 0.1;

/// How long nothing may come to an onlooker who is reading a reply.
const SILENCE: Duration = Duration::from_secs(1);

/// What was measured.
pub(crate) struct Run<'a> {
    pub clients: usize,
    pub onlookers: usize,
    /// Whether it was counted who comes.
    pub has_limits: bool,
    pub returns: &'a [Return],
    /// From the kill until the last was back.
    pub took: Duration,
    /// What Redis was asked before.
    pub calm: &'a Counted,
    /// What Redis was asked until the last was back.
    pub storm: &'a Counted,
    pub gaps: &'a Gaps,
}

impl Run<'_> {
    /// Whether the coming of the crowd has cost as little as it may.
    fn is_cheap(&self) -> bool {
        self.storm.for_each_of(self.clients) < COMMANDS
    }

    /// Whether no onlooker noticed.
    fn is_quiet(&self) -> bool {
        self.gaps.since < SILENCE
    }

    /// What is to be said of it in the end, with the exit code.
    pub(crate) fn verdict(&self) -> (u8, &'static str) {
        match (self.is_cheap(), self.is_quiet()) {
            (true, true) => (0, "Every goal was met."),
            (true, false) | (false, true) => (3, "A goal was missed."),
            (false, false) => (3, "Two goals were missed."),
        }
    }
}

/// Prints a text.
pub(crate) fn show(text: &str) {
    // Nobody reads: nothing is lost, the report is in its file.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The report as Markdown.
pub(crate) fn write(run: &Run<'_>) -> String {
    let Run { calm, storm, .. } = run;
    let opened = quantiles(run.returns.iter().map(|back| back.opened));
    let caught_up = quantiles(run.returns.iter().map(|back| back.caught_up));
    let failures: u32 = run.returns.iter().map(|back| back.failures).sum();
    let for_each = storm.for_each_of(run.clients);
    let scripts_a_second = calm.scripts / calm.within.as_secs_f64();
    let expected = scripts_a_second * storm.within.as_secs_f64();
    format!(
        "# A crowd comes to another gateway\n\n\
         A gateway was killed that {clients} clients were on, each a user of its own. All came\n\
         to the other gateway, the first try within 250 ms, with the positions of three rooms:\n\
         their own, of which they had missed an event and of which that gateway knew nothing;\n\
         a project's, of which they had missed one too and which {onlookers} onlookers heard\n\
         there; and the tenant's. Everybody got everything. Times are from the end of a\n\
         client's connection, in milliseconds; two gateways, two brokers, Redis, the AI server\n\
         and all clients share one machine.\n\n\
         | | |\n|---|---|\n\
         | back on a socket | p50 {opened} |\n\
         | caught up | p50 {caught_up} |\n\
         | from the kill until the last was caught up | {took} |\n\
         | tries that failed | {failures} |\n\
         | Redis commands for each client | {for_each:.3}; goal < {COMMANDS}: {is_cheap} |\n\
         | – SSUBSCRIBE and SUNSUBSCRIBE | {subscriptions:.0} |\n\
         | – scripts that read rooms | {reads:.0} |\n\
         | – scripts that count who comes | {takes} |\n\
         | rooms that somebody was brought up to date in | {from_tail:.0} from the tail, {from_log:.0} from the log |\n\
         | beside these: scripts that look for changes each second | {looks:.0} |\n\
         | all scripts of all nodes | {scripts:.0}; at the pace of the calm before, {calm_pace:.0} a second, it would have been {expected:.0} |\n\
         | longest silence within an onlooker's reply, which has a piece each 50 ms | {before} before, {since} since; goal < {silence}: {is_quiet} |\n\
         {circumstances}",
        clients = run.clients,
        onlookers = run.onlookers,
        took = run.took.as_millis(),
        is_cheap = met(run.is_cheap()),
        subscriptions = storm.subscriptions,
        reads = storm.reads,
        takes = takes(run),
        from_tail = storm.from_tail,
        from_log = storm.from_log,
        looks = storm.looks,
        scripts = storm.scripts,
        calm_pace = scripts_a_second,
        before = run.gaps.before.as_millis(),
        since = run.gaps.since.as_millis(),
        silence = SILENCE.as_millis(),
        is_quiet = met(run.is_quiet()),
        circumstances = circumstances::rows(),
    )
}

fn takes(run: &Run<'_>) -> String {
    if run.has_limits {
        format!("{:.0}", run.storm.takes)
    } else {
        "none: the crowd is exempt from limits".to_owned()
    }
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "**missed**" }
}

/// `…, p90 …, max …`
fn quantiles(times: impl Iterator<Item = Duration>) -> String {
    let mut sorted: Vec<_> = times.map(|time| time.as_millis()).collect();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1) as f64;
    let at = |part: f64| {
        let place = (last * part).ceil() as usize;
        sorted.get(place).copied().unwrap_or_default()
    };
    format!("{}, p90 {}, max {}", at(0.5), at(0.9), at(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goal_that_is_missed_shows_in_the_report_and_in_the_exit_code() {
        let of = |subscriptions, since| {
            let counted = Counted {
                within: Duration::from_secs(1),
                scripts: 0.0,
                subscriptions,
                reads: 10.0,
                takes: 0.0,
                looks: 0.0,
                from_tail: 3_000.0,
                from_log: 0.0,
            };
            let run = Run {
                clients: 1_000,
                onlookers: 1,
                has_limits: true,
                returns: &[],
                took: Duration::ZERO,
                calm: &counted,
                storm: &counted,
                gaps: &Gaps {
                    before: Duration::ZERO,
                    since: Duration::from_millis(since),
                },
            };
            let missed = write(&run).matches("**missed**").count();
            (missed, run.verdict())
        };
        assert_eq!(of(89.0, 999), (0, (0, "Every goal was met.")));
        assert_eq!(of(90.0, 999), (1, (3, "A goal was missed.")));
        assert_eq!(of(89.0, 1_000), (1, (3, "A goal was missed.")));
        assert_eq!(of(90.0, 1_000), (2, (3, "Two goals were missed.")));
    }
}
