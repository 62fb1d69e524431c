//! The in-memory bus, with rooms that cannot be read for a while.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use causerie_shared::bus::log::{Changes, History, HistoryRange, Page};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::question::{Accepted, Question};
use causerie_shared::bus::reply::{
    Appended, Beat, Cancelled, Claim, ClaimId, Delta, Ending, Finished, Lease, ReplyStatus,
    RunningLease, Takeover, Waiting, Wake,
};
use causerie_shared::bus::subscription::{Ear, Subscriptions};
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::clock::Clock;
use causerie_shared::ids::{MessageId, TenantId};
use causerie_shared::position::Position;
use causerie_shared::record::Record;
use causerie_shared::room::{Partition, RoomKey};
use tokio::sync::{mpsc, watch};

/// A bus whose storage is slow with one room.
#[derive(Debug)]
pub(crate) struct HeldBus {
    bus: MemoryBus,
    held: watch::Sender<Option<RoomKey>>,
}

impl HeldBus {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            bus: MemoryBus::new(Retention::default()),
            held: watch::Sender::new(None),
        })
    }

    /// Lets those who read `room` wait until another is held, or none.
    pub(crate) fn hold(&self, room: Option<RoomKey>) {
        self.held.send_replace(room);
    }
}

#[async_trait]
impl Bus for HeldBus {
    fn clock(&self) -> &Clock {
        self.bus.clock()
    }

    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError> {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| held.as_ref() != Some(room)).await;
        self.bus.read(room, after, limit).await
    }

    async fn ping(&self) -> Result<Duration, BusError> {
        self.bus.ping().await
    }

    async fn accept(&self, question: &Question) -> Result<Accepted, BusError> {
        self.bus.accept(question).await
    }

    async fn publish(&self, room: &RoomKey, record: &Record) -> Result<(), BusError> {
        self.bus.publish(room, record).await
    }

    async fn history(
        &self,
        room: &RoomKey,
        range: HistoryRange,
        limit: usize,
    ) -> Result<History, BusError> {
        self.bus.history(room, range, limit).await
    }

    async fn changed(&self, partition: Partition, since_ms: u64) -> Result<Changes, BusError> {
        self.bus.changed(partition, since_ms).await
    }

    fn subscriptions(&self, ear: Arc<dyn Ear>) -> Arc<dyn Subscriptions> {
        self.bus.subscriptions(ear)
    }

    async fn reply(&self, message_id: &MessageId) -> Result<Option<ReplyStatus>, BusError> {
        self.bus.reply(message_id).await
    }

    async fn cancel(&self, room: &RoomKey, reply: &MessageId) -> Result<Cancelled, BusError> {
        self.bus.cancel(room, reply).await
    }

    fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake> {
        self.bus.wakes(buffer)
    }

    async fn waiting(&self) -> Result<Waiting, BusError> {
        self.bus.waiting().await
    }

    async fn claim(
        &self,
        partition: Partition,
        tenant: &TenantId,
        claim: &ClaimId,
    ) -> Result<Option<Claim>, BusError> {
        self.bus.claim(partition, tenant, claim).await
    }

    async fn leases(&self) -> Result<Vec<RunningLease>, BusError> {
        self.bus.leases().await
    }

    async fn take_over(&self, seen: &RunningLease, claim: &ClaimId) -> Result<Takeover, BusError> {
        self.bus.take_over(seen, claim).await
    }

    async fn beat(&self, lease: &Lease, count: u64) -> Result<Beat, BusError> {
        self.bus.beat(lease, count).await
    }

    async fn announce(&self, lease: &Lease, records: &[Record]) -> Result<Beat, BusError> {
        self.bus.announce(lease, records).await
    }

    async fn append(&self, lease: &Lease, delta: &Delta) -> Result<Appended, BusError> {
        self.bus.append(lease, delta).await
    }

    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<Finished, BusError> {
        self.bus.finish(lease, ending).await
    }
}
