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

fn overlaps_too_long(before: &Call, call: &Call, faults: &Faults, rules: Rules) -> bool {
    let ended = before.ended.unwrap_or(u64::MAX);
    if ended <= call.began {
        return false;
    }
    let is_takeover =
        call.attempt > before.attempt || faults.may_have_lost(before.began, call.began);
    !is_takeover || ended > faults.over_at(call.began) + rules.takeover_us
}
