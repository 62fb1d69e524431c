//! What strikes when, from a seed: the same seed gives the same plan.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use causerie_testkit::storage::StorageKind;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::fault::Kind;

/// What comes between two faults, about: a pause, and the wait for replies.
const BETWEEN: Duration = Duration::from_secs(5);

/// How long one installation is struck, about. Its ledger is read at its end,
/// and an interrupted run goes on with the one that it had begun.
const ROUND: Duration = Duration::from_secs(300);

/// What strikes, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it was made from.
    pub seed: u64,
    /// Each on an installation of its own.
    pub rounds: Vec<Faults>,
}

/// What strikes one installation. Where the storage may lose what it has
/// acknowledged little can be proven of what was said before: faults that lose as
/// much have an installation of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// What the installation keeps its rooms in.
    pub storage: StorageKind,
    /// In order.
    pub kinds: Vec<Kind>,
}

impl Plan {
    /// Each of `kinds` so many times, in an order of the seed's.
    pub fn new(seed: u64, kinds: &[Kind], times: usize) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut groups = BTreeMap::<_, Vec<_>>::new();
        for kind in kinds {
            let group = groups.entry((kind.storage(), kind.loses_back_to()));
            group.or_default().push(*kind);
        }
        let rounds = groups.into_iter().flat_map(|((storage, _), kinds)| {
            let mut kinds = kinds.repeat(times);
            kinds.shuffle(&mut dice);
            let rounds = duration_of(&kinds).div_duration_f64(ROUND).ceil() as usize;
            let each = kinds.len().div_ceil(rounds.max(1)).max(1);
            let rounds = kinds.chunks(each).map(<[Kind]>::to_vec);
            rounds
                .map(|kinds| Faults { storage, kinds })
                .collect::<Vec<_>>()
        });
        let rounds = rounds.collect();
        Self { seed, rounds }
    }

    /// How often each of `kinds` strikes in so much time, about; once at the
    /// least.
    pub fn times_in(kinds: &[Kind], time: Duration) -> usize {
        let once = duration_of(kinds).max(BETWEEN);
        (time.div_duration_f64(once) as usize).max(1)
    }
}

impl Faults {
    /// How long they take, about.
    pub fn duration(&self) -> Duration {
        duration_of(&self.kinds)
    }
}

fn duration_of(kinds: &[Kind]) -> Duration {
    kinds.iter().map(|kind| kind.lasts() + BETWEEN).sum()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        for faults in &self.rounds {
            let names: Vec<_> = faults.kinds.iter().map(|kind| kind.name()).collect();
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
        let kinds: Vec<_> = Kind::all().collect();
        let plan = Plan::new(7, &kinds, 2);
        assert_eq!(plan, Plan::new(7, &kinds, 2));
        assert_ne!(plan, Plan::new(8, &kinds, 2));
        for kind in kinds {
            let faults = plan.rounds.iter().flat_map(|faults| &faults.kinds);
            let times = faults.filter(|fault| **fault == kind).count();
            assert_eq!(times, 2, "{}", kind.name());
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
    }

    #[test]
    fn a_long_run_has_many_rounds_and_fills_its_time() {
        let kinds: Vec<_> = Kind::all().collect();
        let hour = Duration::from_secs(3600);
        let times = Plan::times_in(&kinds, hour);
        let plan = Plan::new(7, &kinds, times);
        let lasts: Vec<_> = plan.rounds.iter().map(|r| duration_of(&r.kinds)).collect();
        let all: Duration = lasts.iter().sum();
        assert!(hour / 2 < all && all <= hour, "{times} times: {all:?}");
        let longest = lasts.iter().max().unwrap();
        assert!(*longest < ROUND * 3 / 2, "{longest:?}");
        assert_eq!(Plan::times_in(&kinds, Duration::ZERO), 1);
    }

    #[test]
    fn a_round_has_one_storage_and_all_its_faults_lose_as_much() {
        let plan = Plan::new(7, &Kind::all().collect::<Vec<_>>(), 2);
        for Faults { storage, kinds } in plan.rounds {
            assert!(kinds.iter().all(|kind| kind.storage() == storage));
            let loses = kinds[0].loses_back_to();
            let lose_as_much = kinds.iter().all(|kind| kind.loses_back_to() == loses);
            assert!(lose_as_much, "{kinds:?}");
        }
    }
}
