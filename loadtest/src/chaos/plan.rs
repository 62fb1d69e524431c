//! What strikes when, from a seed: the same seed gives the same plan.

use std::fmt;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::fault::Kind;

/// What strikes, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it was made from.
    pub seed: u64,
    /// The faults, in order.
    pub faults: Vec<Kind>,
}

impl Plan {
    /// Each of `kinds` so many times, in an order of the seed's.
    pub fn new(seed: u64, kinds: &[Kind], times: usize) -> Self {
        let mut faults: Vec<_> = kinds
            .iter()
            .copied()
            .cycle()
            .take(kinds.len() * times)
            .collect();
        faults.shuffle(&mut StdRng::seed_from_u64(seed));
        Self { seed, faults }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.faults.iter().map(|kind| kind.name()).collect();
        write!(f, "seed {}: {}", self.seed, names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_plan_again_and_each_kind_its_turns() {
        let plan = Plan::new(7, &Kind::ALL, 2);
        assert_eq!(plan, Plan::new(7, &Kind::ALL, 2));
        assert_ne!(plan, Plan::new(8, &Kind::ALL, 2));
        for kind in Kind::ALL {
            let times = plan.faults.iter().filter(|fault| **fault == kind).count();
            assert_eq!(times, 2, "{}", kind.name());
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
    }
}
