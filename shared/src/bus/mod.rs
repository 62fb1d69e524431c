//! The bus: the seam of storage and messaging between nodes.
//!
//! One trait, two implementations that a program cannot tell apart: Redis for
//! a cluster, memory for one process. One conformance suite runs against both.
//!
//! - [`question`]: accepting what people say
//! - [`posting`]: publishing what servers say
//! - [`deletion`]: deleting what was said
//! - [`log`]: reading a room's log
//! - [`reply`]: making a reply, and who may
//! - [`subscription`]: hearing a room live
//! - [`allowance`]: counting over all nodes together
//! - [`audit`]: what is kept of who did what
//! - [`nodes`]: which nodes there are, how they fare, and what is wrong
//! - [`order`]: what gateways are told to do with connections
//! - [`presence`]: who is in a room
//! - [`memory`]: the bus within one process
//! - [`redis`]: the bus of a cluster
//! - [`connection`]: how a program comes to it
//!
//! # Promises
//! - Each verb is one atomic step. A crash before it leaves nothing, after it
//!   everything.
//! - Each verb may be carried out twice with the same arguments (a client of
//!   Redis sends again when it lost the answer) and does its work once; but for
//!   [`take`](Bus::take), which then counts twice.
//! - The durable events of a room have `seq` 1, 2, 3 … without a hole, within
//!   one epoch; all nodes see them in that order.
//! - A new life begins where the storage may have lost a tail of the log: the
//!   epoch changes, the numbers go on. A position of an older life still holds
//!   if its `seq` is not beyond that life's end (the last four lives are
//!   remembered).
//! - What the log keeps and what subscribers hear are the same bytes, but for
//!   what was [deleted](Bus::delete) since.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tokio::sync::mpsc;

use crate::api_key::{ApiKey, StoredKey};
use crate::clock::Clock;
use crate::ids::{KeyId, MessageId, RunId, TenantId, UserId};
use crate::position::Position;
use crate::record::Record;
use crate::room::{Partition, RoomKey};

pub mod allowance;
pub mod audit;
pub mod chronicle;
pub mod connection;
pub mod deletion;
mod events;
pub mod feed;
pub mod log;
pub mod memory;
pub mod nodes;
pub mod order;
pub mod posting;
pub mod presence;
pub mod question;
pub mod redis;
pub mod reply;
pub mod subscription;

use allowance::{Allowance, Taken};
use audit::{AuditBatch, AuditPage, AuditRange};
use chronicle::{ChroniclePage, ChroniclePlace};
use deletion::{Deleted, Deletion};
use log::{Changes, History, HistoryRange, Look, Page};
use nodes::{Nodes, Note, Showing};
use order::{Order, OrderHeard, Revocations};
use posting::{Posted, Posting};
use presence::{Attendance, Attended, HostLook, Hosts, Present};
use question::{Accepted, Question, Receipt};
use reply::{
    Appended, Beat, Cancelled, Claim, ClaimId, Delta, Ending, Finished, Lease, ReplyStatus,
    RunningLease, Takeover, Waiting, Wake,
};
use subscription::{Ear, Subscriptions};

/// Why a verb failed. Whether it was carried out is then unknown; doing it
/// again is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    /// The storage does not answer, or not in time.
    #[error("the bus does not answer: {0}")]
    Unavailable(String),
    /// What is stored cannot be understood.
    #[error("the bus holds something unreadable: {0}")]
    Unreadable(String),
}

/// What is answered sooner is done. What took longer, or failed, may have been asked twice,
/// and the first copy may still be on its way over a link that was given up: it may come after
/// what is asked next.
pub const PROMPT: Duration = Duration::from_millis(250);

