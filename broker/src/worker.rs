//! Finding work, and handing it to tasks.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::ConfigError;
use arc_swap::ArcSwap;
use causerie_shared::bus::Bus;
use causerie_shared::bus::reply::{ClaimId, RunningLease, Takeover, Wake};
use causerie_shared::config::SettingsHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Span;

use crate::configured::Models;
use crate::events;
use crate::generation::answer;
use crate::patience::until_answered;
use crate::running::Running;
use crate::schedule::Tried;
use crate::settings::{Ai, Settings};
use crate::slots::{OpenSlot, Slot, Slots};
use crate::watch::{LOOK_EVERY, Watch};

/// How often all that waits is asked for; it finds what no hint told.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Hints that may wait. One that is dropped costs a second.
const HINTS: usize = 1024;

/// A broker: answers the questions of the bus.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use causerie_broker::{Ai, Broker, Settings};
/// # use causerie_shared::bus::Bus;
/// # async fn start(bus: Arc<dyn Bus>, ai: Ai) {
/// let broker = Broker::new(bus, Settings::default(), ai);
/// let shutdown = tokio_util::sync::CancellationToken::new();
/// tokio::spawn(broker.run(shutdown.clone()));
/// # }
/// ```
pub struct Broker {
    worker: Arc<Worker>,
    follows: Option<(SettingsHandle, Models)>,
}

/// What all tasks of a broker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) ai: ArcSwap<Ai>,
    pub(crate) running: Arc<Running>,
    drain_grace: Duration,
    slots: Arc<Slots>,
    tasks: TaskTracker,
    /// Ends all tasks at once.
    ended: CancellationToken,
}

impl Broker {
    /// A broker as the configuration wants it. It follows the configuration
    /// while it runs, as far as that may be changed.
    ///
    /// # Errors
    /// [`ConfigError`] where a backend's settings cannot work.
    pub fn configured(bus: Arc<dyn Bus>, handle: SettingsHandle) -> Result<Self, ConfigError> {
        let config = handle.current().clone();
        let mut models = Models::new(&config);
        let ai = models.ai(&config)?;
        let broker = Self::new(bus, Settings::from(&*config), ai);
        Ok(Self {
            follows: Some((handle, models)),
            ..broker
        })
    }

    /// A broker that answers the questions of `bus`.
    pub fn new(bus: Arc<dyn Bus>, settings: Settings, ai: Ai) -> Self {
        let slots = Slots::new(settings.max_concurrent, settings.max_concurrent_per_tenant);
        Self {
            worker: Arc::new(Worker {
                bus,
                ai: ArcSwap::from_pointee(ai),
                drain_grace: settings.drain_grace,
                running: Arc::default(),
                slots,
                tasks: TaskTracker::new(),
                ended: CancellationToken::new(),
            }),
            follows: None,
        }
    }

    /// Works until `shutdown`, then drains: claims nothing new, and ends what
    /// runs within [`Settings::drain_grace`]. What is left then is ended
    /// without a word, and taken over by other brokers.
    ///
    /// Dropping the future is what killing the process would be.
    pub async fn run(self, shutdown: CancellationToken) {
        events::begin_at_zero();
        let Self { worker, follows } = self;
        let _ends_all_tasks = worker.ended.clone().drop_guard();
        let work = async {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                () = worker.fill_slots() => {}
                () = worker.ask_who_waits() => {}
                () = worker.watch_others() => {}
            }
            worker.drain().await;
        };
        tokio::select! {
            biased;
            () = work => {}
            () = worker.hear_wakes() => {}
            () = worker.follow(follows) => {}
            () = worker.running.keep_beating(&*worker.bus) => {}
        }
    }
}

impl Worker {
    /// Opens slots as long as there are some, and work for them.
    async fn fill_slots(self: &Arc<Self>) {
        loop {
            while let Some(open) = self.slots.try_open() {
                self.spawn(self.clone().claim(open));
            }
            self.slots.changed().await;
        }
    }

    async fn claim(self: Arc<Self>, open: OpenSlot) {
        let OpenSlot {
            mut slot,
            tenant,
            partition,
            claim,
        } = open;
        match self.bus.claim(partition, &tenant, &claim).await {
            Ok(Some(claim)) => {
                slot.on_tried(Tried::Claimed {
                    more_wait: claim.more_wait,
                });
                events::claimed(&claim);
                answer(&self, &claim).await;
            }
            Ok(None) => slot.on_tried(Tried::Nothing),
            Err(error) => {
                events::bus_failed("claim", &error);
                slot.on_tried(Tried::Unanswered);
            }
        }
    }

