//! Shows that this gateway lives, and finds those that don't.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::bus::presence::{HostLook, Hosts as Seen};
use causerie_shared::ids::RunId;
use causerie_shared::room::Partition;
use tokio::time::{MissedTickBehavior, interval};

use super::hosts::Hosts;
use super::sweeping::Sweeps;
use crate::events;
use crate::gateway::Gateway;

/// How often a gateway shows that it lives, and looks whether the others do.
const BEAT_EVERY: Duration = Duration::from_millis(1_500);

/// A host that showed no life in so many looks one after another is dead. It counts what was
/// seen, and not time: while nobody looks, as when this process hung, nobody is missed.
const DEAD_AFTER: u32 = 3;

/// Looks after the hosts of all gateways.
#[derive(Debug)]
pub(super) struct Watching {
    gateway: Arc<Gateway>,
    /// The hosts of others: how often each was shown to live, and how many looks ago that
    /// was news.
    others: BTreeMap<(Partition, RunId), (u64, u32)>,
    sweeps: Sweeps,
}

impl Watching {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            sweeps: Sweeps::new(Arc::clone(&gateway)),
            gateway,
            others: BTreeMap::new(),
        }
    }

    /// Looks again and again, for ever.
    pub(super) async fn run(mut self) {
        let mut beats = interval(BEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.look().await;
            if self.gateway.presence.hosts().has_renewed() {
                self.gateway.presence.0.changed.notify_one();
            }
        }
    }

    /// Shows that the own hosts live, and looks at the others.
    pub(super) async fn look(&mut self) {
        let looks = self.looks();
        let seen = self.gateway.bus.hosts_in_all(&looks).await;
        let mut dead = Vec::new();
        for (look, seen) in looks.iter().zip(seen) {
            match seen {
                Ok(seen) => {
                    self.note_own(look, &seen);
                    dead.extend(self.dead_of(look, &seen));
                }
                Err(error) => {
                    events::hosts_unknown(&error);
                    // Who does not answer us may not have heard them either.
                    self.forget(look.partition, |_| true);
                    if matches!(error, BusError::Unavailable(_)) {
                        let mut hosts = self.gateway.presence.hosts();
                        hosts.note_silent(look.partition);
                    }
                }
            }
        }
        self.sweeps.begin(dead);
    }

    fn looks(&self) -> Vec<HostLook> {
        let own = self.gateway.presence.hosts();
        let looks = Partition::all().map(|partition| HostLook {
            partition,
            own: own.known(partition),
        });
        looks.collect()
    }

    fn note_own(&self, look: &HostLook, seen: &Seen) {
        let mut own = self.gateway.presence.hosts();
        let is_lost = is_lost(look, seen, &mut own);
        if is_lost {
            own.renew(look.partition);
        }
        if own.note_answer(look.partition) || is_lost {
            events::host_lost(look.partition);
        }
    }

    /// The hosts of others in a partition that are dead.
    fn dead_of(&mut self, look: &HostLook, seen: &Seen) -> Vec<(Partition, RunId)> {
        let partition = look.partition;
        let is_gone = |host: &RunId| seen.beats.iter().all(|(other, _)| other != host);
        self.forget(partition, is_gone);
        let mut dead = Vec::new();
        for (host, beats) in seen
            .beats
            .iter()
            .filter(|(host, _)| look.own != Some(*host))
        {
            let is_dead = match beats {
                None => true,
                Some(beats) => {
                    let missed = match self.others.get(&(partition, *host)) {
                        Some((shown, missed)) if shown == beats => missed + 1,
                        Some(_) | None => 0,
                    };
                    self.others.insert((partition, *host), (*beats, missed));
                    missed >= DEAD_AFTER
                }
            };
            if is_dead {
                dead.push((partition, *host));
            }
        }
        dead
    }

    fn forget(&mut self, partition: Partition, which: impl Fn(&RunId) -> bool) {
        self.others
            .retain(|(at, host), _| *at != partition || !which(host));
    }
}

/// Whether what was told under our own name in a partition may be lost. It may have another
/// since it was looked.
fn is_lost(look: &HostLook, seen: &Seen, own: &mut Hosts) -> bool {
    let Some(host) = look.own.filter(|_| look.own == own.known(look.partition)) else {
        return false;
    };
    let is_alive = |(other, beats): &(RunId, Option<u64>)| *other == host && beats.is_some();
    !seen.beats.iter().any(is_alive) || !own.is_same_life(look.partition, &seen.life)
}
