//! Reading what a request brings along.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use causerie_shared::protocol::action::{ClientId, read_object};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::admission::Refusal;

/// What a request's body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes.
    pub(super) bytes: usize,
    /// Levels of arrays and objects.
    pub(super) depth: usize,
    /// How long it may take to come.
    pub(super) time: Duration,
}

/// Reads the bytes of a JSON body.
///
/// # Errors
/// 415, 413, 408, or 400 where the client went away.
pub(super) async fn read_json(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<Bytes, Refusal> {
    check_type(headers)?;
    let whole = Limited::new(body, limits.bytes).collect();
    match tokio::time::timeout(limits.time, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limits.bytes)),
        Ok(Err(_)) => Err(Refusal::bad_request("The body broke off.")),
        Err(_) => Err(too_slow(limits.time)),
    }
}

/// Reads a JSON object, and takes the client's own `id` out of it.
///
/// # Errors
/// As [`read_json`], and 400 where it is no object or the `id` is bad.
pub(super) async fn read_fields(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<(Option<ClientId>, Map<String, Value>), Refusal> {
    let json = read_json(headers, body, limits).await?;
    let mut fields = read_object(&json, limits.depth)?;
    let id = match fields.remove("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(ClientId::new(id)?),
        Some(_) => {
            return Err(Refusal::bad_request(
                "`id` must be a string of 1–64 characters.",
            ));
        }
    };
    Ok((id, fields))
}

fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or("");
    if essence.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let content = "Send JSON, with the header `Content-Type: application/json`.";
    Err(Refusal::with_status(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ProtocolError::new(ErrorCode::InvalidMessage, content),
    ))
}

fn too_large(limit: usize) -> Refusal {
    let content = format!("The body is over {limit} bytes: send less at once.");
    ProtocolError::new(ErrorCode::MessageTooLarge, content)
        .with_limit(Scope::Connection, limit as u64)
        .into()
}

fn too_slow(limit: Duration) -> Refusal {
    let content = format!("The body did not come within {} s.", limit.as_secs_f32());
    let error = ProtocolError::new(ErrorCode::InvalidMessage, content);
    Refusal::with_status(StatusCode::REQUEST_TIMEOUT, error)
}
