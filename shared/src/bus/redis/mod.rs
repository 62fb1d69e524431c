//! The bus on Redis: one server, one behind Sentinels, or a Redis Cluster.
//!
//! Each verb is one Lua script (`scripts/`), which is idempotent by its
//! arguments, checks first and writes last. A script is given the prefix of its
//! partition, `causerie:{pXX}:`, and makes the names of its keys of it; all are
//! in one hash slot. Why that is safe while Redis moves the slot stands in
//! `scripts/base.lua`.
//!
//! - `settings`, `address`, `check`: where Redis is, and what is looked at before it
//!   is used
//! - `servers`, `sentinels`, `topology`: which servers there are, and who serves what
//! - `links`, `link`, `heartbeat`, `pool`: connections that carry commands, to each
//!   node some, and how these are asked
//! - `script`, `args`, `answer`, `names`: what is sent and what comes back
//! - `gathering`, `crowd`: verbs that many ask for at once
//! - `question`, `posting`, `deletion`, `log`, `reply`, `lease`, `order`, `presence`, `key`,
//!   `allowance`, `audit`, `node`: the verbs
//! - `looking`: looks at all partitions
//! - `channels`, `subscriber`, `wanted`, `hearing`: what is heard, over connections
//!   of our own
//! - `dial`, `wire`, `resp`: how these are made, and what is said over them
//! - `clock`: Redis's clock
//! - `events`: log lines and metrics
//!
//! # Keys
//! Behind the prefix. R is `tenant:room`, S a session, M and Q the ids of a
//! reply and its question, K that of an API key, H the name
//! under which a gateway tells who is there. "max age" is [`Retention::max_age`].
//!
//! | name | type | content | written by | gone |
//! |---|---|---|---|---|
//! | `log:R` | stream | entries `{seq}-{ms}`, field `r` the record | `accept`, `post`, `cancel`, `delete`, `finish` | max age after the last; each entry by count, bytes and age |
//! | `tombs:R` | sorted set | by `seq`, the records that stand in the place of deleted entries | `delete` | with `log:R`; each when the log would no longer hold what it stands for |
//! | `meta:R` | hash | `epoch`, `seq`, `replid` (Redis's replication id when it was written), `lives` (`epoch:seq` of the last four), `oldest` (ms of the first entry, or before), `renewed` (ms when it was last said when they shall go), `has_tombs` (1 where there may be some; what stands in `tombs` without it is of a log that is gone), `bytes` (of all events ever written), `marks` (`seq:bytes`: up to that event it was so many; the first is where the log begins, or before), `marked` (the last of these `bytes`) | the same, and whoever finds a new life | with `log:R` |
//! | `changed` | sorted set | R by ms of its last event | `accept`, `post`, `cancel`, `delete`, `finish` | each after 5 minutes, by who appends or looks then |
//! | `dedup:R:user:id` | string | the receipt: `message session reply epoch seq` | `accept` | [`Question::dedup_window`] |
//! | `posted:R:id` | string | `epoch seq`, or `-` of a transient event | `post` | [`Posting::dedup_window`] |
//! | `queue:R:S` | list | M of replies that wait or run, the oldest first | `accept`, `cancel`, `finish` | when empty |
//! | `runnable:tenant` | list | M of replies that can be claimed | `accept`, `claim`, `cancel`, `finish` | when empty |
//! | `tenants` | set | tenants of which something can be claimed | with `runnable` | when empty |
//! | `queued` | hash | how many replies wait or run, of `tenant`, of `tenant:user`, and in all (`*`) | `accept`, `cancel`, `finish` | each at 0 |
//! | `gen:M` | hash | `state` (queued, running, done), `room`, `session`, `user`, `question`, `attempt`, `begun` (how many attempts were), `claim`, `claimed` (ms), `lease` (`attempt claim`, while it runs), `accepted` (ms), `replid` (Redis's replication id when it was accepted, or the attempt began), `said` (`seq` of the question), `deleted` (1 where that was deleted before it ended), `letter` (the entry of its dead letter); until it ends `task`, `cancelled`, and `before`, `after`, `tail` of the `message` should it be cancelled before it begins; then `seq` of its `message` | `accept` and all verbs of replies | max age after its end |
//! | `texts:M` | list | the reply as far as it is made, delta by delta | `append` | at its end or a takeover |
//! | `asked:Q` | string | M; of what was said to people alone `- seq R user` | `accept` | with `gen:M`, or after max age |
//! | `claim:C` | string | M that the claim C got | `claim`, `take_over` | at its end or a takeover |
//! | `beats` | hash | M: `beats attempt claim R` | `claim`, `take_over`, `beat` | each at its end |
//! | `running:R` | set | M of replies that run | `claim`, `finish` | when empty |
//! | `turns:R:S` | list | the session's turns | `finish`, `delete` | max age after the last |
//! | `replied:R:S` | string | that a broker has finished a reply | `finish` | max age after the last |
//! | `revoked` | sorted set | R of users by ms until which tokens are revoked | `order` | each after [`Retention::revocations`], by who revokes then |
//! | `who:R` | hash | users in the room: `connections status name` over all hosts, the name as JSON | `attend`, `sweep` | each when they have left |
//! | `here:H:R` | hash | users in the room: how many connections they have with the host H | `attend`, `sweep` | each when they have left |
//! | `at:H` | set | R of rooms in which the host H has somebody | `attend`, `sweep` | each when they have left |
//! | `hosts` | hash | H: how often it was shown to live, or `dead` | `attend`, `hosts`, `sweep` | each when all is taken back |
//! | `status:R` | string | what the user whose room it is has said to be, unless `online` | `status` | an hour after the user has left |
//! | `keys` | hash | K, the id of an API key: `tenant created card` (ms; see [`KeyCard`](crate::api_key::KeyCard)) | `add_key` | each when it is revoked |
//! | `keys_used` | hash | K: ms of about its last use | `note_key_used` | with `keys` |
//! | `dead` | stream | dead letters: `reply`, `room`, `session`, `user`, `question`, `attempt`, `reason`, `task` | `finish`, `delete` | max age after the last; 1,000 at the most |
//! | `rate:W:what` | string | when all of that allowance of W would be there again (µs); W is `ip:` with an address, `user:tenant:user`, `key:K` or `tenant:tenant` | `take` | then |
//! | `audit:A:T` | stream | the part A (`acts`, `sessions`, `strangers`) of what is kept of who did what in the tenant T, or in none: entries `ms-n`, field `e` in JSON | `audit` | [`Retention::audit_age`] after the last; each entry by count and age |
//! | `audited:B` | string | that the batch B of these is kept | `audit` | after 10 minutes |
//! | `held:W` | string | until when W is held off (ms) | `hold_off` | then |
//! | `nodes` | hash | the run of a program: `ms card`, when it has shown last how it fares, and that in JSON | `show_node` | each five minutes after the last, or when its program ends |
//! | `watcher` | string | the run of the gateway that watches over all nodes | `show_node` | 6 s after it was shown last |
//! | `alerts` | hash | the name of an alert that stands: what it is, in JSON | `note` | each when it is cleared |
//! | `chronicle` | stream | what has been: entries `ms-n`, field `e` in JSON | `note` | [`Retention::chronicle_age`] after the last; each entry by count and age |
//! | `noted:N` | string | whether the entry N of it was kept | `note` | after 10 minutes |
//!
//! Outside of all partitions, `causerie:installation` says how many there are
//! and in what format they are stored.
//!
//! # Channels
//! All sharded. `room:R` carries the room's records, `wake` hints for brokers:
//! `runnable tenant` and `cancelled M`, `orders` orders to gateways: `revoke R ms`,
//! `disconnect R 0`, `status R` and the status, and `inquire` and `answer` with JSON.
//!
//! # fred
//! What the client library does otherwise than one would expect, and what is
//! done about it, stands in `docs/fred.md`; the tests of it are in
//! `tests/bus/redis/fred`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;

