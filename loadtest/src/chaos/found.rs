//! What was found in all rounds of a run.

use super::one::Checked;
use super::report::{self, Counted, Story};
use super::wanted::Wanted;
use crate::check::{LAST_WORDS_WITH_END, RESTARTS_SEEN, SEEN_TO_LAST_WORD, Verdict};

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

    /// What did not happen, without which a run proves little.
    pub fn missing(&self, wanted: &Wanted) -> Vec<String> {
        let struck = report::struck_while_streaming(&self.stories);
        let kinds = wanted.kinds.iter();
        let calm = kinds.filter(|kind| struck.get(kind.as_str()) < Some(&wanted.times));
        let calm =
            calm.map(|name| format!("{name} struck too seldom where a reply was being made"));
        // A few kinds alone need not bring about everything.
        let never = self.counted.iter();
        let never = never.filter(|(_, count)| wanted.are_all() && **count == 0);
        let restarts = self.verdict.counts.get(RESTARTS_SEEN).copied();
        let no_restart = wanted.are_all() && restarts.unwrap_or_default() == 0;
        calm.chain(never.map(|(name, _)| format!("no {name}")))
            .chain(no_restart.then(|| format!("no {RESTARTS_SEEN}")))
            .chain(self.withheld())
            .collect()
    }

    /// Whether the ends of replies may have been withheld from people until all
    /// was said: faults explain that of a few.
    fn withheld(&self) -> Option<String> {
        let count = |name| self.verdict.counts.get(name).copied().unwrap_or(0);
        let withheld = count(LAST_WORDS_WITH_END);
        let seen = count(SEEN_TO_LAST_WORD);
        (withheld * 10 > seen)
            .then(|| format!("{withheld} {LAST_WORDS_WITH_END}, {seen} {SEEN_TO_LAST_WORD}"))
    }
}
