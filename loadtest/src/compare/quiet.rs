//! Whether others leave the machine alone. Those are all that do not belong to a
//! measurement, and other machines on the same hardware.

use std::time::{Duration, Instant};

use crate::load::results::{Results, Stretch, Try, UnixMs};
use crate::load::sample::{Busy, MOST_CORES_OF_OTHERS, look_at_machine};

/// A machine is looked at for so long before it is said to be quiet.
const LOOK: Duration = Duration::from_secs(2);

/// And is waited for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until others leave the machine alone, while nothing is measured. Gives what
/// they do to it where they do not, or where nobody knows.
pub fn wait() -> Option<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = look_at_machine();
        std::thread::sleep(LOOK);
        let (Some(before), Some(after)) = (before, look_at_machine()) else {
            return Some("nobody knows how busy this machine is".to_owned());
        };
        let disturbance = between(before, after);
        if disturbance.is_none() || Instant::now() > deadline {
            return disturbance;
        }
    }
}

fn between(before: Busy, after: Busy) -> Option<String> {
    let seconds = after.at.saturating_sub(before.at) as f64 / 1e3;
    let others = (after.cpu_seconds - before.cpu_seconds) / seconds;
    used_too_much(others).or_else(|| stolen_too_much(after.stolen_cores_since(before)))
}

/// What others did to the machine during a run: in the stretch that was measured, or
/// in all of it. A search tries a rate again that was disturbed by other machines: there
/// it counts whether one was whenever it was tried.
pub(super) fn disturbance(results: &Results) -> Option<String> {
    let looks = || {
        results
            .samples
            .machines
            .iter()
            .flatten()
            .map(|look| look.at)
    };
    let (Some(first), Some(last)) = (looks().min(), looks().max()) else {
        return Some("nobody looked at the machine".to_owned());
    };
    let Stretch { from, until, .. } = results.stretch;
    used(results, from, until)
        .or_else(|| used(results, first, last))
        .or_else(|| stolen(results, from, until))
        .or_else(|| match results.tried.as_slice() {
            [] => stolen(results, first, last),
            tried => stolen_at_a_rate(tried),
        })
}

fn used(results: &Results, from: UnixMs, until: UnixMs) -> Option<String> {
    let seconds = until.saturating_sub(from) as f64 / 1e3;
    used_too_much(results.samples.cpu_seconds_of_others(from, until)? / seconds)
}

fn stolen(results: &Results, from: UnixMs, until: UnixMs) -> Option<String> {
    let seconds = until.saturating_sub(from) as f64 / 1e3;
    stolen_too_much(results.samples.stolen_seconds(from, until)? / seconds)
}

/// What was stolen, at the least, each time that one of the rates was tried.
fn stolen_at_a_rate(tried: &[Try]) -> Option<String> {
    let least = |rate: f64| {
        let same = tried.iter().filter(|of| of.rate == rate);
        same.map(|of| of.stolen_cores).reduce(f64::min)
    };
    let worst = tried.iter().filter_map(|of| least(of.rate));
    stolen_too_much(worst.reduce(f64::max)?)
}

fn used_too_much(cores: f64) -> Option<String> {
    (cores > MOST_CORES_OF_OTHERS).then(|| format!("others used {cores:.1} cores"))
}

fn stolen_too_much(cores: f64) -> Option<String> {
    (cores > MOST_CORES_OF_OTHERS).then(|| format!("{cores:.1} cores were stolen"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::sample::Samples;

    /// A machine that is used, and stolen from, from the fifth second to the tenth.
    fn results(stretch: [UnixMs; 2], cores: f64, stolen: f64) -> Results {
        let look = |second: u64| {
            let seconds = second.clamp(5, 10) as f64 - 5.0;
            Busy {
                at: second * 1_000,
                cpu_seconds: seconds * cores,
                stolen_seconds: seconds * stolen,
            }
        };
        let [from, until] = stretch;
        Results {
            stretch: Stretch {
                from,
                until,
                deliveries: 0,
            },
            samples: Samples {
                machines: vec![(0..=20).map(look).collect()],
                ..Samples::default()
            },
            ..Results::default()
        }
    }

    #[test]
    fn who_is_not_alone_is_told() {
        let of = |stretch, cores, stolen| disturbance(&results(stretch, cores, stolen));
        assert_eq!(of([5_000, 10_000], 0.1, 0.1), None);
        let others = Some("others used 0.3 cores".to_owned());
        assert_eq!(of([5_000, 10_000], 0.3, 0.0), others);
        let stolen = Some("0.3 cores were stolen".to_owned());
        assert_eq!(of([5_000, 10_000], 0.0, 0.3), stolen);
        // Before or after what is measured, a little may happen.
        assert_eq!(of([12_000, 20_000], 0.3, 0.0), None);
        let others = Some("others used 0.5 cores".to_owned());
        assert_eq!(of([12_000, 20_000], 2.0, 0.0), others);
        assert!(disturbance(&Results::default()).is_some());
    }

    #[test]
    fn a_search_may_try_again_what_was_stolen_from() {
        let tried = |tries: &[(f64, f64)]| Results {
            tried: tries
                .iter()
                .map(|(rate, stolen_cores)| Try {
                    rate: *rate,
                    p99_ms: 1.0,
                    is_borne: true,
                    stolen_cores: *stolen_cores,
                })
                .collect(),
            // In all of it half a core was stolen, but none where it was measured.
            ..results([12_000, 20_000], 0.0, 2.0)
        };
        let of = |tries| disturbance(&tried(tries));
        assert!(of(&[]).is_some());
        assert_eq!(of(&[(1.0, 0.0), (2.0, 0.9), (2.0, 0.1)]), None);
        let stolen = Some("0.3 cores were stolen".to_owned());
        assert_eq!(of(&[(1.0, 0.0), (2.0, 0.9), (2.0, 0.3)]), stolen);
    }
}
