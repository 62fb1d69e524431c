//! What is found in one message.

use std::mem;

use causerie_shared::filter::mask;
use causerie_shared::protocol::action::{ConversationContext, SendMessage};
use causerie_shared::protocol::data::Filtered;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::room::Room;
use serde_json::{Map, Value};

use super::OfTenant;

/// What was found in a message, if anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    /// Who is told of it.
    pub(super) report_to: Option<Room>,
    counts: Counts,
    /// What the sender is told, where the message is refused.
    pub(crate) refusal: Option<ProtocolError>,
}

/// How many words of each list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    flagged: u64,
    masked: u64,
    rejected: u64,
}

impl OfTenant {
    /// Looks at what somebody says, and what goes along with it in `metadata`. What is to
    /// be hidden is.
    pub(crate) fn review(&self, message: &mut SendMessage) -> Option<Review> {
        let mut counts = Counts::default();
        self.hide(&mut message.user_input, &mut counts);
        let mut refusal = (counts.rejected > 0).then(refused_input);
        self.hide_in_members(&mut message.metadata, &mut counts);
        if counts.rejected > 0 {
            refusal = refusal.or_else(|| Some(refused_metadata()));
        }
        (counts != Counts::default()).then(|| Review {
            report_to: self.report_to.clone(),
            counts,
            refusal,
        })
    }

    /// Hides in earlier turns what people may not write: to refuse a message for what was
    /// said before, perhaps by the AI, would leave a conversation at a dead end.
    pub(crate) fn hide_in_context(&self, context: &mut ConversationContext) {
        for turn in &mut context.messages {
            let mut found = self.look(&turn.content);
            found.masked.append(&mut found.rejected);
            if !found.masked.is_empty() {
                turn.content = mask(&turn.content, found.masked);
            }
        }
    }

    /// Leaves ids as they are: by chance there are words in them, and clients know their
    /// messages by them.
    fn hide_unless_id(&self, text: &mut String, counts: &mut Counts) {
        if !is_id(text) {
            self.hide(text, counts);
        }
    }

    fn hide(&self, text: &mut String, counts: &mut Counts) {
        let found = self.look(text);
        counts.flagged += found.flagged.len() as u64;
        counts.masked += found.masked.len() as u64;
        counts.rejected += found.rejected.len() as u64;
        if !found.masked.is_empty() {
            *text = mask(text, found.masked);
        }
    }

    /// As deep as a frame may be nested. Of two names that become the same the later stays.
    fn hide_in_members(&self, members: &mut Map<String, Value>, counts: &mut Counts) {
        let all = mem::take(members).into_iter();
        members.extend(all.map(|(mut name, mut value)| {
            self.hide_unless_id(&mut name, counts);
            self.hide_in_value(&mut value, counts);
            (name, value)
        }));
    }

