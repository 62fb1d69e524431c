//! Whether the questions of a session were answered one after the other.

use std::collections::{BTreeMap, HashMap};

use super::calls::Calls;
use super::logs::{Kept, Logs};
use super::{Broken, Faults, Rules, Verdict};

/// The questions of one session in the order in which they were asked, with the
/// attempts that answered them.
type Questions<'a> = Vec<(&'a str, Option<u64>)>;

pub(super) fn finish(
    logs: &Logs,
    calls: &Calls,
    faults: &Faults,
    rules: Rules,
    verdict: &mut Verdict,
) {
    for log in logs.rooms() {
        in_order(&log, calls, verdict);
        for questions in sessions(&log).into_values() {
            one_at_a_time(&questions, calls, faults, rules, verdict);
        }
    }
}

/// The replies of a session come in the order of its questions. Only what was
/// cancelled may have ended while it waited.
fn in_order(log: &[Kept<'_>], calls: &Calls, verdict: &mut Verdict) {
    let asked: HashMap<&str, u64> = log
        .iter()
        .map(|Kept { event, .. }| (event.message.as_str(), event.seq))
        .collect();
    let mut last: HashMap<&str, u64> = HashMap::new();
    for kept in log {
        let reply = kept.event;
        let (Some(question), Some(session)) = (&reply.in_reply_to, &reply.session) else {
            continue;
        };
        let Some(&seq) = asked.get(question.as_str()) else {
            continue;
        };
        if reply.finish.as_deref() == Some("cancelled") {
            continue;
        }
        let last = last.entry(session).or_default();
        if seq < *last {
            let says = format!("{} replies to {question}", kept.written());
            let says = format!("{says} of session {session} after a later one");
            verdict.broken(Broken::OutOfTurn, calls.heard_at(kept), says);
        }
        *last = seq.max(*last);
    }
}

fn sessions<'a>(log: &[Kept<'a>]) -> BTreeMap<&'a str, Questions<'a>> {
    let events = || log.iter().map(|kept| kept.event);
    let made_by: HashMap<&str, u64> = events()
        .filter_map(|reply| Some((reply.in_reply_to.as_deref()?, reply.attempt?)))
        .collect();
    let mut sessions: BTreeMap<&str, Questions<'_>> = BTreeMap::new();
    for event in events().filter(|event| event.in_reply_to.is_none()) {
        if let Some(session) = &event.session {
            let question = event.message.as_str();
            let question = (question, made_by.get(question).copied());
            sessions.entry(session).or_default().push(question);
        }
    }
    sessions
}

/// The AI is asked for the next question when the call that made the reply to
/// the one before it is over. What a broker does that has lost a reply does not
/// count.
fn one_at_a_time(
    questions: &[(&str, Option<u64>)],
    calls: &Calls,
    faults: &Faults,
    rules: Rules,
    verdict: &mut Verdict,
) {
    let mut busy = (0, "");
    for (question, made_by) in questions {
        if let Some(began) = calls.began(question)
            && busy.0 > hangs_up_by(began, faults, rules)
            // A reply whose end was lost is made again, whatever came after it.
            && !faults.may_have_lost(began, u64::MAX)
        {
            let says = format!("{question} while {} was being answered", busy.1);
            verdict.broken(Broken::OutOfTurn, began, says);
        }
        let ended = made_by.and_then(|attempt| calls.ended(question, attempt));
        busy = busy.max((ended.unwrap_or(0), question));
    }
}

/// When a call is over whose caller had hung up at `at`.
fn hangs_up_by(at: u64, faults: &Faults, rules: Rules) -> u64 {
    match rules.hang_up_us {
        // The caller and the AI have one clock, and nothing in between.
        0 => at,
        at_most => faults.done_by(at, at_most, rules.takeover_us),
    }
}
