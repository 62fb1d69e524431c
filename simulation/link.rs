//! The bus as one node sees it, at the far end of its own network.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use causerie_shared::api_key::{ApiKey, StoredKey};
use causerie_shared::bus::allowance::{Allowance, Taken};
use causerie_shared::bus::audit::{AuditBatch, AuditPage, AuditRange};
use causerie_shared::bus::chronicle::{ChroniclePage, ChroniclePlace};
use causerie_shared::bus::deletion::{Deleted, Deletion};
use causerie_shared::bus::feed::Feed;
use causerie_shared::bus::log::{Changes, History, HistoryRange, Page};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::nodes::{Nodes, Note, Showing};
use causerie_shared::bus::order::{Order, OrderHeard, Revocations};
use causerie_shared::bus::posting::{Posted, Posting};
use causerie_shared::bus::presence::{Attendance, Attended, HostLook, Hosts, Present};
use causerie_shared::bus::question::{Accepted, Question, Receipt};
use causerie_shared::bus::reply::{
    Appended, Beat, Cancelled, Claim, ClaimId, Delta, Ending, Finished, Lease, ReplyStatus,
    RunningLease, Takeover, Waiting, Wake,
};
use causerie_shared::bus::subscription::{Ear, Subscriptions};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::clock::Clock;
use causerie_shared::ids::{KeyId, MessageId, RunId, TenantId, UserId};
use causerie_shared::position::Position;
use causerie_shared::record::Record;
use causerie_shared::room::{Partition, RoomKey};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::condition::{Condition, State};
use crate::heard;

/// How long a node waits for an answer of a bus that it does not reach.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How late a call may be done that was given up.
pub const LATEST: Duration = Duration::from_secs(3);

/// How many records may wait in a node: few, so that now and then it is told
/// that it was too slow.
const BUFFER: usize = 64;

/// The bus as one node sees it.
#[derive(Debug)]
pub struct Link {
    bus: MemoryBus,
    condition: Arc<Condition>,
    /// Not quite the bus's own.
    clock: Clock,
}

fn away(why: &str) -> BusError {
    BusError::Unavailable(why.to_owned())
}

impl Link {
    pub fn new(bus: MemoryBus, condition: Arc<Condition>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            bus,
            condition,
            clock,
        })
    }

    /// Lets one call pass, or not.
    async fn call<T, F>(&self, act: impl Fn(MemoryBus) -> F + Send + 'static) -> Result<T, BusError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BusError>> + Send + 'static,
    {
        let condition = &*self.condition;
        let weather = condition.weather();
        self.pass().await?;
        if condition.happens(weather.fails) {
            return Err(away("lost on its way"));
        }
        if condition.happens(weather.comes_late) {
            let (bus, after) = (self.bus.clone(), condition.within(LATEST));
            tokio::spawn(async move {
                sleep(after).await;
                let _ = act(bus).await;
            });
            sleep(condition.within(PATIENCE)).await;
            return Err(away("given up"));
        }
        let mut answer = act(self.bus.clone()).await;
        if condition.happens(weather.done_twice) {
            sleep(condition.way()).await;
            answer = act(self.bus.clone()).await;
        }
        self.pass().await?;
        if condition.happens(weather.loses_answer) {
            return Err(away("its answer was lost"));
        }
        answer
    }

    /// One way through the network.
    async fn pass(&self) -> Result<(), BusError> {
        sleep(self.condition.way()).await;
        match self.condition.awake().await {
            State::Up | State::Deaf | State::Frozen => Ok(()),
            State::Cut => {
                sleep(self.condition.within(PATIENCE)).await;
                Err(away("cut off"))
            }
            // Nothing of it is done, and nobody learns of that.
            State::Dead => std::future::pending().await,
        }
    }
}

/// Calls the bus through the network. What it is called with is made its own,
/// so that it may be done when the caller has gone.
macro_rules! through {
    ($self:ident, [$($arg:ident),*], $bus:ident => $call:expr) => {{
        $(let $arg = $arg.to_owned();)*
        let act = move |$bus: MemoryBus| {
            $(let $arg = $arg.clone();)*
            async move { $call.await }
        };
        $self.call(act).await
    }};
}

