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
    /// The faults of each round, in order. Where the storage may lose what it
    /// has acknowledged little can be proven of what was said before: such
    /// faults have a round of their own.
    pub rounds: Vec<Vec<Kind>>,
}

impl Plan {
    /// Each of `kinds` so many times, in an order of the seed's.
    pub fn new(seed: u64, kinds: &[Kind], times: usize) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let (losing, keeping): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| kind.may_lose());
        let rounds = [keeping, losing]
            .into_iter()
            .filter(|kinds| !kinds.is_empty());
        let rounds = rounds.map(|kinds| {
            let mut faults = kinds.repeat(times);
            faults.shuffle(&mut dice);
            faults
        });
        let rounds = rounds.collect();
        Self { seed, rounds }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        for faults in &self.rounds {
            let names: Vec<_> = faults.iter().map(|kind| kind.name()).collect();
            write!(f, "; {}", names.join(" "))?;
        }
        Ok(())
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
            let faults = plan.rounds.iter().flatten();
            let times = faults.filter(|fault| **fault == kind).count();
            assert_eq!(times, 2, "{}", kind.name());
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
    }
}
