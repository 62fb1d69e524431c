//! The calls of the AI server.

use std::collections::{BTreeMap, BTreeSet};

use super::rooms::Rooms;
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

    pub(super) fn finish(self, faults: &Faults, rooms: &Rooms, verdict: &mut Verdict) {
        self.check_replies(faults, rooms, verdict);
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

    /// A reply is what one call said, and once another attempt at it has begun
    /// nothing that a former one says is in it.
    fn check_replies(&self, faults: &Faults, rooms: &Rooms, verdict: &mut Verdict) {
        for (question, reply) in rooms.replies() {
            let calls = self
                .by_question
                .get(question)
                .map_or(&[][..], Vec::as_slice);
            let last = calls.iter().map(|call| call.attempt).max();
            let said_by = speakers(&reply.content);
            let is_of_last = |number: &u64| {
                let mut calls = calls.iter();
                calls.any(|call| call.number == *number && Some(call.attempt) == last)
            };
            if said_by.len() <= 1 && said_by.iter().all(is_of_last) {
                continue;
            }
            let began = calls.iter().map(|call| call.began).min().unwrap_or(0);
            let ended = calls
                .iter()
                .map(|call| call.ended.unwrap_or(u64::MAX))
                .max();
            // A takeover, or what a call had said, may be lost with the storage.
            if !faults.may_have_lost(began, ended.unwrap_or(u64::MAX)) {
                let says = format!(
                    "{} is of the calls {said_by:?}, the last attempt at {question} is {last:?}",
                    reply.message
                );
                verdict.broken(Broken::FormerAttempt, began, says);
            }
        }
    }
}

/// The numbers of the calls that said this.
fn speakers(text: &str) -> BTreeSet<u64> {
    let words = text.split_whitespace();
    words
        .filter_map(|word| word.strip_prefix('w')?.split_once('@')?.1.parse().ok())
        .collect()
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
