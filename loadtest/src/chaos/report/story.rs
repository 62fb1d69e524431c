//! What a ledger tells beyond its verdict.

use std::collections::BTreeMap;

use causerie_testkit::storage::StorageKind;

use crate::ledger::{ClientEvent, ClientNumber, Entry, What};

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
    /// When a hole was mended, or a reply begun again.
    pub(super) mended: Vec<u64>,
    /// When people came back, and nothing was lost.
    pub(super) recovered: Vec<u64>,
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
            heard: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            sent: BTreeMap::new(),
            acked_us: BTreeMap::new(),
            losses: Vec::new(),
            mended: Vec::new(),
            recovered: Vec::new(),
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
            What::UnplannedFailOver { between } => self.unplanned.extend(between),
            What::Round(_) | What::Call(_) | What::Log(_) | What::Counted { .. } => {}
        }
    }

    fn on_client(&mut self, at: u64, client: ClientNumber, event: &ClientEvent) {
        match event {
            ClientEvent::Closed { .. } => {
                let because = self.because_of(at, at);
                self.closed.insert(client, (at, because));
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
                self.mended.push(at);
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
            ClientEvent::Subscribed { seq, .. } if *seq > 0 => self.recovered.push(at),
            ClientEvent::Named { .. }
            | ClientEvent::NotLetIn { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Typing { .. } => {}
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
}
