//! What clients send.

mod characters;
mod field_error;

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use super::data::Status;
use super::depth::is_deeper_than;
use super::error::{ErrorCode, ProtocolError};
use super::{MAX_CLIENT_ID_CHARS, MAX_SEQ, MAX_USER_INPUT};
use crate::ids::{MessageId, ProjectId, SessionId, TenantHash};
use crate::position::{Epoch, Position};
use crate::room::{Room, RoomName};

/// A client's own id of a frame: 1–64 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct ClientId(#[schemars(length(min = 1, max = 64))] String);

impl ClientId {
    /// Checks `text` and makes an id of it.
    ///
    /// # Errors
    /// `invalid_message`, saying what is allowed.
    pub fn new(text: impl Into<String>) -> Result<Self, ProtocolError> {
        let text = text.into();
        characters::check_text("id", &text)?;
        if (1..=MAX_CLIENT_ID_CHARS).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(invalid("`id` must be a string of 1–64 characters."))
        }
    }

    /// An id for a frame that came without one.
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().simple().to_string())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One frame of a client, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientFrame {
    /// What its answer carries; none was given where it is `None`.
    pub id: Option<ClientId>,
    /// The W3C trace context that the client sent in `traceparent`.
    pub traceparent: Option<String>,
    /// What the client wants.
    pub action: Action,
}

/// A frame that could not be understood, with its `id` where that could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// What the error answers.
    pub id: Option<ClientId>,
    /// Why.
    pub error: ProtocolError,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `sendMessage`, `chat_message`.
    SendMessage(Box<SendMessage>),
    /// `typing`.
    Typing(Typing),
    /// `cancel`.
    Cancel(Cancel),
    /// `subscribe`, `join`.
    Subscribe(Subscribe),
    /// `unsubscribe`, `leave`.
    Unsubscribe(Unsubscribe),
    /// `read`.
    Read(Read),
    /// `delete`.
    Delete(Delete),
    /// `status`.
    Status(SetStatus),
    /// `authenticate`.
    Authenticate(Authenticate),
    /// `ping`, with what its `pong` sends back.
    Ping(Option<Value>),
}

/// A person's message: a question to the AI, unless `ai` is false.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema, TS)]
#[ts(optional_fields)]
pub struct SendMessage {
    /// The text: 1 byte to 32 KiB of UTF-8.
    #[schemars(length(min = 1))]
    pub user_input: String,
    /// The conversation that it belongs to; a new one where there is none.
    pub session_id: Option<SessionId>,
    /// Where it is said; `user:me` where neither this nor `project_id` is given.
    pub room: Option<RoomName>,
    /// Short for the room `project:{id}`.
    pub project_id: Option<ProjectId>,
    /// Whether the AI shall answer.
    #[serde(default = "yes")]
    #[schemars(with = "Option<bool>")]
    #[ts(as = "Option<bool>")]
    pub ai: bool,
    /// What to do while the session's earlier question is being answered.
    #[serde(default)]
    #[schemars(with = "Option<IfBusy>")]
    #[ts(as = "Option<IfBusy>")]
    pub if_busy: IfBusy,
    /// What was said before, as the client remembers it.
    pub conversation_context: Option<ConversationContext>,
    /// The client's own notes; handed on in `new_message`.
    #[serde(default)]
    #[schemars(with = "Option<Map<String, Value>>")]
    #[ts(optional, type = "Record<string, unknown>")]
    pub metadata: Map<String, Value>,
    /// Must be the tenant's of the connection.
    pub tenant_hash: Option<TenantHash>,
}

fn yes() -> bool {
    true
}

/// What to do with a question whose session is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum IfBusy {
    /// Answer it after the others.
    #[default]
    Queue,
    /// Refuse it with `conflict`, and store nothing.
    Reject,
    /// Cancel the session's running and queued replies first.
    Interrupt,
}

/// Earlier turns of a conversation, as a client remembers them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[ts(optional_fields)]
pub struct ConversationContext {
    /// The turns, oldest first.
    #[serde(default, deserialize_with = "or_empty")]
    #[schemars(with = "Option<Vec<ContextMessage>>")]
    #[ts(as = "Option<Vec<ContextMessage>>")]
    pub messages: Vec<ContextMessage>,
    /// The client's count of turns; not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
}

