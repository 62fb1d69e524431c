//! What a checker counts. The report explains each to people who read it.

/// What is counted: nothing but what stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(&'static str);

impl Count {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

pub(super) const CALLS: Count = Count("calls of the AI");
pub(super) const CANCELLED: Count = Count("replies cancelled");
pub(super) const CONNECTIONS: Count = Count("connections");
pub(super) const DURABLE_SEEN: Count = Count("durable events seen");
pub(super) const ERRORS: Count = Count("errors answered");
pub(super) const FAILED_FOR_A_FAULT: Count = Count("replies that failed for a fault");
pub(super) const FAULTS: Count = Count("faults");
pub(super) const LOST: Count = Count("messages lost with the storage");
pub(super) const LOST_UNPLANNED: Count = Count("messages lost in fail-overs that nobody planned");
pub(super) const MESSAGES_ACKED: Count = Count("messages acknowledged");
pub(super) const MESSAGES_REFUSED: Count = Count("messages refused");
pub(super) const NOT_LET_IN: Count = Count("handshakes that failed");
pub(super) const PEOPLE: Count = Count("people");
pub(super) const PIECES_SEEN: Count = Count("pieces of replies seen");
pub(super) const QUESTIONS: Count = Count("questions");
pub(super) const QUESTIONS_ANSWERED: Count = Count("questions answered");
pub(super) const SNAPSHOTS_SEEN: Count = Count("snapshots seen");
pub(super) const TOLD_OF_A_LOSS: Count = Count("times told that something is lost");
pub(super) const TO_BE_CANCELLED: Count = Count("replies to be cancelled");
pub(super) const UNPLANNED: Count = Count("fail-overs that nobody planned");

/// Replies that came to people piece by piece to their end.
pub const SEEN_TO_LAST_WORD: Count = Count("replies seen to their last word");

/// How often people were told that a reply begins anew.
pub const RESTARTS_SEEN: Count = Count("restarts seen");

/// Replies whose last pieces came to people only with the whole.
pub const LAST_WORDS_WITH_END: Count = Count("replies whose last words came with their end");
