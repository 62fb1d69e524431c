//! `POST /api/actions`: one frame of a client, and its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use causerie_shared::protocol::action::{Action, Rejected, read_frame};
use http::Request;
use http::header::CONTENT_TYPE;

use super::{Edge, body, traceparent};
use crate::actions::{Caller, perform};
use crate::admission::{Asked, Refusal};
use crate::limits::counted::Counted;

pub(super) async fn act(
    State(edge): State<Edge>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let asked = Asked::read(&parts)?;
    let identity = edge.admission.identify(&asked).await?.identity;
    let limits = edge.limits();
    let json = body::read_json(&parts.headers, body, &limits).await?;
    let mut frame = read_frame(&json, limits.depth).map_err(refused)?;
    frame.traceparent = frame.traceparent.or_else(|| traceparent(&parts.headers));
    let (gateway, client) = (&edge.gateway, asked.client);
    let counted = if let Action::SendMessage(message) = &frame.action {
        gateway.count_message(message.ai, client, &identity).await
    } else if Counted::of(&frame.action) == Some(Counted::Typing) {
        gateway.count_sign(client, &identity).await
    } else {
        Ok(())
    };
    counted.map_err(|error| Refusal::from(error).to(frame.id.clone()))?;
    let caller = Caller {
        identity: Arc::new(identity),
        client: asked.client,
        connection: None,
    };
    let answer = perform(&edge.gateway, &caller, frame)
        .await
        .map_err(refused)?;
    Ok(([(CONTENT_TYPE, "application/json")], answer).into_response())
}

fn refused(Rejected { id, error }: Rejected) -> Refusal {
    Refusal::from(error).to(id)
}
