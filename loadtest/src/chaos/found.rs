//! What was found in all rounds of a run.

use super::one::Checked;
use super::report::{self, Counted, Story};
use super::wanted::Wanted;
use crate::check::{LAST_WORDS_WITH_END, RESTARTS_SEEN, SEEN_TO_LAST_WORD, Verdict};

/// So often each kind has to strike, whatever was wanted: what happens once may be luck.
const LEAST: usize = 2;

/// So often it suffices: of more, some may find no reply being made.
const ENOUGH: usize = 20;

/// What was found, in all rounds.
#[derive(Debug, Default)]
pub struct Found {
    /// Which promises were broken, and how often what happened.
    pub verdict: Verdict,
    /// What the programs counted.
    pub counted: Counted,
    /// Of each round, in their order, for the report.
    pub stories: Vec<Story>,
}

impl Found {
    /// Adds what was found in a round.
    pub fn add(&mut self, checked: Checked) {
        self.verdict.add(checked.number, checked.verdict);
        // Rounds that go on at the same time end in any order.
        let violations = &mut self.verdict.violations;
        violations.sort_by_key(|violation| violation.round);
        self.stories.push(checked.story);
        self.stories.sort_by_key(|story| story.number);
        for (name, count) in checked.counted {
            *self.counted.entry(name).or_default() += count;
        }
    }

    /// Counts and broken promises, line by line.
    pub fn lines(&self) -> Vec<String> {
        let counted = self.counted.iter();
        let counted = counted.map(|(name, count)| format!("{name}: {count}"));
        let seen = self.verdict.counts.iter();
        let seen = seen.map(|(name, count)| format!("{name}: {count}"));
        let broken = self.verdict.violations.iter().map(ToString::to_string);
        counted.chain(seen).chain(broken).collect()
    }

    /// What did not happen, without which a run proves little, and what happened that
    /// makes it prove little.
    pub fn missing(&self, wanted: &Wanted) -> Vec<String> {
        let struck = report::struck_while_streaming(&self.stories);
        let times = wanted.times.clamp(LEAST, ENOUGH);
        let kinds = wanted.kinds.iter();
        let calm = kinds.filter(|kind| struck.get(kind.as_str()) < Some(&times));
        let calm =
            calm.map(|name| format!("{name} struck too seldom where a reply was being made"));
        // A few kinds alone need not bring about everything.
        let never = self.counted.iter();
        let never = never.filter(|(_, count)| wanted.are_all() && **count == 0);
        let no_restart = wanted.are_all() && self.verdict.counted(RESTARTS_SEEN) == 0;
        calm.chain(never.map(|(name, _)| format!("no {name}")))
            .chain(no_restart.then(|| format!("no {}", RESTARTS_SEEN.name())))
            .chain(self.withheld())
            .chain(self.verdict.lost_unplanned())
            .collect()
    }

    /// Whether the ends of replies may have been withheld from people until all
    /// was said: faults explain that of a few.
    fn withheld(&self) -> Option<String> {
        let says = |what| format!("{} {}", self.verdict.counted(what), what.name());
        let withheld = self.verdict.counted(LAST_WORDS_WITH_END);
        let seen = self.verdict.counted(SEEN_TO_LAST_WORD);
        (withheld * 10 > seen).then(|| {
            [LAST_WORDS_WITH_END, SEEN_TO_LAST_WORD]
                .map(says)
                .join(", ")
        })
    }
}

#[cfg(test)]
mod tests {
    use causerie_testkit::storage::StorageKind;

    use super::*;
    use crate::chaos::fault::Kind;
    use crate::chaos::tally::Tally;
    use crate::check::{Broken, Violation};
    use crate::ledger::{Entry, Fault, What};

    const TIMES: usize = 2;

    fn wanted(kinds: impl Iterator<Item = Kind>) -> Wanted {
        Wanted {
            seed: 1,
            times: TIMES,
            people: 20,
            together: 1,
            kinds: kinds.map(|kind| kind.name().to_owned()).collect(),
            release: false,
            commit: "abc".to_owned(),
        }
    }

    fn strike(story: &mut Story, kind: Kind, streaming: usize) {
        let fault = Fault {
            kind: kind.name().to_owned(),
            target: String::new(),
            until: 1,
            streaming,
            loses_since: None,
        };
        let what = What::Fault(fault);
        story.take(&Entry { at: 1, what });
    }

