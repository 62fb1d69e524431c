//! The calls of the AI server.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::logs::{Kept, Logs};
use super::{Broken, Faults, Rules, Verdict};
use crate::ledger::{Call, ClientEvent, Durable};

/// All calls, by question.
#[derive(Debug, Default)]
pub(super) struct Calls {
    by_question: BTreeMap<String, Vec<Call>>,
    /// When messages were sent.
    sent: HashMap<String, u64>,
    /// When anybody first heard of a message.
    heard: HashMap<String, u64>,
    answered: HashMap<String, Answered>,
}

/// When anybody first saw a question answered.
#[derive(Debug)]
struct Answered {
    at: u64,
    attempt: u64,
    is_cancelled: bool,
}

impl Calls {
    pub(super) fn take(&mut self, call: Call) {
        let calls = self.by_question.entry(call.question.clone()).or_default();
        calls.push(call);
    }

    /// When the first call for `question` began.
    pub(super) fn began(&self, question: &str) -> Option<u64> {
        let calls = self.by_question.get(question)?;
        calls.iter().map(|call| call.began).min()
    }

    /// When the first call for each question began.
    pub(super) fn began_by_question(&self) -> impl Iterator<Item = (&str, u64)> {
        self.by_question
            .keys()
            .filter_map(|question| Some((question.as_str(), self.began(question)?)))
    }

    /// Since when a question may have been stored: since it was sent, or, where
    /// that cannot be told any more, since anybody heard of it.
    pub(super) fn asked_at(&self, question: &str) -> Option<u64> {
        let sent = self.sent.get(question).or(self.heard.get(question));
        sent.copied()
    }

    /// When anybody first heard of what is kept; if nobody did, when its log was
    /// read.
    pub(super) fn heard_at(&self, kept: &Kept<'_>) -> u64 {
        let heard = self.heard.get(&kept.event.message);
        heard.copied().unwrap_or(kept.read_at)
    }

    /// When messages were sent that are kept.
    pub(super) fn on_sent(&mut self, sent: HashMap<String, u64>) {
        self.sent = sent;
    }

    /// When anybody first saw a question answered.
    pub(super) fn answered_at(&self, question: &str) -> Option<u64> {
        Some(self.answered.get(question)?.at)
    }

    /// When the last call of an attempt at a reply to `question` ended.
    pub(super) fn ended(&self, question: &str, attempt: u64) -> Option<u64> {
        let calls = self.by_question.get(question)?.iter();
        calls
            .filter(|call| call.attempt == attempt)
            .map(|call| call.ended.unwrap_or(u64::MAX))
            .max()
    }

    pub(super) fn on_event(&mut self, at: u64, event: &ClientEvent) {
        if let ClientEvent::Acked { message, .. }
        | ClientEvent::Durable {
            event: Durable { message, .. },
            ..
        } = event
            && !self.heard.contains_key(message)
        {
            self.heard.insert(message.clone(), at);
        }
        if let ClientEvent::Durable { event, .. } = event
            && let Some(question) = &event.in_reply_to
            && !self.answered.contains_key(question)
        {
            let answered = Answered {
                at,
                attempt: event.attempt.unwrap_or(0),
                is_cancelled: event.finish.as_deref() == Some("cancelled"),
            };
            self.answered.insert(question.clone(), answered);
        }
    }

    /// The calls for a question.
    pub(super) fn of(&self, question: &str) -> impl Iterator<Item = &Call> {
        self.by_question.get(question).into_iter().flatten()
    }

