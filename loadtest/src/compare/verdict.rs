//! Whether goals are met.

use super::contender::Contender;
use super::report::{number, spread};
use super::row::{Goal, Row};
use super::run::Run;
use super::runs::{Runs, are_enough};
use crate::load::results::{Results, Try};
use crate::load::statistics::median;

/// What is said of a goal.
#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    NotMeasured,
    /// Too few runs, or too short ones, or on a machine that was busy.
    FirstLook,
    Met,
    Missed,
    /// Whatever the figures say, for this reason.
    MissedFor(&'static str),
}

impl Verdict {
    fn words(&self) -> String {
        match self {
            Self::NotMeasured => "not measured".to_owned(),
            Self::FirstLook => "a first look".to_owned(),
            Self::Met => "met".to_owned(),
            Self::Missed => "**missed**".to_owned(),
            Self::MissedFor(why) => format!("**missed**: {why}"),
        }
    }
}

/// What is asked of a row's subject in the line of `contender`, and whether it is so.
pub(super) fn goals(row: Row, contender: Contender, runs: &Runs) -> String {
    let goals = row.goals().iter().filter(|goal| goal.line() == contender);
    let said = goals.map(|goal| {
        let (asked, verdict) = judged(row, *goal, runs);
        format!("{asked}: {}", verdict.words())
    });
    said.collect::<Vec<_>>().join("; ")
}

fn judged(row: Row, goal: Goal, runs: &Runs) -> (String, Verdict) {
    match goal {
        Goal::Better { than, least } => {
            let asked = format!("≥ {} ×", number(least));
            let times = runs.times_better(row, than);
            (
                asked,
                beside(row, than, runs, times, |times| times >= least),
            )
        }
        Goal::Takes { than, most } => {
            let asked = format!("≤ {} ×", number(most));
            let times = times_as_much(row, than, runs);
            (asked, beside(row, than, runs, times, |times| times <= most))
        }
        Goal::Quicker { than } => {
            let pairs = runs.pairs(row, than).into_iter();
            let times = pairs.filter_map(|(ours, theirs)| p99_at_its_best(ours, theirs));
            let times: Vec<_> = times.collect();
            let asked = match spread(times.clone()) {
                none if none.is_empty() => "p99 at its highest rate < 1 ×".to_owned(),
                some => format!("p99 at its highest rate < 1 × ({some})"),
            };
            (asked, beside(row, than, runs, times, |times| times < 1.0))
        }
        Goal::AtMost { of, most } => {
            let asked = format!("≤ {}", number(most));
            let found = runs.figure(row, of, row.figure().0);
            let is_enough = are_enough(runs.of(row, of)) && found.len() == runs.of(row, of).count();
            // Nothing at all is no figure: few clients find room in what is there already.
            let is_met = median(found).map(|found| found > 0.0 && found <= most);
            (asked, verdict(is_enough, is_met))
        }
        Goal::Flawless { of } => {
            let asked = "nothing lost, all in order".to_owned();
            (asked, flawless(row, of, runs))
        }
    }
}

