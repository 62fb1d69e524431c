//! `POST /api/chat` and `/api/chat/stream`: a question, and its reply.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use causerie_shared::bus::BusError;
use causerie_shared::protocol::action::{ClientId, SendMessage};
use causerie_shared::protocol::data::{AiProcessingError, FinishReason};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use http::Request;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Edge, body, events, traceparent};
use crate::actions::ask::{Asking, ask};
use crate::actions::{bus_failed, send_message};
use crate::admission::{Asked, Refusal};
use crate::auth::Credential;
use crate::frame::OutFrame;
use crate::registry::Slot;
use crate::sse;

/// How many bytes of frames are looked at in one go.
const BATCH_BYTES: usize = 16 * 1024;

/// A question that was stored, with its asker's place on the node.
struct Stored {
    id: ClientId,
    /// Whether the asker could ask again for the same.
    id_is_theirs: bool,
    asking: Asking,
    slot: Slot,
    credential: Credential,
}

/// Answers with the `message` that ends the reply.
pub(super) async fn chat(
    State(edge): State<Edge>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let until = Instant::now() + edge.timing.message;
    let stored = store(&edge, request).await?;
    let revoked = async { Err(stored.credential.revoked().await) };
    let ending = async {
        tokio::select! {
            ended = ending(&stored.asking) => ended,
            revoked = revoked => revoked,
        }
    };
    let Ok(ended) = timeout_at(until, ending).await else {
        events::reply_awaited_in_vain();
        let error = unfinished(edge.timing.message.as_secs_f32());
        return Err(Refusal::from(error).to(Some(stored.id)));
    };
    let ended = ended.map_err(|error| Refusal::from(error).to(Some(stored.id.clone())))?;
    if has_failed(&ended.message) {
        let error = failed(ended.failure.as_ref(), stored.id_is_theirs);
        return Err(Refusal::from(error).to(Some(stored.id)));
    }
    Ok(([(CONTENT_TYPE, "application/json")], ended.message).into_response())
}

/// Answers with all that concerns the question, from its `ack` to the
/// `message`.
pub(super) async fn stream(
    State(edge): State<Edge>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let Stored {
        id,
        asking,
        slot,
        credential,
        ..
    } = store(&edge, request).await?;
    Ok(sse::of_question(id, asking, slot, credential))
}

async fn store(edge: &Edge, request: Request<Body>) -> Result<Stored, Refusal> {
    let (parts, body) = request.into_parts();
    let asked = Asked::read(&parts)?;
    let identity = edge.admission.identify(&asked).await?.identity;
    let slot = edge.admission.reserve(&identity)?;
    let (id, fields) = body::read_fields(&parts.headers, body, &edge.limits()).await?;
    let id_is_theirs = id.is_some();
    let id = id.unwrap_or_else(ClientId::generate);
    let answered = |error: ProtocolError| Refusal::from(error).to(Some(id.clone()));
    let message = SendMessage::read(fields).map_err(answered)?;
    let counted = edge
        .gateway
        .count_message(message.ai, asked.client, &identity);
    counted.await.map_err(answered)?;
    let asked = send_message::Asked {
        message,
        id: id.clone(),
        traceparent: traceparent(&parts.headers),
    };
    // It stands in nobody's way for longer than its reply might.
    let asking = timeout(edge.timing.message, ask(&edge.gateway, &identity, asked)).await;
    let asking = asking.unwrap_or_else(|_| Err(not_stored()));
    let asking = asking.map_err(answered)?;
    Ok(Stored {
        id,
        id_is_theirs,
        asking,
        slot,
        credential: Credential {
            auth: Arc::clone(&edge.auth),
            identity,
        },
    })
}

/// How a reply ended.
struct Ended {
    /// The `message`.
    message: Bytes,
    /// The `ai_processing_error` before it, where one was heard.
    failure: Option<AiProcessingError>,
}

/// Waits for the `message` that ends the reply.
async fn ending(asking: &Asking) -> Result<Ended, ProtocolError> {
    let mut failure = None;
    loop {
        let batch = asking.next(BATCH_BYTES).await;
        asking.resync(batch.lagging).await;
        for frame in batch.frames {
            if frame.event == Event::AiProcessingError.name() {
                failure = read_failure(&frame);
            }
            if frame.is_final() {
                let message = Bytes::copy_from_slice(frame.json().as_bytes());
                return Ok(Ended { message, failure });
            }
        }
        if batch.close.is_some() {
            return Err(lost_sight());
        }
    }
}

/// What is told where the node does not hear the room any more.
pub(crate) fn lost_sight() -> ProtocolError {
    let content = "The reply was lost sight of here: ask again under the same `id` to get it.";
    ProtocolError::new(ErrorCode::Overloaded, content).with_retry_after_ms(1_000)
}

/// Whether it was stored in the end is not known: a repeat of the `id` tells.
fn not_stored() -> ProtocolError {
    bus_failed(&BusError::Unavailable("no answer in time".into()))
}

fn unfinished(seconds: f32) -> ProtocolError {
    let content = format!(
        "The reply is not complete after {seconds} s, but is still being made: ask again under \
         the same `id` to wait on."
    );
    ProtocolError::new(ErrorCode::AiTimeout, content)
}

/// Why there is no reply: as `failure` says, of which one who repeats a question
/// after its end does not hear.
fn failed(failure: Option<&AiProcessingError>, id_is_theirs: bool) -> ProtocolError {
    let (code, can_retry) = failure.map_or((ErrorCode::AiUnavailable, true), |failure| {
        (failure.code, failure.can_retry)
    });
    let why = if code == ErrorCode::AiTimeout {
        "The AI took too long"
    } else {
        "The AI could not answer"
    };
    let how = if can_retry {
        "ask again under a new `id`"
    } else {
        "asking again would not help"
    };
    ProtocolError {
        // The same `id` would get the same failed reply.
        can_retry: can_retry && !id_is_theirs,
        ..ProtocolError::new(code, format!("{why}: {how}."))
    }
}

fn read_failure(frame: &OutFrame) -> Option<AiProcessingError> {
    #[derive(Deserialize)]
    struct Frame {
        data: AiProcessingError,
    }
    let frame: Frame = serde_json::from_str(frame.json()).ok()?;
    Some(frame.data)
}

fn has_failed(message: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Frame {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        finish_reason: FinishReason,
    }
    serde_json::from_slice(message)
        .is_ok_and(|frame: Frame| frame.data.finish_reason == FinishReason::Error)
}
