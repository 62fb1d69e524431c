//! What figures are to be, and whether they are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::figures;
use super::report::number;
use super::results::Results;
use super::statistics::median;

/// What a figure is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Its name, as [`figures::all`] has it.
    pub figure: String,
    /// What it is held to.
    pub bound: Bound,
}

/// What a figure is held to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// It may not be more.
    AtMost(f64),
    /// It may not be less.
    AtLeast(f64),
}

/// A goal, and what runs found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The goal.
    pub goal: Goal,
    /// The figure in each run that has it.
    pub found: Vec<f64>,
    /// How many runs there were.
    pub runs: usize,
}

/// What is said of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The median of all runs is as it is to be.
    Met,
    /// It is not.
    Missed,
    /// Not every run has the figure.
    NotMeasured,
}

impl FromStr for Goal {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = "write FIGURE<=NUMBER or FIGURE>=NUMBER";
        let at_most = text.rsplit_once("<=");
        let (figure, number) = at_most.or_else(|| text.rsplit_once(">=")).ok_or(wanted)?;
        let number: f64 = number.trim().parse().map_err(|_| wanted)?;
        let figure = figure.trim().to_owned();
        if figure.is_empty() || !number.is_finite() {
            return Err(wanted);
        }
        let bound = match at_most {
            Some(_) => Bound::AtMost(number),
            None => Bound::AtLeast(number),
        };
        Ok(Self { figure, bound })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, bound) = match self.bound {
            Bound::AtMost(most) => ("≤", most),
            Bound::AtLeast(least) => ("≥", least),
        };
        write!(f, "{} {sign} {}", self.figure, number(bound))
    }
}

impl Judged {
    /// What these runs found.
    pub fn of_runs(goal: &Goal, runs: &[Results]) -> Self {
        let of_run = |run: &Results| {
            let mut figures = figures::all(run).into_iter();
            figures.find(|(name, _)| *name == goal.figure)
        };
        let found = runs.iter().filter_map(of_run);
        Self {
            goal: goal.clone(),
            found: found.map(|(_, value)| value).collect(),
            runs: runs.len(),
        }
    }

    /// The median of what was found.
    pub fn median(&self) -> Option<f64> {
        median(self.found.iter().copied())
    }

    /// What is said of it.
    pub fn verdict(&self) -> Verdict {
        let is_whole = self.found.len() == self.runs;
        let is_met = match (self.median().filter(|_| is_whole), self.goal.bound) {
            (None, _) => return Verdict::NotMeasured,
            (Some(found), Bound::AtMost(most)) => found <= most,
            (Some(found), Bound::AtLeast(least)) => found >= least,
        };
        if is_met {
            Verdict::Met
        } else {
            Verdict::Missed
        }
    }
}

impl Verdict {
    /// As a word.
    pub fn title(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NotMeasured => "not measured",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::results::Stretch;

    /// A run with so many deliveries a second, if there were any.
    fn run(deliveries: u64) -> Results {
        Results {
            stretch: Stretch {
                from: 0,
                until: 1_000,
                deliveries,
            },
            ..Results::default()
        }
    }

    fn judged(goal: &str, deliveries: &[u64]) -> Judged {
        let runs: Vec<_> = deliveries.iter().map(|count| run(*count)).collect();
        Judged::of_runs(&goal.parse().unwrap(), &runs)
    }

    #[test]
    fn the_median_is_held_to_the_goal() {
        for (goal, deliveries, verdict) in [
            (
                "deliveries a second>=300",
                &[100, 900, 300][..],
                Verdict::Met,
            ),
            (
                "deliveries a second >= 301",
                &[100, 900, 300],
                Verdict::Missed,
            ),
            ("deliveries a second<=300", &[100, 900, 300], Verdict::Met),
            ("deliveries a second <= 299.5", &[300], Verdict::Missed),
            // One of the runs has no such figure, none has the other one.
            (
                "deliveries a second>=1",
                &[100, 0, 300],
                Verdict::NotMeasured,
            ),
            ("Delivery, p99, ms<=100", &[100], Verdict::NotMeasured),
            ("deliveries a second<=1", &[], Verdict::NotMeasured),
        ] {
            assert_eq!(judged(goal, deliveries).verdict(), verdict, "{goal}");
        }
    }

    #[test]
    fn a_goal_is_a_figure_and_a_number() {
        let goal: Goal = "Delivery, p99, ms<=100".parse().unwrap();
        assert_eq!(goal.to_string(), "Delivery, p99, ms ≤ 100");
        assert_eq!(goal.bound, Bound::AtMost(100.0));
        for wrong in [
            "", "p99", "p99<100", "p99<=", "<=5", "p99<=x", "p99<=inf", "p99>=nan",
        ] {
            assert!(wrong.parse::<Goal>().is_err(), "{wrong}");
        }
    }
}
