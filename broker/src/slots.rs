//! The slots in which replies are made, shared by all tasks of a broker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causerie_shared::bus::reply::ClaimId;
use causerie_shared::ids::TenantId;
use causerie_shared::room::Partition;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::events;
use crate::schedule::{Schedule, Tried};

/// The [`Schedule`], behind a lock, with a bell.
#[derive(Debug)]
pub(crate) struct Slots {
    schedule: Mutex<Schedule>,
    changed: Notify,
}

/// The right to make one reply; given back when dropped, however its task ends.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    tenant: TenantId,
    claiming: Option<Partition>,
}

/// A slot, and the claim to fill it with.
#[derive(Debug)]
pub(crate) struct OpenSlot {
    pub(crate) slot: Slot,
    pub(crate) tenant: TenantId,
    pub(crate) partition: Partition,
    pub(crate) claim: ClaimId,
}

impl Slots {
    pub(crate) fn new(slots: usize, slots_per_tenant: usize) -> Arc<Self> {
        Arc::new(Self {
            schedule: Mutex::new(Schedule::new(slots, slots_per_tenant)),
            changed: Notify::new(),
        })
    }

    /// Notes that something waits for a claim.
    pub(crate) fn on_waiting(&self, tenant: TenantId, partition: Partition) {
        self.change(|schedule| schedule.on_waiting(tenant, partition));
    }

    /// Notes all that waits for a claim.
    pub(crate) fn on_all_waiting(&self, waiting: BTreeMap<TenantId, Vec<Partition>>) {
        self.change(|schedule| {
            for (tenant, partitions) in waiting {
                for partition in partitions {
                    schedule.on_waiting(tenant.clone(), partition);
                }
            }
        });
    }

    /// A slot for the claim that is next, where both are to be had.
    pub(crate) fn try_open(self: &Arc<Self>) -> Option<OpenSlot> {
        let next = self.schedule().try_start(Instant::now())?;
        Some(OpenSlot {
            slot: Slot {
                slots: self.clone(),
                tenant: next.tenant.clone(),
                claiming: Some(next.partition),
            },
            tenant: next.tenant,
            partition: next.partition,
            claim: next.claim,
        })
    }

    /// Keeps the next slots for so many replies that are to be taken over.
    pub(crate) fn want_takeovers(&self, count: usize) {
        self.change(|schedule| schedule.want_takeovers(count));
    }

    /// A slot for a reply of `tenant` that is to be taken over.
    pub(crate) fn try_occupy(self: &Arc<Self>, tenant: &TenantId) -> Option<Slot> {
        self.schedule().try_occupy(tenant).then(|| Slot {
            slots: self.clone(),
            tenant: tenant.clone(),
            claiming: None,
        })
    }

    /// Returns when another slot may be opened.
    pub(crate) async fn changed(&self) {
        let next_retry = self.schedule().next_retry();
        let retry = async {
            match next_retry {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.changed.notified() => {}
            () = retry => {}
        }
    }

    fn change(&self, change: impl FnOnce(&mut Schedule)) {
        let mut schedule = self.schedule();
        change(&mut schedule);
        events::slots(schedule.running(), schedule.places());
        drop(schedule);
        self.changed.notify_one();
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Notes what became of the slot's claim.
    pub(crate) fn on_tried(&mut self, tried: Tried) {
        if let Some(partition) = self.claiming.take() {
            self.slots.change(|schedule| {
                schedule.on_tried(&self.tenant, partition, tried, Instant::now());
            });
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Only a task that was ended in the middle has not told by now.
        self.on_tried(Tried::Unanswered);
        self.slots.change(|schedule| schedule.release(&self.tenant));
    }
}