/// How long and how much is kept. The same for all nodes of an installation.
#[derive(Debug, Clone)]
pub struct Retention {
    /// The most durable events of a room's log.
    pub max_events: u64,
    /// The most bytes of these together. The last event is kept however large.
    pub max_bytes: u64,
    /// How long an unchanged room's log, and a finished reply's state, is kept.
    pub max_age: Duration,
    /// The most durable events with which one client is brought up to date;
    /// beyond it [`Page`] says that the position is lost.
    pub max_recover: u64,
    /// The most bytes of the events that are read at once. One is read however large.
    pub page_bytes: u64,
    /// The most turns that a session's context keeps.
    pub max_turns: u64,
    /// The most bytes of these together. The last turn is kept however long.
    pub max_turn_bytes: u64,
    /// How long it is remembered that tokens were revoked.
    pub revocations: Duration,
    /// The most entries of an audit log.
    pub audit_events: u64,
    /// How long such an entry is kept.
    pub audit_age: Duration,
    /// The most entries of the chronicle of the installation.
    pub chronicle_entries: u64,
    /// How long such an entry is kept.
    pub chronicle_age: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_events: 10_000,
            max_bytes: 32 << 20,
            max_age: Duration::from_secs(7 * 24 * 3600),
            max_recover: 1_000,
            page_bytes: 1 << 20,
            max_turns: 100,
            max_turn_bytes: 256 << 10,
            revocations: Duration::from_secs(90 * 24 * 3600),
            audit_events: 100_000,
            audit_age: Duration::from_secs(30 * 24 * 3600),
            chronicle_entries: 20_000,
            chronicle_age: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// One node's view of the bus.
#[async_trait]
pub trait Bus: Send + Sync + Debug {
    /// The bus's clock.
    fn clock(&self) -> &Clock;

    /// Whether many things cost it less together than one by one, so that it pays
    /// to wait for company.
    fn rewards_company(&self) -> bool {
        false
    }

    /// Asks the storage whether it is there; how long the answer took.
    async fn ping(&self) -> Result<Duration, BusError>;

    // What people say.

    /// Stores a person's message and, if the AI shall answer, puts it into its
    /// session's queue.
    ///
    /// The same `(tenant, room, user, client id)` within
    /// [`Question::dedup_window`] gets the first one's receipt, whatever else
    /// the question says, and changes nothing.
    async fn accept(&self, question: &Question) -> Result<Accepted, BusError>;

    /// The receipt that [`accept`](Self::accept) would repeat for this question; `None` where
    /// it would be a new one. Nothing is stored.
    async fn receipt(&self, question: &Question) -> Result<Option<Receipt>, BusError>;

    /// Deletes a message. A [`tombstone`](deletion::tombstone) takes its place in the log,
    /// the event that tells so is appended, and nothing of its text is left in the
    /// session's context. A question that was not answered yet is cancelled.
    async fn delete(&self, deletion: &Deletion) -> Result<Deleted, BusError>;

    /// Publishes a transient record to all who hear `room`. Nothing is kept.
    async fn publish(&self, room: &RoomKey, record: &Record) -> Result<(), BusError>;

    /// Publishes an event of a server's, and appends it to the room's log where it is
    /// durable. The same id in the same room within [`Posting::dedup_window`] gets the
    /// first one's place, whatever else it says, and changes nothing.
    async fn post(&self, posting: &Posting) -> Result<Posted, BusError>;

    // Reading a room's log.

    /// Reads on from `after`, at the most `limit` events and
    /// [`page_bytes`](Retention::page_bytes), with the replies now
    /// being made in the room; in one atomic look, so that live records with a
    /// greater `seq`, or a greater index of a reply, follow it without a hole.
    /// Without `after` it holds no events: only where the log now stands.
    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError>;

    /// Reads on in many rooms, each as [`read`](Self::read) does, at the most
    /// `limit` events of each. The pages are in the order of `looks`. What is of
    /// one partition is read in as few steps as can be.
    async fn read_all(&self, looks: &[Look], limit: usize) -> Vec<Result<Page, BusError>> {
        let reads = looks
            .iter()
            .map(|look| self.read(&look.room, look.after.as_ref(), limit));
        join_all(reads).await
    }

    /// Reads a part of the log for a person who scrolls: at the most `limit` events and
    /// [`page_bytes`](Retention::page_bytes).
    async fn history(
        &self,
        room: &RoomKey,
        range: HistoryRange,
        limit: usize,
    ) -> Result<History, BusError>;

