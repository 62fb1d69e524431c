//! Where events stand, as everybody saw it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{Broken, Verdict, Who};
use crate::ledger::{ClientEvent, ClientNumber, Durable, Log};

/// One life of a room's log: tenant, room, epoch.
type Life = (String, String, String);

/// Where events stand, as everybody saw it.
#[derive(Debug, Default)]
pub(super) struct Places {
    lives: HashMap<Life, Placed>,
    /// Whose a message is.
    tenant_of: HashMap<String, String>,
    /// To whom pieces of a reply were shown, for each tenant to one: whose it is
    /// may be heard later.
    shown: BTreeMap<String, Vec<ShownTo>>,
}

#[derive(Debug)]
struct ShownTo {
    at: u64,
    who: Arc<Who>,
}

/// What was placed in a life.
#[derive(Debug, Default)]
struct Placed {
    /// What stands at a `seq`, as was first heard.
    events: HashMap<u64, Standing>,
    /// Who said so; none for the log.
    by: BTreeSet<Option<ClientNumber>>,
}

#[derive(Debug)]
struct Standing {
    message: String,
    /// A hash of all that the event says; an `ack` does not tell it.
    content: Option<u64>,
}

impl Places {
    pub(super) fn on_event(
        &mut self,
        at: u64,
        who: &Arc<Who>,
        event: &ClientEvent,
        verdict: &mut Verdict,
    ) {
        let tenant = &who.tenant;
        match event {
            ClientEvent::Acked {
                message,
                room,
                epoch,
                seq,
                ..
            } => {
                let life = (tenant.clone(), room.clone(), epoch.clone());
                let standing = Standing {
                    message: message.clone(),
                    content: None,
                };
                self.place(at, life, *seq, standing, Some(who), verdict);
            }
            ClientEvent::Durable { room, event } => {
                let life = (tenant.clone(), room.clone(), event.epoch.clone());
                self.place(at, life, event.seq, event.into(), Some(who), verdict);
            }
            ClientEvent::Delta { message, .. }
            | ClientEvent::Snapshot { message, .. }
            | ClientEvent::Restart { message, .. }
            | ClientEvent::Cancelled { reply: message, .. } => {
                self.show(at, who, message);
            }
            ClientEvent::Subscribed { room, epoch, .. } => {
                let life = (tenant.clone(), room.clone(), epoch.clone());
                let life = self.lives.entry(life).or_default();
                life.by.insert(Some(who.client));
            }
            ClientEvent::Named { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Leaving { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::NotLetIn { .. }
            | ClientEvent::Opened
            | ClientEvent::Sent { .. }
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Unreadable { .. }
            | ClientEvent::Closed { .. } => {}
        }
    }

    pub(super) fn on_log(&mut self, at: u64, log: &Log, verdict: &mut Verdict) {
        for event in &log.events {
            let life = (log.tenant.clone(), log.room.clone(), event.epoch.clone());
            self.place(at, life, event.seq, event.into(), None, verdict);
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
        let begins_before = |life: &Placed| life.events.keys().any(|at| *at <= seq);
        is_known && !life(told).is_some_and(begins_before)
    }

    /// Whether nobody was shown a piece of another tenant's reply.
    pub(super) fn finish(&self, verdict: &mut Verdict) {
        for (message, shown) in &self.shown {
            let Some(first) = shown.first() else {
                continue;
            };
            // Of a reply that is lost nobody but those who saw it can tell.
            let owner = self.tenant_of.get(message).unwrap_or(&first.who.tenant);
            for ShownTo { at, who } in shown.iter().filter(|shown| shown.who.tenant != *owner) {
                let says = format!("{who}: was shown a piece of {message} of {owner}");
                verdict.broken(Broken::CrossedTenants, *at, says);
            }
        }
    }

    fn show(&mut self, at: u64, who: &Arc<Who>, message: &str) {
        let shown_to = || ShownTo {
            at,
            who: Arc::clone(who),
        };
        match self.shown.get_mut(message) {
            Some(shown) if shown.iter().any(|shown| shown.who.tenant == who.tenant) => {}
            Some(shown) => shown.push(shown_to()),
            None => {
                self.shown.insert(message.to_owned(), vec![shown_to()]);
            }
        }
    }

    /// Notes that something stands at a place.
    fn place(
        &mut self,
        at: u64,
        life: Life,
        seq: u64,
        standing: Standing,
        by: Option<&Arc<Who>>,
        verdict: &mut Verdict,
    ) {
        let (tenant, room, epoch) = life.clone();
        let life = self.lives.entry(life).or_default();
        life.by.insert(by.map(|who| who.client));
        let owner = self
            .tenant_of
            .entry(standing.message.clone())
            .or_insert_with(|| tenant.clone());
        if *owner != tenant {
            let says = format!("{} of {owner}, seen by {}", standing.message, seen_by(by));
            verdict.broken(Broken::CrossedTenants, at, says);
        }
        let Some(known) = life.events.get_mut(&seq) else {
            life.events.insert(seq, standing);
            return;
        };
        let place = || format!("{tenant}:{room} {epoch}:{seq}");
        if known.message != standing.message {
            let says = format!("{} is {}", place(), known.message);
            let says = format!("{says}, and is {} to {}", standing.message, seen_by(by));
            verdict.broken(Broken::TwoOrders, at, says);
            return;
        }
        if known.content.is_some()
            && standing.content.is_some()
            && known.content != standing.content
        {
            let says = format!(
                "{}, {}, is another to {}",
                place(),
                known.message,
                seen_by(by)
            );
            verdict.broken(Broken::TwoContents, at, says);
        }
        known.content = known.content.or(standing.content);
    }
}

fn seen_by(who: Option<&Arc<Who>>) -> String {
    who.map_or_else(|| "the log".to_owned(), ToString::to_string)
}

impl From<&Durable> for Standing {
    fn from(event: &Durable) -> Self {
        let mut hasher = DefaultHasher::new();
        event.hash(&mut hasher);
        Self {
            message: event.message.clone(),
            content: Some(hasher.finish()),
        }
    }
}