    /// All that a run has to show, if only just.
    fn enough() -> Found {
        let mut story = Story::new(1, StorageKind::Durable);
        for kind in Kind::all().collect::<Vec<_>>().repeat(TIMES) {
            strike(&mut story, kind, 1);
        }
        let mut found = Found {
            stories: vec![story],
            ..Found::default()
        };
        for name in Tally::default().totals().into_keys() {
            found.counted.insert(name, 1);
        }
        let counts = [
            (RESTARTS_SEEN, 1),
            (LAST_WORDS_WITH_END, 1),
            (SEEN_TO_LAST_WORD, 10),
        ];
        for (what, count) in counts {
            found.verdict.counts.insert(what.name(), count);
        }
        found
    }

    #[test]
    fn a_run_that_shows_enough_lacks_nothing() {
        assert_eq!(enough().missing(&wanted(Kind::all())), [""; 0]);
    }

    #[test]
    fn each_kind_has_to_strike_so_often_where_a_reply_is_being_made() {
        let mut once_less = enough();
        let mut story = Story::new(1, StorageKind::Durable);
        for kind in Kind::all() {
            strike(&mut story, kind, 1);
            strike(&mut story, kind, usize::from(kind != Kind::Crowd));
        }
        once_less.stories = vec![story];
        let missing = ["crowd struck too seldom where a reply was being made"];
        assert_eq!(once_less.missing(&wanted(Kind::all())), missing);
        // Nor is it enough where no more was wanted.
        let mut once = wanted(Kind::all());
        once.times = 1;
        assert_eq!(once_less.missing(&once), missing);
        // Whoever wants no such fault misses none.
        let without = wanted(Kind::all().filter(|kind| *kind != Kind::Crowd));
        assert_eq!(once_less.missing(&without), [""; 0]);
    }

    #[test]
    fn of_many_strikes_a_few_may_find_no_reply() {
        let mut wanted = wanted([Kind::Crowd].into_iter());
        wanted.times = ENOUGH + 1;
        let mut story = Story::new(1, StorageKind::Durable);
        for _ in 1..ENOUGH {
            strike(&mut story, Kind::Crowd, 1);
        }
        strike(&mut story, Kind::Crowd, 0);
        let mut found = Found {
            stories: vec![story],
            ..enough()
        };
        let missing = ["crowd struck too seldom where a reply was being made"];
        assert_eq!(found.missing(&wanted), missing);
        for story in &mut found.stories {
            strike(story, Kind::Crowd, 1);
        }
        assert_eq!(found.missing(&wanted), [""; 0]);
    }

    #[test]
    fn everything_has_to_happen_once_where_all_kinds_strike() {
        let one = wanted([Kind::Crowd].into_iter());
        for name in Tally::default().totals().into_keys() {
            let mut without = enough();
            without.counted.insert(name.clone(), 0);
            assert_eq!(
                without.missing(&wanted(Kind::all())),
                [format!("no {name}")]
            );
            assert_eq!(without.missing(&one), [""; 0]);
        }
        let mut without = enough();
        without.verdict.counts.remove(RESTARTS_SEEN.name());
        assert_eq!(without.missing(&wanted(Kind::all())), ["no restarts seen"]);
        assert_eq!(without.missing(&one), [""; 0]);
    }

    #[test]
    fn the_last_words_of_few_replies_may_come_with_their_end() {
        let mut withheld = enough();
        let counts = &mut withheld.verdict.counts;
        counts.insert(LAST_WORDS_WITH_END.name(), 2);
        let says = "2 replies whose last words came with their end, \
                    10 replies seen to their last word";
        let one = wanted([Kind::Crowd].into_iter());
        assert_eq!(withheld.missing(&one), [says]);
    }

    #[test]
    fn nothing_may_be_lost_that_nobody_planned_to_lose() {
        let says = "messages lost in fail-overs that nobody planned";
        let mut lost = enough();
        let counts = &mut lost.verdict.counts;
        counts.insert(says, 3);
        counts.insert("messages lost with the storage", 9);
        let missing = lost.missing(&wanted(Kind::all()));
        assert_eq!(missing, [format!("3 {says}")]);
    }

    #[test]
    fn broken_promises_are_in_the_order_of_rounds() {
        let mut found = Found::default();
        for number in [2, 1, 2] {
            let violation = Violation {
                broken: Broken::Hole,
                at: 1,
                says: String::new(),
                round: None,
                line: None,
            };
            found.add(Checked {
                number,
                verdict: Verdict {
                    violations: vec![violation],
                    ..Verdict::default()
                },
                counted: Counted::default(),
                story: Story::new(number, StorageKind::Durable),
            });
        }
        let violations = found.verdict.violations.iter();
        let rounds: Vec<_> = violations.filter_map(|violation| violation.round).collect();
        assert_eq!(rounds, [1, 2, 2]);
    }
}
