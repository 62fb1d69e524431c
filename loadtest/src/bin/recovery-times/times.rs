//! How long it took, read from what people wrote down.

use std::collections::{BTreeMap, BTreeSet};

use causerie_loadtest::ledger::{ClientEvent, ClientNumber, Entry, Fault, What};

use crate::kind::{Kind, Measure};

/// All people are of one tenant, so that a room's name says which it is.
pub(crate) const TENANT: &str = "acme";

/// What was measured of one kind of fault. Times are in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// How often it struck.
    pub faults: usize,
    /// The times that the goal is about.
    pub times: Vec<u64>,
    /// The same from the moment of the fault.
    pub from_fault: Vec<u64>,
    /// Who had not gone on when the next fault struck.
    pub never: usize,
}

/// A goal, and what became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged {
    /// Of which time it is.
    pub name: &'static str,
    /// What that has to stay below.
    pub ms: u64,
    pub is_met: bool,
}

impl Measured {
    /// The goals of this kind of fault.
    pub(crate) fn goals(&self, kind: Kind) -> Vec<Judged> {
        let goal = kind.goal();
        let judged = |name, part, ms: u64| {
            let is_below = within(&self.times, part) < ms * 1_000;
            // The longest of all is of those who never went on.
            let is_met = is_below && (part < 1.0 || self.never == 0);
            Judged { name, ms, is_met }
        };
        let p50 = goal.p50.map(|ms| judged("p50", 0.5, ms));
        p50.into_iter()
            .chain([judged("max", 1.0, goal.max)])
            .collect()
    }
}

/// The time within which this part of all was over; 0 where there is none.
pub(crate) fn within(times: &[u64], part: f64) -> u64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1) as f64;
    let index = (last * part).ceil() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// Reads ledgers.
#[derive(Debug, Default)]
pub(crate) struct Times {
    measured: BTreeMap<Kind, Measured>,
    clients: BTreeMap<ClientNumber, Client>,
    /// The last `seq` of each room that anybody knows of.
    heads: BTreeMap<String, u64>,
    fault: Option<Current>,
}

#[derive(Debug)]
struct Current {
    kind: Kind,
    at: u64,
    /// When Redis served again.
    over: Option<u64>,
    /// Who is to go on, and with what: a room, or a reply.
    waiting: BTreeSet<(ClientNumber, String)>,
}

#[derive(Debug, Default)]
struct Client {
    rooms: BTreeMap<String, u64>,
    /// Replies that are being made, with their rooms and attempts.
    replies: BTreeMap<String, (String, u64)>,
    away: Option<Away>,
}

#[derive(Debug)]
struct Away {
    since: u64,
    /// The rooms that are to be joined, and how far they are to be known: to
    /// where they were when the connection was made. None before that.
    to_reach: Option<BTreeMap<String, u64>>,
    joined: BTreeSet<String>,
}

impl Times {
    /// What was measured, by kind.
    pub(crate) fn measured(&self) -> impl Iterator<Item = (Kind, &Measured)> {
        self.measured
            .iter()
            .map(|(kind, measured)| (*kind, measured))
    }

    /// Takes in the next line.
    pub(crate) fn take(&mut self, Entry { at, what }: Entry) {
        match what {
            What::Fault(fault) => self.on_fault(at, &fault),
            What::FaultOver => self.on_over(at),
            What::Client { client, event } => self.on_client(at, client, &event),
            What::LossOver
            | What::Round(_)
            | What::UnplannedFailOver { .. }
            | What::GapsRepaired { .. }
            | What::Counted { .. }
            | What::Call(_)
            | What::Log(_) => {}
        }
    }

    /// All lines were taken.
    pub(crate) fn end(&mut self) {
        self.give_up_waiting();
    }

    /// Adds what was measured of other kinds of faults.
    pub(crate) fn add(&mut self, others: Self) {
        self.measured.extend(others.measured);
    }

    fn on_fault(&mut self, at: u64, fault: &Fault) {
        self.give_up_waiting();
        let Some(kind) = Kind::named(&fault.kind) else {
            return;
        };
        self.measured.entry(kind).or_default().faults += 1;
        let is_struck =
            |room: &str| fault.target == "all" || fault.target.split(' ').any(|r| r == room);
        let replies = self.clients.iter().flat_map(|(client, known)| {
            let replies = known.replies.iter();
            replies.map(move |(reply, (room, _))| (*client, reply.clone(), room.clone()))
        });
        let waiting = replies.filter_map(|(client, reply, room)| match kind.measure() {
            Measure::Return => None,
            Measure::Takeover => Some((client, reply)),
            Measure::Delivery => is_struck(&room).then_some((client, room)),
        });
        self.fault = Some(Current {
            kind,
            at,
            over: None,
            waiting: waiting.collect(),
        });
    }

    /// Redis serves again. What ended before is not waited for.
    fn on_over(&mut self, at: u64) {
        let Some(fault) = &mut self.fault else {
            return;
        };
        fault.over = Some(at);
        let clients = &self.clients;
        fault.waiting.retain(|(client, room)| {
            let replies = clients.get(client).map(|known| known.replies.values());
            replies.is_some_and(|mut replies| replies.any(|(of, _)| of == room))
        });
    }

    fn give_up_waiting(&mut self) {
        let Some(Current {
            kind, at, waiting, ..
        }) = self.fault.take()
        else {
            return;
        };
        let is_away = |client: &&Client| client.away.as_ref().is_some_and(|away| away.since >= at);
        let away = self.clients.values().filter(is_away).count();
        self.measured.entry(kind).or_default().never += waiting.len() + away;
    }

