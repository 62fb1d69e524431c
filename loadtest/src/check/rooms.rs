//! What was acknowledged and seen, against what the logs hold in the end.

use std::collections::{BTreeMap, HashMap};

use super::{Broken, Faults, Verdict};
use crate::ledger::{ClientEvent, ClientNumber, Durable, Log};

/// Where an event stands: tenant, room, life, `seq`.
type Place = (String, String, String, u64);

/// All rooms.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    acks: Vec<Ack>,
    /// Whether a client's message, by client and id, asks the AI.
    asks: HashMap<(ClientNumber, String), bool>,
    /// The message that stands at a place, as was first heard.
    placed: HashMap<Place, String>,
    /// Whose a message is.
    tenant_of: HashMap<String, String>,
    /// Who has seen a message, and when.
    seen: HashMap<String, Vec<(u64, ClientNumber)>>,
    /// When a client was last told that something in a room is lost.
    told: HashMap<(ClientNumber, String), u64>,
    logs: BTreeMap<(String, String), Vec<Durable>>,
}

#[derive(Debug)]
struct Ack {
    at: u64,
    client: ClientNumber,
    tenant: String,
    room: String,
    message: String,
    asks: bool,
}

impl Rooms {
    pub(super) fn on_event(
        &mut self,
        at: u64,
        client: ClientNumber,
        tenant: &str,
        event: &ClientEvent,
        verdict: &mut Verdict,
    ) {
        match event {
            ClientEvent::Sent { id, ai } => {
                self.asks.insert((client, id.clone()), *ai);
            }
            ClientEvent::Acked {
                id,
                message,
                room,
                epoch,
                seq,
            } => {
                verdict.count("messages acknowledged");
                self.place(at, tenant, room, (epoch, *seq), message, verdict);
                self.acks.push(Ack {
                    at,
                    client,
                    tenant: tenant.to_owned(),
                    room: room.clone(),
                    message: message.clone(),
                    asks: self
                        .asks
                        .get(&(client, id.clone()))
                        .copied()
                        .unwrap_or(false),
                });
            }
            ClientEvent::Durable { room, event } => {
                verdict.count("durable events seen");
                let Durable {
                    epoch,
                    seq,
                    message,
                    ..
                } = event;
                self.place(at, tenant, room, (epoch, *seq), message, verdict);
                let seen = self.seen.entry(message.clone()).or_default();
                seen.push((at, client));
            }
            ClientEvent::Subscribed {
                room,
                recovered: false,
                ..
            } => {
                verdict.count("times told that something is lost");
                self.told.insert((client, room.clone()), at);
            }
            ClientEvent::Closed {
                code: Some(4010), ..
            } => {
                self.told.insert((client, String::new()), at);
            }
            ClientEvent::Delta { .. } => verdict.count("pieces of replies seen"),
            ClientEvent::Snapshot { .. } => verdict.count("snapshots seen"),
            ClientEvent::Restart { .. } => verdict.count("restarts seen"),
            ClientEvent::Opened => verdict.count("connections"),
            ClientEvent::Refused { .. } => verdict.count("errors answered"),
            ClientEvent::Named { .. }
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Closed { .. } => {}
        }
    }

    pub(super) fn on_log(&mut self, at: u64, log: Log, verdict: &mut Verdict) {
        for event in &log.events {
            let position = (event.epoch.as_str(), event.seq);
            self.place(
                at,
                &log.tenant,
                &log.room,
                position,
                &event.message,
                verdict,
            );
        }
        self.logs.insert((log.tenant, log.room), log.events);
    }

    /// The `seq` of the last event in a room's log.
    pub(super) fn head(&self, tenant: &str, room: &str) -> Option<u64> {
        let log = self.logs.get(&(tenant.to_owned(), room.to_owned()))?;
        log.last().map(|event| event.seq)
    }

