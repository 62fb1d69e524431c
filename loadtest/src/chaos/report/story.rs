//! What a ledger tells beyond its verdict.

use std::collections::{BTreeMap, BTreeSet};

use causerie_testkit::storage::StorageKind;

use crate::ledger::{ClientEvent, ClientNumber, Entry, What};
use crate::person::DROPPED;

/// A connection that ends so soon after a fault ends because of it.
const BECAUSE_WITHIN_US: u64 = 4_000_000;

pub(super) const SECOND_US: u64 = 1_000_000;

/// What a ledger tells beyond its verdict.
#[derive(Debug)]
pub struct Story {
    /// The round's number, from 1.
    pub(in crate::chaos) number: usize,
    pub(super) storage: StorageKind,
    pub(super) faults: Vec<Struck>,
    /// Between which times another server took over that nobody had told to.
    pub(super) unplanned: Vec<(u64, u64)>,
    closed: BTreeMap<ClientNumber, (u64, Option<usize>)>,
    /// Who has ever lost a connection.
    was_away: BTreeSet<ClientNumber>,
    /// When the last was heard of a reply that is being made.
    heard: BTreeMap<(ClientNumber, String), u64>,
    /// How many durable events and pieces came, by second.
    pub(super) deliveries: BTreeMap<u64, u32>,
    /// When messages were sent that have no `ack` yet.
    sent: BTreeMap<(ClientNumber, String), u64>,
    /// The longest way from a message to its `ack`, by the second of the `ack`,
    /// in microseconds.
    pub(super) acked_us: BTreeMap<u64, u64>,
    /// When people were told that something is lost.
    pub(super) losses: Vec<u64>,
    /// When people were given a reply so far, or one began again.
    pub(super) renewed: Vec<u64>,
    /// When people who came back were told that nothing is lost.
    pub(super) kept: Vec<u64>,
    /// Between which times gateways repaired gaps, and how many.
    pub(super) repaired: Vec<((u64, u64), u64)>,
    pub(super) ended_at: u64,
}

/// A fault, and what it did to people. Times are in microseconds since the run began.
#[derive(Debug)]
pub(super) struct Struck {
    pub(super) at: u64,
    pub(super) until: u64,
    pub(super) kind: String,
    pub(super) target: String,
    pub(super) streaming: usize,
    /// From a connection's end to the next one's `ready`, in microseconds.
    pub(super) away_us: Vec<u64>,
    /// The longest that a reply stood still for somebody, in microseconds.
    pub(super) still_us: u64,
}

impl Story {
    /// Of this round, on this storage.
    pub fn new(number: usize, storage: StorageKind) -> Self {
        Self {
            number,
            storage,
            faults: Vec::new(),
            unplanned: Vec::new(),
            closed: BTreeMap::new(),
            was_away: BTreeSet::new(),
            heard: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            sent: BTreeMap::new(),
            acked_us: BTreeMap::new(),
            losses: Vec::new(),
            renewed: Vec::new(),
            kept: Vec::new(),
            repaired: Vec::new(),
            ended_at: 0,
        }
    }

    /// Takes in the next line.
    pub fn take(&mut self, entry: &Entry) {
        self.ended_at = self.ended_at.max(entry.at);
        match &entry.what {
            What::Fault(fault) => self.faults.push(Struck {
                at: entry.at,
                until: fault.until,
                kind: fault.kind.clone(),
                target: fault.target.clone(),
                streaming: fault.streaming,
                away_us: Vec::new(),
                still_us: 0,
            }),
            What::FaultOver => {
                if let Some(fault) = self.faults.last_mut() {
                    fault.until = entry.at;
                }
            }
            What::Client { client, event } => self.on_client(entry.at, *client, event),
            What::UnplannedFailOver { between } => self.unplanned.push(*between),
            What::GapsRepaired { between, count } => self.repaired.push((*between, *count)),
            What::LossOver
            | What::Round(_)
            | What::Call(_)
            | What::Log(_)
            | What::Counted { .. } => {}
        }
    }

