//! Where events stand, as everybody saw it, and who has seen what.

use std::collections::HashMap;

use super::{Broken, Verdict};
use crate::ledger::{ClientEvent, ClientNumber, Durable, Log};

/// Where an event stands: tenant, room, life, `seq`.
type Place = (String, String, String, u64);

/// All rooms.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// The message that stands at a place, as was first heard.
    placed: HashMap<Place, String>,
    /// Whose a message is.
    tenant_of: HashMap<String, String>,
    /// Who has seen a message, and when.
    seen: HashMap<String, Vec<(u64, ClientNumber)>>,
    /// When a client was last told that something in a room is lost.
    told: HashMap<(ClientNumber, String), u64>,
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
            ClientEvent::Acked {
                message,
                room,
                epoch,
                seq,
                ..
            } => {
                verdict.count("messages acknowledged");
                self.place(at, tenant, room, (epoch, *seq), message, verdict);
                self.on_seen(at, client, message);
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
                self.on_seen(at, client, message);
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
            | ClientEvent::Sent { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Closed { .. } => {}
        }
    }

    pub(super) fn on_log(&mut self, at: u64, log: &Log, verdict: &mut Verdict) {
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
    }

    /// Whether everybody who had seen a message that the storage lost was told.
    pub(super) fn on_lost(&self, room: &str, message: &str, verdict: &mut Verdict) {
        verdict.count("messages lost with the storage");
        for (at, client) in self.seen.get(message).into_iter().flatten().copied() {
            let told = |room: &str| self.told.get(&(client, room.to_owned())).copied();
            let was_told = [told(room), told("")]
                .into_iter()
                .flatten()
                .any(|when| when > at);
            if !was_told {
                let says = format!("client {client} of {message} in {room}");
                verdict.broken(Broken::NotTold, at, says);
            }
        }
    }

    fn on_seen(&mut self, at: u64, client: ClientNumber, message: &str) {
        let seen = self.seen.entry(message.to_owned()).or_default();
        seen.push((at, client));
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
