//! What was cancelled, and whether that was heeded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::calls::Calls;
use super::logs::{Kept, Logs};
use super::sends::{Said, Sends};
use super::{Broken, Faults, Rules, Verdict, Who};
use crate::ledger::{Call, ClientEvent, ClientNumber};

/// Wishes that replies end.
#[derive(Debug, Default)]
pub(super) struct Cancels {
    /// Replies, or their questions, by who wanted them to end and by the id of
    /// that wish.
    wanted: HashMap<(ClientNumber, String), Vec<String>>,
    promised: Vec<Promise>,
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
        } else if let ClientEvent::Cancelled { id, reply } = event {
            self.promised.push(Promise {
                at,
                to: Arc::clone(who),
                id: id.clone(),
                reply: reply.clone(),
            });
        }
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

        let mut wanted: HashSet<&str> =
            self.wanted.values().flatten().map(String::as_str).collect();
        wanted.extend(interrupted.iter().map(|(_, other)| other.message));
        let lost_interruptions = sends.lost_interruptions(logs, faults);
        let sessions: HashMap<_, _> = said.iter().map(|one| (one.message, one.session)).collect();
        let may_be_interrupted = |question: &str| {
            let session = sessions.get(question);
            session.is_some_and(|session| lost_interruptions.contains(session))
        };
        let mut question_of: HashMap<&str, &str> = HashMap::new();
        for kept in logs.events() {
            let event = kept.event;
            let Some(question) = &event.in_reply_to else {
                continue;
            };
            question_of.insert(&event.message, question);
            if event.finish.as_deref() != Some("cancelled") {
                continue;
            }
            verdict.count("replies cancelled");
            let says = || format!("{} to {question}", kept.written());
            let at = calls.heard_at(&kept);
            let is_wanted = wanted.contains(&**question) || wanted.contains(&*event.message);
            // An interruption that is lost has left no trace.
            if !is_wanted && !may_be_interrupted(question) {
                verdict.broken(Broken::CancelledByNobody, at, says());
            }
            let is_called = |call: &Call| !faults.may_have_lost(call.began, u64::MAX);
            if event.attempt == Some(0) && calls.of(question).any(is_called) {
                let says = says() + ", which had not begun";
                verdict.broken(Broken::CalledAfterCancel, at, says);
            }
        }

        for promise in &self.promised {
            self.is_kept_word(promise, &question_of, faults, rules, verdict);
        }
        let by_hand = self.promised.iter().filter_map(|promise| {
            let question = question_of.get(promise.reply.as_str())?;
            Some((promise.at, *question))
        });
        let by_interruption = interrupted
            .iter()
            .filter_map(|(one, other)| Some((one.acked?, other.message)));
        let kept = logs.by_message();
        let written = |question: &str| {
            let kept = kept.get(question).map(Kept::written);
            kept.unwrap_or_else(|| question.to_owned())
        };
        for (at, question) in by_hand.chain(by_interruption) {
            let by = faults.done_by(at, rules.abort_us + rules.hang_up_us, rules.takeover_us);
            let goes_on = |call: &&Call| call.ended.is_none_or(|ended| ended > by);
            for call in calls.of(question).filter(goes_on) {
                if !faults.may_have_lost(at, call.ended.unwrap_or(u64::MAX)) {
                    let says = format!("attempt {}, try {}", call.attempt, call.r#try);
                    let says = format!("{}: {says} went on", written(question));
                    verdict.broken(Broken::CalledAfterCancel, at, says);
                }
            }
        }
    }

    /// Whether it is the reply that was to end whose end was promised.
    fn is_kept_word(
        &self,
        promise: &Promise,
        question_of: &HashMap<&str, &str>,
        faults: &Faults,
        rules: Rules,
        verdict: &mut Verdict,
    ) {
        let Promise { at, to, id, reply } = promise;
        let question = question_of.get(reply.as_str());
        let mut wanted = self
            .wanted
            .get(&(to.client, id.clone()))
            .into_iter()
            .flatten();
        let is_wanted = wanted.any(|message| message == reply || Some(&&**message) == question);
        // What a reply that is lost was to answer nobody knows.
        let ends_by = faults.done_by(*at, rules.abort_us, rules.takeover_us);
        let is_lost = question.is_none() && faults.may_have_lost_between(*at, ends_by);
        if !is_wanted && !is_lost {
            let answers = question.map_or("nothing that is kept", |question| question);
            let says = format!("{to}: {id:?} is to end {reply}, which answers {answers}");
            verdict.broken(Broken::CancelledAnother, *at, says);
        }
    }
}
