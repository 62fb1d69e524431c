//! Who waits until all their channels are answered.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;

use super::refusal::{Refusal, Refusals};

/// Who waits, by number, in the order in which they asked.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    asked: BTreeMap<u64, Asked>,
    last: u64,
}

/// What somebody waits for.
#[derive(Debug)]
struct Asked {
    left: BTreeSet<String>,
    refused: Refusals,
    done: oneshot::Sender<Refusals>,
}

impl Waiters {
    /// One who waits for what is `left`, and is to be told of what is `refused` already.
    /// Their number, and what they wait for.
    pub(super) fn add(
        &mut self,
        left: BTreeSet<String>,
        refused: Refusals,
        done: oneshot::Sender<Refusals>,
    ) -> (u64, &BTreeSet<String>) {
        self.last += 1;
        let asked = Asked {
            left,
            refused,
            done,
        };
        let asked = self.asked.entry(self.last).or_insert(asked);
        (self.last, &asked.left)
    }

    /// What each of them waits for.
    pub(super) fn left(&self) -> impl Iterator<Item = (u64, &BTreeSet<String>)> {
        self.asked.iter().map(|(by, asked)| (*by, &asked.left))
    }

    pub(super) fn left_of(&self, by: u64) -> Option<&BTreeSet<String>> {
        Some(&self.asked.get(&by)?.left)
    }

    /// Notes that a channel is subscribed to. Whether it was waited for.
    pub(super) fn confirm(&mut self, by: u64, channel: &str) -> bool {
        let asked = self.asked.get_mut(&by);
        let was_left = asked.is_some_and(|asked| asked.left.remove(channel));
        self.tell_if_done(by);
        was_left
    }

    pub(super) fn refuse(&mut self, by: u64, channel: String, refusal: Refusal) {
        if let Some(asked) = self.asked.get_mut(&by)
            && asked.left.remove(&channel)
        {
            asked.refused.insert(channel, refusal);
        }
        self.tell_if_done(by);
    }

    /// Refuses all of these channels to whoever waits for them.
    pub(super) fn refuse_all(&mut self, of: impl Fn(&&String) -> bool, refusal: &Refusal) {
        let refused = self.left().flat_map(|(by, left)| {
            let refused = left.iter().filter(&of);
            refused.map(move |channel| (by, channel.clone()))
        });
        for (by, channel) in refused.collect::<Vec<_>>() {
            self.refuse(by, channel, refusal.clone());
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn forget(&mut self, channel: &str) {
        let by = self.asked.iter_mut();
        let by = by.filter_map(|(by, asked)| asked.left.remove(channel).then_some(*by));
        for by in by.collect::<Vec<_>>() {
            self.tell_if_done(by);
        }
    }

    /// Forgets who waits no more.
    pub(super) fn forget_given_up(&mut self) {
        self.asked.retain(|_, asked| !asked.done.is_closed());
    }

    /// Tells who asked if nothing is left.
    fn tell_if_done(&mut self, by: u64) {
        let is_done = |asked: &Asked| asked.left.is_empty();
        if self.asked.get(&by).is_some_and(is_done)
            && let Some(Asked { refused, done, .. }) = self.asked.remove(&by)
        {
            let _ = done.send(refused);
        }
    }
}
