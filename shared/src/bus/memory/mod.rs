//! The bus within one process: the same promises as on Redis, kept with
//! mutexes instead of scripts. What it holds ends with the process.
//!
//! - `log`: a room's log
//! - `generation`: a reply, from the question to its end
//! - `part`: what one partition holds, and lets go of in time
//! - `accepting`, `making`, `allowing`: the verbs of gateways and of brokers
//! - `posting`: what servers say
//! - `deleting`: what is to be there no more
//! - `hearing`: feeds and wakes
//! - `orders`: orders to gateways
//! - `presence`: who is in a room
//! - `users`: those of one room
//! - `keys`: API keys
//! - `auditing`: what is kept of who did what
//! - `node`: which nodes there are, how they fare, and what is wrong

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::allowance::{Allowance, Taken};
use super::audit::{AuditBatch, AuditPage, AuditRange, partition_of_log};
use super::chronicle::{ChroniclePage, ChroniclePlace};
use super::deletion::{Deleted, Deletion};
use super::log::{Changes, History, HistoryRange, Page};
use super::nodes::{self, Nodes, Note, Showing};
use super::order::{Order, OrderHeard, Revocations};
use super::posting::{Posted, Posting};
use super::presence::{Attendance, Attended, HostLook, Hosts, Present};
use super::question::{Accepted, Question, Receipt};
use super::reply::{
    Appended, Beat, Cancelled, Claim, ClaimId, Delta, Ending, Finished, Lease, ReplyStatus,
    RunningLease, Takeover, Waiting, Wake,
};
use super::subscription::{Ear, Subscriptions};
use super::{Bus, BusError, Retention};
use crate::api_key::{ApiKey, StoredKey, partition_of_keys};
use crate::clock::Clock;
use crate::ids::{KeyId, MessageId, RunId, TenantId, UserId};
use crate::position::Position;
use crate::record::Record;
use crate::room::{Partition, RoomKey};

mod accepting;
mod allowing;
mod auditing;
mod deleting;
mod generation;
mod hearing;
mod keys;
mod log;
mod making;
mod node;
mod orders;
mod part;
mod posting;
mod presence;
#[cfg(test)]
mod tests;
mod users;

use hearing::{Hearing, Wakes};
use orders::Orders;
use part::Part;

/// The bus within one process. A clone is another node's view of the same bus.
#[derive(Clone)]
pub struct MemoryBus {
    parts: Arc<[Mutex<Part>]>,
    wakes: Arc<Wakes>,
    orders: Arc<Orders>,
    clock: Clock,
}

impl MemoryBus {
    /// An empty bus.
    pub fn new(retention: Retention) -> Self {
        Self::with_clock(retention, Clock::default())
    }

    /// An empty bus that goes by `clock`.
    pub fn with_clock(retention: Retention, clock: Clock) -> Self {
        let wakes = Arc::new(Wakes::default());
        let retention = Arc::new(retention);
        let part = |partition| {
            let (retention, wakes) = (Arc::clone(&retention), Arc::clone(&wakes));
            Mutex::new(Part::new(partition, retention, wakes, clock.now_ms()))
        };
        let parts = Partition::all().map(part).collect();
        Self {
            parts,
            wakes,
            orders: Arc::default(),
            clock,
        }
    }

    /// Looks into `partition` alone: what is done with it is one atomic step.
    ///
    /// Everything that is asked of the bus comes by here, so letting go of what
    /// is too old needs no task of its own.
    fn part(&self, partition: Partition) -> MutexGuard<'_, Part> {
        #[expect(clippy::indexing_slicing, reason = "one was made for each partition")]
        let part = &self.parts[partition.index()];
        // A panic in the middle of a step is a fault of ours; the others go on
        // with what it left.
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        part.arrive_at(self.clock.now_ms());
        part
    }

    /// Looks into the partition of `room`.
    fn part_of(&self, room: &RoomKey) -> MutexGuard<'_, Part> {
        self.part(room.partition())
    }
}