    fn hide_in_value(&self, value: &mut Value, counts: &mut Counts) {
        match value {
            Value::String(text) => self.hide_unless_id(text, counts),
            Value::Array(values) => {
                for value in values {
                    self.hide_in_value(value, counts);
                }
            }
            Value::Object(members) => self.hide_in_members(members, counts),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl Review {
    /// What became of the message, and for how many words. One that is refused is neither
    /// shown to anybody nor hidden.
    pub(super) fn results(&self) -> Vec<(Filtered, u64)> {
        let Counts {
            flagged,
            masked,
            rejected,
        } = self.counts;
        let mut results = if rejected > 0 {
            vec![(Filtered::Rejected, rejected)]
        } else {
            vec![(Filtered::Flagged, flagged), (Filtered::Masked, masked)]
        };
        results.retain(|(_, words)| *words > 0);
        results
    }
}

/// Whether it looks as ids, numbers, versions and times do.
fn is_id(text: &str) -> bool {
    let is_of_ids = |byte: u8| byte.is_ascii_alphanumeric() || b"._~:+-".contains(&byte);
    text.bytes().all(is_of_ids) && text.bytes().any(|byte| byte.is_ascii_digit())
}

fn refused_input() -> ProtocolError {
    invalid("Your message holds a word that is not allowed here: say it in other words.")
}

fn refused_metadata() -> ProtocolError {
    invalid("`metadata` holds a word that is not allowed here: leave it out.")
}

fn invalid(content: &str) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidMessage, content)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causerie_shared::filter::{Filter, List, Word};
    use serde_json::json;

    use super::*;

    fn lists() -> OfTenant {
        let words = [
            (List::Flag, "odd"),
            (List::Mask, "bad"),
            (List::Reject, "evil"),
        ];
        let words = words.map(|(list, word)| (list, Word::new(word).unwrap()));
        OfTenant {
            filters: Filter::new(words.to_vec())
                .map(Arc::new)
                .into_iter()
                .collect(),
            report_to: None,
        }
    }

    fn message(fields: Value) -> SendMessage {
        SendMessage::read(fields.as_object().unwrap().clone()).unwrap()
    }

    fn results(review: Option<Review>) -> Vec<(Filtered, u64)> {
        review.map(|review| review.results()).unwrap_or_default()
    }

    #[test]
    fn what_goes_along_is_looked_at_as_what_is_said() {
        let metadata = json!({
            "bad": 1,
            "list": ["a bad thing", {"odd": {"deep": ["BAD"]}}, null, true],
            "timestamp": 7,
            "id": "7c1f-bad-evil",
        });
        let mut said = message(json!({"user_input": "so bad, so odd", "metadata": metadata}));
        let review = lists().review(&mut said);
        assert_eq!(review.as_ref().unwrap().refusal, None);
        let expected = [(Filtered::Flagged, 2), (Filtered::Masked, 4)];
        assert_eq!(results(review), expected);
        assert_eq!(said.user_input, "so ***, so odd");
        let expected = json!({
            "***": 1,
            "list": ["a *** thing", {"odd": {"deep": ["***"]}}, null, true],
            "timestamp": 7,
            "id": "7c1f-bad-evil",
        });
        assert_eq!(Value::Object(said.metadata), expected);
    }

    #[test]
    fn a_refusal_says_which_field_and_not_which_word() {
        for (fields, field) in [
            (json!({"user_input": "evil"}), "Your message"),
            (
                json!({"user_input": "evil", "metadata": {"evil": 1}}),
                "Your message",
            ),
            (
                json!({"user_input": "odd", "metadata": {"evil": 1}}),
                "`metadata`",
            ),
            (
                json!({"user_input": "bad", "metadata": {"a": ["evil"]}}),
                "`metadata`",
            ),
        ] {
            let review = lists().review(&mut message(fields.clone()));
            let error = review.clone().and_then(|review| review.refusal).unwrap();
            assert!(error.content.starts_with(field), "{fields} {error}");
            assert!(!error.content.contains("evil") && !error.can_retry);
            assert_eq!(results(review)[0].0, Filtered::Rejected);
        }
    }

    #[test]
    fn nothing_comes_of_a_message_without_such_words() {
        let fields = json!({"user_input": "all is well", "metadata": {"oddly": "badly"}});
        let mut said = message(fields.clone());
        assert_eq!(lists().review(&mut said), None);
        assert_eq!(said, message(fields));
    }

    #[test]
    fn in_earlier_turns_all_that_may_not_be_written_is_hidden() {
        let context = json!({"messages": [
            {"role": "user", "content": "bad and odd"},
            {"role": "assistant", "content": "evil, bad evil"},
        ]});
        let mut context: ConversationContext = serde_json::from_value(context).unwrap();
        lists().hide_in_context(&mut context);
        let contents: Vec<_> = context.messages.iter().map(|turn| &turn.content).collect();
        assert_eq!(contents, ["*** and odd", "****, *** ****"]);
    }
}
