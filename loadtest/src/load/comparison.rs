//! How figures compare to those of a floor or of a peer.

use serde::{Deserialize, Serialize};

use super::figures;
use super::results::Results;
use super::statistics::median;

/// A figure, and the same figure of something else, in runs that took turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What the figure says, with its unit.
    pub figure: String,
    /// What it is compared to.
    pub against: String,
    /// Ours and the other one, run by run.
    pub pairs: Vec<[f64; 2]>,
}

impl Comparison {
    /// Compares all figures that both have in each of their runs, of which the
    /// first ran beside the other's first, and so on.
    pub fn of_runs(ours: &[Results], theirs: &[Results]) -> Vec<Self> {
        let mut comparisons: Vec<Self> = Vec::new();
        for (ours, theirs) in ours.iter().zip(theirs) {
            let others = figures::all(theirs);
            for (figure, value) in figures::all(ours) {
                let Some((_, other)) = others.iter().find(|(other, _)| *other == figure) else {
                    continue;
                };
                let pair = [value, *other];
                let known = comparisons.iter_mut().find(|known| known.figure == figure);
                match known {
                    Some(known) => known.pairs.push(pair),
                    None => comparisons.push(Self {
                        figure,
                        against: theirs.subject.clone(),
                        pairs: vec![pair],
                    }),
                }
            }
        }
        // A figure that some run lacks is no median of all.
        let runs = ours.len().min(theirs.len());
        comparisons.retain(|comparison| comparison.pairs.len() == runs);
        comparisons
    }

    /// The median of ours, and of the others.
    pub fn medians(&self) -> [Option<f64>; 2] {
        let [ours, others] = [
            self.pairs.iter().map(|[ours, _]| *ours),
            self.pairs.iter().map(|[_, other]| *other),
        ] as [std::iter::Map<_, fn(&[f64; 2]) -> f64>; 2];
        [median(ours), median(others)]
    }

    /// How many times the other one ours is in each run, in order of size. Runs in
    /// which the other one is 0 have no ratio.
    pub fn ratios(&self) -> Vec<f64> {
        let pairs = self.pairs.iter().filter(|[_, other]| *other != 0.0);
        let mut ratios: Vec<_> = pairs.map(|[ours, other]| ours / other).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::results::Stretch;

    fn run(subject: &str, deliveries: u64) -> Results {
        Results {
            subject: subject.to_owned(),
            stretch: Stretch {
                from: 0,
                until: 1_000,
                deliveries,
            },
            ..Results::default()
        }
    }

    #[test]
    fn runs_are_compared_in_pairs() {
        let ours = [300, 400, 900].map(|count| run("Causerie", count));
        let theirs = [100, 200, 100].map(|count| run("a peer", count));
        let comparisons = Comparison::of_runs(&ours, &theirs);
        let [comparison] = &comparisons[..] else {
            panic!("{comparisons:?}");
        };
        assert_eq!(comparison.figure, "deliveries a second");
        assert_eq!(comparison.against, "a peer");
        assert_eq!(comparison.medians(), [Some(400.0), Some(100.0)]);
        assert_eq!(comparison.ratios(), [2.0, 3.0, 9.0]);
    }

    #[test]
    fn what_a_run_lacks_is_not_compared() {
        let ours = [300, 400].map(|count| run("Causerie", count));
        let theirs = [100, 0].map(|count| run("a peer", count));
        assert_eq!(Comparison::of_runs(&ours, &theirs), []);
    }
}