impl fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBus").finish_non_exhaustive()
    }
}

#[async_trait]
impl Bus for MemoryBus {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn ping(&self) -> Result<Duration, BusError> {
        Ok(Duration::ZERO)
    }

    async fn accept(&self, question: &Question) -> Result<Accepted, BusError> {
        Ok(self.part_of(&question.room).accept(question))
    }

    async fn receipt(&self, question: &Question) -> Result<Option<Receipt>, BusError> {
        Ok(self
            .part_of(&question.room)
            .receipt(&accepting::sent(question)))
    }

    async fn delete(&self, deletion: &Deletion) -> Result<Deleted, BusError> {
        Ok(self.part_of(&deletion.room).delete(deletion))
    }

    async fn publish(&self, room: &RoomKey, record: &Record) -> Result<(), BusError> {
        self.part_of(room).publish(room, &Arc::new(record.clone()));
        Ok(())
    }

    async fn post(&self, posting: &Posting) -> Result<Posted, BusError> {
        Ok(self.part_of(&posting.room).post(posting))
    }

    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError> {
        Ok(self.part_of(room).read(room, after, limit))
    }

    async fn history(
        &self,
        room: &RoomKey,
        range: HistoryRange,
        limit: usize,
    ) -> Result<History, BusError> {
        Ok(self.part_of(room).history(room, range, limit))
    }

    async fn changed(&self, partition: Partition, since_ms: u64) -> Result<Changes, BusError> {
        // Taken first: what changes while we look is found next time.
        let now_ms = self.clock.now_ms();
        let rooms = self.part(partition).changed_since(since_ms);
        Ok(Changes { now_ms, rooms })
    }

    fn subscriptions(&self, ear: Arc<dyn Ear>) -> Arc<dyn Subscriptions> {
        Arc::new(Hearing::new(self.clone(), ear))
    }

    async fn reply(&self, message_id: &MessageId) -> Result<Option<ReplyStatus>, BusError> {
        Ok(self.part(message_id.partition()).reply(message_id))
    }

    async fn cancel(&self, room: &RoomKey, reply: &MessageId) -> Result<Cancelled, BusError> {
        Ok(self.part_of(room).cancel(room, reply))
    }

    fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake> {
        self.wakes.open(buffer)
    }

    async fn waiting(&self) -> Result<Waiting, BusError> {
        // Brokers look every few seconds: often enough to notice that the
        // machine has slept.
        self.clock.set_to_system();
        let mut waiting = Waiting::default();
        for partition in Partition::all() {
            let part = self.part(partition);
            for tenant in part.tenants_waiting() {
                waiting.places.entry(tenant).or_default().push(partition);
            }
            waiting.replies += part.replies_waiting();
            waiting.oldest = waiting.oldest.max(part.oldest_waits());
        }
        Ok(waiting)
    }

    async fn claim(
        &self,
        partition: Partition,
        tenant: &TenantId,
        claim: &ClaimId,
    ) -> Result<Option<Claim>, BusError> {
        Ok(self.part(partition).claim(tenant, claim))
    }

    async fn leases(&self) -> Result<Vec<RunningLease>, BusError> {
        Ok(Partition::all()
            .flat_map(|partition| self.part(partition).leases())
            .collect())
    }

    async fn take_over(&self, seen: &RunningLease, claim: &ClaimId) -> Result<Takeover, BusError> {
        Ok(self.part_of(&seen.lease.room).take_over(seen, claim))
    }

    async fn beat(&self, lease: &Lease, count: u64) -> Result<Beat, BusError> {
        Ok(self.part_of(&lease.room).beat(lease, count))
    }

    async fn announce(&self, lease: &Lease, records: &[Record]) -> Result<Beat, BusError> {
        Ok(self.part_of(&lease.room).announce(lease, records))
    }

