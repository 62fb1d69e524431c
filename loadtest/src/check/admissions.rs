//! Whether people got in, and whether anything explains where they did not.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Broken, Faults, Rules, Verdict, Who};
use crate::ledger::{ClientEvent, ClientNumber};

/// Who came, and was let in or not.
#[derive(Debug, Default)]
pub(super) struct Admissions {
    doors: BTreeMap<ClientNumber, Door>,
    refusals: Vec<Refusal>,
    absences: Vec<Absence>,
}

/// How one client stands with the door.
#[derive(Debug, Default)]
struct Door {
    is_in: bool,
    /// Since when it has wanted to get in.
    outside_since: Option<u64>,
}

/// Somebody was told to go before they were `ready`.
#[derive(Debug)]
struct Refusal {
    at: u64,
    who: Arc<Who>,
    /// The HTTP status, or the close code: no number is both.
    by: u16,
    reason: String,
}

/// From the end of a connection to the next `ready`.
#[derive(Debug)]
struct Absence {
    who: Arc<Who>,
    since: u64,
    until: u64,
}

impl Admissions {
    pub(super) fn on_event(&mut self, at: u64, who: &Arc<Who>, event: &ClientEvent) {
        let door = self.doors.entry(who.client).or_default();
        if let ClientEvent::Opened = event {
            door.is_in = true;
            if let Some(since) = door.outside_since.take() {
                self.absences.push(Absence {
                    who: Arc::clone(who),
                    since,
                    until: at,
                });
            }
        } else if let ClientEvent::NotLetIn {
            status: by, reason, ..
        }
        | ClientEvent::Closed { code: by, reason } = event
        {
            door.outside_since.get_or_insert(at);
            let was_in = std::mem::replace(&mut door.is_in, false);
            if let Some(by) = by.filter(|_| !was_in) {
                self.refusals.push(Refusal {
                    at,
                    who: Arc::clone(who),
                    by,
                    reason: reason.clone(),
                });
            }
        }
    }

    pub(super) fn finish(&self, faults: &Faults, rules: Rules, verdict: &mut Verdict) {
        for refusal in &self.refusals {
            if !refusal.is_explained(faults, rules) {
                let Refusal {
                    at,
                    who,
                    by,
                    reason,
                } = refusal;
                verdict.broken(Broken::TurnedAway, *at, format!("{who}: {by} {reason}"));
            }
        }
        for Absence { who, since, until } in &self.absences {
            let longest = faults.longest_with_open_doors(*since, *until);
            if longest > rules.let_in_us {
                let seconds = longest as f64 / 1e6;
                let says = format!("{who}: nothing stood in the way for {seconds:.1} s");
                verdict.broken(Broken::KeptOut, *until, says);
            }
        }
    }
}

impl Refusal {
    /// Whether the protocol has a reason to refuse somebody who has a right to
    /// come in, and a fault has brought it about.
    fn is_explained(&self, faults: &Faults, rules: Rules) -> bool {
        let since = self.at.saturating_sub(rules.let_in_us);
        match self.by {
            // To a clock that is wrong a token has expired, or is not valid yet.
            401 | 4500 => faults.may_have_set_a_clock_wrong(since, self.at),
            // It did not read what it was sent: not even that it was let in.
            4008 => true,
            // Too slow, too many at once, or a node that drains or has failed.
            408 | 429 | 500..=599 | 1000..=4499 => faults.may_have_shut_doors(since, self.at),
            _ => false,
        }
    }
}
