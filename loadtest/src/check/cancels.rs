//! What was cancelled, and whether that was heeded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::calls::Calls;
use super::counts;
use super::logs::{Kept, Logs};
use super::sends::{Said, Sends};
use super::{Broken, Faults, Rules, Verdict, Who};
use crate::ledger::{Call, ClientEvent, ClientNumber, Durable};

/// Wishes that replies end.
#[derive(Debug, Default)]
pub(super) struct Cancels {
    /// Replies, or their questions, by who wanted them to end and by the id of
    /// that wish.
    wanted: HashMap<(ClientNumber, String), Vec<String>>,
    /// Those that wait for an answer on the connection that is open.
    waiting: BTreeMap<ClientNumber, Vec<Wish>>,
    promised: Vec<Promise>,
    /// Those that were answered: nothing runs.
    nothing_ran: Vec<(u64, Wish)>,
}

/// That a reply ends is wanted.
#[derive(Debug)]
struct Wish {
    at: u64,
    by: Arc<Who>,
    id: String,
    /// The reply, or its question.
    message: String,
}

/// That a reply ends was promised.
#[derive(Debug)]
struct Promise {
    at: u64,
    to: Arc<Who>,
    /// The wish that it answers.
    id: String,
    reply: String,
}

impl Cancels {
    pub(super) fn on_event(&mut self, at: u64, who: &Arc<Who>, event: &ClientEvent) {
        if let ClientEvent::Cancelling { id, message } = event {
            let wanted = self.wanted.entry((who.client, id.clone())).or_default();
            wanted.push(message.clone());
            self.waiting.entry(who.client).or_default().push(Wish {
                at,
                by: Arc::clone(who),
                id: id.clone(),
                message: message.clone(),
            });
        } else if let ClientEvent::Cancelled { id, reply } = event {
            self.answered(who.client, id);
            self.promised.push(Promise {
                at,
                to: Arc::clone(who),
                id: id.clone(),
                reply: reply.clone(),
            });
        } else if let ClientEvent::Refused {
            id: Some(id), code, ..
        } = event
        {
            let wish = self.answered(who.client, id);
            let nothing_ran = wish.filter(|_| code == "not_found");
            self.nothing_ran.extend(nothing_ran.map(|wish| (at, wish)));
        } else if let ClientEvent::Closed { .. } = event {
            // It is not uttered again on the next connection.
            self.waiting.remove(&who.client);
        }
    }

    /// The wish that this answers: of two under one id the earlier one.
    fn answered(&mut self, client: ClientNumber, id: &str) -> Option<Wish> {
        let waiting = self.waiting.get_mut(&client)?;
        let at = waiting.iter().position(|wish| wish.id == id)?;
        Some(waiting.remove(at))
    }

    pub(super) fn finish(
        &self,
        (logs, sends, calls): (&Logs, &Sends, &Calls),
        faults: &Faults,
        rules: Rules,
        verdict: &mut Verdict,
    ) {
        let said = sends.said(logs);
        let interrupted = said.iter().filter(|one| one.interrupts).flat_map(|one| {
            let earlier = move |other: &&Said<'_>| other.is_before(one);
            said.iter().filter(earlier).map(move |other| (one, other))
        });
        let interrupted: Vec<_> = interrupted.collect();
        let judge = Judge::new(logs, calls, faults, rules);

        let lost_interruptions = sends.lost_interruptions(logs, faults);
        let lost = said
            .iter()
            .filter(|one| lost_interruptions.contains(&one.session));
        let wanted = self.wanted.values().flatten().map(String::as_str);
        let wanted = wanted.chain(interrupted.iter().map(|(_, other)| other.message));
        // An interruption that is lost has left no trace.
        let wanted = wanted.chain(lost.map(|one| one.message));
        judge.cancelled(&wanted.collect(), verdict);

        for wish in self.waiting.values().flatten() {
            let Wish {
                at,
                by,
                id,
                message,
            } = wish;
            let says = format!("{by}: {id:?}, that {message} ends");
            verdict.broken(Broken::Unacked, *at, says);
        }
        for (at, wish) in &self.nothing_ran {
            judge.nothing_ran(*at, wish, verdict);
        }
        for promise in &self.promised {
            let wanted = self.wanted.get(&(promise.to.client, promise.id.clone()));
            judge.promise(promise, wanted.map_or(&[][..], Vec::as_slice), verdict);
        }
        for (one, other) in interrupted {
            judge.interruption(one, other, verdict);
        }
    }
}

/// By what it is judged whether wishes were heeded.
struct Judge<'a> {
    calls: &'a Calls,
    faults: &'a Faults,
    rules: Rules,
    /// The replies that are kept, by their own ids and by their questions.
    replies: HashMap<&'a str, Kept<'a>>,
    replies_to: BTreeMap<&'a str, Kept<'a>>,
    kept: HashMap<&'a str, Kept<'a>>,
}

impl<'a> Judge<'a> {
    fn new(logs: &'a Logs, calls: &'a Calls, faults: &'a Faults, rules: Rules) -> Self {
        let (mut replies, mut replies_to) = (HashMap::new(), BTreeMap::new());
        for kept in logs.events() {
            if let Some(question) = &kept.event.in_reply_to {
                replies.insert(kept.event.message.as_str(), kept);
                replies_to.insert(question.as_str(), kept);
            }
        }
        Self {
            calls,
            faults,
            rules,
            replies,
            replies_to,
            kept: logs.by_message(),
        }
    }