    async fn append(&self, lease: &Lease, delta: &Delta) -> Result<Appended, BusError> {
        Ok(self.part_of(&lease.room).append_delta(lease, delta))
    }

    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<Finished, BusError> {
        Ok(self.part_of(&lease.room).finish(lease, ending))
    }

    async fn take(&self, whom: &str, allowances: &[Allowance]) -> Result<Taken, BusError> {
        Ok(self.part(Partition::of_name(whom)).take(whom, allowances))
    }

    async fn hold_off(&self, whom: &str, time: Duration) -> Result<(), BusError> {
        self.part(Partition::of_name(whom)).hold_off(whom, time);
        Ok(())
    }

    async fn order(&self, order: &Order) -> Result<(), BusError> {
        match order {
            Order::Revoke(revocation) => self.part(order.partition()).revoke(revocation),
            Order::Status {
                tenant,
                user,
                status,
            } => self
                .part(order.partition())
                .keep_status(tenant, user, *status),
            Order::Disconnect { .. }
            | Order::Inquire(_)
            | Order::Answer(_)
            | Order::Survey(_)
            | Order::Found(_) => {}
        }
        self.orders.give(order);
        Ok(())
    }

    fn may_others_hear(&self) -> bool {
        self.orders.count() > 1
    }

    fn orders(&self, buffer: usize) -> mpsc::Receiver<OrderHeard> {
        self.orders.open(buffer)
    }

    async fn revocations(&self, since_ms: u64) -> Result<Revocations, BusError> {
        let found = Partition::all().flat_map(|partition| self.part(partition).revoked(since_ms));
        Ok(Revocations {
            found: found.collect(),
            are_all: true,
        })
    }

    async fn attend(&self, told: &Attendance, announced: u32) -> Result<Attended, BusError> {
        Ok(self.part_of(&told.room).attend(told, announced))
    }

    async fn present(
        &self,
        room: &RoomKey,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Present>, BusError> {
        Ok(self.part_of(room).presence.in_room(room, after, limit))
    }

    async fn hosts(&self, look: &HostLook) -> Result<Hosts, BusError> {
        Ok(self.part(look.partition).presence.hosts(look.own))
    }

    async fn sweep_host(
        &self,
        partition: Partition,
        host: RunId,
        announced: u32,
    ) -> Result<bool, BusError> {
        Ok(self.part(partition).sweep_host(host, announced))
    }

    async fn add_key(&self, key: &ApiKey) -> Result<bool, BusError> {
        Ok(self.part(key.card.id.partition()).keys.add(key))
    }

    async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, BusError> {
        Ok(self.part(id.partition()).keys.get(id))
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<StoredKey>, BusError> {
        Ok(self.part(partition_of_keys(tenant)).keys.of(tenant))
    }

    async fn note_key_used(&self, id: &KeyId, at_ms: u64) -> Result<(), BusError> {
        self.part(id.partition()).keys.note_used(id, at_ms);
        Ok(())
    }

    async fn revoke_key(&self, id: &KeyId) -> Result<(), BusError> {
        self.part(id.partition()).keys.revoke(id);
        Ok(())
    }

    async fn audit(&self, batch: &AuditBatch) -> Result<(), BusError> {
        let partition = partition_of_log(batch.tenant.as_ref());
        self.part(partition).keep_audit(batch);
        Ok(())
    }

    async fn audited(
        &self,
        tenant: Option<&TenantId>,
        range: &AuditRange,
    ) -> Result<AuditPage, BusError> {
        Ok(self.part(partition_of_log(tenant)).audited(tenant, range))
    }

    async fn show_node(&self, showing: &Showing) -> Result<Nodes, BusError> {
        Ok(self.part(nodes::partition()).show_node(showing))
    }

    async fn note(&self, note: &Note) -> Result<bool, BusError> {
        Ok(self.part(nodes::partition()).note(note))
    }

    async fn noted(
        &self,
        before: Option<ChroniclePlace>,
        limit: usize,
    ) -> Result<ChroniclePage, BusError> {
        Ok(self.part(nodes::partition()).noted(before, limit))
    }
}
