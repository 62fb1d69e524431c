//! Whether a reply's text is what the AI said in a call for its question.
//!
//! The AI of a run says [`named`] words, which tell in which call they were
//! said: so words of another reply, or of another attempt, are seen.

use std::collections::{BTreeSet, HashMap};

use causerie_testkit::ai::named;

use super::calls::Calls;
use super::logs::Logs;
use super::replies::Shown;
use super::{Broken, Faults, Verdict};
use crate::ledger::{Call, Durable};

/// Holds the texts of all replies that are kept against what the AI said, and
/// those that were shown for a while, by these clients.
pub(super) fn check<'a>(
    shown: impl Iterator<Item = &'a Shown>,
    logs: &Logs,
    calls: &Calls,
    faults: &Faults,
    verdict: &mut Verdict,
) {
    let mut questions: HashMap<&str, &str> = HashMap::new();
    for kept in logs.events() {
        let event = kept.event;
        if let Some(question) = &event.in_reply_to {
            questions.insert(&event.message, question);
            let attempt = event.attempt.unwrap_or(0);
            let of_attempt = calls.of(question).filter(|call| call.attempt == attempt);
            if !is_said(event, of_attempt) {
                let says = format!("{} is of no call, or of two", kept.written());
                let says = format!("{says}: {}", event.content);
                verdict.broken(Broken::WrongText, calls.heard_at(&kept), says);
            }
            // A takeover may be lost with the storage: then the former goes on.
            // (What was cancelled before it began is of none.)
            if attempt > 0
                && let Some(later) = calls.of(question).find(|call| call.attempt > attempt)
                && !faults.may_have_lost(later.began, u64::MAX)
            {
                let says = format!("{} is of attempt {attempt}", kept.written());
                let says = format!("{says} of {}", later.attempt);
                verdict.broken(Broken::FormerAttempt, later.began, says);
            }
        }
    }
    for shown in shown {
        // What became of a question that is lost nobody knows.
        let Some(question) = questions.get(shown.message.as_str()) else {
            continue;
        };
        let is_said = |call: &Call| call.attempt == shown.attempt && begins(&shown.text, call);
        if !calls.of(question).any(is_said) {
            let Shown { who, message, .. } = shown;
            let says = format!("{who}: {message}, attempt {}, is of no call", shown.attempt);
            let says = format!("{says}: {}", shown.text);
            verdict.broken(Broken::WrongText, shown.at, says);
        }
    }
}

/// Whether a reply is all that was said in one call, or, where it did not come
/// to its end, the beginning of that.
fn is_said<'a>(reply: &Durable, mut calls: impl Iterator<Item = &'a Call>) -> bool {
    if reply.finish.as_deref() == Some("stop") {
        let whole = calls.filter(|call| is_whole(&reply.content, call));
        // That two have one name is found elsewhere.
        whole.map(|call| call.r#try).collect::<BTreeSet<_>>().len() == 1
    } else {
        reply.content.is_empty() || calls.any(|call| begins(&reply.content, call))
    }
}

fn is_whole(text: &str, call: &Call) -> bool {
    said(call, words(text)) == text
}

fn begins(text: &str, call: &Call) -> bool {
    // One word more: the last one is another where it is not the last.
    said(call, words(text) + 1).starts_with(text) || is_whole(text, call)
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn said(call: &Call, words: usize) -> String {
    let Call {
        question,
        attempt,
        r#try,
        ..
    } = call;
    named(&format!("{question}/{attempt}/{try}"), words).collect()
}
