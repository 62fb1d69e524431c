//! What the logs of all rooms hold in the end.

use std::collections::{BTreeMap, HashMap};

use super::{Broken, Verdict};
use crate::ledger::{Durable, Log};

/// What the logs of all rooms hold in the end, by tenant and room.
#[derive(Debug, Default)]
pub(super) struct Logs(BTreeMap<(String, String), Vec<Durable>>);

/// An event where it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) tenant: &'a str,
    pub(super) room: &'a str,
    pub(super) event: &'a Durable,
}

impl Kept<'_> {
    /// Whether it is something that a person said.
    pub(super) fn is_said(&self) -> bool {
        self.event.kind == "new_message"
    }
}

impl Logs {
    pub(super) fn take(&mut self, log: Log) {
        self.0.insert((log.tenant, log.room), log.events);
    }

    /// The `seq` of the last event in a room's log, 0 of an empty one; none
    /// where it was not read.
    pub(super) fn head(&self, tenant: &str, room: &str) -> Option<u64> {
        let log = self.0.get(&(tenant.to_owned(), room.to_owned()))?;
        Some(log.last().map_or(0, |event| event.seq))
    }

    /// A room's log; nothing where it was not read.
    pub(super) fn room(&self, tenant: &str, room: &str) -> &[Durable] {
        let log = self.0.get(&(tenant.to_owned(), room.to_owned()));
        log.map_or(&[], Vec::as_slice)
    }

    /// The logs, room by room.
    pub(super) fn rooms(&self) -> impl Iterator<Item = &[Durable]> {
        self.0.values().map(Vec::as_slice)
    }

    /// All events.
    pub(super) fn events(&self) -> impl Iterator<Item = Kept<'_>> {
        self.0.iter().flat_map(|((tenant, room), events)| {
            events.iter().map(move |event| Kept {
                tenant,
                room,
                event,
            })
        })
    }

    /// All events, by their messages.
    pub(super) fn by_message(&self) -> HashMap<&str, Kept<'_>> {
        let events = self.events();
        events
            .map(|kept| (kept.event.message.as_str(), kept))
            .collect()
    }

    /// Whether each event stands once, and nothing is missing between two.
    pub(super) fn finish(&self, verdict: &mut Verdict) {
        for ((tenant, room), events) in &self.0 {
            for pair in events.windows(2) {
                if let [before, after] = pair
                    && after.seq != before.seq + 1
                {
                    let says =
                        format!("log of {tenant}:{room}: {} after {}", after.seq, before.seq);
                    verdict.broken(Broken::Hole, 0, says);
                }
            }
        }
        let mut said: HashMap<(&str, &str), &str> = HashMap::new();
        let mut times: HashMap<&str, u32> = HashMap::new();
        for Kept {
            tenant,
            room,
            event,
        } in self.events()
        {
            *times.entry(&event.message).or_default() += 1;
            if event.kind != "new_message" {
                continue;
            }
            let first = *said
                .entry((tenant, &event.content))
                .or_insert(&event.message);
            if first != event.message {
                let says = format!("{tenant}:{room}: {first} again as {}", event.message);
                verdict.broken(Broken::StoredTwice, 0, says);
            }
        }
        for (message, times) in times.iter().filter(|(_, times)| **times > 1) {
            let says = format!("{message} stands in the logs {times} times");
            verdict.broken(Broken::TwoOrders, 0, says);
        }
    }
}
