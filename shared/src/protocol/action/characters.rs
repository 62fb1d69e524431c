//! What a message may be made of.

use serde_json::Value;

use super::{ProtocolError, SendMessage, invalid};
use crate::protocol::text::is_control;

/// Refuses control characters in whatever of a message is handed on.
pub(super) fn check(message: &SendMessage) -> Result<(), ProtocolError> {
    check_text("user_input", &message.user_input)?;
    if let Some(context) = &message.conversation_context {
        for (at, turn) in context.messages.iter().enumerate() {
            check_text(
                &format!("conversation_context.messages[{at}].content"),
                &turn.content,
            )?;
        }
    }
    for (name, value) in &message.metadata {
        check_text("metadata", name)?;
        check_value(value)?;
    }
    Ok(())
}

/// As deep as a frame may be nested.
fn check_value(value: &Value) -> Result<(), ProtocolError> {
    match value {
        Value::String(text) => check_text("metadata", text),
        Value::Array(values) => values.iter().try_for_each(check_value),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            check_text("metadata", name)?;
            check_value(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Refuses control characters in the text of `field`.
///
/// # Errors
/// `invalid_message`, naming the field and the character.
pub(super) fn check_text(field: &str, text: &str) -> Result<(), ProtocolError> {
    match text.chars().find(|character| is_control(*character)) {
        None => Ok(()),
        Some(character) => Err(invalid(format!(
            "`{field}` holds the control character U+{:04X}: of these only tabs and line ends are allowed.",
            u32::from(character)
        ))),
    }
}