    fn on_client(&mut self, at: u64, client: ClientNumber, event: &ClientEvent) {
        match event {
            ClientEvent::Closed { reason, .. } => {
                // Between two faults some are told to come to another gateway.
                let moves = reason == DROPPED && !self.is_in_fault(at);
                if moves {
                    self.heard.retain(|(of, _), _| *of != client);
                }
                let because = self.because_of(at, at).filter(|_| !moves);
                self.closed.insert(client, (at, because));
                self.was_away.insert(client);
            }
            ClientEvent::Opened => {
                let closed = self.closed.remove(&client);
                if let Some((since, Some(because))) = closed
                    && let Some(fault) = self.faults.get_mut(because)
                {
                    fault.away_us.push(at - since);
                }
            }
            ClientEvent::Durable { event, .. } => {
                *self.deliveries.entry(at / SECOND_US).or_default() += 1;
                self.hear(at, client, &event.message);
                self.heard.remove(&(client, event.message.clone()));
            }
            ClientEvent::Delta { message, .. } => {
                *self.deliveries.entry(at / SECOND_US).or_default() += 1;
                self.hear(at, client, message);
            }
            ClientEvent::Snapshot { message, .. } | ClientEvent::Restart { message, .. } => {
                self.renewed.push(at);
                self.hear(at, client, message);
            }
            ClientEvent::Sent { id, .. } => {
                self.sent.entry((client, id.clone())).or_insert(at);
            }
            ClientEvent::Acked { id, .. } => {
                if let Some(since) = self.sent.remove(&(client, id.clone())) {
                    let longest = self.acked_us.entry(at / SECOND_US).or_default();
                    *longest = (at - since).max(*longest);
                }
            }
            ClientEvent::Subscribed {
                recovered: false, ..
            } => self.losses.push(at),
            ClientEvent::Subscribed { .. } if self.was_away.contains(&client) => {
                self.kept.push(at);
            }
            ClientEvent::Named { .. }
            | ClientEvent::NotLetIn { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Leaving { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Unreadable { .. } => {}
        }
    }

    /// Something of a reply came to a client.
    fn hear(&mut self, at: u64, client: ClientNumber, message: &str) {
        let before = self.heard.insert((client, message.to_owned()), at);
        if let Some(before) = before
            && let Some(because) = self.because_of(before, at)
            && let Some(fault) = self.faults.get_mut(because)
        {
            fault.still_us = fault.still_us.max(at - before);
        }
    }

    /// The last fault that was under way, or just over, in this time.
    fn because_of(&self, from: u64, to: u64) -> Option<usize> {
        self.faults
            .iter()
            .rposition(|fault| fault.at <= to && from <= fault.until + BECAUSE_WITHIN_US)
    }

    fn is_in_fault(&self, at: u64) -> bool {
        self.faults.last().is_some_and(|fault| at <= fault.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Fault;

    fn story(lines: Vec<(u64, What)>) -> Story {
        let mut story = Story::new(1, StorageKind::Durable);
        for (at, what) in lines {
            story.take(&Entry { at, what });
        }
        story
    }

    fn of(event: ClientEvent) -> What {
        What::Client { client: 1, event }
    }

    fn subscribed(recovered: bool) -> What {
        of(ClientEvent::Subscribed {
            room: "tenant".to_owned(),
            epoch: "aaaaaaaa".to_owned(),
            seq: 5,
            recovered,
        })
    }

    fn closed(reason: &str) -> What {
        of(ClientEvent::Closed {
            code: None,
            reason: reason.to_owned(),
        })
    }

    #[test]
    fn only_who_comes_back_is_told_whether_anything_is_lost() {
        let story = story(vec![
            (1, of(ClientEvent::Opened)),
            (2, subscribed(true)),
            (3, closed("")),
            (4, of(ClientEvent::Opened)),
            (5, subscribed(true)),
            (6, closed("")),
            (7, of(ClientEvent::Opened)),
            (8, subscribed(false)),
        ]);
        assert_eq!((&*story.kept, &*story.losses), (&[5][..], &[8][..]));
    }

    #[test]
    fn who_is_told_to_go_elsewhere_after_a_fault_is_not_away_because_of_it() {
        let away = |reason| {
            let fault = Fault {
                kind: "gateway-frozen".to_owned(),
                target: "gateway-1".to_owned(),
                until: 20,
                streaming: 1,
                loses_since: None,
            };
            let delta = of(ClientEvent::Delta {
                room: "tenant".to_owned(),
                message: "r1".to_owned(),
                attempt: 1,
                index: 0,
                text: String::new(),
            });
            let story = story(vec![
                (10, What::Fault(fault)),
                (20, What::FaultOver),
                (25, delta.clone()),
                (30, closed(reason)),
                (37, of(ClientEvent::Opened)),
                (38, delta),
            ]);
            (story.faults[0].away_us.clone(), story.faults[0].still_us)
        };
        assert_eq!(away("heartbeat lost"), (vec![7], 13));
        assert_eq!(away(DROPPED), (vec![], 0));
    }
}
