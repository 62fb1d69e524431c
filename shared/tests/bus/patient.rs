//! A node that tries again while the storage is away, as programs do. That
//! this is safe is one of the promises.

use std::sync::Arc;
use std::time::{Duration, Instant};

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
use tokio::sync::mpsc;

/// How long the storage may be away.
const DEADLINE: Duration = Duration::from_secs(20);

/// One node, and its patience.
#[derive(Debug)]
pub struct Patient(pub Arc<dyn Bus>);

/// Waits a little before the next try, or gives up.
async fn pause(first_tried: Instant, why: &str) {
    assert!(
        first_tried.elapsed() < DEADLINE,
        "the storage stays away: {why}"
    );
    tokio::time::sleep(Duration::from_millis(10)).await;
}

macro_rules! again {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $done:ty;)+) => {
        #[async_trait]
        impl Bus for Patient {
            fn clock(&self) -> &Clock {
                self.0.clock()
            }

            fn subscriptions(&self, ear: Arc<dyn Ear>) -> Arc<dyn Subscriptions> {
                self.0.subscriptions(ear)
            }

            fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake> {
                self.0.wakes(buffer)
            }

            $(async fn $name(&self, $($arg: $kind),*) -> Result<$done, BusError> {
                let first_tried = Instant::now();
                loop {
                    match self.0.$name($($arg),*).await {
                        Err(BusError::Unavailable(why)) => pause(first_tried, &why).await,
                        done @ (Ok(_) | Err(BusError::Unreadable(_))) => return done,
                    }
                }
            })+
        }
    };
}

again! {
    ping() -> Duration;
    accept(question: &Question) -> Accepted;
    publish(room: &RoomKey, record: &Record) -> ();
    read(room: &RoomKey, after: Option<&Position>, limit: usize) -> Page;
    history(room: &RoomKey, range: HistoryRange, limit: usize) -> History;
    changed(partition: Partition, since_ms: u64) -> Changes;
    reply(message_id: &MessageId) -> Option<ReplyStatus>;
    cancel(room: &RoomKey, reply: &MessageId) -> Cancelled;
    waiting() -> Waiting;
    claim(partition: Partition, tenant: &TenantId, claim: &ClaimId) -> Option<Claim>;
    leases() -> Vec<RunningLease>;
    take_over(seen: &RunningLease, claim: &ClaimId) -> Takeover;
    beat(lease: &Lease, count: u64) -> Beat;
    announce(lease: &Lease, records: &[Record]) -> Beat;
    append(lease: &Lease, delta: &Delta) -> Appended;
    finish(lease: &Lease, ending: &Ending) -> Finished;
}