    pub(super) fn finish(
        &mut self,
        logs: &Logs,
        faults: &Faults,
        rules: Rules,
        verdict: &mut Verdict,
    ) {
        let kept = logs.by_message();
        for calls in self.by_question.values_mut() {
            calls.sort_by_key(|call| call.began);
        }
        for (question, calls) in &self.by_question {
            for (number, call) in calls.iter().enumerate() {
                let says = || {
                    let asked = kept.get(question.as_str()).map(Kept::written);
                    let asked = asked.unwrap_or_else(|| format!("{question}, which is gone"));
                    format!("{asked}: attempt {}, try {}", call.attempt, call.r#try)
                };
                let earlier = calls.get(..number).unwrap_or_default();
                if self.is_one_too_many(call, earlier, faults, rules) {
                    verdict.broken(Broken::TooManyTries, call.began, says());
                }
                if self.is_needless(call, earlier, faults, rules) {
                    verdict.broken(Broken::NeedlessCall, call.began, says());
                }
                for before in earlier {
                    let is_same = (before.attempt, before.r#try) == (call.attempt, call.r#try);
                    // A claim that the storage lost is made again, under its name.
                    if is_same && !faults.may_have_lost(before.began, call.began) {
                        verdict.broken(Broken::CallTwice, call.began, says());
                    }
                    if overlaps_too_long(before, call, faults, rules) {
                        let says = format!("{}, while attempt {} went on", says(), before.attempt);
                        verdict.broken(Broken::CallsAtOnce, call.began, says);
                    }
                }
            }
        }
    }

    /// Whether the AI was asked more often than is configured.
    fn is_one_too_many(
        &self,
        call: &Call,
        earlier: &[Call],
        faults: &Faults,
        rules: Rules,
    ) -> bool {
        // One that the storage lost counts as little as what it lost of it.
        let is_lost = |before: &&Call| faults.may_have_lost(before.began, call.began);
        let counted = earlier.iter().filter(|before| !is_lost(before));
        let attempts = counted.chain([call]).map(|call| call.attempt);
        let attempts: BTreeSet<_> = attempts.collect();
        // One number is passed over where the storage may have lost an attempt.
        let asked = self.asked_at(&call.question).unwrap_or(0);
        let passed_over = faults.changes_of_servers(asked, call.began);
        // A try has its number among those of the backends before it, too.
        let is_of_its_backend = |before: &&Call| {
            (before.attempt, before.fallback) == (call.attempt, call.fallback) && !is_lost(before)
        };
        let of_its_backend = earlier.iter().filter(is_of_its_backend).count() as u64 + 1;
        attempts.len() as u64 > rules.attempts
            || call.attempt > rules.attempts + passed_over
            || call.r#try > rules.tries * (call.fallback + 1)
            || of_its_backend > rules.tries
    }

    /// Whether nothing explains why there is one more call.
    fn is_needless(&self, call: &Call, earlier: &[Call], faults: &Faults, rules: Rules) -> bool {
        if let Some(answered) = self.answered.get(&call.question)
            && answered.is_before(call, faults, rules)
            && !faults.may_have_lost(answered.at, call.began)
        {
            // A broker that stood still does not know yet that another one has
            // answered.
            let knows_at = faults
                .over_at(answered.at)
                .saturating_add(rules.takeover_us);
            return call.attempt >= answered.attempt || call.began > knows_at;
        }
        let before = earlier.last().map(|before| before.began);
        let asked = || self.asked_at(&call.question).unwrap_or(0);
        let since = before.unwrap_or_else(asked);
        // A bad network hands on late that a broker wants the reply, when it may have
        // given that up and nobody makes it; or that it has got it, and it stands
        // still before its call.
        let claimed_since = since.saturating_sub(rules.late_claim_us);
        let is_taken_over = call.attempt > 1 && earlier.iter().all(|e| e.attempt < call.attempt);
        // Of those between them, which never came to the AI, there is nothing to see.
        let is_before = |e: &Call| e.attempt == call.attempt && e.r#try < call.r#try;
        let is_tried_again = earlier.iter().any(is_before);
        // A broker leaves a backend that has failed alone for a while.
        let failed_since = call.began.saturating_sub(rules.ai_recovers_us);
        let is_handed_on = call.fallback > 0;
        is_handed_on && !faults.may_have_stopped_the_ai(failed_since, call.began)
            || is_taken_over && !faults.may_have_stopped_a_broker(claimed_since, call.began)
            || is_tried_again && !faults.may_have_stopped_the_ai(since, call.began)
    }
}

impl Answered {
    fn is_before(&self, call: &Call, faults: &Faults, rules: Rules) -> bool {
        // A call that is given up may still be on its way to the AI, and a bad
        // network hands it on when it is well again.
        let by = if self.is_cancelled {
            faults.done_by(self.at, rules.abort_us, rules.takeover_us)
        } else {
            self.at
        };
        call.began > by
    }
}

/// Whether a call that began while one `before` it went on had no right to.
fn overlaps_too_long(before: &Call, call: &Call, faults: &Faults, rules: Rules) -> bool {
    if before.ended.unwrap_or(u64::MAX) <= call.began {
        return false;
    }
    let within = |at: u64, since: u64| at <= faults.over_at(since) + rules.takeover_us;
    let ends_in_time = |former: &Call| within(former.ended.unwrap_or(u64::MAX), call.began);
    if call.attempt < before.attempt {
        // A broker stood still just before its call, and was taken over.
        return !within(call.began, before.began) || !ends_in_time(call);
    }
    let is_takeover =
        call.attempt > before.attempt || faults.may_have_lost(before.began, call.began);
    !is_takeover || !ends_in_time(before)
}
