//! How much a measurement is worth.

use std::collections::BTreeMap;

use crate::load::results::Results;

/// How much a measurement is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Seconds at each rate.
    pub seconds: f64,
    /// Clients, of a hundred that a row has.
    pub percent: usize,
    /// Whether others must leave the machine alone.
    pub is_idle: bool,
}

impl Effort {
    /// What it takes to say whether a goal is met.
    pub const FULL: Self = Self {
        seconds: 6.0,
        percent: 100,
        is_idle: true,
    };

    /// Whether it is [`Self::FULL`], or more.
    pub fn is_full(self) -> bool {
        self.seconds >= Self::FULL.seconds && self.percent >= Self::FULL.percent && self.is_idle
    }

    /// What results tell of it.
    pub(super) fn parameters(self) -> BTreeMap<String, String> {
        let all = [
            ("seconds", self.seconds.to_string()),
            ("clients, percent", self.percent.to_string()),
            ("idle machine", self.is_idle.to_string()),
        ];
        let all = all.map(|(name, value)| (name.to_owned(), value));
        all.into()
    }

    /// The one of these results.
    pub fn of(results: &Results) -> Option<Self> {
        let of = |name| results.parameters.get(name);
        Some(Self {
            seconds: of("seconds")?.parse().ok()?,
            percent: of("clients, percent")?.parse().ok()?,
            is_idle: of("idle machine")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_tell_how_much_they_are_worth() {
        let less = Effort {
            seconds: 0.5,
            ..Effort::FULL
        };
        for effort in [Effort::FULL, less] {
            let results = Results {
                parameters: effort.parameters(),
                ..Results::default()
            };
            assert_eq!(Effort::of(&results), Some(effort));
        }
        assert_eq!(Effort::of(&Results::default()), None);
        let few = Effort {
            percent: 99,
            ..Effort::FULL
        };
        let busy = Effort {
            is_idle: false,
            ..Effort::FULL
        };
        assert!(Effort::FULL.is_full());
        assert!([less, few, busy].iter().all(|effort| !effort.is_full()));
    }
}
