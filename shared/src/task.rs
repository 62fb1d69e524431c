//! What a gateway stores with a question for the broker that answers it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::protocol::action::ConversationContext;

/// What a broker needs beyond what the bus itself knows of a question: the
/// [`task`](crate::bus::question::Awaited::task) of a wanted reply.
///
/// Encoded as JSON. Fields that a broker does not know are passed over, and
/// those that it misses are empty, so that two versions run side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What the person said.
    pub user_input: String,
    /// What was said before, as the client remembers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_context: Option<ConversationContext>,
    /// The W3C trace context that the client sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// Why a task could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the question's task cannot be read: {0}")]
pub struct UnreadableTask(#[from] serde_json::Error);

impl Task {
    /// The task as it is stored.
    pub fn encode(&self) -> Bytes {
        // All keys are strings and all fields serialise: what is left to fail
        // is running out of memory, which aborts.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Reads a task as it is stored.
    ///
    /// # Errors
    /// [`UnreadableTask`] where it is damaged, or of a version to come.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableTask> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_it_is_written_whatever_else_stands_there() {
        let task = Task {
            user_input: "hello".into(),
            client_context: None,
            traceparent: None,
        };
        assert_eq!(Task::decode(&task.encode()).unwrap(), task);
        let later = br#"{"user_input":"hello","mood":"calm"}"#;
        assert_eq!(Task::decode(later).unwrap(), task);
        assert!(Task::decode(b"{}").is_err());
    }
}
