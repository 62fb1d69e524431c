//! What the results of a run come to: the figures that are compared.

mod memory;

use super::distribution::Distribution;
use super::results::{Measure, Results, Stretch};
use super::sample::Role;
use super::statistics::{Slope, block_means, slope};

/// By what servers are compared that do not do the same.
pub const CPU_PER_DELIVERY: &str = "CPU of the servers per delivery, µs";

/// Parts of all times for which is said how long they are at the most.
pub const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
];

/// Memory grows and shrinks within a minute; over so many seconds it says where it
/// is going.
const LEAST_SECONDS_OF_A_TREND: f64 = 300.0;

/// What is seen within so many milliseconds is one point of a trend.
const BLOCK_MS: f64 = 30_000.0;

const MIB: f64 = 1_048_576.0;
const HOUR_MS: f64 = 3_600_000.0;

/// A figure's name with its unit, and its value.
pub type Figure = (String, f64);

/// All figures of a run.
pub fn all(results: &Results) -> Vec<Figure> {
    let mut figures = of_the_stretch(results);
    for (measure, latency) in &results.latencies {
        let title = measure.title();
        let of =
            quantiles_ms(&latency.whole).map(|(name, ms)| (format!("{title}, {name}, ms"), ms));
        figures.extend(of);
    }
    figures
}

/// The figures of a run, but how long things took.
pub fn of_the_stretch(results: &Results) -> Vec<Figure> {
    let seconds = results.stretch.seconds();
    let deliveries = results.stretch.deliveries as f64;
    let cpu = |role| cpu_seconds(results, role);
    let mut figures = Vec::new();
    let mut tell = |name: &str, value: Option<f64>| {
        figures.extend(
            value
                .filter(|value| value.is_finite())
                .map(|value| (name.to_owned(), value)),
        );
    };
    tell("connections a second", connections_a_second(results));
    let is_storm = results.latencies.contains_key(&Measure::Return);
    tell("until all were back, s", is_storm.then_some(seconds));
    tell("replies that stream at once", replies_at_once(results));
    if deliveries > 0.0 {
        tell("deliveries a second", Some(deliveries / seconds));
        tell(
            "deliveries per CPU second of the servers",
            cpu(Role::Server).map(|cpu| deliveries / cpu),
        );
        tell(
            CPU_PER_DELIVERY,
            cpu(Role::Server).map(|cpu| cpu / deliveries * 1e6),
        );
        tell(
            "CPU of the storage per delivery, µs",
            cpu(Role::Storage).map(|cpu| cpu / deliveries * 1e6),
        );
    }
    for role in Role::ALL {
        let name = format!("CPU of the {}, cores", role.title());
        tell(&name, cpu(role).map(|cpu| cpu / seconds));
    }
    let Stretch { from, until, .. } = results.stretch;
    let (others, stolen) = (
        results.samples.cpu_seconds_of_others(from, until),
        results.samples.stolen_seconds(from, until),
    );
    tell("CPU of others, cores", others.map(|cpu| cpu / seconds));
    tell("stolen, cores", stolen.map(|cpu| cpu / seconds));
    let memory = results.samples.rss_bytes(Role::Server);
    let most = memory
        .iter()
        .map(|(_, bytes)| *bytes)
        .max_by(f64::total_cmp);
    tell(
        "memory of the servers at the most, MiB",
        most.map(|bytes| bytes / MIB),
    );
    tell(
        "memory of the servers for each connection, KiB",
        memory::kib_per_connection(results),
    );
    if let Some(trend) = memory_trend(results) {
        tell(
            "memory of the servers grows, MiB an hour",
            Some(trend.value),
        );
        tell(
            "memory of the servers grows at the least (95 %), MiB an hour",
            Some(trend.low),
        );
        tell(
            "memory of the servers grows at the most (95 %), MiB an hour",
            Some(trend.high),
        );
    }
    figures
}

/// How long it took at the most for each of [`QUANTILES`], and for all.
pub fn quantiles_ms(distribution: &Distribution) -> impl Iterator<Item = (&'static str, f64)> {
    let of = |(name, share)| (name, distribution.quantile_ms(share));
    QUANTILES
        .into_iter()
        .map(of)
        .chain([("max", distribution.max_ms())])
}

/// By how many MiB an hour the servers' memory grew within the stretch; none where
/// it is too short to tell.
pub fn memory_trend(results: &Results) -> Option<Slope> {
    if results.stretch.seconds() < LEAST_SECONDS_OF_A_TREND {
        return None;
    }
    let within = results.stretch.from..=results.stretch.until;
    let memory = results.samples.rss_bytes(Role::Server).into_iter();
    let memory = memory.filter(|(at, _)| within.contains(at));
    let points: Vec<_> = memory.map(|(at, bytes)| (at as f64, bytes)).collect();
    let Slope { value, low, high } = slope(&block_means(&points, BLOCK_MS))?;
    let [value, low, high] = [value, low, high].map(|per_ms| per_ms * HOUR_MS / MIB);
    Some(Slope { value, low, high })
}