    /// The reply to each question, as the logs hold it.
    pub(super) fn replies(&self) -> impl Iterator<Item = (&str, &Durable)> {
        let events = self.logs.values().flatten();
        events.filter_map(|event| Some((event.in_reply_to.as_deref()?, event)))
    }

    pub(super) fn finish(&self, faults: &Faults, verdict: &mut Verdict) {
        let mut held: HashMap<&str, u32> = HashMap::new();
        let mut replies: HashMap<&str, u32> = HashMap::new();
        let mut said: HashMap<(&str, &str), &str> = HashMap::new();
        for ((tenant, room), events) in &self.logs {
            for pair in events.windows(2) {
                if let [before, after] = pair
                    && after.seq != before.seq + 1
                {
                    let says =
                        format!("log of {tenant}:{room}: {} after {}", after.seq, before.seq);
                    verdict.broken(Broken::Hole, 0, says);
                }
            }
            for event in events {
                *held.entry(&event.message).or_default() += 1;
                let first = said.entry((tenant, &event.content));
                let first = *first.or_insert(&event.message);
                if event.kind == "new_message" && first != event.message {
                    let says = format!("{tenant}:{room}: {first} again as {}", event.message);
                    verdict.broken(Broken::StoredTwice, 0, says);
                }
                if let Some(question) = &event.in_reply_to {
                    *replies.entry(question).or_default() += 1;
                }
            }
        }
        for (message, times) in held.iter().filter(|(_, times)| **times > 1) {
            let says = format!("{message} stands in the logs {times} times");
            verdict.broken(Broken::TwoOrders, 0, says);
        }
        for ack in &self.acks {
            if !held.contains_key(ack.message.as_str()) {
                self.on_gone(ack, faults, verdict);
            } else if ack.asks {
                let says = format!("{} in {}:{}", ack.message, ack.tenant, ack.room);
                match replies.get(ack.message.as_str()).copied().unwrap_or(0) {
                    0 => verdict.broken(Broken::Unanswered, ack.at, says),
                    1 => verdict.count("questions answered"),
                    _ => verdict.broken(Broken::AnsweredTwice, ack.at, says),
                }
            }
        }
    }

    /// An acknowledged message is in no log.
    fn on_gone(&self, ack: &Ack, faults: &Faults, verdict: &mut Verdict) {
        let says = format!("{} in {}:{}", ack.message, ack.tenant, ack.room);
        if !faults.may_have_lost(ack.at, u64::MAX) {
            verdict.broken(Broken::AckedAndGone, ack.at, says);
            return;
        }
        verdict.count("messages lost with the storage");
        let none = Vec::new();
        let seen = self.seen.get(&ack.message).unwrap_or(&none);
        for (at, client) in seen.iter().copied().chain([(ack.at, ack.client)]) {
            let told = |room: &str| self.told.get(&(client, room.to_owned())).copied();
            let was_told = [told(&ack.room), told("")]
                .into_iter()
                .flatten()
                .any(|when| when > at);
            if !was_told {
                verdict.broken(Broken::NotTold, at, format!("client {client} of {says}"));
            }
        }
    }

    /// Notes that a message stands at a place.
    fn place(
        &mut self,
        at: u64,
        tenant: &str,
        room: &str,
        (epoch, seq): (&str, u64),
        message: &str,
        verdict: &mut Verdict,
    ) {
        let place = (tenant.to_owned(), room.to_owned(), epoch.to_owned(), seq);
        let says = format!("{tenant}:{room} {epoch}:{seq}");
        let placed = self
            .placed
            .entry(place)
            .or_insert_with(|| message.to_owned());
        if placed != message {
            let says = format!("{says} is {placed}, and is {message}");
            verdict.broken(Broken::TwoOrders, at, says);
        }
        let owner = self
            .tenant_of
            .entry(message.to_owned())
            .or_insert_with(|| tenant.to_owned());
        if owner != tenant {
            let says = format!("{message} of {owner} was shown to {tenant}");
            verdict.broken(Broken::CrossedTenants, at, says);
        }
    }
}