/// What the ratios of pairs say, unless one of both did what it must not.
fn beside(
    row: Row,
    than: Contender,
    runs: &Runs,
    times: Vec<f64>,
    is_met: impl FnOnce(f64) -> bool,
) -> Verdict {
    let pairs = runs.pairs(row, than);
    if !runs.faults(row, row.subject()).is_empty() {
        return Verdict::MissedFor("not all went well");
    }
    // What a floor gives is known, or it is none.
    if than.keeps_order() && !runs.faults(row, than).is_empty() {
        return Verdict::NotMeasured;
    }
    let all_have_it = times.len() == pairs.len();
    let (ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let is_enough = all_have_it && are_enough(ours) && are_enough(theirs);
    verdict(is_enough, median(times).map(is_met))
}

fn verdict(is_enough: bool, is_met: Option<bool>) -> Verdict {
    match (is_met, is_enough) {
        (None, _) => Verdict::NotMeasured,
        (Some(_), false) => Verdict::FirstLook,
        (Some(true), true) => Verdict::Met,
        (Some(false), true) => Verdict::Missed,
    }
}

/// No excuse holds for what is lost: rounds that others disturbed count as well.
fn flawless(row: Row, of: Contender, runs: &Runs) -> Verdict {
    if !runs.faults(row, of).is_empty() {
        return Verdict::Missed;
    }
    if runs.all_of(row, of).any(|run| run.failure().is_some()) {
        return Verdict::MissedFor("a round failed");
    }
    let is_there = runs.all_of(row, of).next().is_some();
    let is_enough = are_enough(runs.all_of(row, of).map(Run::results));
    verdict(is_enough, is_there.then_some(true))
}

/// How many times as much as another a row's subject takes, in order of size.
pub(super) fn times_as_much(row: Row, than: Contender, runs: &Runs) -> Vec<f64> {
    let times = runs.times_better(row, than).into_iter().rev();
    times.map(f64::recip).collect()
}

/// How many times the other's p99 ours is, at the highest rate that the other bears:
/// the lowest that ours has at any rate as high. Infinite where ours bears none.
fn p99_at_its_best(ours: &Results, theirs: &Results) -> Option<f64> {
    let borne = |of: &Results| of.tried.iter().filter(|of| of.is_borne).copied().collect();
    let (ours, theirs): (Vec<Try>, Vec<Try>) = (borne(ours), borne(theirs));
    let highest = theirs
        .iter()
        .max_by(|one, other| one.rate.total_cmp(&other.rate))?;
    let as_high = ours.iter().filter(|of| of.rate >= highest.rate);
    let lowest = as_high.map(|of| of.p99_ms).min_by(f64::total_cmp);
    Some(lowest.unwrap_or(f64::INFINITY) / highest.p99_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::effort::Effort;
    use crate::compare::runs::tests::results;
    use crate::load::results::Counts;

    fn add(runs: &mut Runs, row: Row, contender: Contender, rounds: u32, of: &Results) {
        for round in 1..=rounds {
            runs.add(row, contender, round, Run::of(of.clone()));
        }
    }

    fn flawed(contender: Contender) -> Results {
        Results {
            counts: Counts {
                duplicated: 1,
                ..Counts::default()
            },
            ..results(contender, 1.0)
        }
    }

    fn causerie() -> Results {
        results(Contender::Causerie, 1.0)
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        for row in Row::ALL {
            for goal in row.goals() {
                let (_, verdict) = judged(row, *goal, &Runs::default());
                assert_eq!(verdict, Verdict::NotMeasured, "{row}: {goal:?}");
            }
        }
        let mut runs = Runs::default();
        let floor = results(Contender::Floor, 1.0);
        add(&mut runs, Row::ColdStart, Contender::Floor, 5, &floor);
        let said = goals(Row::ColdStart, Contender::Causerie, &runs);
        assert_eq!(said, "nothing lost, all in order: not measured");
        add(
            &mut runs,
            Row::Saturated,
            Contender::Causerie,
            5,
            &causerie(),
        );
        let said = goals(Row::Saturated, Contender::Sockudo, &runs);
        assert_eq!(said, "≥ 6.00 ×: not measured");
    }

    #[test]
    fn five_full_pairs_are_a_verdict_and_less_is_a_first_look() {
        let floor = results(Contender::Floor, 0.8);
        let said = |ours: u32, theirs: u32, of: &Results| {
            let mut runs = Runs::default();
            add(&mut runs, Row::InFlight, Contender::Causerie, ours, of);
            add(&mut runs, Row::InFlight, Contender::Floor, theirs, &floor);
            goals(Row::InFlight, Contender::Floor, &runs)
        };
        assert_eq!(said(5, 5, &causerie()), "≤ 1.30 ×: met");
        assert_eq!(said(5, 4, &causerie()), "≤ 1.30 ×: a first look");
        let dear = results(Contender::Causerie, 1.1);
        assert_eq!(said(5, 5, &dear), "≤ 1.30 ×: **missed**");
        let mut short = causerie();
        let effort = Effort {
            seconds: 3.0,
            ..Effort::FULL
        };
        short.parameters = effort.parameters();
        assert_eq!(said(5, 5, &short), "≤ 1.30 ×: a first look");
    }

    #[test]
    fn what_was_doubled_outweighs_any_figure() {
        let floor = results(Contender::Floor, 9.0);
        for (ours, theirs, expected) in [
            (
                flawed(Contender::Causerie),
                floor.clone(),
                "≤ 1.30 ×: **missed**: not all went well",
            ),
            (
                causerie(),
                flawed(Contender::Floor),
                "≤ 1.30 ×: not measured",
            ),
            (causerie(), floor, "≤ 1.30 ×: met"),
        ] {
            let mut runs = Runs::default();
            add(&mut runs, Row::InFlight, Contender::Causerie, 5, &ours);
            add(&mut runs, Row::InFlight, Contender::Floor, 5, &theirs);
            assert_eq!(goals(Row::InFlight, Contender::Floor, &runs), expected);
        }
    }

    #[test]
    fn a_cold_start_that_fails_is_a_miss() {
        let (row, who) = (Row::ColdStart, Contender::Causerie);
        let mut runs = Runs::default();
        add(&mut runs, row, who, 5, &causerie());
        let said = |runs: &Runs| goals(row, who, runs);
        assert_eq!(said(&runs), "nothing lost, all in order: met");
        let failed = Run::failed(row, who, Effort::FULL, "it does not start");
        runs.add(row, who, 6, failed);
        let expected = "nothing lost, all in order: **missed**: a round failed";
        assert_eq!(said(&runs), expected);
        let disturbed = Run::of(flawed(who)).disturbed("others used 2.0 cores".to_owned());
        runs.add(row, who, 6, disturbed);
        assert_eq!(said(&runs), "nothing lost, all in order: **missed**");
    }

    #[test]
    fn p99_is_compared_at_the_rate_that_the_other_bears() {
        let tried = |tried: &[(f64, f64, bool)]| {
            let of = |(rate, p99_ms, is_borne): &(f64, f64, bool)| Try {
                rate: *rate,
                p99_ms: *p99_ms,
                is_borne: *is_borne,
                stolen_cores: 0.0,
            };
            tried.iter().map(of).collect::<Vec<_>>()
        };
        let ours = Results {
            tried: tried(&[(2e3, 1.0, true), (5e3, 9.0, true), (6e3, 90.0, true)]),
            ..causerie()
        };
        let theirs = |of: &[(f64, f64, bool)]| Results {
            tried: tried(of),
            ..results(Contender::Sockudo, 9.0)
        };
        let slow = theirs(&[(2e3, 10.0, true), (4e3, 18.0, true), (8e3, 900.0, false)]);
        assert_eq!(p99_at_its_best(&ours, &slow), Some(0.5));
        let faster = theirs(&[(7e3, 18.0, true)]);
        assert_eq!(p99_at_its_best(&ours, &faster), Some(f64::INFINITY));
        assert_eq!(p99_at_its_best(&ours, &theirs(&[])), None);
        let mut runs = Runs::default();
        add(&mut runs, Row::Pairs, Contender::Causerie, 5, &ours);
        add(&mut runs, Row::Pairs, Contender::Sockudo, 5, &slow);
        let said = goals(Row::Pairs, Contender::Sockudo, &runs);
        let expected = "≥ 2.00 ×: met; p99 at its highest rate < 1 × (0.50): met";
        assert_eq!(said, expected);
    }
}
