//! The replies that this broker makes now, and the beats that show it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causerie_shared::bus::reply::{Beat, Lease};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::ids::MessageId;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::events;

/// How often each lease is beaten for.
const BEAT_EVERY: Duration = Duration::from_millis(500);

/// How often it is looked for whom that is due. Not for all at once: a delta that
/// comes just then would wait for the beats of thousands.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a reply is told from outside while it is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    /// Somebody has cancelled it.
    pub(crate) cancelled: CancellationToken,
    /// It is no longer this broker's.
    pub(crate) fenced: CancellationToken,
}

/// The replies that this broker makes now.
#[derive(Debug, Default)]
pub(crate) struct Running {
    replies: Mutex<BTreeMap<MessageId, Reply>>,
}

#[derive(Debug)]
struct Reply {
    lease: Lease,
    signals: Signals,
    beats: u64,
    /// When the next beat is due.
    due: Instant,
    /// A beat is on its way: one at a time, so that a part of the bus that
    /// hangs holds up nobody else's.
    beating: bool,
}

/// A reply's place among the [`Running`] ones, until dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    running: Arc<Running>,
    lease: Lease,
    pub(crate) signals: Signals,
}

impl Running {
    /// Enters a reply; from now on it is beaten for.
    pub(crate) fn enter(self: &Arc<Self>, lease: &Lease) -> Entry {
        let signals = Signals::default();
        let reply = Reply {
            lease: lease.clone(),
            signals: signals.clone(),
            beats: 0,
            due: Instant::now() + BEAT_EVERY,
            beating: false,
        };
        // It may take over from itself, after it stood still.
        if let Some(former) = self.replies().insert(lease.message_id.clone(), reply) {
            former.signals.fenced.cancel();
        }
        Entry {
            running: self.clone(),
            lease: lease.clone(),
            signals,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.replies().len()
    }

    /// Whether this broker makes the reply, by this very lease.
    pub(crate) fn holds(&self, lease: &Lease) -> bool {
        let replies = self.replies();
        let reply = replies.get(&lease.message_id);
        reply.is_some_and(|reply| reply.lease == *lease)
    }

    /// Somebody has cancelled a reply, perhaps one of another broker.
    pub(crate) fn on_cancelled(&self, reply: &MessageId) {
        if let Some(reply) = self.replies().get(reply) {
            reply.signals.cancelled.cancel();
        }
    }

    /// Beats for all running replies, for ever.
    pub(crate) async fn keep_beating(&self, bus: &dyn Bus) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    let due = self.begin_beats().into_iter();
                    beats.extend(due.map(|(lease, count)| async move {
                        let answer = bus.beat(&lease, count).await;
                        (lease, answer)
                    }));
                }
                Some((lease, answer)) = beats.next() => self.on_beat(&lease, answer),
            }
        }
    }

    fn begin_beats(&self) -> Vec<(Lease, u64)> {
        let now = Instant::now();
        let mut replies = self.replies();
        let replies = replies.values_mut();
        let due = replies.filter(|reply| !reply.beating && reply.due <= now);
        due.map(|reply| {
            reply.beating = true;
            reply.due = now + BEAT_EVERY;
            reply.beats += 1;
            (reply.lease.clone(), reply.beats)
        })
        .collect()
    }

    fn on_beat(&self, lease: &Lease, answer: Result<Beat, BusError>) {
        let mut replies = self.replies();
        let reply = replies.get_mut(&lease.message_id);
        let Some(reply) = reply.filter(|reply| reply.lease == *lease) else {
            return;
        };
        reply.beating = false;
        match answer {
            Ok(Beat::Held { cancelled: false }) => {}
            Ok(Beat::Held { cancelled: true }) => reply.signals.cancelled.cancel(),
            Ok(Beat::Fenced) => reply.signals.fenced.cancel(),
            Err(error) => events::bus_failed("beat", &error),
        }
    }

    fn replies(&self) -> MutexGuard<'_, BTreeMap<MessageId, Reply>> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut replies = self.running.replies();
        let reply = replies.get(&self.lease.message_id);
        if reply.is_some_and(|reply| reply.lease == self.lease) {
            replies.remove(&self.lease.message_id);
        }
    }
}
