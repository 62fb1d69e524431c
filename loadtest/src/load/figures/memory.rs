//! What a connection takes of the servers' memory.

use crate::load::results::{Results, Span, Stretch};
use crate::load::sample::Role;

/// Fewer find room in what the programs have already.
const LEAST_CONNECTIONS: u64 = 500;

/// A rest is looked at for its second half, and no longer than this.
const LONGEST_LOOK_MS: u64 = 10_000;

/// What is there while nobody comes or goes.
struct Rest {
    connections: u64,
    rss_bytes: f64,
}

/// By how much memory grew from the plateau to the stretch, for each connection that
/// came in between. None where there was no plateau, or where connections did more
/// than to be there.
pub(super) fn kib_per_connection(results: &Results) -> Option<f64> {
    let counts = &results.counts;
    if counts.sent > 0 || counts.questions > 0 {
        return None;
    }
    let few = at_rest(results, results.plateau?)?;
    let Stretch { from, until, .. } = results.stretch;
    let many = at_rest(results, Span { from, until })?;
    let between = many.connections.checked_sub(few.connections)?;
    (between >= LEAST_CONNECTIONS)
        .then(|| (many.rss_bytes - few.rss_bytes) / between as f64 / 1024.0)
}

/// Servers hold memory for who is not in yet, and give back what coming in took:
/// so a rest counts only from its middle on, and only if all were in by then.
fn at_rest(results: &Results, rest: Span) -> Option<Rest> {
    let Span { from, until } = rest;
    let look = (until.checked_sub(from)? / 2).min(LONGEST_LOOK_MS);
    let from = until - look;
    let seconds = results.seconds.range(from / 1_000..until / 1_000);
    let mut connections = seconds.map(|(_, second)| second.connections);
    let first = connections.next()?;
    if !connections.all(|later| later == first) {
        return None;
    }
    let memory = results.samples.rss_bytes(Role::Server).into_iter();
    let memory = memory.filter(|(at, _)| (from..until).contains(at));
    let memory: Vec<_> = memory.map(|(_, bytes)| bytes).collect();
    (!memory.is_empty()).then(|| Rest {
        connections: first,
        rss_bytes: memory.iter().sum::<f64>() / memory.len() as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::results::{Counts, Second};
    use crate::load::sample::{Process, Samples, Use};

    /// 1,000 come each second: 5,000 of them, who rest for 20 s, and as many again.
    fn come(second: u64) -> u64 {
        match second {
            0..5 => second * 1_000,
            5..25 => 5_000,
            25..30 => (second - 20) * 1_000,
            _ => 10_000,
        }
    }

    /// It takes them two seconds to be in all their rooms.
    fn are_in(second: u64) -> u64 {
        come(second.saturating_sub(2))
    }

    /// With so much memory at the beginning of each second.
    fn results(rss_bytes: impl Fn(u64) -> f64) -> Results {
        let second = |second: u64| {
            let of = Second {
                connections: are_in(second + 1),
                ..Second::default()
            };
            (second, of)
        };
        let sample = |second: u64| Use {
            at: second * 1_000,
            cpu_seconds: 0.0,
            rss_bytes: rss_bytes(second) as u64,
            threads: 1,
            open_files: 1,
        };
        let process = Process {
            name: "gateway".to_owned(),
            role: Role::Server,
            samples: (0..=52).map(sample).collect(),
        };
        Results {
            plateau: Some(Span {
                from: 5_000,
                until: 25_000,
            }),
            stretch: Stretch {
                from: 32_000,
                until: 52_000,
                deliveries: 0,
            },
            seconds: (0..52).map(second).collect(),
            samples: Samples {
                processes: vec![process],
                ..Samples::default()
            },
            ..Results::default()
        }
    }

    fn is_near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!(
            (found / expected - 1.0).abs() < 0.001,
            "{found}, not {expected}"
        );
    }

    #[test]
    fn memory_that_is_ahead_of_who_is_in_is_told_right() {
        // Who comes takes memory at once, and the first 2,000 warm up what all share.
        let rss = |second| {
            let count = come(second) as f64;
            10e6 + count * 3.0 * 1024.0 + count.min(2_000.0) * 9_000.0
        };
        is_near(kib_per_connection(&results(rss)), 3.0);
    }

    #[test]
    fn what_only_coming_in_takes_is_not_counted() {
        let rss = |second| {
            let comes_in = !(8..25).contains(&second) && second < 33;
            10e6 + come(second) as f64 * 3.0 * 1024.0 + f64::from(comes_in) * 40e6
        };
        is_near(kib_per_connection(&results(rss)), 3.0);
    }

    #[test]
    fn without_a_rest_there_is_no_figure() {
        let whole = results(|second| come(second) as f64);
        assert!(kib_per_connection(&whole).is_some());
        let no_plateau = Results {
            plateau: None,
            ..whole.clone()
        };
        let too_short = Results {
            plateau: Some(Span {
                from: 24_000,
                until: 24_900,
            }),
            ..whole.clone()
        };
        let still_coming = Results {
            plateau: Some(Span {
                from: 1_000,
                until: 9_000,
            }),
            ..whole.clone()
        };
        let talking = Results {
            counts: Counts {
                sent: 1,
                ..Counts::default()
            },
            ..whole
        };
        for none in [no_plateau, too_short, still_coming, talking] {
            assert_eq!(kib_per_connection(&none), None, "{:?}", none.plateau);
        }
    }
}
