//! `GET /ws`: the door to the WebSocket transport.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use http::{Request, StatusCode};
use tokio::time::timeout_at;

use super::Edge;
use crate::admission::{Asked, Refusal};
use crate::server::Arrival;
use crate::websocket::{Handshake, upgrade};

/// Opens a WebSocket, or says why not: to a browser, which learns nothing from
/// a failed handshake, in the answer to a plain GET.
pub(super) async fn connect(
    State(edge): State<Edge>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let asked = Asked::read(&parts)?;
    let deadline = arrival.0 + edge.timing.connection;
    let admitted = timeout_at(deadline, edge.admission.admit(&asked))
        .await
        .map_err(|_| too_late())??;
    let request = Request::from_parts(parts, body);
    let response = match Handshake::read(&request) {
        Ok(handshake) => upgrade(&edge.gateway, admitted, &handshake, request),
        Err(upgrade_required) => *upgrade_required,
    };
    Ok(response.into_response())
}

fn too_late() -> Refusal {
    let content = "The handshake took too long: try again.";
    let error = ProtocolError::new(ErrorCode::Overloaded, content).with_retry_after_ms(1_000);
    Refusal::with_status(StatusCode::SERVICE_UNAVAILABLE, error)
}
