//! What the logs of all rooms hold in the end.

use std::collections::{BTreeMap, HashMap};

use super::calls::Calls;
use super::{Broken, Verdict};
use crate::ledger::{Durable, Log};

/// What the logs of all rooms hold in the end, by tenant and room.
#[derive(Debug, Default)]
pub(super) struct Logs(BTreeMap<(String, String), Held>);

/// What one log holds.
#[derive(Debug)]
struct Held {
    /// When it was read.
    at: u64,
    events: Vec<Durable>,
}

/// An event where it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) tenant: &'a str,
    pub(super) room: &'a str,
    pub(super) event: &'a Durable,
    /// When the log was read.
    pub(super) read_at: u64,
}

impl Kept<'_> {
    /// Where it is kept, and what its message is called.
    pub(super) fn written(&self) -> String {
        format!("{}:{}: {}", self.tenant, self.room, self.event.message)
    }

    /// Whether it is something that a person said.
    pub(super) fn is_said(&self) -> bool {
        self.event.kind == "new_message"
    }
}

impl Logs {
    pub(super) fn take(&mut self, at: u64, log: Log) {
        let events = log.events;
        self.0.insert((log.tenant, log.room), Held { at, events });
    }

    /// The `seq` of the last event in a room's log, 0 of an empty one; none
    /// where it was not read.
    pub(super) fn head(&self, tenant: &str, room: &str) -> Option<u64> {
        let log = self.0.get(&(tenant.to_owned(), room.to_owned()))?;
        Some(log.events.last().map_or(0, |event| event.seq))
    }

    /// A room's log; nothing where it was not read.
    pub(super) fn room(&self, tenant: &str, room: &str) -> &[Durable] {
        let log = self.0.get(&(tenant.to_owned(), room.to_owned()));
        log.map_or(&[], |log| &log.events)
    }

    /// The logs, room by room.
    pub(super) fn rooms(&self) -> impl Iterator<Item = Vec<Kept<'_>>> {
        self.0.iter().map(|log| kept(log).collect())
    }

    /// All events.
    pub(super) fn events(&self) -> impl Iterator<Item = Kept<'_>> {
        self.0.iter().flat_map(kept)
    }

    /// All events, by their messages.
    pub(super) fn by_message(&self) -> HashMap<&str, Kept<'_>> {
        let events = self.events();
        events
            .map(|kept| (kept.event.message.as_str(), kept))
            .collect()
    }

    /// Whether each event stands once, and nothing is missing between two.
    pub(super) fn finish(&self, calls: &Calls, verdict: &mut Verdict) {
        for log in self.rooms() {
            for pair in log.windows(2) {
                if let [before, after] = pair
                    && after.event.seq != before.event.seq + 1
                {
                    let says = format!("the log of {}", after.written());
                    let says = format!("{says} is {}", after.event.seq);
                    let says = format!("{says}, after {}", before.event.seq);
                    verdict.broken(Broken::Hole, calls.heard_at(after), says);
                }
            }
        }
        let mut said: HashMap<(&str, &str), &str> = HashMap::new();
        let mut times: HashMap<&str, u32> = HashMap::new();
        for kept in self.events() {
            let Durable {
                message, content, ..
            } = kept.event;
            let times = times.entry(message).or_default();
            *times += 1;
            if *times == 2 {
                let says = format!("{} stands in the logs again", kept.written());
                verdict.broken(Broken::TwoOrders, kept.read_at, says);
            }
            if !kept.is_said() {
                continue;
            }
            let first = *said.entry((kept.tenant, content)).or_insert(message);
            if first != message {
                let says = format!("{} is {first} once more", kept.written());
                verdict.broken(Broken::StoredTwice, calls.heard_at(&kept), says);
            }
        }
    }
}

fn kept<'a>(
    ((tenant, room), held): (&'a (String, String), &'a Held),
) -> impl Iterator<Item = Kept<'a>> {
    held.events.iter().map(move |event| Kept {
        tenant,
        room,
        event,
        read_at: held.at,
    })
}
