//! `GET /ws`: the door to the WebSocket transport.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use http::request::Parts;
use tokio::time::timeout_at;

use super::Edge;
use crate::admission::{Handshake, Refusal};
use crate::server::Arrival;
use crate::websocket;

/// Opens a WebSocket, or says why not: to a browser, which learns nothing from
/// a failed handshake, in the answer to a plain GET.
pub(super) async fn connect(
    State(edge): State<Edge>,
    Extension(arrival): Extension<Arrival>,
    mut parts: Parts,
) -> Result<Response, Refusal> {
    let deadline = arrival.0 + edge.timing.connection;
    let handshake = Handshake::begin(&mut parts, &edge.admission);
    let handshake = timeout_at(deadline, handshake)
        .await
        .map_err(|_| too_late())??;
    let (response, upgrade, admitted) = handshake.accept();
    tokio::spawn(websocket::serve(
        Arc::clone(&edge.gateway),
        upgrade,
        admitted,
    ));
    Ok(response)
}

fn too_late() -> Refusal {
    ProtocolError::new(
        ErrorCode::Overloaded,
        "The handshake took too long: try again.",
    )
    .with_retry_after_ms(1_000)
    .into()
}
