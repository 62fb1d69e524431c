//! What a session's context keeps of a question and its reply.

use bytes::Bytes;
use causerie_shared::ids::MessageId;
use serde::{Deserialize, Serialize};

/// A question and its reply. The bus keeps it as it is, encoded as JSON; the
/// ids are there so that a deleted message can be found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PastTurn {
    pub(crate) question_id: MessageId,
    pub(crate) question: String,
    pub(crate) reply_id: MessageId,
    pub(crate) reply: String,
}

impl PastTurn {
    pub(crate) fn encode(&self) -> Bytes {
        // Strings always serialise.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Reads a turn; `None` where it is damaged, or of a version to come. A
    /// reply with less context is better than none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