use super::allowance::{Allowance, Taken};
use super::audit::{AuditBatch, AuditPage, AuditRange};
use super::chronicle::{ChroniclePage, ChroniclePlace};
use super::deletion::{Deleted, Deletion};
use super::log::{Changes, History, HistoryRange, Look, Page};
use super::nodes::{Nodes, Note, Showing};
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
use crate::api_key::{ApiKey, StoredKey};
use crate::clock::Clock;
use crate::ids::{KeyId, MessageId, RunId, TenantId, UserId};
use crate::position::Position;
use crate::record::Record;
use crate::room::{Partition, RoomKey};

mod address;
mod allowance;
mod answer;
mod args;
mod audit;
mod channels;
mod check;
mod clock;
mod crowd;
mod deletion;
mod dial;
mod events;
mod gathering;
mod hearing;
mod heartbeat;
mod key;
mod lease;
mod link;
mod links;
mod log;
mod looking;
mod names;
mod node;
mod order;
mod pool;
mod posting;
mod presence;
mod question;
mod reply;
mod resp;
mod script;
mod sentinels;
mod servers;
mod settings;
mod subscriber;
mod topology;
mod wanted;
mod wire;

use address::Address;
use args::Args;
use gathering::Gathering;
use hearing::Hearing;
use pool::Pool;
use script::{ACCEPT, APPEND, BEAT, TAKE};
use servers::Servers;
pub use settings::RedisSettings;