/// `null` is as good as none.
fn or_empty<'de, D: Deserializer<'de>>(of: D) -> Result<Vec<ContextMessage>, D::Error> {
    let messages: Option<Vec<ContextMessage>> = Deserialize::deserialize(of)?;
    Ok(messages.unwrap_or_default())
}

/// One earlier turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ContextMessage {
    /// Who spoke.
    pub role: ContextRole,
    /// What was said.
    pub content: String,
}

/// Who spoke in a conversation. There is no `system`: nobody but the
/// installation speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum ContextRole {
    /// A person.
    User,
    /// The AI.
    Assistant,
}

/// Whether a person is typing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, TS)]
#[ts(optional_fields)]
pub struct Typing {
    /// Whether they are.
    pub is_typing: bool,
    /// Where; `user:me` where there is none.
    pub room: Option<RoomName>,
}

/// Ends a reply.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, TS)]
pub struct Cancel {
    /// The reply, or its question.
    pub message_id: MessageId,
}

/// Joins a room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, TS)]
#[ts(optional_fields)]
pub struct Subscribe {
    /// Which.
    pub room: RoomName,
    /// With `seq`: the position from which to recover.
    pub epoch: Option<Epoch>,
    /// With `epoch`: the position from which to recover.
    pub seq: Option<u64>,
}

impl Subscribe {
    /// The position to recover from, where both halves of it were given.
    pub fn position(&self) -> Option<Position> {
        let epoch = self.epoch.clone()?;
        Some(Position {
            epoch,
            seq: self.seq?,
        })
    }
}

/// Leaves a room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, TS)]
pub struct Unsubscribe {
    /// Which.
    pub room: RoomName,
}

/// Tells a room how far somebody has read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, TS)]
pub struct Read {
    /// Which.
    pub room: RoomName,
    /// The last event that they have read.
    #[schemars(range(min = 1, max = MAX_SEQ))]
    pub seq: u64,
}

/// Deletes a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, TS)]
pub struct Delete {
    /// Where it was said.
    pub room: RoomName,
    /// Which.
    pub message_id: MessageId,
}

/// Says what the user is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, TS)]
pub struct SetStatus {
    /// What.
    pub status: Status,
}

/// Renews a live connection.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema, TS)]
pub struct Authenticate {
    /// A token of the same user.
    pub token: String,
}

/// Without the token.
impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").finish_non_exhaustive()
    }
}

impl SendMessage {
    /// The room that the message is for, as the client named it.
    pub fn room_name(&self) -> RoomName {
        match (&self.room, &self.project_id) {
            (Some(room), _) => room.clone(),
            (None, Some(project)) => RoomName::Of(Room::Project(project.clone())),
            (None, None) => RoomName::Me,
        }
    }

    /// Reads the fields of a message from `fields` and checks their limits.
    ///
    /// # Errors
    /// `invalid_message` or `message_too_large`, naming the field.
    pub fn read(fields: Map<String, Value>) -> Result<Self, ProtocolError> {
        let message: Self = read_fields(fields)?;
        if message.user_input.is_empty() {
            return Err(invalid("`user_input` is empty: say something."));
        }
        if message.user_input.len() > MAX_USER_INPUT {
            return Err(ProtocolError::new(
                ErrorCode::MessageTooLarge,
                "`user_input` is over 32 KiB: send it in parts.",
            )
            .with_limit(super::error::Scope::Connection, MAX_USER_INPUT as u64));
        }
        if let (Some(room), Some(project)) = (&message.room, &message.project_id)
            && *room != RoomName::Of(Room::Project(project.clone()))
        {
            return Err(invalid(
                "`room` and `project_id` name different rooms: give one.",
            ));
        }
        characters::check(&message)?;
        Ok(message)
    }
}