    /// The rooms of `partition` that got a durable event at or after `since_ms`
    /// of the bus's clock, with their heads. It finds the events whose live
    /// record was lost and that no other followed. Changes are remembered for a
    /// minute at least.
    async fn changed(&self, partition: Partition, since_ms: u64) -> Result<Changes, BusError>;

    /// The same of many partitions, of each since a time of its own, in as few steps
    /// as can be. The results are in the order of `looks`; one that does not answer
    /// holds up none of the others for long.
    async fn changed_in_all(&self, looks: &[(Partition, u64)]) -> Vec<Result<Changes, BusError>> {
        let looks = looks
            .iter()
            .map(|(partition, since_ms)| self.changed(*partition, *since_ms));
        join_all(looks).await
    }

    // Hearing rooms live.

    /// Lets `ear` hear live records, of no room to begin with, until the handle
    /// is dropped.
    fn subscriptions(&self, ear: Arc<dyn Ear>) -> Arc<dyn Subscriptions>;

    // Making replies.

    /// What the reply or question `message_id` has come to; `None` where the
    /// bus knows of neither.
    async fn reply(&self, message_id: &MessageId) -> Result<Option<ReplyStatus>, BusError>;

    /// Cancels a reply: one that still waits is finished at once, with its
    /// [`question::Awaited::cancelled`]; one that runs is flagged, and whoever makes it
    /// is woken.
    async fn cancel(&self, room: &RoomKey, reply: &MessageId) -> Result<Cancelled, BusError>;

    /// Opens the stream of hints for brokers: that a question became runnable,
    /// that a reply was cancelled. Hints may be lost; [`waiting`](Self::waiting)
    /// and [`beat`](Self::beat) find what they would have told.
    fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake>;

    /// What waits to be claimed, and where; as far as the partitions answer.
    async fn waiting(&self) -> Result<Waiting, BusError>;

    /// Claims the question of `tenant` that has waited longest in `partition`;
    /// `None` where none waits. A repeat with the same `claim` gets the same
    /// answer as long as the lease is held.
    async fn claim(
        &self,
        partition: Partition,
        tenant: &TenantId,
        claim: &ClaimId,
    ) -> Result<Option<Claim>, BusError>;

    /// All leases now held, by this node or another, with their beats; as far
    /// as the partitions answer.
    async fn leases(&self) -> Result<Vec<RunningLease>, BusError>;

    /// Takes a reply over from a broker that died: only if nobody has beaten
    /// for it or taken it since `seen`. Raises the attempt and empties the
    /// text. A repeat with the same `claim` gets the same answer as long as
    /// the lease is held.
    async fn take_over(&self, seen: &RunningLease, claim: &ClaimId) -> Result<Takeover, BusError>;

    /// Shows that the lease's holder lives. `count` grows by one each time.
    async fn beat(&self, lease: &Lease, count: u64) -> Result<Beat, BusError>;

    /// Publishes transient records of the reply, if the lease still holds.
    async fn announce(&self, lease: &Lease, records: &[Record]) -> Result<Beat, BusError>;

    /// Appends a delta to the reply's text and publishes its record.
    async fn append(&self, lease: &Lease, delta: &Delta) -> Result<Appended, BusError>;

    /// Ends the reply: appends its `message` to the log, publishes the records
    /// around it, keeps the turn for the session's context, and lets the
    /// session's next question go. One that was cancelled ends only as such.
    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<Finished, BusError>;

    // Counting over all nodes together.

    /// Takes one of each of `allowances` of `whom`, or none at all where one is
    /// spent or `whom` is held off. With none it only says whether that is so.
    /// Who asks waits for half a second at the most.
    async fn take(&self, whom: &str, allowances: &[Allowance]) -> Result<Taken, BusError>;

    /// Gives `whom` nothing for so long from now, or for longer where that was
    /// said before.
    async fn hold_off(&self, whom: &str, time: Duration) -> Result<(), BusError>;

    // Orders to gateways.