/// One node's view of the bus on Redis.
#[derive(Debug)]
pub struct RedisBus {
    pool: Arc<Pool>,
    accepting: Gathering,
    appending: Gathering,
    beating: Gathering,
    taking: Gathering,
    retention: Retention,
    clock: Clock,
    warnings: Vec<String>,
    _ends_tasks: DropGuard,
}

impl RedisBus {
    /// Connects, and looks whether this Redis can be used.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] where Redis cannot be reached in time or is
    /// too old, [`BusError::Unreadable`] where it holds another installation.
    pub async fn connect(settings: RedisSettings, retention: Retention) -> Result<Self, BusError> {
        events::begin_at_zero();
        let address = Address::new(&settings)?;
        let servers = Servers::find(&address).await?;
        let nodes = check::who_answers(&address, &servers).await?;
        let pool = Arc::new(Pool::open(&address, servers, settings.pool));
        let warnings = check::check(&pool, &nodes).await?;
        for warning in &warnings {
            events::setting_may_lose_data(warning);
        }
        let clock = Clock::default();
        clock::set(&pool, &clock).await?;
        let ended = CancellationToken::new();
        let kept_right = clock::keep_right(Arc::clone(&pool), clock.clone());
        tokio::spawn(ended.clone().run_until_cancelled_owned(kept_right));
        Ok(Self {
            accepting: Gathering::of_logs(&pool, &ACCEPT, &retention),
            appending: Gathering::new(&pool, &APPEND),
            beating: Gathering::new(&pool, &BEAT),
            taking: Gathering::of_crowds(&pool, &TAKE, allowance::PATIENCE),
            pool,
            retention,
            clock,
            warnings,
            _ends_tasks: ended.drop_guard(),
        })
    }

