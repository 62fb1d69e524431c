//! What the programs' own metrics say, across restarts.

use std::collections::BTreeMap;

use super::installation::{Installation, Place};

const GAPS_REPAIRED: &str = "gaps repaired";

/// What a run must have shown to have proven anything: a name for people, the
/// metric, and a label that it has.
const WANTED: [(&str, &str, &str); 10] = [
    (GAPS_REPAIRED, "causerie_repairs_total", "mended"),
    ("snapshots", "causerie_snapshots_total", ""),
    ("takeovers", "causerie_broker_takeovers_total", ""),
    ("fenced writes refused", "causerie_broker_fenced_total", ""),
    (
        "events dropped for slow readers",
        "causerie_drops_total",
        "slow_",
    ),
    ("late records dropped", "causerie_drops_total", "stale"),
    (
        "questions handed to the fallback",
        "causerie_ai_fallbacks_total",
        "",
    ),
    ("repeated messages", "causerie_repeated_messages_total", ""),
    (
        "recoveries from the log",
        "causerie_recoveries_total",
        "log",
    ),
    (
        "recoveries from the tail",
        "causerie_recoveries_total",
        "tail",
    ),
];

/// Counters of all processes there ever were.
#[derive(Debug, Default)]
pub struct Tally {
    /// The highest value, by process and name: a page may break off.
    most: BTreeMap<(String, &'static str), f64>,
}

impl Tally {
    /// Asks all programs that answer.
    pub async fn look(&mut self, at: &Installation) {
        let looks = at
            .places()
            .map(|place| async { Some((process(place), place.metrics().await?)) });
        for (process, page) in futures::future::join_all(looks).await.into_iter().flatten() {
            self.take(&process, &page);
        }
    }

    fn take(&mut self, process: &str, page: &str) {
        for (name, metric, label) in WANTED {
            let lines = page
                .lines()
                .filter(|line| line.starts_with(metric) && line.contains(label));
            let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
            let most = self.most.entry((process.to_owned(), name)).or_default();
            *most = most.max(values.sum());
        }
    }

    /// How many gaps all gateways have repaired that could be asked.
    pub fn gaps_repaired(&self) -> u64 {
        self.totals().remove(GAPS_REPAIRED).unwrap_or_default()
    }

    /// The sums over all processes.
    pub fn totals(&self) -> BTreeMap<String, u64> {
        let names = WANTED.iter().map(|(name, ..)| (*name).to_owned());
        let mut totals: BTreeMap<_, _> = names.map(|name| (name, 0)).collect();
        for ((_, name), value) in &self.most {
            *totals.entry((*name).to_owned()).or_default() += *value as u64;
        }
        totals
    }
}

/// A process, unlike the one that was there before it.
fn process(place: &Place) -> String {
    format!("{}/{}", place.name, place.starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_counted_stays_when_another_takes_its_place() {
        let mut tally = Tally::default();
        let page = |count: u32| {
            format!(
                "causerie_snapshots_total {count}\n\
                 causerie_repairs_total{{outcome=\"mended\"}} 1\n\
                 causerie_repairs_total{{outcome=\"lost\"}} 9\n"
            )
        };
        tally.take("gateway-1/1", &page(2));
        tally.take("gateway-1/1", &page(5));
        tally.take("gateway-1/2", &page(1));
        let totals = tally.totals();
        assert_eq!((totals["snapshots"], totals["gaps repaired"]), (6, 2));
        assert_eq!(tally.gaps_repaired(), 2);
        assert_eq!(totals["takeovers"], 0);
    }

    #[test]
    fn what_was_counted_is_not_taken_back() {
        let mut tally = Tally::default();
        tally.take("gateway-1/1", "causerie_snapshots_total 3\n");
        for page in ["", "causerie_snapshots_total 2\n"] {
            tally.take("gateway-1/1", page);
            assert_eq!(tally.totals()["snapshots"], 3, "{page}");
        }
    }
}