#[async_trait]
impl Bus for Link {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    /// As Redis does, which it stands for.
    fn rewards_company(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<Duration, BusError> {
        through!(self, [], bus => bus.ping())
    }

    async fn accept(&self, question: &Question) -> Result<Accepted, BusError> {
        through!(self, [question], bus => bus.accept(&question))
    }

    async fn receipt(&self, question: &Question) -> Result<Option<Receipt>, BusError> {
        through!(self, [question], bus => bus.receipt(&question))
    }

    async fn publish(&self, room: &RoomKey, record: &Record) -> Result<(), BusError> {
        through!(self, [room, record], bus => bus.publish(&room, &record))
    }

    async fn post(&self, posting: &Posting) -> Result<Posted, BusError> {
        through!(self, [posting], bus => bus.post(&posting))
    }

    async fn delete(&self, deletion: &Deletion) -> Result<Deleted, BusError> {
        through!(self, [deletion], bus => bus.delete(&deletion))
    }

    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError> {
        let after = after.cloned();
        through!(self, [room, after], bus => bus.read(&room, after.as_ref(), limit))
    }

    async fn history(
        &self,
        room: &RoomKey,
        range: HistoryRange,
        limit: usize,
    ) -> Result<History, BusError> {
        through!(self, [room], bus => bus.history(&room, range, limit))
    }

    async fn changed(&self, partition: Partition, since_ms: u64) -> Result<Changes, BusError> {
        through!(self, [], bus => bus.changed(partition, since_ms))
    }

    fn subscriptions(&self, ear: Arc<dyn Ear>) -> Arc<dyn Subscriptions> {
        let (feed, all) = Feed::new(1 << 16);
        heard::records(Arc::clone(&self.condition), all, BUFFER, ear);
        Arc::new(Ears {
            condition: Arc::clone(&self.condition),
            subscriptions: self.bus.subscriptions(Arc::new(feed)),
        })
    }

    async fn reply(&self, message_id: &MessageId) -> Result<Option<ReplyStatus>, BusError> {
        through!(self, [message_id], bus => bus.reply(&message_id))
    }

    async fn cancel(&self, room: &RoomKey, reply: &MessageId) -> Result<Cancelled, BusError> {
        through!(self, [room, reply], bus => bus.cancel(&room, &reply))
    }

    fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake> {
        heard::wakes(Arc::clone(&self.condition), self.bus.wakes(buffer))
    }

    async fn waiting(&self) -> Result<Waiting, BusError> {
        through!(self, [], bus => bus.waiting())
    }

    async fn claim(
        &self,
        partition: Partition,
        tenant: &TenantId,
        claim: &ClaimId,
    ) -> Result<Option<Claim>, BusError> {
        through!(self, [tenant, claim], bus => bus.claim(partition, &tenant, &claim))
    }

    async fn leases(&self) -> Result<Vec<RunningLease>, BusError> {
        through!(self, [], bus => bus.leases())
    }

    async fn take_over(&self, seen: &RunningLease, claim: &ClaimId) -> Result<Takeover, BusError> {
        through!(self, [seen, claim], bus => bus.take_over(&seen, &claim))
    }

    async fn beat(&self, lease: &Lease, count: u64) -> Result<Beat, BusError> {
        through!(self, [lease], bus => bus.beat(&lease, count))
    }

    async fn announce(&self, lease: &Lease, records: &[Record]) -> Result<Beat, BusError> {
        through!(self, [lease, records], bus => bus.announce(&lease, &records))
    }

    async fn append(&self, lease: &Lease, delta: &Delta) -> Result<Appended, BusError> {
        through!(self, [lease, delta], bus => bus.append(&lease, &delta))
    }

    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<Finished, BusError> {
        through!(self, [lease, ending], bus => bus.finish(&lease, &ending))
    }

    async fn take(&self, whom: &str, allowances: &[Allowance]) -> Result<Taken, BusError> {
        through!(self, [whom, allowances], bus => bus.take(&whom, &allowances))
    }

    async fn hold_off(&self, whom: &str, time: Duration) -> Result<(), BusError> {
        through!(self, [whom], bus => bus.hold_off(&whom, time))
    }

    async fn order(&self, order: &Order) -> Result<(), BusError> {
        through!(self, [order], bus => bus.order(&order))
    }

    fn orders(&self, buffer: usize) -> mpsc::Receiver<OrderHeard> {
        self.bus.orders(buffer)
    }

    async fn revocations(&self, since_ms: u64) -> Result<Revocations, BusError> {
        through!(self, [], bus => bus.revocations(since_ms))
    }

    async fn attend(&self, told: &Attendance, announced: u32) -> Result<Attended, BusError> {
        through!(self, [told], bus => bus.attend(&told, announced))
    }

    async fn present(
        &self,
        room: &RoomKey,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Present>, BusError> {
        let after = after.cloned();
        through!(self, [room, after], bus => bus.present(&room, after.as_ref(), limit))
    }

    async fn hosts(&self, look: &HostLook) -> Result<Hosts, BusError> {
        through!(self, [look], bus => bus.hosts(&look))
    }

    /// In one step, as where Redis is no cluster.
    async fn hosts_in_all(&self, looks: &[HostLook]) -> Vec<Result<Hosts, BusError>> {
        let count = looks.len();
        let answer: Result<Vec<_>, BusError> =
            through!(self, [looks], bus => async { Ok(bus.hosts_in_all(&looks).await) });
        answer.unwrap_or_else(|error| vec![Err(error); count])
    }

    async fn sweep_host(
        &self,
        partition: Partition,
        host: RunId,
        announced: u32,
    ) -> Result<bool, BusError> {
        through!(self, [], bus => bus.sweep_host(partition, host, announced))
    }

    async fn add_key(&self, key: &ApiKey) -> Result<bool, BusError> {
        through!(self, [key], bus => bus.add_key(&key))
    }

    async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, BusError> {
        through!(self, [id], bus => bus.key(&id))
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<StoredKey>, BusError> {
        through!(self, [tenant], bus => bus.keys(&tenant))
    }

    async fn note_key_used(&self, id: &KeyId, at_ms: u64) -> Result<(), BusError> {
        through!(self, [id], bus => bus.note_key_used(&id, at_ms))
    }

    async fn revoke_key(&self, id: &KeyId) -> Result<(), BusError> {
        through!(self, [id], bus => bus.revoke_key(&id))
    }

    async fn audit(&self, batch: &AuditBatch) -> Result<(), BusError> {
        through!(self, [batch], bus => bus.audit(&batch))
    }

    async fn audited(
        &self,
        tenant: Option<&TenantId>,
        range: &AuditRange,
    ) -> Result<AuditPage, BusError> {
        let (tenant, range) = (tenant.cloned(), *range);
        through!(self, [tenant], bus => bus.audited(tenant.as_ref(), &range))
    }

    async fn show_node(&self, showing: &Showing) -> Result<Nodes, BusError> {
        through!(self, [showing], bus => bus.show_node(&showing))
    }

    async fn note(&self, note: &Note) -> Result<bool, BusError> {
        through!(self, [note], bus => bus.note(&note))
    }

    async fn noted(
        &self,
        before: Option<ChroniclePlace>,
        limit: usize,
    ) -> Result<ChroniclePage, BusError> {
        through!(self, [], bus => bus.noted(before, limit))
    }
}

/// The rooms that a node hears. It is told when it does not get through, and
/// what was not told to be done is not done later.
#[derive(Debug)]
struct Ears {
    condition: Arc<Condition>,
    subscriptions: Arc<dyn Subscriptions>,
}

impl Ears {
    async fn pass(&self) -> Result<(), BusError> {
        sleep(self.condition.way()).await;
        match self.condition.awake().await {
            State::Up | State::Deaf | State::Frozen => {
                if self.condition.happens(self.condition.weather().fails) {
                    return Err(away("lost on its way"));
                }
                Ok(())
            }
            State::Cut => Err(away("cut off")),
            State::Dead => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Subscriptions for Ears {
    async fn subscribe(&self, room: &RoomKey) -> Result<(), BusError> {
        self.pass().await?;
        self.subscriptions.subscribe(room).await
    }

    async fn unsubscribe(&self, room: &RoomKey) -> Result<(), BusError> {
        self.pass().await?;
        self.subscriptions.unsubscribe(room).await
    }
}
