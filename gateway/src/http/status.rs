//! How the installation fares, for operators: `/api/status/…`, `WS /ws/status`, and the rows
//! under `/api/websocket` that say the same by the names of what came before.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router, middleware};
use causerie_shared::protocol::SUBPROTOCOL;
use serde_json::{Value, json};

use super::Edge;
use crate::admission::{Asked, Asker, Refusal};
use crate::permission::Act;
use crate::status::figures::Figures;
use crate::status::socket;
use crate::status::view::Node;

/// Who asks, and may.
#[derive(Clone)]
struct Operator(Arc<Asker>);

/// All that shows how the installation fares. Whoever may not see it gets no further than here.
pub(super) fn router(edge: &Edge) -> Router<Edge> {
    Router::new()
        .route("/ws/status", get(watch))
        .route("/api/status/live", get(live))
        .route("/api/status/metrics", get(metrics))
        .route("/api/status/connections", get(connections))
        .route("/api/websocket/status", get(summary))
        .route("/api/websocket/metrics", get(metrics))
        .route("/api/websocket/connections", get(connections))
        .route("/api/websocket/status/system", get(system))
        .route_layer(middleware::from_fn_with_state(edge.clone(), check))
}

/// Lets operators pass.
async fn check(
    State(edge): State<Edge>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let asked = Asked::read(&parts)?;
    let caller = edge.admission.identify_server(&asked).await?;
    caller.check_somewhere(Act::SeeStatus)?;
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(Operator(Arc::new(caller)));
    Ok(next.run(request).await)
}

async fn live(State(edge): State<Edge>) -> Json<Value> {
    Json(edge.status.view().shown())
}

async fn connections(State(edge): State<Edge>) -> Json<Value> {
    Json(edge.status.view().connections())
}

async fn metrics(State(edge): State<Edge>) -> Json<Value> {
    let view = edge.status.view();
    let nodes = view
        .nodes
        .iter()
        .map(|node| json!({"node": node.card.node, "figures": Figures::of(&node.card.window)}));
    Json(json!({
        "at_ms": view.at_ms,
        "figures": Figures::of(&view.counted()),
        "totals": view.totals(),
        "nodes": nodes.collect::<Vec<_>>(),
    }))
}

async fn summary(State(edge): State<Edge>) -> Json<Value> {
    let view = edge.status.view();
    Json(json!({
        "status": view.word(),
        "at_ms": view.at_ms,
        "node": view.node,
        "connections": view.connected(),
        "totals": view.totals(),
    }))
}

async fn system(State(edge): State<Edge>) -> Json<Value> {
    let view = edge.status.view();
    Json(json!({
        "status": view.word(),
        "at_ms": view.at_ms,
        "store": view.store(),
        "ai_backends": view.ai_backends(),
        "nodes": view.nodes.iter().map(Node::shown).collect::<Vec<_>>(),
    }))
}

/// Opens a socket.
async fn watch(
    State(edge): State<Edge>,
    Extension(Operator(caller)): Extension<Operator>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|_| Refusal::upgrade_required())?;
    let seat = edge.status.seat()?;
    let now_ms = edge.gateway.bus.clock().now_ms();
    let (user, expires_ms) = match &*caller {
        Asker::Person(identity) => (identity.user.as_str().to_owned(), identity.expires_ms),
        // The table lets none in.
        Asker::Server(key) => (key.card.id.as_str().to_owned(), None),
    };
    let valid_for = expires_ms.map(|ms| Duration::from_millis(ms.saturating_sub(now_ms)));
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    Ok(upgrade.on_upgrade(move |stream| socket::serve(stream, seat, user, valid_for)))
}
