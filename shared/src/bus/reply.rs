//! Making a reply, and who may.
//!
//! A reply belongs to the broker that holds its lease, which is no more than
//! the reply's id, an attempt and the claim that began it: whoever takes it
//! over raises the attempt, and every verb with an older one is refused
//! (fenced). Should the storage lose claims, and the same attempt begin once
//! more, the claims differ. That a holder lives is shown by a counter that it
//! raises; no clock decides.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;

use super::log::RunningReply;
use crate::ids::{MessageId, SessionId, TenantId, UserId};
use crate::record::{Record, Unplaced};
use crate::room::{Partition, RoomKey};

/// A broker's right to make one reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The room that the reply is for.
    pub room: RoomKey,
    /// The reply.
    pub message_id: MessageId,
    /// 1, and higher after each takeover: by one, or by two where the storage
    /// may have lost an attempt since.
    pub attempt: u32,
    /// What began the attempt.
    pub claim: ClaimId,
}

/// Names one try to claim, so that it can be repeated: unique for ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimId(String);

impl ClaimId {
    /// A new name.
    pub fn generate() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClaimId {
    type Err = NoClaimId;

    fn from_str(text: &str) -> Result<Self, NoClaimId> {
        let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| Self(text.to_owned())).ok_or(NoClaimId)
    }
}

/// A text names no try to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a claim is named by letters and digits")]
pub struct NoClaimId;

/// A question that is now this broker's to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The right to answer it.
    pub lease: Lease,
    /// How often an answer was begun, this time included, as far as the storage
    /// knows. The attempt's number may be higher.
    pub begun: u32,
    /// The question.
    pub in_reply_to: MessageId,
    /// Its session.
    pub session: SessionId,
    /// Who asked.
    pub user: UserId,
    /// What the question said for brokers.
    pub task: Bytes,
    /// The session's earlier turns, oldest first; as their replies' endings
    /// left them.
    pub turns: Vec<Bytes>,
    /// Whether no broker has finished a reply of the session before.
    pub is_first: bool,
    /// Whether somebody has cancelled it meanwhile.
    pub cancelled: bool,
    /// How long it waited, in milliseconds.
    pub waited_ms: u64,
    /// Whether more questions of the tenant wait in the partition.
    pub more_wait: bool,
}

/// A lease as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningLease {
    /// The lease.
    pub lease: Lease,
    /// Its holder's counter.
    pub beats: u64,
}

/// What became of a takeover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takeover {
    /// The reply is this broker's now, with the next attempt.
    Taken(Box<Claim>),
    /// Somebody lives who makes it, or it has ended.
    Refused,
}

/// What waits for brokers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Where questions wait that could be claimed now: the tenants, and the
    /// partitions in which theirs wait.
    pub places: BTreeMap<TenantId, Vec<Partition>>,
    /// How many replies have not begun, those included that wait for their
    /// session's earlier ones.
    pub replies: u64,
    /// How long ago the oldest was accepted of the questions that are next in their
    /// tenants' lines. Where very many tenants wait, of some of them.
    pub oldest: Duration,
}

/// Whether a lease still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// It does.
    Held {
        /// Somebody has cancelled the reply: finish it.
        cancelled: bool,
    },
    /// It does not: the reply is another's, or has ended, or was lost.
    Fenced,
}

/// The next piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// 0, 1, 2 … within the attempt.
    pub index: u64,
    /// What follows the texts before it.
    pub text: String,
    /// The `message_delta` of it.
    pub record: Record,
}

/// What became of a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is part of the text now, or was before.
    Done {
        /// Somebody has cancelled the reply: finish it.
        cancelled: bool,
    },
    /// Deltas before it are missing, since the bus lost them: send again from
    /// this index.
    Behind {
        /// The index that the bus waits for.
        next: u64,
    },
    /// The lease does not hold.
    Fenced,
}

/// How a reply ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Transient records that are published before the `message`.
    pub before: Vec<Record>,
    /// The `message`.
    pub message: Unplaced,
    /// Whether that says that the reply was cancelled.
    pub says_cancelled: bool,
    /// Transient records that are published behind it.
    pub after: Vec<Record>,
    /// What the session's context keeps of question and reply, if anything. It holds the
    /// ids of both in quotes, by which it is found when one of them is deleted; a text in
    /// it must not.
    pub turn: Option<Bytes>,
    /// Why the question goes to the dead letters, if it does.
    pub dead_letter: Option<String>,
}

/// What became of an ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// The reply has ended with it, now or before.
    Done,
    /// Somebody has cancelled the reply, and was promised that it ends as such:
    /// nothing was appended.
    Cancelled,
    /// The lease does not hold: nothing was appended.
    Fenced,
}

/// What became of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The reply waited, and has ended now, or with an earlier cancellation.
    Finished,
    /// The reply runs; its broker ends it.
    Flagged,
    /// The reply had ended before, or there is none.
    NotRunning,
}

/// What a reply has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyStatus {
    /// The room that the reply is for.
    pub room: RoomKey,
    /// The reply as far as it is made; of one that waits, attempt 0. Of one that
    /// has ended only the attempt is left: `message` holds its text.
    pub reply: RunningReply,
    /// Where it stands.
    pub state: ReplyState,
}

/// Where a reply stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyState {
    /// It waits for a broker, or for the session's earlier questions.
    Queued,
    /// It is being made.
    Running,
    /// It has ended. `message` is its record, while the log holds it.
    Done {
        /// The final record.
        message: Option<Record>,
    },
}

/// A hint for brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// A question of `tenant` became runnable in `partition`.
    Runnable {
        /// Where.
        partition: Partition,
        /// Whose.
        tenant: TenantId,
    },
    /// A running reply was cancelled.
    Cancelled(MessageId),
}
