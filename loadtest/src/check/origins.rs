//! Whether somebody sent what is stored, and asked what is answered.

use std::collections::HashMap;

use super::calls::Calls;
use super::logs::{Kept, Logs};
use super::sends::Sends;
use super::{Broken, Faults, Verdict};

pub(super) fn check(
    sends: &Sends,
    logs: &Logs,
    calls: &Calls,
    faults: &Faults,
    verdict: &mut Verdict,
) {
    let asks = sends.asks_by_text();
    // The questions that are kept, and where.
    let mut questions: HashMap<&str, (&str, &str)> = HashMap::new();
    for kept in logs.events().filter(|kept| kept.is_said()) {
        let Kept {
            tenant,
            room,
            event,
            ..
        } = kept;
        match asks.get(&(tenant, room, event.content.as_str())) {
            Some(true) => {
                questions.insert(&event.message, (tenant, room));
            }
            Some(false) => {}
            None => {
                let says = format!("{}: {:?}", kept.written(), event.content);
                verdict.broken(Broken::NeverSent, calls.heard_at(&kept), says);
            }
        }
    }
    for kept in logs.events() {
        if let Some(question) = &kept.event.in_reply_to
            && questions.get(question.as_str()) != Some(&(kept.tenant, kept.room))
        {
            let says = format!("{} replies to {question}", kept.written());
            verdict.broken(Broken::NeverAsked, calls.heard_at(&kept), says);
        }
    }
    let kept = logs.by_message();
    for (question, began) in calls.began_by_question() {
        let is_lost = !kept.contains_key(question) && faults.may_have_lost(began, u64::MAX);
        if !questions.contains_key(question) && !is_lost {
            let says = format!("the AI was called for {question}");
            verdict.broken(Broken::NeverAsked, began, says);
        }
    }
}
