//! Shows that this gateway lives, and takes back what those told that don't.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::presence::{HostLook, Hosts as Seen};
use causerie_shared::ids::RunId;
use causerie_shared::room::Partition;
use futures::future::join_all;
use tokio::time::Instant;

use super::hosts::Hosts;
use crate::events;
use crate::gateway::Gateway;

/// A host that showed no life for so long, with the bus answering all the while, is
/// dead: three beats that did not come.
const DEAD_AFTER: Duration = Duration::from_millis(4_500);

/// How many steps of taking back are done before it is looked at all hosts again.
const STEPS: usize = 512;

/// Looks after the hosts of all gateways.
#[derive(Debug)]
pub(super) struct Watching {
    gateway: Arc<Gateway>,
    /// The hosts of others: how often each was shown to live, and since when it was not.
    others: BTreeMap<(Partition, RunId), (u64, Instant)>,
}

impl Watching {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            others: BTreeMap::new(),
        }
    }

    /// Shows that `own` live, and looks at the others.
    pub(super) async fn look(&mut self, own: &mut Hosts) {
        let looks = Partition::all().map(|partition| HostLook {
            partition,
            own: own.known(partition),
        });
        let looks: Vec<_> = looks.collect();
        let seen = self.gateway.bus.hosts_in_all(&looks).await;
        let now = Instant::now();
        let mut dead = Vec::new();
        for (look, seen) in looks.iter().zip(seen) {
            match seen {
                Ok(seen) => {
                    if is_lost(look, &seen, own) {
                        events::host_lost(look.partition);
                        own.renew(look.partition);
                    }
                    dead.extend(self.dead_of(look, &seen, now));
                }
                Err(error) => {
                    events::hosts_unknown(&error);
                    // Who does not answer us may not have heard them either.
                    self.forget(look.partition, |_| true);
                }
            }
        }
        let taking_back = dead.into_iter().map(|(at, host)| self.take_back(at, host));
        let done = join_all(taking_back).await;
        events::hosts_swept(done.into_iter().filter(|is_done| *is_done).count());
    }

    /// The hosts of others in a partition that are dead by `now`.
    fn dead_of(&mut self, look: &HostLook, seen: &Seen, now: Instant) -> Vec<(Partition, RunId)> {
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
                    let known = self.others.entry((partition, *host));
                    let (shown, since) = known.or_insert((*beats, now));
                    if *shown != *beats {
                        (*shown, *since) = (*beats, now);
                    }
                    now.saturating_duration_since(*since) >= DEAD_AFTER
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

    /// Takes back what was told under a host, step by step; what is left at the next look.
    /// Whether nothing is.
    async fn take_back(&self, partition: Partition, host: RunId) -> bool {
        let announced = self.gateway.settings().presence.announced;
        for _ in 0..STEPS {
            match self
                .gateway
                .bus
                .sweep_host(partition, host, announced)
                .await
            {
                Ok(true) => {}
                Ok(false) => return true,
                Err(error) => {
                    events::hosts_unknown(&error);
                    return false;
                }
            }
        }
        false
    }
}

/// Whether what was told under our own name in a partition may be lost.
fn is_lost(look: &HostLook, seen: &Seen, own: &mut Hosts) -> bool {
    let Some(host) = look.own else {
        return false;
    };
    let is_alive = |(other, beats): &(RunId, Option<u64>)| *other == host && beats.is_some();
    !seen.beats.iter().any(is_alive) || !own.is_same_life(look.partition, &seen.life)
}
