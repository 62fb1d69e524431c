//! The calls of the AI server.

use std::collections::BTreeMap;

use super::{Broken, Faults, Rules, Verdict};
use crate::ledger::Call;

/// All calls, by question.
#[derive(Debug)]
pub(super) struct Calls {
    rules: Rules,
    by_question: BTreeMap<String, Vec<Call>>,
}

impl Calls {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            by_question: BTreeMap::new(),
        }
    }

    pub(super) fn take(&mut self, call: Call) {
        let calls = self.by_question.entry(call.question.clone()).or_default();
        calls.push(call);
    }

    /// When a call is over whose caller had hung up at `at`.
    pub(super) fn hangs_up_by(&self, at: u64, faults: &Faults) -> u64 {
        match self.rules.hang_up_us {
            // The caller and the AI have one clock, and nothing in between.
            0 => at,
            longest => faults.over_at(at) + longest,
        }
    }

    /// When the first call for `question` began.
    pub(super) fn began(&self, question: &str) -> Option<u64> {
        let calls = self.by_question.get(question)?;
        calls.iter().map(|call| call.began).min()
    }

    /// When the last call of an attempt at a reply to `question` ended.
    pub(super) fn ended(&self, question: &str, attempt: u64) -> Option<u64> {
        let calls = self.by_question.get(question)?.iter();
        calls
            .filter(|call| call.attempt == attempt)
            .map(|call| call.ended.unwrap_or(u64::MAX))
            .max()
    }

    /// The calls for a question in one attempt at its reply.
    pub(super) fn of(&self, question: &str, attempt: u64) -> impl Iterator<Item = &Call> {
        let calls = self.by_question.get(question).into_iter().flatten();
        calls.filter(move |call| call.attempt == attempt)
    }

    /// A call for a question in a later attempt than this.
    pub(super) fn later(&self, question: &str, attempt: u64) -> Option<&Call> {
        let mut calls = self.by_question.get(question).into_iter().flatten();
        calls.find(|call| call.attempt > attempt)
    }

    pub(super) fn finish(self, faults: &Faults, verdict: &mut Verdict) {
        let Self { rules, by_question } = self;
        for mut calls in by_question.into_values() {
            calls.sort_by_key(|call| call.began);
            for (number, call) in calls.iter().enumerate() {
                let says = || format!("{}/{}/{}", call.question, call.attempt, call.r#try);
                if call.attempt > rules.attempts || call.r#try > rules.tries {
                    verdict.broken(Broken::TooManyTries, call.began, says());
                }
                let earlier = calls.get(..number).unwrap_or_default();
                for before in earlier {
                    let is_same = (before.attempt, before.r#try) == (call.attempt, call.r#try);
                    // A claim that the storage lost is made again, under its name.
                    if is_same && !faults.may_have_lost(before.began, call.began) {
                        verdict.broken(Broken::CallTwice, call.began, says());
                    }
                    if overlaps_too_long(before, call, faults, rules) {
                        let says = format!("{} while {} went on", says(), before.attempt);
                        verdict.broken(Broken::CallsAtOnce, call.began, says);
                    }
                }
            }
        }
    }
}

/// Two attempts at one reply may go on side by side, until the broker that has
/// lost it learns of that.
fn overlaps_too_long(before: &Call, call: &Call, faults: &Faults, rules: Rules) -> bool {
    let is_over = |call: &Call, at: u64| call.ended.is_some_and(|ended| ended <= at);
    if is_over(before, call.began) {
        return false;
    }
    let by = faults.over_at(call.began) + rules.takeover_us;
    if call.attempt < before.attempt {
        return !is_over(call, by);
    }
    let is_takeover =
        call.attempt > before.attempt || faults.may_have_lost(before.began, call.began);
    !is_takeover || !is_over(before, by)
}