    /// What an operator should change of this Redis, one sentence each; as it was when this
    /// connected.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What scripts that look at a log take first.
    fn log_args(&self) -> Args {
        Args::of_log(&self.retention)
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

    fn rewards_company(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<Duration, BusError> {
        let asked = Instant::now();
        self.pool.ping().await?;
        Ok(asked.elapsed())
    }

    async fn accept(&self, question: &Question) -> Result<Accepted, BusError> {
        let asking = self.accept_question(question);
        asking.instrument(events::span("accept")).await
    }

    async fn receipt(&self, question: &Question) -> Result<Option<Receipt>, BusError> {
        self.receipt_of(question).await
    }

    async fn delete(&self, deletion: &Deletion) -> Result<Deleted, BusError> {
        self.delete_message(deletion).await
    }

    async fn publish(&self, room: &RoomKey, record: &Record) -> Result<(), BusError> {
        self.publish_record(room, record).await
    }

    async fn post(&self, posting: &Posting) -> Result<Posted, BusError> {
        self.post_event(posting).await
    }

    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError> {
        let look = Look {
            room: room.clone(),
            after: after.cloned(),
        };
        self.read_log(&look, limit).await
    }

    async fn read_all(&self, looks: &[Look], limit: usize) -> Vec<Result<Page, BusError>> {
        self.read_logs(looks, limit).await
    }

    async fn history(
        &self,
        room: &RoomKey,
        range: HistoryRange,
        limit: usize,
    ) -> Result<History, BusError> {
        self.read_history(room, range, limit).await
    }

    async fn changed(&self, partition: Partition, since_ms: u64) -> Result<Changes, BusError> {
        let changes = self.read_changes(&[(partition, since_ms)]).await.pop();
        changes.unwrap_or_else(|| Err(nothing("changed")))
    }

    async fn changed_in_all(&self, looks: &[(Partition, u64)]) -> Vec<Result<Changes, BusError>> {
        self.read_changes(looks).await
    }

    fn subscriptions(&self, ear: Arc<dyn Ear>) -> Arc<dyn Subscriptions> {
        Arc::new(Hearing::open(&self.pool.links, ear))
    }

    async fn reply(&self, message_id: &MessageId) -> Result<Option<ReplyStatus>, BusError> {
        self.reply_status(message_id).await
    }

    async fn cancel(&self, room: &RoomKey, reply: &MessageId) -> Result<Cancelled, BusError> {
        self.cancel_reply(room, reply).await
    }

    fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake> {
        hearing::open_wakes(&self.pool.links, buffer)
    }

    async fn waiting(&self) -> Result<Waiting, BusError> {
        self.all_waiting().await
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
        let asking = self.finish_reply(lease, ending);
        asking.instrument(events::span("finish")).await
    }

    async fn take(&self, whom: &str, allowances: &[Allowance]) -> Result<Taken, BusError> {
        self.take_of(whom, allowances).await
    }

    async fn hold_off(&self, whom: &str, time: Duration) -> Result<(), BusError> {
        self.hold_off_for(whom, time).await
    }

    async fn order(&self, order: &Order) -> Result<(), BusError> {
        self.give_order(order).await
    }

    fn orders(&self, buffer: usize) -> mpsc::Receiver<OrderHeard> {
        hearing::open_orders(&self.pool.links, buffer)
    }

    async fn revocations(&self, since_ms: u64) -> Result<Revocations, BusError> {
        self.kept_revocations(since_ms).await
    }

    async fn attend(&self, told: &Attendance, announced: u32) -> Result<Attended, BusError> {
        self.note_attendance(told, announced).await
    }

    async fn attend_all(
        &self,
        told: &[Attendance],
        announced: u32,
    ) -> Vec<Result<Attended, BusError>> {
        self.note_attendances(told, announced).await
    }

    async fn present(
        &self,
        room: &RoomKey,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Present>, BusError> {
        self.present_in(room, after, limit).await
    }

    async fn hosts(&self, look: &HostLook) -> Result<Hosts, BusError> {
        self.hosts_of_one(look).await
    }

    async fn hosts_in_all(&self, looks: &[HostLook]) -> Vec<Result<Hosts, BusError>> {
        self.hosts_seen(looks).await
    }

    async fn sweep_host(
        &self,
        partition: Partition,
        host: RunId,
        announced: u32,
    ) -> Result<bool, BusError> {
        self.sweep_some_of(partition, host, announced).await
    }

    async fn add_key(&self, key: &ApiKey) -> Result<bool, BusError> {
        self.store_key(key).await
    }

    async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, BusError> {
        self.stored_key(id).await
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<StoredKey>, BusError> {
        self.stored_keys(tenant).await
    }

    async fn note_key_used(&self, id: &KeyId, at_ms: u64) -> Result<(), BusError> {
        self.note_use_of_key(id, at_ms).await
    }

    async fn revoke_key(&self, id: &KeyId) -> Result<(), BusError> {
        self.forget_key(id).await
    }

    async fn audit(&self, batch: &AuditBatch) -> Result<(), BusError> {
        self.keep_audit(batch).await
    }

    async fn audited(
        &self,
        tenant: Option<&TenantId>,
        range: &AuditRange,
    ) -> Result<AuditPage, BusError> {
        self.kept_audit(tenant, range).await
    }

    async fn show_node(&self, showing: &Showing) -> Result<Nodes, BusError> {
        self.show_this_node(showing).await
    }

    async fn note(&self, note: &Note) -> Result<bool, BusError> {
        self.keep_note(note).await
    }

    async fn noted(
        &self,
        before: Option<ChroniclePlace>,
        limit: usize,
    ) -> Result<ChroniclePage, BusError> {
        self.kept_notes(before, limit).await
    }
}
