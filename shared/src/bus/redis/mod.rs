//! The bus on Redis.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fred::interfaces::ClientLike;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::log::{Changes, History, HistoryRange, Page};
use super::question::{Accepted, Question};
use super::reply::{
    Appended, Beat, Cancelled, Claim, ClaimId, Delta, Ending, Finished, Lease, ReplyStatus,
    RunningLease, Takeover, Wake,
};
use super::subscription::{Heard, Subscriptions};
use super::{Bus, BusError, Retention};
use crate::clock::Clock;
use crate::ids::{MessageId, TenantId};
use crate::position::{Epoch, Position};
use crate::record::Record;
use crate::room::{Partition, RoomKey};

mod answer;
mod channels;
mod check;
mod clock;
mod events;
mod hearing;
mod lease;
mod link;
mod log;
mod names;
mod pool;
mod question;
mod reply;
mod script;
mod settings;

use hearing::Hearing;
use link::Address;
use pool::Pool;
use script::Args;
pub use settings::RedisSettings;

/// One node's view of the bus on Redis.
#[derive(Debug)]
pub struct RedisBus {
    address: Address,
    pool: Pool,
    retention: Retention,
    clock: Clock,
    _ends_tasks: DropGuard,
}

impl RedisBus {
    /// Connects, and looks whether this Redis can be used.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] where Redis cannot be reached in time or is
    /// too old, [`BusError::Unreadable`] where it holds another installation.
    pub async fn connect(settings: RedisSettings, retention: Retention) -> Result<Self, BusError> {
        let address = Address::new(&settings)?;
        address.probe().await?;
        let pool = Pool::connect(&address, settings.pool).await?;
        check::check(&pool).await?;
        let clock = Clock::default();
        let client = pool.client(Partition::FIRST);
        pool.ask("clock", || clock::set(client, &clock)).await?;
        let ended = CancellationToken::new();
        let kept_right = clock::keep_right(client.clone(), clock.clone());
        tokio::spawn(ended.clone().run_until_cancelled_owned(kept_right));
        Ok(Self {
            address,
            pool,
            retention,
            clock,
            _ends_tasks: ended.drop_guard(),
        })
    }

    /// What scripts that look at a log take first.
    fn log_args(&self) -> Args {
        Args::default()
            .text(Epoch::generate().as_str())
            .number(self.retention.max_events)
            .number(millis(self.retention.max_age))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A script that always answers did not.
fn nothing(verb: &str) -> BusError {
    BusError::Unreadable(format!("`{verb}` answered nothing"))
}

#[async_trait]
impl Bus for RedisBus {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn ping(&self) -> Result<Duration, BusError> {
        let asked = Instant::now();
        let client = self.pool.client(Partition::FIRST);
        self.pool.ask("ping", || client.ping::<()>(None)).await?;
        Ok(asked.elapsed())
    }

    async fn accept(&self, question: &Question) -> Result<Accepted, BusError> {
        self.accept_question(question).await
    }

    async fn publish(&self, room: &RoomKey, record: &Record) -> Result<(), BusError> {
        self.publish_record(room, record).await
    }

    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError> {
        self.read_log(room, after, limit).await
    }

    async fn history(
        &self,
        room: &RoomKey,
        range: HistoryRange,
        limit: usize,
    ) -> Result<History, BusError> {
        self.read_history(room, range, limit).await
    }

    async fn changed(&self, partitions: &[Partition], since_ms: u64) -> Result<Changes, BusError> {
        self.read_changes(partitions, since_ms).await
    }

    fn subscriptions(&self, buffer: usize) -> (Arc<dyn Subscriptions>, mpsc::Receiver<Heard>) {
        let (hearing, receiver) = Hearing::open(&self.address, buffer);
        (Arc::new(hearing), receiver)
    }

    async fn reply(&self, message_id: &MessageId) -> Result<Option<ReplyStatus>, BusError> {
        self.reply_status(message_id).await
    }

    async fn cancel(&self, room: &RoomKey, reply: &MessageId) -> Result<Cancelled, BusError> {
        self.cancel_reply(room, reply).await
    }

    fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake> {
        hearing::open_wakes(&self.address, buffer)
    }

    async fn waiting(&self) -> Result<HashMap<TenantId, Vec<Partition>>, BusError> {
        self.tenants_waiting().await
    }

    async fn claim(
        &self,
        partition: Partition,
        tenant: &TenantId,
        claim: &ClaimId,
    ) -> Result<Option<Claim>, BusError> {
        self.claim_next(partition, tenant, claim).await
    }

    async fn leases(&self) -> Result<Vec<RunningLease>, BusError> {
        self.running_leases().await
    }

    async fn take_over(&self, seen: &RunningLease, claim: &ClaimId) -> Result<Takeover, BusError> {
        self.take_lease_over(seen, claim).await
    }

    async fn beat(&self, lease: &Lease, count: u64) -> Result<Beat, BusError> {
        self.beat_for(lease, count).await
    }

    async fn announce(&self, lease: &Lease, records: &[Record]) -> Result<Beat, BusError> {
        self.announce_records(lease, records).await
    }

    async fn append(&self, lease: &Lease, delta: &Delta) -> Result<Appended, BusError> {
        self.append_delta(lease, delta).await
    }

    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<Finished, BusError> {
        self.finish_reply(lease, ending).await
    }
}