    /// Tells all gateways what to do with their connections, or asks about them, and
    /// remembers it where it is a revocation or a status. Of two of one user the later one
    /// holds.
    async fn order(&self, order: &Order) -> Result<(), BusError>;

    /// Whether any node but this one may hear orders: where none does, none can answer what
    /// they ask.
    fn may_others_hear(&self) -> bool {
        true
    }

    /// Opens the stream of orders. Those that do not fit into `buffer` are told as a gap.
    fn orders(&self, buffer: usize) -> mpsc::Receiver<OrderHeard>;

    /// The revocations of `since_ms` or later, as far as the partitions answer.
    async fn revocations(&self, since_ms: u64) -> Result<Revocations, BusError>;

    // Who is in a room.

    /// Notes how many connections a user has in a room with a gateway. Those in the room are
    /// told who comes, goes, or says to be something else, as long as there are no more than
    /// `announced` users.
    async fn attend(&self, told: &Attendance, announced: u32) -> Result<Attended, BusError>;

    /// The same of many users and rooms, in as few steps as can be. The results are in the
    /// order of `told`.
    async fn attend_all(
        &self,
        told: &[Attendance],
        announced: u32,
    ) -> Vec<Result<Attended, BusError>> {
        join_all(told.iter().map(|one| self.attend(one, announced))).await
    }

    /// Who is in `room`, in the order of their ids: the first `limit` of those whose id comes
    /// after `after`.
    async fn present(
        &self,
        room: &RoomKey,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Present>, BusError>;

    /// Shows that a gateway's host lives, and looks at those of all.
    async fn hosts(&self, look: &HostLook) -> Result<Hosts, BusError>;

    /// The same in many partitions, in as few steps as can be. The results are in the order of
    /// `looks`; one that does not answer holds up none of the others for long.
    async fn hosts_in_all(&self, looks: &[HostLook]) -> Vec<Result<Hosts, BusError>> {
        join_all(looks.iter().map(|look| self.hosts(look))).await
    }

    /// Takes a host for dead, and back some of what was told under it: whether there is
    /// more.
    async fn sweep_host(
        &self,
        partition: Partition,
        host: RunId,
        announced: u32,
    ) -> Result<bool, BusError>;

    // API keys.

    /// Keeps a new API key until it is revoked. False where another has its id:
    /// then nothing changes.
    async fn add_key(&self, key: &ApiKey) -> Result<bool, BusError>;

    /// The API key of that id, where it is kept.
    async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, BusError>;

    /// All API keys of `tenant`, in the order of their ids. One that cannot be read is
    /// passed over.
    async fn keys(&self, tenant: &TenantId) -> Result<Vec<StoredKey>, BusError>;

    /// Notes that an API key was used at `at_ms` of the bus's clock, if it is still
    /// kept and was not used later.
    async fn note_key_used(&self, id: &KeyId, at_ms: u64) -> Result<(), BusError>;

    /// Forgets an API key.
    async fn revoke_key(&self, id: &KeyId) -> Result<(), BusError>;

    // Who did what.

    /// Keeps entries of an audit log. A batch is one step, however many they are: a
    /// few hundred at the most.
    async fn audit(&self, batch: &AuditBatch) -> Result<(), BusError>;

    /// Reads the audit log of `tenant`, or that of no tenant.
    async fn audited(
        &self,
        tenant: Option<&TenantId>,
        range: &AuditRange,
    ) -> Result<AuditPage, BusError>;

    // How the nodes fare.

    /// Shows how this node fares, or that it is about to end, and looks at all nodes. Of
    /// those that may watch one does, as long as it shows itself.
    async fn show_node(&self, showing: &Showing) -> Result<Nodes, BusError>;

    /// Keeps an entry of the chronicle, unless it is to raise or clear an alert and that was
    /// done before: whether it is kept.
    async fn note(&self, note: &Note) -> Result<bool, BusError>;

    /// Reads the chronicle, from the newest entry on or from the one before `before`; at the
    /// most `limit` entries.
    async fn noted(
        &self,
        before: Option<ChroniclePlace>,
        limit: usize,
    ) -> Result<ChroniclePage, BusError>;
}