    /// Takes the bus's hints, for ever.
    async fn hear_wakes(&self) {
        let mut wakes = self.bus.wakes(HINTS);
        while let Some(wake) = wakes.recv().await {
            match wake {
                Wake::Runnable { partition, tenant } => self.slots.on_waiting(tenant, partition),
                Wake::Cancelled(reply) => self.running.on_cancelled(&reply),
            }
        }
        // The bus is closed: what there is to learn is found by asking.
        std::future::pending().await
    }

    /// Takes over what may be changed of the configuration, for ever.
    async fn follow(&self, follows: Option<(SettingsHandle, Models)>) {
        let Some((mut handle, mut models)) = follows else {
            return std::future::pending().await;
        };
        loop {
            handle.changed().await;
            match models.ai(&handle.current()) {
                Ok(ai) => self.ai.store(Arc::new(ai)),
                Err(error) => events::ai_not_changed(&error),
            }
        }
    }

    /// Asks the bus what waits, for ever.
    async fn ask_who_waits(&self) {
        let mut ticks = ticks(ASK_EVERY);
        loop {
            ticks.tick().await;
            match self.bus.waiting().await {
                Ok(waiting) => {
                    events::waiting(&waiting);
                    self.slots.on_all_waiting(waiting.places);
                }
                Err(error) => events::bus_failed("waiting", &error),
            }
        }
    }

    /// Looks for replies whose broker has died, and takes them over.
    async fn watch_others(self: &Arc<Self>) {
        let mut watch = Watch::default();
        let mut ticks = ticks(LOOK_EVERY);
        loop {
            ticks.tick().await;
            match self.bus.leases().await {
                Ok(mut leases) => {
                    leases.retain(|seen| !self.running.holds(&seen.lease));
                    let dead = watch.on_look(Instant::now(), leases);
                    self.slots.want_takeovers(dead.len());
                    for dead in dead {
                        // Where no slot is free the next look finds it again.
                        let Some(slot) = self.slots.try_occupy(&dead.lease.room.tenant) else {
                            break;
                        };
                        watch.forget(&dead.lease.message_id);
                        self.spawn(self.clone().take_over(dead, slot));
                    }
                }
                Err(error) => {
                    events::bus_failed("leases", &error);
                    self.slots.want_takeovers(0);
                    watch.on_no_answer();
                }
            }
        }
    }

    async fn take_over(self: Arc<Self>, dead: RunningLease, slot: Slot) {
        let id = ClaimId::generate();
        let take_over = || self.bus.take_over(&dead, &id);
        match until_answered(&Span::none(), "take_over", take_over).await {
            Ok(Takeover::Taken(claim)) => {
                events::taken_over(&claim);
                answer(&self, &claim).await;
            }
            Ok(Takeover::Refused) => {}
            Err(lost) => events::reply_lost(&dead.lease, &lost),
        }
        drop(slot);
    }

    fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        // One for each: all look at it whenever they are polled, and one that all
        // share they would have to wait for.
        let ended = self.ended.child_token();
        self.tasks.spawn(async move {
            ended.run_until_cancelled(task).await;
        });
    }

    async fn drain(&self) {
        self.tasks.close();
        events::draining(self.tasks.len());
        let grace = self.drain_grace;
        let drained = tokio::time::timeout(grace, self.tasks.wait()).await;
        events::drained(self.tasks.len(), drained.is_ok());
        // Not with the process: it ends the connections to the AI, too, and a reply that
        // saw its own go first would tell people that the AI has failed.
        self.ended.cancel();
        self.tasks.wait().await;
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use causerie_shared::bus::Retention;
    use causerie_shared::bus::memory::MemoryBus;
    use causerie_shared::ids::TenantId;
    use causerie_shared::room::Partition;

    use super::*;

    /// There are thousands of them at a time. Beside it there are the text, the call of the
    /// model and what the HTTP client keeps of it.
    #[tokio::test]
    async fn a_reply_that_is_made_is_small() {
        let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
        let worker = Broker::new(bus, Settings::default(), Ai::default()).worker;
        let acme = TenantId::new("acme").unwrap();
        worker.slots.on_waiting(acme, Partition::FIRST);
        let open = worker.slots.try_open().unwrap();
        let size = size_of_val(&worker.claim(open));
        assert!(size <= 5_000, "{size} bytes");
    }
}
