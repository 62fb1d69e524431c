//! Whether people got in and could stay, and whether anything explains where they
//! did not.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Broken, Faults, Rules, Verdict, Who};
use crate::ledger::{ClientEvent, ClientNumber};
use crate::person::BY_ITSELF;

/// How long after a fault somebody may still be told to go for it, in microseconds.
const TOLD_WITHIN_US: u64 = 3_000_000;

/// Who came, and was let in or not.
#[derive(Debug, Default)]
pub(super) struct Admissions {
    doors: BTreeMap<ClientNumber, Door>,
    refusals: Vec<Refusal>,
    /// Of those who were in.
    sent_away: Vec<Refusal>,
    absences: Vec<Absence>,
}

/// How one client stands with the door.
#[derive(Debug, Default)]
struct Door {
    is_in: bool,
    /// Since when it has wanted to get in.
    outside_since: Option<u64>,
    /// Until when it read nothing, of its own.
    unread_until: Option<u64>,
}

/// Somebody was told to go.
#[derive(Debug)]
struct Refusal {
    at: u64,
    who: Arc<Who>,
    /// The HTTP status, or the close code: no number is both. None where the
    /// connection just ended, or served its client no more.
    by: Option<u16>,
    reason: String,
    /// Until when they had read nothing, of their own.
    unread_until: Option<u64>,
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
            let is_told = by.is_some() || was_in && !BY_ITSELF.contains(&reason.as_str());
            if is_told {
                let refusals = if was_in {
                    &mut self.sent_away
                } else {
                    &mut self.refusals
                };
                refusals.push(Refusal {
                    at,
                    who: Arc::clone(who),
                    by: *by,
                    reason: reason.clone(),
                    unread_until: door.unread_until,
                });
            }
        } else if let ClientEvent::StopsReading = event {
            door.unread_until = Some(u64::MAX);
        } else if let ClientEvent::ReadsAgain = event {
            door.unread_until = Some(at);
        }
    }

    pub(super) fn finish(&self, faults: &Faults, rules: Rules, verdict: &mut Verdict) {
        let turned_away = self.refusals.iter();
        for refusal in turned_away.filter(|refusal| !refusal.is_explained(faults, rules)) {
            verdict.broken(Broken::TurnedAway, refusal.at, refusal.written());
        }
        let sent_away = self.sent_away.iter();
        for refusal in sent_away.filter(|refusal| !refusal.is_explained(faults, rules)) {
            verdict.broken(Broken::SentAway, refusal.at, refusal.written());
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
    fn written(&self) -> String {
        let Self {
            who, by, reason, ..
        } = self;
        let by = by.map_or_else(|| "without a code".to_owned(), |by| by.to_string());
        format!("{who}: {by} {reason}")
    }

    /// Whether the protocol has a reason to send away somebody who has a right to be
    /// in, and a fault has brought it about.
    fn is_explained(&self, faults: &Faults, rules: Rules) -> bool {
        let since = self.at.saturating_sub(TOLD_WITHIN_US);
        let Some(by) = self.by else {
            // There is no room for a close frame to who reads nothing.
            let unread_since = self.at.saturating_sub(rules.let_in_us);
            return self.has_read_nothing_since(unread_since)
                || faults.may_have_ended_connections(since, self.at);
        };
        match by {
            // The node ends.
            503 | 1012 => faults.may_have_ended_gateways(since, self.at),
            // It did not read what it was sent: maybe not even that it was let in.
            4008 => {
                rules.reads_slowly
                    || self.has_read_nothing_since(since)
                    || faults.may_have_spoilt_doors(since, self.at)
            }
            // The node lost the storage, or that lost something.
            4010 => faults.may_have_cut_gateways_off(since, self.at),
            // Nothing came of it for long, or not all of what it asks with.
            408 | 4012 => faults.may_have_silenced_people(since, self.at),
            _ => false,
        }
    }

    fn has_read_nothing_since(&self, since: u64) -> bool {
        self.unread_until.is_some_and(|until| until >= since)
    }
}