fn cpu_seconds(results: &Results, role: Role) -> Option<f64> {
    let stretch = results.stretch;
    results
        .samples
        .cpu_seconds(role, stretch.from, stretch.until)
}

fn connections_a_second(results: &Results) -> Option<f64> {
    let span = results.connecting?;
    Some(results.counts.connections as f64 / span.seconds())
}

/// How many replies had begun and not ended, on average; none where nobody asked.
fn replies_at_once(results: &Results) -> Option<f64> {
    let stretch = results.stretch;
    let is_within =
        |second: u64| stretch.from <= second * 1_000 && (second + 1) * 1_000 <= stretch.until;
    let within = results.seconds.iter();
    let within = within.filter(|(second, _)| is_within(**second));
    let counts: Vec<_> = within.map(|(_, of)| of.streaming as f64).collect();
    let sum: f64 = counts.iter().sum();
    (results.counts.questions > 0).then(|| sum / counts.len() as f64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::load::results::{Counts, Second, Span};
    use crate::load::sample::{Process, Samples, Use};

    /// A server that uses half a core for so many seconds.
    fn server(seconds: u64, rss_bytes: impl Fn(u64) -> f64) -> Samples {
        let sample = |second: u64| Use {
            at: second * 1_000,
            cpu_seconds: second as f64 / 2.0,
            rss_bytes: rss_bytes(second) as u64,
            threads: 1,
            open_files: 1,
        };
        let process = Process {
            name: "gateway".to_owned(),
            role: Role::Server,
            samples: (0..=seconds).map(sample).collect(),
        };
        Samples {
            processes: vec![process],
            ..Samples::default()
        }
    }

    fn figure(results: &Results, name: &str) -> Option<f64> {
        let figures = all(results).into_iter();
        let mut found = figures.filter(|(figure, _)| figure == name);
        found.next().map(|(_, value)| value)
    }

    fn is_near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!(
            (found / expected - 1.0).abs() < 0.01,
            "{found}, not {expected}"
        );
    }

    #[test]
    fn processor_time_is_shared_among_deliveries() {
        let results = Results {
            stretch: Stretch {
                from: 2_000,
                until: 6_000,
                deliveries: 1_000_000,
            },
            samples: server(10, |_| 0.0),
            ..Results::default()
        };
        is_near(figure(&results, "deliveries a second"), 250_000.0);
        is_near(figure(&results, "CPU of the servers, cores"), 0.5);
        is_near(figure(&results, "CPU of the servers per delivery, µs"), 2.0);
        is_near(
            figure(&results, "deliveries per CPU second of the servers"),
            500_000.0,
        );
        assert_eq!(figure(&results, "CPU of the storage, cores"), None);
    }

    #[test]
    fn replies_at_once_are_counted_while_it_is_measured() {
        // All of them in the middle; fewer before and after.
        let seconds = [(0, 5), (1, 40), (2, 60), (3, 7)].map(|(second, streaming)| {
            let of = Second {
                streaming,
                ..Second::default()
            };
            (second, of)
        });
        let mut results = Results {
            stretch: Stretch {
                from: 900,
                until: 3_100,
                deliveries: 0,
            },
            seconds: BTreeMap::from(seconds),
            ..Results::default()
        };
        let name = "replies that stream at once";
        assert_eq!(figure(&results, name), None);
        results.counts.questions = 1;
        is_near(figure(&results, name), 50.0);
    }

    #[test]
    fn connections_are_counted_by_the_time_that_they_took() {
        let results = Results {
            counts: Counts {
                connections: 20_000,
                ..Counts::default()
            },
            connecting: Some(Span {
                from: 0,
                until: 20_000,
            }),
            ..Results::default()
        };
        is_near(figure(&results, "connections a second"), 1_000.0);
    }

    #[test]
    fn memory_that_grows_with_time_is_a_trend() {
        let trend = |per_hour: f64| {
            let wave = |second: u64| (second as f64 / 7.0).sin() * 0.5 * MIB;
            let rss = |second| 50.0 * MIB + second as f64 / 3_600.0 * per_hour * MIB + wave(second);
            let results = Results {
                stretch: Stretch {
                    from: 10_000,
                    until: 1_800_000,
                    deliveries: 1,
                },
                samples: server(1_800, rss),
                ..Results::default()
            };
            memory_trend(&results).unwrap()
        };
        let grows = trend(20.0);
        assert!(grows.low > 19.0 && grows.high < 21.0, "{grows:?}");
        let rests = trend(0.0);
        assert!(
            rests.low < 0.0 && rests.high > 0.0 && rests.high < 1.0,
            "{rests:?}"
        );
    }
}
