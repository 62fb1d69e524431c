//! Whether others leave the machine alone. Those are all that do not belong to a
//! measurement, and other machines on the same hardware.

use std::time::{Duration, Instant};

use crate::load::results::{Results, Stretch, UnixMs};
use crate::load::sample::{Busy, look_at_machine};

/// So many cores may be used by others, or be stolen: more would be a tenth of what is
/// measured on two nodes.
const MOST_CORES: f64 = 0.2;

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
    too_much(
        (after.cpu_seconds - before.cpu_seconds) / seconds,
        (after.stolen_seconds - before.stolen_seconds) / seconds,
    )
}

/// What others did to the machine during a run: in the stretch that was measured, or
/// in all of it, with the rates that a search has tried.
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
    within(results, from, until).or_else(|| within(results, first, last))
}

fn within(results: &Results, from: UnixMs, until: UnixMs) -> Option<String> {
    let seconds = until.saturating_sub(from) as f64 / 1e3;
    let samples = &results.samples;
    too_much(
        samples.cpu_seconds_of_others(from, until)? / seconds,
        samples.stolen_seconds(from, until)? / seconds,
    )
}

fn too_much(others: f64, stolen: f64) -> Option<String> {
    if others > MOST_CORES {
        return Some(format!("others used {others:.1} cores"));
    }
    (stolen > MOST_CORES).then(|| format!("{stolen:.1} cores were stolen"))
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
}
