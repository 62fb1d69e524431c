//! Where events stand, as everybody saw it.

use std::collections::{BTreeSet, HashMap};

use super::{Broken, Verdict};
use crate::ledger::{ClientEvent, ClientNumber, Durable, Log};

/// One life of a room's log: tenant, room, epoch.
type Life = (String, String, String);

/// Where events stand, as everybody saw it.
#[derive(Debug, Default)]
pub(super) struct Places {
    lives: HashMap<Life, Placed>,
    /// Whose a message is.
    tenant_of: HashMap<String, String>,
}

/// What was placed in a life.
#[derive(Debug, Default)]
struct Placed {
    /// The message that stands at a `seq`, as was first heard.
    messages: HashMap<u64, String>,
    /// Who said so; none for the log.
    by: BTreeSet<Option<ClientNumber>>,
}

impl Places {
    pub(super) fn on_event(
        &mut self,
        at: u64,
        client: ClientNumber,
        tenant: &str,
        event: &ClientEvent,
        verdict: &mut Verdict,
    ) {
        if let ClientEvent::Acked {
            message,
            room,
            epoch,
            seq,
            ..
        }
        | ClientEvent::Durable {
            room,
            event:
                Durable {
                    message,
                    epoch,
                    seq,
                    ..
                },
        } = event
        {
            let life = (tenant.to_owned(), room.clone(), epoch.clone());
            self.place(at, life, *seq, message, Some(client), verdict);
        } else if let ClientEvent::Subscribed { room, epoch, .. } = event {
            let life = (tenant.to_owned(), room.clone(), epoch.clone());
            self.lives.entry(life).or_default().by.insert(Some(client));
        }
    }

    pub(super) fn on_log(&mut self, at: u64, log: &Log, verdict: &mut Verdict) {
        for event in &log.events {
            let life = (log.tenant.clone(), log.room.clone(), event.epoch.clone());
            self.place(at, life, event.seq, &event.message, None, verdict);
        }
    }

    /// Whether somebody else than `client` knows of that life, and it was over
    /// when the life began that the client was told of: what is replayed of
    /// such a life is no news.
    pub(super) fn is_a_former_life(
        &self,
        client: ClientNumber,
        (tenant, room): (&str, &str),
        (epoch, seq): (&str, u64),
        told: &str,
    ) -> bool {
        let life = |epoch: &str| {
            let life = (tenant.to_owned(), room.to_owned(), epoch.to_owned());
            self.lives.get(&life)
        };
        let is_known = life(epoch).is_some_and(|life| life.by.iter().any(|by| *by != Some(client)));
        let begins_before = |life: &Placed| life.messages.keys().any(|at| *at <= seq);
        is_known && !life(told).is_some_and(begins_before)
    }

    /// Notes that a message stands at a place.
    fn place(
        &mut self,
        at: u64,
        life: Life,
        seq: u64,
        message: &str,
        by: Option<ClientNumber>,
        verdict: &mut Verdict,
    ) {
        let (tenant, room, epoch) = life.clone();
        let life = self.lives.entry(life).or_default();
        life.by.insert(by);
        let placed = life
            .messages
            .entry(seq)
            .or_insert_with(|| message.to_owned());
        if placed != message {
            let says = format!("{tenant}:{room} {epoch}:{seq} is {placed}, and is {message}");
            verdict.broken(Broken::TwoOrders, at, says);
        }
        let owner = self
            .tenant_of
            .entry(message.to_owned())
            .or_insert_with(|| tenant.clone());
        if *owner != tenant {
            let says = format!("{message} of {owner} was shown to {tenant}");
            verdict.broken(Broken::CrossedTenants, at, says);
        }
    }
}