/// Reads one client frame; `max_depth` bounds its nesting.
///
/// # Errors
/// What to answer, with the frame's `id` where it could be read.
pub fn read_frame(json: &[u8], max_depth: usize) -> Result<ClientFrame, Rejected> {
    let mut frame = read_object(json, max_depth).map_err(|error| Rejected { id: None, error })?;
    let id = match frame.remove("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => {
            Some(ClientId::new(text).map_err(|error| Rejected { id: None, error })?)
        }
        Some(_) => {
            let error = invalid("`id` must be a string of 1–64 characters.");
            return Err(Rejected { id: None, error });
        }
    };
    let traceparent = match frame.remove("traceparent") {
        Some(Value::String(text)) => Some(text),
        None | Some(_) => None,
    };
    match read_action(frame) {
        Ok(action) => Ok(ClientFrame {
            id,
            traceparent,
            action,
        }),
        Err(error) => Err(Rejected { id, error }),
    }
}

/// Reads a JSON object, `max_depth` deep at the most.
///
/// # Errors
/// `invalid_json` or `invalid_message`.
pub fn read_object(json: &[u8], max_depth: usize) -> Result<Map<String, Value>, ProtocolError> {
    if is_deeper_than(json, max_depth) {
        return Err(invalid(format!(
            "The frame is nested deeper than {max_depth} levels."
        )));
    }
    let value: Value = serde_json::from_slice(json).map_err(|error| {
        let content = format!(
            "Not JSON: {} at line {}, column {}.",
            what_is_wrong(&error),
            error.line(),
            error.column()
        );
        ProtocolError::new(ErrorCode::InvalidJson, content)
    })?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(invalid(
                "A frame is a JSON object: {\"action\": …, \"data\": {…}}.",
            ))
        }
    }
}

fn read_action(mut frame: Map<String, Value>) -> Result<Action, ProtocolError> {
    let name = match frame.remove("action") {
        Some(Value::String(name)) => name,
        None | Some(Value::Null) => {
            return Err(invalid(
                "`action` is missing: say what to do, `sendMessage` for one.",
            ));
        }
        Some(_) => return Err(invalid("`action` must be a string.")),
    };
    let data = frame.remove("data");
    if name == "ping" {
        return Ok(Action::Ping(data));
    }
    // Fields may stand beside `action`; where both are given `data` wins.
    match data {
        None | Some(Value::Null) => {}
        Some(Value::Object(data)) => frame.extend(data),
        Some(_) => return Err(invalid("`data` must be an object.")),
    }
    match name.as_str() {
        "sendMessage" | "chat_message" => {
            SendMessage::read(frame).map(|message| Action::SendMessage(Box::new(message)))
        }
        "typing" => read_fields(frame).map(Action::Typing),
        "cancel" => read_fields(frame).map(Action::Cancel),
        "subscribe" | "join" => {
            let subscribe: Subscribe = read_fields(frame)?;
            if subscribe.epoch.is_some() != subscribe.seq.is_some() {
                return Err(invalid(
                    "`epoch` and `seq` go together: give both or neither.",
                ));
            }
            Ok(Action::Subscribe(subscribe))
        }
        "unsubscribe" | "leave" => read_fields(frame).map(Action::Unsubscribe),
        "read" => {
            let read: Read = read_fields(frame)?;
            if !(1..=MAX_SEQ).contains(&read.seq) {
                return Err(invalid("`seq` must be the `seq` of an event."));
            }
            Ok(Action::Read(read))
        }
        "delete" => read_fields(frame).map(Action::Delete),
        "status" => read_fields(frame).map(Action::Status),
        "authenticate" => read_fields(frame).map(Action::Authenticate),
        _ => Err(ProtocolError::new(
            ErrorCode::UnknownAction,
            "Unknown action: use sendMessage, typing, cancel, subscribe, unsubscribe, read, \
             delete, status, authenticate or ping.",
        )),
    }
}

/// Reads `fields` as a `T`; one that is `null` is as good as none.
///
/// # Errors
/// `invalid_message`, naming the field.
pub fn read_fields<T: DeserializeOwned>(
    mut fields: Map<String, Value>,
) -> Result<T, ProtocolError> {
    fields.retain(|_, value| !value.is_null());
    serde_path_to_error::deserialize(Value::Object(fields))
        .map_err(|error| invalid(field_error::sentence(&error)))
}

fn what_is_wrong(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "the text ends too early,",
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Io
        | serde_json::error::Category::Data => "the text is wrong",
    }
}

fn invalid(content: impl Into<String>) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidMessage, content)
}

#[cfg(test)]
mod tests;
