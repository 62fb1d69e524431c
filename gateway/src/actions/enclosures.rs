//! What goes along with a message.

use causerie_shared::protocol::action::ConversationContext;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use serde_json::{Map, Value};

/// How much may go along with a message, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enclosures {
    /// Of its `metadata`, as JSON: all who hear it get that.
    pub metadata_bytes: usize,
    /// Of what is kept of its `conversation_context` until it is answered.
    pub context_bytes: usize,
}

impl Enclosures {
    /// Checks the size of a message's `metadata`.
    ///
    /// # Errors
    /// `message_too_large`, saying what is allowed.
    pub(super) fn check_metadata(self, metadata: &Map<String, Value>) -> Result<(), ProtocolError> {
        let limit = self.metadata_bytes;
        if metadata.is_empty() || size_of(metadata) <= limit {
            return Ok(());
        }
        let content = format!("`metadata` is over {limit} bytes of JSON: send less along.");
        Err(ProtocolError::new(ErrorCode::MessageTooLarge, content)
            .with_limit(Scope::Connection, limit as u64))
    }

    /// Lets go of the oldest messages, of which the model would be told last.
    pub(super) fn shorten(self, context: &mut ConversationContext) {
        let mut left = self.context_bytes;
        let newest_first = context.messages.iter().rev();
        let kept = newest_first.take_while(|turn| {
            let rest = left.checked_sub(turn.content.len());
            left = rest.unwrap_or_default();
            rest.is_some()
        });
        let over = context.messages.len() - kept.count();
        context.messages.drain(..over);
    }
}

fn size_of(metadata: &Map<String, Value>) -> usize {
    // What was read as JSON can be written as such.
    serde_json::to_vec(metadata).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FEW: Enclosures = Enclosures {
        metadata_bytes: 10,
        context_bytes: 10,
    };

    #[test]
    fn metadata_has_a_limit_as_json() {
        let check = |metadata: Value| FEW.check_metadata(metadata.as_object().unwrap());
        check(json!({})).unwrap();
        check(json!({"a": "xx"})).unwrap();
        let error = check(json!({"a": "xxx"})).unwrap_err();
        assert_eq!(error.code, ErrorCode::MessageTooLarge);
        assert_eq!(
            (error.limit, error.scope),
            (Some(10), Some(Scope::Connection))
        );
    }

    #[test]
    fn of_what_was_said_before_the_newest_is_kept() {
        for (said, kept) in [
            (&["aaaa", "bbbb", "cc"][..], &["aaaa", "bbbb", "cc"][..]),
            (&["aaaa", "bbbb", "ccc"], &["bbbb", "ccc"]),
            // Without a gap.
            (&["a", "bbbbbbbbbbb", "c"], &["c"]),
            (&["a", "bbbbbbbbbbb"], &[]),
        ] {
            let turns = said
                .iter()
                .map(|content| json!({"role": "user", "content": content}));
            let context = json!({"messages": turns.collect::<Vec<_>>()});
            let mut context: ConversationContext = serde_json::from_value(context).unwrap();
            FEW.shorten(&mut context);
            let left: Vec<_> = context.messages.iter().map(|turn| &*turn.content).collect();
            assert_eq!(left, kept);
        }
    }
}
