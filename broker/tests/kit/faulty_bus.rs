//! A bus that can be taken away from one broker.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use causerie_shared::bus::log::{Changes, History, HistoryRange, Page};
use causerie_shared::bus::question::{Accepted, Question};
use causerie_shared::bus::reply::{
    Appended, Beat, Cancelled, Claim, ClaimId, Delta, Ending, Finished, Lease, ReplyStatus,
    RunningLease, Takeover, Waiting, Wake,
};
use causerie_shared::bus::subscription::{Ear, Subscriptions};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::clock::Clock;
use causerie_shared::ids::{MessageId, TenantId};
use causerie_shared::position::Position;
use causerie_shared::record::Record;
use causerie_shared::room::{Partition, RoomKey};
use tokio::sync::{mpsc, watch};

/// What happens to calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// They wait until the fault is over: to this broker the world stands still.
    Hang,
    /// They fail, half of them after they were carried out.
    Fail,
    /// They are answered, but deltas are lost, as by a storage that lost its
    /// tail.
    Forget,
}

/// Another bus, seen through a connection that can break.
#[derive(Debug)]
pub struct FaultyBus {
    bus: Arc<dyn Bus>,
    fault: watch::Sender<Fault>,
    dead_letters: Mutex<Vec<String>>,
}

impl FaultyBus {
    pub fn new(bus: Arc<dyn Bus>) -> Arc<Self> {
        let (fault, _) = watch::channel(Fault::None);
        Arc::new(Self {
            bus,
            fault,
            dead_letters: Mutex::default(),
        })
    }

    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Why questions went to the dead letters through this connection.
    pub fn dead_letters(&self) -> Vec<String> {
        self.dead_letters.lock().unwrap().clone()
    }

    async fn through<T>(
        &self,
        call: impl Future<Output = Result<T, BusError>> + Send,
    ) -> Result<T, BusError> {
        let mut fault = self.fault.subscribe();
        let now = *fault.borrow();
        match now {
            Fault::None | Fault::Forget => call.await,
            Fault::Hang => {
                let _ = fault.wait_for(|fault| *fault != Fault::Hang).await;
                call.await
            }
            Fault::Fail => {
                if rand::random() {
                    call.await?;
                }
                Err(BusError::Unavailable("cut off by the test".to_owned()))
            }
        }
    }
}

#[async_trait]
impl Bus for FaultyBus {
    fn clock(&self) -> &Clock {
        self.bus.clock()
    }

    async fn ping(&self) -> Result<Duration, BusError> {
        self.through(self.bus.ping()).await
    }

    async fn accept(&self, question: &Question) -> Result<Accepted, BusError> {
        self.through(self.bus.accept(question)).await
    }

    async fn publish(&self, room: &RoomKey, record: &Record) -> Result<(), BusError> {
        self.through(self.bus.publish(room, record)).await
    }

    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError> {
        self.through(self.bus.read(room, after, limit)).await
    }

    async fn history(
        &self,
        room: &RoomKey,
        range: HistoryRange,
        limit: usize,
    ) -> Result<History, BusError> {
        self.through(self.bus.history(room, range, limit)).await
    }

    async fn changed(&self, partition: Partition, since_ms: u64) -> Result<Changes, BusError> {
        self.through(self.bus.changed(partition, since_ms)).await
    }

    fn subscriptions(&self, ear: Arc<dyn Ear>) -> Arc<dyn Subscriptions> {
        self.bus.subscriptions(ear)
    }

    async fn reply(&self, message_id: &MessageId) -> Result<Option<ReplyStatus>, BusError> {
        self.through(self.bus.reply(message_id)).await
    }

    async fn cancel(&self, room: &RoomKey, reply: &MessageId) -> Result<Cancelled, BusError> {
        self.through(self.bus.cancel(room, reply)).await
    }

    /// Hints never come through this connection: what must be found without
    /// them is found without them.
    fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake> {
        mpsc::channel(buffer).1
    }

    async fn waiting(&self) -> Result<Waiting, BusError> {
        self.through(self.bus.waiting()).await
    }

    async fn claim(
        &self,
        partition: Partition,
        tenant: &TenantId,
        claim: &ClaimId,
    ) -> Result<Option<Claim>, BusError> {
        self.through(self.bus.claim(partition, tenant, claim)).await
    }

    async fn leases(&self) -> Result<Vec<RunningLease>, BusError> {
        self.through(self.bus.leases()).await
    }

    async fn take_over(&self, seen: &RunningLease, claim: &ClaimId) -> Result<Takeover, BusError> {
        self.through(self.bus.take_over(seen, claim)).await
    }

    async fn beat(&self, lease: &Lease, count: u64) -> Result<Beat, BusError> {
        self.through(self.bus.beat(lease, count)).await
    }

    async fn announce(&self, lease: &Lease, records: &[Record]) -> Result<Beat, BusError> {
        self.through(self.bus.announce(lease, records)).await
    }

    async fn append(&self, lease: &Lease, delta: &Delta) -> Result<Appended, BusError> {
        if *self.fault.borrow() == Fault::Forget {
            return Ok(Appended::Done { cancelled: false });
        }
        self.through(self.bus.append(lease, delta)).await
    }

    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<Finished, BusError> {
        let finished = self.through(self.bus.finish(lease, ending)).await?;
        let dead_letter = ending.dead_letter.clone();
        self.dead_letters.lock().unwrap().extend(dead_letter);
        Ok(finished)
    }
}
