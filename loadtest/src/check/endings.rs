//! How replies ended: one that failed needs a fault that explains it.

use super::calls::Calls;
use super::counts;
use super::logs::Logs;
use super::{Broken, Faults, Rules, Verdict};
use crate::ledger::{Call, Durable};

pub(super) fn check(
    logs: &Logs,
    calls: &Calls,
    faults: &Faults,
    rules: Rules,
    verdict: &mut Verdict,
) {
    for kept in logs.events() {
        let event = kept.event;
        let Some(question) = &event.in_reply_to else {
            continue;
        };
        let finish = event.finish.as_deref();
        match finish {
            Some("stop" | "cancelled") => {}
            Some("error") if may_have_failed(event, question, calls, faults, rules) => {
                verdict.count(counts::FAILED_FOR_A_FAULT);
            }
            // An AI of a run says so little that nothing is cut.
            Some(_) | None => {
                let finish = finish.unwrap_or("nothing");
                let (attempt, bytes) = (event.attempt.unwrap_or(0), event.content.len());
                let says = format!(
                    "{} to {question} ended with {finish} in attempt {attempt}, after {bytes} bytes",
                    kept.written()
                );
                verdict.broken(Broken::Failed, calls.heard_at(&kept), says);
            }
        }
    }
}

/// Whether the AI broke off for a fault, or all attempts were used up by some.
fn may_have_failed(
    reply: &Durable,
    question: &str,
    calls: &Calls,
    faults: &Faults,
    rules: Rules,
) -> bool {
    let answered = calls.answered_at(question).unwrap_or(u64::MAX);
    let asked = calls.asked_at(question).unwrap_or(0).min(answered);
    let since = asked.saturating_sub(rules.ai_recovers_us);
    // Before its first word the fallback is asked, to which all networks are good.
    let is_fallbacks = |call: &Call| Some(call.attempt) == reply.attempt && call.fallback > 0;
    let may_break_off =
        !rules.has_fallback || !reply.content.is_empty() && !calls.of(question).any(is_fallbacks);
    let is_used_up = reply.attempt > Some(rules.attempts);
    may_break_off && faults.may_have_stopped_the_ai(since, answered)
        || is_used_up && faults.may_have_stopped_a_broker(asked, answered)
}
