//! What was cancelled, and whether that was heeded.

use std::collections::{HashMap, HashSet};

use super::calls::Calls;
use super::logs::{Kept, Logs};
use super::sends::{Said, Sends};
use super::{Broken, Faults, Rules, Verdict};
use crate::ledger::{Call, ClientEvent};

/// Wishes that replies end.
#[derive(Debug, Default)]
pub(super) struct Cancels {
    /// Replies, or their questions.
    wanted: HashSet<String>,
    /// Replies, and when their ends were promised.
    promised: Vec<(u64, String)>,
}

impl Cancels {
    pub(super) fn on_event(&mut self, at: u64, event: &ClientEvent) {
        if let ClientEvent::Cancelling { message, .. } = event {
            self.wanted.insert(message.clone());
        } else if let ClientEvent::Cancelled { reply, .. } = event {
            self.promised.push((at, reply.clone()));
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

        let mut wanted: HashSet<&str> = self.wanted.iter().map(String::as_str).collect();
        wanted.extend(interrupted.iter().map(|(_, other)| other.message));
        let lost_interruptions = sends.lost_interruptions(logs, faults);
        let sessions: HashMap<_, _> = said.iter().map(|one| (one.message, one.session)).collect();
        let may_be_interrupted = |question: &str| {
            let session = sessions.get(question);
            session.is_some_and(|session| lost_interruptions.contains(session))
        };
        let mut question_of: HashMap<&str, &str> = HashMap::new();
        for Kept { event, .. } in logs.events() {
            let Some(question) = &event.in_reply_to else {
                continue;
            };
            question_of.insert(&event.message, question);
            if event.finish.as_deref() != Some("cancelled") {
                continue;
            }
            verdict.count("replies cancelled");
            let says = || format!("{} to {question}", event.message);
            let is_wanted = wanted.contains(&**question) || wanted.contains(&*event.message);
            // An interruption that is lost has left no trace.
            if !is_wanted && !may_be_interrupted(question) {
                verdict.broken(Broken::CancelledByNobody, 0, says());
            }
            let is_called = |call: &Call| !faults.may_have_lost(call.began, u64::MAX);
            if event.attempt == Some(0) && calls.of(question).any(is_called) {
                let says = says() + ", which had not begun";
                verdict.broken(Broken::CalledAfterCancel, 0, says);
            }
        }

        let by_hand = self.promised.iter().filter_map(|(at, reply)| {
            let question = question_of.get(reply.as_str())?;
            Some((*at, *question))
        });
        let by_interruption = interrupted
            .iter()
            .filter_map(|(one, other)| Some((one.acked?, other.message)));
        for (at, question) in by_hand.chain(by_interruption) {
            let by = faults.done_by(at, rules.abort_us, rules.takeover_us);
            let goes_on = |call: &&Call| call.ended.is_none_or(|ended| ended > by);
            for call in calls.of(question).filter(goes_on) {
                if !faults.may_have_lost(at, call.ended.unwrap_or(u64::MAX)) {
                    let says = format!("{question}/{}/{} went on", call.attempt, call.r#try);
                    verdict.broken(Broken::CalledAfterCancel, at, says);
                }
            }
        }
    }
}