    fn on_client(&mut self, at: u64, number: ClientNumber, event: &ClientEvent) {
        let client = self.clients.entry(number).or_default();
        match event {
            ClientEvent::Closed { .. } => {
                client.away.get_or_insert(Away {
                    since: at,
                    to_reach: None,
                    joined: BTreeSet::new(),
                });
                // It is told of them again where they still run.
                let is_measured = |fault: &Current| fault.kind.measure() != Measure::Return;
                if !self.fault.as_ref().is_some_and(is_measured) {
                    client.replies.clear();
                }
            }
            ClientEvent::Opened => {
                let heads = &self.heads;
                let head = |room: &String| heads.get(room).copied().unwrap_or_default();
                if let Some(away) = &mut client.away {
                    let rooms = client.rooms.keys();
                    away.to_reach = Some(rooms.map(|room| (room.clone(), head(room))).collect());
                    away.joined.clear();
                }
            }
            ClientEvent::Subscribed {
                room,
                seq,
                recovered,
                ..
            } => {
                client.rooms.insert(room.clone(), *seq);
                if let Some(away) = &mut client.away {
                    away.joined.insert(room.clone());
                }
                if !recovered {
                    client.replies.retain(|_, (of, _)| of != room);
                    self.on_loss(room, *seq);
                    // The reply may be lost with its question: this is what comes of it.
                    self.on_delivery(at, number, room);
                }
                self.on_progress(at, number);
            }
            ClientEvent::Durable { room, event } => {
                client.rooms.insert(room.clone(), event.seq);
                let before = client.replies.remove(&event.message);
                // A new attempt may have been so short that its end is its first sign.
                let is_new = before.is_some_and(|(_, before)| event.attempt > Some(before));
                let head = self.heads.entry(room.clone()).or_default();
                *head = event.seq.max(*head);
                self.on_delivery(at, number, room);
                if is_new {
                    self.on_takeover(at, number, &event.message);
                } else {
                    self.on_end(number, &event.message);
                }
                self.on_progress(at, number);
            }
            ClientEvent::Acked { room, seq, .. } => {
                let head = self.heads.entry(room.clone()).or_default();
                *head = (*seq).max(*head);
            }
            ClientEvent::Delta {
                room,
                message,
                attempt,
                ..
            }
            | ClientEvent::Snapshot {
                room,
                message,
                attempt,
                ..
            } => {
                let reply = (room.clone(), *attempt);
                let before = client.replies.insert(message.clone(), reply);
                let is_new = before.is_some_and(|(_, before)| before < *attempt);
                if matches!(event, ClientEvent::Delta { .. }) {
                    self.on_delivery(at, number, room);
                }
                if is_new {
                    self.on_takeover(at, number, message);
                }
            }
            ClientEvent::Named { .. }
            | ClientEvent::NotLetIn { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Leaving { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Sent { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Restart { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Unreadable { .. } => {}
        }
    }

    /// What a room held after `seq` is gone: nobody is to reach that any more.
    fn on_loss(&mut self, room: &str, seq: u64) {
        self.heads.insert(room.to_owned(), seq);
        let clients = self.clients.values_mut();
        let away = clients.filter_map(|client| client.away.as_mut());
        for to_reach in away.filter_map(|away| away.to_reach.as_mut()) {
            if let Some(head) = to_reach.get_mut(room) {
                *head = seq.min(*head);
            }
        }
    }

    /// Something came that a client may have been waiting for since it came back.
    fn on_progress(&mut self, at: u64, number: ClientNumber) {
        let (Some(client), Some(fault)) = (self.clients.get_mut(&number), &self.fault) else {
            return;
        };
        let Some(away) = &client.away else {
            return;
        };
        let has = |(room, seq): (&String, &u64)| {
            away.joined.contains(room) && client.rooms.get(room) >= Some(seq)
        };
        if !away
            .to_reach
            .as_ref()
            .is_some_and(|rooms| rooms.iter().all(has))
        {
            return;
        }
        let since = away.since;
        client.away = None;
        if fault.kind.measure() == Measure::Return && since >= fault.at {
            let measured = self.measured.entry(fault.kind).or_default();
            measured.times.push(at - since);
            measured.from_fault.push(at - fault.at);
        }
    }

    fn on_delivery(&mut self, at: u64, number: ClientNumber, room: &str) {
        let Some(fault) = &mut self.fault else {
            return;
        };
        let Some(over) = fault.over else {
            return;
        };
        if fault.kind.measure() == Measure::Delivery
            && fault.waiting.remove(&(number, room.to_owned()))
        {
            let measured = self.measured.entry(fault.kind).or_default();
            measured.times.push(at - over);
            measured.from_fault.push(at - fault.at);
        }
    }

    fn on_takeover(&mut self, at: u64, number: ClientNumber, reply: &str) {
        let Some(fault) = &mut self.fault else {
            return;
        };
        if fault.kind.measure() == Measure::Takeover
            && fault.waiting.remove(&(number, reply.to_owned()))
        {
            let measured = self.measured.entry(fault.kind).or_default();
            measured.times.push(at - fault.at);
            measured.from_fault.push(at - fault.at);
        }
    }

    /// A reply whose broker was not struck is not waited for.
    fn on_end(&mut self, number: ClientNumber, reply: &str) {
        if let Some(fault) = &mut self.fault
            && fault.kind.measure() == Measure::Takeover
        {
            fault.waiting.remove(&(number, reply.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests;
