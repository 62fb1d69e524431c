//! `GET /api/messages/{message_id}`: what a reply has come to.

use axum::extract::{Path, State};
use axum::response::Response;
use causerie_shared::bus::reply::{ReplyState, ReplyStatus};
use causerie_shared::ids::{MessageId, SessionId};
use causerie_shared::protocol::event::Event;
use causerie_shared::room::{Room, RoomKey};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Edge;
use super::text_format::TextFormat;
use crate::actions::bus_failed;
use crate::admission::{Asked, Asker, Refusal};
use crate::permission::Act;

/// A reply, so far.
#[derive(Serialize)]
struct Message {
    message_id: MessageId,
    session_id: SessionId,
    in_reply_to: MessageId,
    room: Room,
    state: &'static str,
    attempt: u32,
    /// Of the last delta in `text`; −1 before the first.
    index: i64,
    text: String,
    /// The `message` that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Box<RawValue>>,
}

pub(super) async fn read(
    State(edge): State<Edge>,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response, Refusal> {
    let id = MessageId::new(id)
        .map_err(|error| Refusal::bad_request(format!("The id in the path: {error}.")))?;
    let format = TextFormat::read(parts.uri.query().unwrap_or(""))?;
    let asked = Asked::read(&parts)?;
    let reader = edge.admission.identify_any(&asked).await?;
    reader.check_somewhere(Act::ReadHistory)?;
    let status = edge.gateway.bus.reply(&id).await;
    let message = status
        .map_err(|error| bus_failed(&error))?
        .filter(|status| may_see(&reader, &status.room))
        .and_then(describe)
        .and_then(|message| serde_json::to_vec(&message).ok())
        .ok_or_else(|| Refusal::not_found("No such message is kept where you may read."))?;
    Ok(format.answer(message.into()))
}

/// Whether `reader` may see replies in `room`.
fn may_see(reader: &Asker, room: &RoomKey) -> bool {
    room.tenant == *reader.tenant()
        && reader.check(Act::ReadHistory, &room.room).is_ok()
        && reader.sees(&room.room, Event::Message.name())
}

/// `None` where the log does not hold the reply any more.
fn describe(status: ReplyStatus) -> Option<Message> {
    let ReplyStatus { room, reply, state } = status;
    let (name, text, message) = match state {
        ReplyState::Queued => ("queued", reply.text, None),
        ReplyState::Running => ("running", reply.text, None),
        ReplyState::Done { message } => {
            let frame = message?.frame;
            let json = std::str::from_utf8(&frame).ok()?;
            let message = RawValue::from_string(json.to_owned()).ok()?;
            ("done", content(json)?, Some(message))
        }
    };
    Some(Message {
        message_id: reply.message_id,
        session_id: reply.session,
        in_reply_to: reply.in_reply_to,
        room: room.room,
        state: name,
        attempt: reply.attempt,
        index: reply.index,
        text,
        message,
    })
}

fn content(frame: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Frame {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        #[serde(default)]
        content: String,
    }
    let frame: Frame = serde_json::from_str(frame).ok()?;
    Some(frame.data.content)
}