    fn question_of(&self, reply: &str) -> Option<&'a str> {
        self.replies.get(reply)?.event.in_reply_to.as_deref()
    }

    /// Whether somebody wanted each reply to end that was cancelled, and the AI was
    /// not asked for one that had not begun.
    fn cancelled(&self, wanted: &HashSet<&str>, verdict: &mut Verdict) {
        let replies = self.replies_to.iter();
        for (question, kept) in replies.filter(|(_, kept)| is_cancelled(kept.event)) {
            verdict.count(counts::CANCELLED);
            let event = kept.event;
            let says = || format!("{} to {question}", kept.written());
            let at = self.calls.heard_at(kept);
            if !wanted.contains(question) && !wanted.contains(&*event.message) {
                verdict.broken(Broken::CancelledByNobody, at, says());
            }
            let is_called = |call: &Call| !self.faults.may_have_lost(call.began, u64::MAX);
            if event.attempt == Some(0) && self.calls.of(question).any(is_called) {
                let says = says() + ", which had not begun";
                verdict.broken(Broken::CalledAfterCancel, at, says);
            }
        }
    }

    /// Whether nothing ran where that was the answer: the call that made the reply
    /// is over soon.
    fn nothing_ran(&self, at: u64, wish: &Wish, verdict: &mut Verdict) {
        let Wish {
            by, id, message, ..
        } = wish;
        let question = self.question_of(message).unwrap_or(message.as_str());
        let Some(reply) = self.replies_to.get(question) else {
            return;
        };
        let attempt = reply.event.attempt.unwrap_or(0);
        let ended = self.calls.ended(question, attempt).unwrap_or(0);
        // A reply whose end the storage has lost is made again.
        if ended > self.over_by(at) && !self.faults.may_have_lost(at, u64::MAX) {
            let says = format!("{by}: {id:?}: {message} was being made");
            verdict.broken(Broken::RefusedForNothing, at, says);
        }
    }

    /// Whether it is the reply that was to end whose end was promised, and it ended
    /// so, and soon.
    fn promise(&self, promise: &Promise, wanted: &[String], verdict: &mut Verdict) {
        let Promise { at, to, id, reply } = promise;
        let question = self.question_of(reply);
        let mut wanted = wanted.iter();
        let is_wanted = wanted.any(|message| message == reply || Some(&**message) == question);
        // What a reply that is lost was to answer nobody knows.
        let Rules {
            abort_us,
            takeover_us,
            ..
        } = self.rules;
        let ends_by = self.faults.done_by(*at, abort_us, takeover_us);
        let is_lost = question.is_none() && self.faults.may_have_lost_between(*at, ends_by);
        if !is_wanted && !is_lost {
            let answers = question.unwrap_or("nothing that is kept");
            let says = format!("{to}: {id:?} is to end {reply}, which answers {answers}");
            verdict.broken(Broken::CancelledAnother, *at, says);
        }
        if let Some(kept) = self.replies.get(reply.as_str()) {
            self.ends_as_cancelled(*at, kept, verdict);
        }
        if let Some(question) = question {
            self.falls_silent(*at, question, verdict);
        }
    }

    /// Whether the reply to `other` ended for `one`, unless it had ended before.
    fn interruption(&self, one: &Said<'_>, other: &Said<'_>, verdict: &mut Verdict) {
        let Some(at) = one.acked else {
            return;
        };
        let reply = self.replies_to.get(other.message);
        if let Some(kept) = reply.filter(|kept| kept.event.seq > one.seq) {
            self.ends_as_cancelled(at, kept, verdict);
        }
        self.falls_silent(at, other.message, verdict);
    }

    fn ends_as_cancelled(&self, at: u64, kept: &Kept<'_>, verdict: &mut Verdict) {
        // With the storage the wish is lost, too.
        if !is_cancelled(kept.event) && !self.faults.may_have_lost(at, u64::MAX) {
            let finish = kept.event.finish.as_deref().unwrap_or("nothing");
            let says = format!("{} ended with {finish}", kept.written());
            verdict.broken(Broken::NotCancelled, at, says);
        }
    }

    fn falls_silent(&self, at: u64, question: &str, verdict: &mut Verdict) {
        let by = self.over_by(at);
        let goes_on = |call: &&Call| call.ended.is_none_or(|ended| ended > by);
        for call in self.calls.of(question).filter(goes_on) {
            let ended = call.ended.unwrap_or(u64::MAX);
            if !self.faults.may_have_lost(at, ended) {
                let asked = self.kept.get(question).map(Kept::written);
                let asked = asked.unwrap_or_else(|| question.to_owned());
                let says = format!("attempt {}, try {}", call.attempt, call.r#try);
                let says = format!("{asked}: {says} went on");
                verdict.broken(Broken::CalledAfterCancel, at, says);
            }
        }
    }

    /// When the call of a reply that ends at `at` is over.
    fn over_by(&self, at: u64) -> u64 {
        let Rules {
            abort_us,
            hang_up_us,
            takeover_us,
            ..
        } = self.rules;
        self.faults.done_by(at, abort_us + hang_up_us, takeover_us)
    }
}

fn is_cancelled(reply: &Durable) -> bool {
    reply.finish.as_deref() == Some("cancelled")
}
