//! The `data` of the events that Causerie makes itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::ids::{MessageId, SessionId, UserId};
use crate::room::Room;

/// The user id under which the AI's typing is shown.
pub const ASSISTANT: &str = "assistant";

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person.
    User,
    /// The AI.
    Assistant,
}

/// What a user says to be.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There: what one is who has said nothing.
    #[default]
    Online,
    /// Not at the device.
    Away,
    /// Not to be disturbed.
    Busy,
}

impl Status {
    const ALL: [Self; 3] = [Self::Online, Self::Away, Self::Busy];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Away => "away",
            Self::Busy => "busy",
        }
    }

    /// The status of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// `user_joined`: somebody is in the room who was not.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct UserJoined {
    /// Who.
    pub user_id: UserId,
    /// The name to show, where their token has one.
    pub name: Option<String>,
    /// What they say to be.
    pub status: Status,
}

/// `user_left`: somebody is in the room no more, on no device.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct UserLeft {
    /// Who.
    pub user_id: UserId,
}

/// `user_status_changed`: somebody in the room says to be something else.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct UserStatusChanged {
    /// Who.
    pub user_id: UserId,
    /// What they say to be now.
    pub status: Status,
}

/// `new_message`: a person said something.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct NewMessage {
    /// The message.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub session_id: SessionId,
    /// Who said it.
    pub user_id: UserId,
    /// Always [`Role::User`].
    pub role: Role,
    /// What they said.
    pub content: String,
    /// The client's own notes.
    #[ts(type = "Record<string, unknown>")]
    pub metadata: Map<String, Value>,
}

/// `ai_processing_start`: a reply is being made.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct AiProcessingStart {
    /// The reply.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub session_id: SessionId,
    /// The question.
    pub in_reply_to: MessageId,
    /// 1, and one more after each takeover.
    pub attempt: u32,
}

/// `ai_processing_end`: a reply has been made, or has failed.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct AiProcessingEnd {
    /// The reply.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub session_id: SessionId,
    /// The question.
    pub in_reply_to: MessageId,
    /// The attempt that ended it.
    pub attempt: u32,
}

/// `ai_processing_error`: why the `message` that follows ends in `error`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, TS)]
pub struct AiProcessingError {
    /// The reply.
    pub message_id: MessageId,
    /// `ai_unavailable` or `ai_timeout`, or `internal`.
    pub code: crate::protocol::error::ErrorCode,
    /// Whether asking again may help.
    #[serde(rename = "canRetry")]
    pub can_retry: bool,
}

/// `message_read`: somebody has read what was said.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct MessageRead {
    /// Who.
    pub user_id: UserId,
    /// The last event that they have read, as they say.
    pub seq: u64,
}

/// `message_deleted`: somebody has deleted a message. What stands in the log in the
/// place of that message has neither.
#[derive(Debug, Clone, Default, Serialize, JsonSchema, TS)]
pub struct MessageDeleted {
    /// The message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub message_id: Option<MessageId>,
    /// Who has deleted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub user_id: Option<UserId>,
}

/// What became of a message that holds words of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Filtered {
    /// It was stored as it is.
    Flagged,
    /// It was stored with `*` in place of the words' letters.
    Masked,
    /// It was not stored.
    Rejected,
}

impl Filtered {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Flagged, Self::Masked, Self::Rejected];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flagged => "flagged",
            Self::Masked => "masked",
            Self::Rejected => "rejected",
        }
    }
}

/// Of what a [`WarningIssued`] warns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum WarningReason {
    /// A message holds words of a list.
    WordList,
}

/// `warning_issued`, where Causerie issues it: a message holds words of a list. The words
/// are not told.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct WarningIssued {
    /// Always [`WarningReason::WordList`].
    pub reason: WarningReason,
    /// What became of the message.
    pub result: Filtered,
    /// How many words of lists for that are in it.
    pub words: u64,
    /// Who wrote it.
    pub user_id: UserId,
    /// Where it was said, or would have been.
    pub room: Room,
    /// The message, where it was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub message_id: Option<MessageId>,
    /// One sentence for a person.
    pub content: &'static str,
}

/// `typing_indicator`: somebody is typing, or has stopped.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct TypingIndicator {
    /// A user's id, or [`ASSISTANT`].
    pub user_id: String,
    /// Whether they are.
    pub is_typing: bool,
}

/// `message_delta`: the next piece of a reply.
///
/// `text` stays the last member: a gateway joins the encoded texts into a
/// snapshot without parsing them.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct MessageDelta<'a> {
    /// The reply.
    pub message_id: &'a MessageId,
    /// The conversation it belongs to.
    pub session_id: &'a SessionId,
    /// The attempt it is of.
    pub attempt: u32,
    /// 0, 1, 2 … within the attempt.
    pub index: i64,
    /// What follows the texts before it.
    pub text: &'a str,
}

/// `message_snapshot`: replaces whatever a client holds of the reply.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct MessageSnapshot<'a> {
    /// The reply.
    pub message_id: &'a MessageId,
    /// The conversation it belongs to.
    pub session_id: &'a SessionId,
    /// The question.
    pub in_reply_to: &'a MessageId,
    /// The attempt it is of.
    pub attempt: u32,
    /// The index of the last delta in it; −1 before the first.
    pub index: i64,
    /// All up to and including `index`.
    pub text: &'a str,
}

/// `message_restart`: the text of a reply is empty again, after a takeover.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
pub struct MessageRestart {
    /// The reply.
    pub message_id: MessageId,
    /// The attempt that begins.
    pub attempt: u32,
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model had no more to say.
    Stop,
    /// The model met its limit of tokens.
    Length,
    /// Somebody cancelled it.
    Cancelled,
    /// It failed.
    Error,
}

/// `message`: a reply, whole. It ends its reply in every respect.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, TS)]
pub struct Reply {
    /// The reply.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub session_id: SessionId,
    /// The question.
    pub in_reply_to: MessageId,
    /// Always [`Role::Assistant`].
    pub role: Role,
    /// The whole text, as far as it came.
    pub content: String,
    /// What the reply was drawn from.
    #[ts(type = "unknown[]")]
    pub sources: Vec<Value>,
    /// How it ended.
    pub finish_reason: FinishReason,
    /// How it was made.
    pub metadata: ReplyMetadata,
}

/// How a reply was made. Times are in milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct ReplyMetadata {
    /// From the claim of the question to the end of the reply.
    pub response_time: u64,
    /// The model that answered, where one did.
    pub model_used: Option<String>,
    /// Tokens of the reply, where the backend told.
    pub token_count: Option<u64>,
    /// Tokens of the question and its context, where the backend told.
    pub prompt_tokens: Option<u64>,
    /// From the claim of the question to the reply's first text.
    pub time_to_first_token: Option<u64>,
    /// The attempt that ended it; 0 where none was begun.
    pub attempt: u32,
}
