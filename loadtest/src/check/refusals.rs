//! What people were refused, and whether anything explains that.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Broken, Faults, Rules, Verdict, Who};
use crate::ledger::{ClientEvent, ClientNumber, IfBusy};

/// How long after a fault somebody may still be refused for it, in microseconds: what
/// a gateway asked of the storage meanwhile is given up after `redis.timeout`.
const REFUSED_WITHIN_US: u64 = 2_000_000;

/// What people were refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// What a client said last under an id, and when.
    said: HashMap<(ClientNumber, String), (u64, Said)>,
    refused: Vec<Refusal>,
}

/// What may be refused.
#[derive(Debug, Clone, Copy)]
enum Said {
    Message(IfBusy),
    /// The wish that a reply ends.
    Cancel,
}

#[derive(Debug)]
struct Refusal {
    at: u64,
    /// When it was said, where that is known: who reads slowly hears late of the answer.
    said_at: u64,
    to: Arc<Who>,
    /// What was refused, where that is known.
    said: Option<Said>,
    id: Option<String>,
    code: String,
}

impl Refusals {
    pub(super) fn on_event(&mut self, at: u64, who: &Arc<Who>, event: &ClientEvent) {
        if let ClientEvent::Sent { id, if_busy, .. } = event {
            let said = Said::Message(*if_busy);
            self.said.insert((who.client, id.clone()), (at, said));
        } else if let ClientEvent::Cancelling { id, .. } = event {
            let said = Said::Cancel;
            self.said.insert((who.client, id.clone()), (at, said));
        } else if let ClientEvent::Refused { id, code, .. } = event {
            let said = id.as_ref().and_then(|id| {
                let said = self.said.get(&(who.client, id.clone()))?;
                Some(*said)
            });
            self.refused.push(Refusal {
                at,
                said_at: said.map_or(at, |(at, _)| at),
                to: Arc::clone(who),
                said: said.map(|(_, said)| said),
                id: id.clone(),
                code: code.clone(),
            });
        }
    }

    pub(super) fn finish(&self, faults: &Faults, rules: Rules, verdict: &mut Verdict) {
        let unexplained = self.refused.iter();
        for refusal in unexplained.filter(|refusal| !refusal.is_explained(faults, rules)) {
            let Refusal {
                at, to, id, code, ..
            } = refusal;
            let what = id.as_deref().unwrap_or("nothing that it names");
            let says = format!("{to}: {what} was refused: {code}");
            verdict.broken(Broken::RefusedForNothing, *at, says);
        }
    }
}

impl Refusal {
    /// Whether the protocol has a reason to refuse who may do what it did, and did
    /// it well.
    fn is_explained(&self, faults: &Faults, rules: Rules) -> bool {
        match (self.code.as_str(), self.said) {
            // It was not to wait while its session is busy.
            ("conflict", Some(Said::Message(if_busy))) => if_busy == IfBusy::Reject,
            // Whether anything ran is judged with the calls of the AI.
            ("not_found", Some(Said::Cancel)) => true,
            // As many questions wait as may.
            ("overloaded", Some(Said::Message(_))) if rules.asks_too_much => true,
            // The storage was not there.
            ("overloaded", _) => {
                let since = self.at.saturating_sub(REFUSED_WITHIN_US);
                let since = since.min(self.said_at);
                faults.may_have_cut_gateways_off(since, self.at)
            }
            _ => false,
        }
    }
}
