//! Whether somebody sent what is stored, and asked what is answered.

use std::collections::HashMap;

use super::calls::Calls;
use super::logs::{Kept, Logs};
use super::sends::Sends;
use super::{Broken, Faults, Verdict};

/// Tenant, room and session.
type Place<'a> = (&'a str, &'a str, Option<&'a str>);

pub(super) fn check(
    sends: &Sends,
    logs: &Logs,
    calls: &Calls,
    faults: &Faults,
    verdict: &mut Verdict,
) {
    let asks = sends.asks_by_text();
    // The questions that are kept, and where.
    let mut questions: HashMap<&str, Place<'_>> = HashMap::new();
    for kept in logs.events().filter(|kept| kept.is_said()) {
        let Kept {
            tenant,
            room,
            event,
            ..
        } = kept;
        let place = place(&kept);
        match asks.get(&(tenant, room, event.content.as_str())) {
            Some(true) => {
                questions.insert(&event.message, place);
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
            && questions.get(question.as_str()) != Some(&place(&kept))
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

fn place<'a>(kept: &Kept<'a>) -> Place<'a> {
    (kept.tenant, kept.room, kept.event.session.as_deref())
}
