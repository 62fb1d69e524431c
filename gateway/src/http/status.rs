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
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use causerie_shared::bus::chronicle::ChroniclePlace;
use causerie_shared::bus::nodes::{Change, Note};
use causerie_shared::protocol::SUBPROTOCOL;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Edge;
use crate::actions::bus_failed;
use crate::admission::{Asked, Asker, Refusal};
use crate::auth::Credential;
use crate::permission::Act;
use crate::status::figures::Figures;
use crate::status::socket;
use crate::status::view::Node;
use crate::status::watcher::{entry, with};

/// Most entries of the history that are read at once.
const MAX_LIMIT: usize = 500;

/// How many times so many are looked through for those of one kind.
const PAGES: usize = 10;

/// What entries of the history are of.
const KINDS: [&str; 5] = [
    "alert_raised",
    "alert_cleared",
    "recovery",
    "figures",
    "health_check",
];

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
        .route("/api/websocket/status/health", get(health))
        .route("/api/websocket/status/health-check", post(check_health))
        .route("/api/websocket/status/alerts", get(alerts))
        .route("/api/websocket/status/history", get(history))
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
    caller
        .check_somewhere(Act::SeeStatus)
        .map_err(|refusal| edge.admission.not_allowed(&asked, &caller, refusal))?;
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
    Json(edge.status.view().summary())
}

async fn alerts(State(edge): State<Edge>) -> Json<Value> {
    let view = edge.status.view();
    Json(json!({"at_ms": view.at_ms, "alerts": view.alerts}))
}

async fn health(State(edge): State<Edge>) -> Json<Value> {
    Json(edge.status.view().health())
}

/// Asks Redis now, and keeps what was found.
async fn check_health(State(edge): State<Edge>) -> Result<Json<Value>, Refusal> {
    let bus = &edge.gateway.bus;
    let took = bus.ping().await.map_err(|error| bus_failed(&error))?;
    let redis_ms = took.as_secs_f64() * 1_000.0;
    let found = with(edge.status.view().health(), [("redis_ms", redis_ms.into())]);
    let note = Note::new(Change::None, entry("health_check", &found));
    bus.note(&note).await.map_err(|error| bus_failed(&error))?;
    Ok(Json(found))
}

/// What has been, the newest first.
async fn history(State(edge): State<Edge>, request: Request) -> Result<Json<Value>, Refusal> {
    let wanted = Wanted::read(request.uri().query().unwrap_or(""))?;
    let (mut before, mut entries) = (wanted.before, Vec::new());
    let mut has_more = true;
    // Of a kind that is rare not all is looked through at once.
    for _ in 0..PAGES {
        let page = edge.gateway.bus.noted(before, wanted.page()).await;
        let page = page.map_err(|error| bus_failed(&error))?;
        has_more = page.has_more;
        for (place, entry) in page.entries {
            if entries.len() == wanted.limit {
                has_more = true;
                break;
            }
            before = Some(place);
            entries.extend(wanted.shown(place, &entry));
        }
        if !has_more || entries.len() == wanted.limit {
            break;
        }
    }
    let before = before.filter(|_| has_more).map(|place| place.to_string());
    Ok(Json(
        json!({"entries": entries, "has_more": has_more, "before": before}),
    ))
}

/// Which part of the history is wanted.
struct Wanted {
    kind: Option<String>,
    before: Option<ChroniclePlace>,
    limit: usize,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, Refusal> {
        let mut wanted = Self {
            kind: None,
            before: None,
            limit: 100,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "kind" if KINDS.contains(&&*value) => wanted.kind = Some(value.into_owned()),
                "kind" => {
                    let kinds = KINDS.join("`, `");
                    let content = format!("`kind` must be one of `{kinds}`.");
                    return Err(Refusal::bad_request(content));
                }
                "before" => {
                    let bad = |_| Refusal::bad_request("`before` must be the `id` of an entry.");
                    wanted.before = Some(value.parse().map_err(bad)?);
                }
                "limit" => {
                    let limit = value.parse().ok();
                    let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    let bad = || Refusal::bad_request(format!("`limit` must be 1 to {MAX_LIMIT}."));
                    wanted.limit = limit.ok_or_else(bad)?;
                }
                _ => {}
            }
        }
        Ok(wanted)
    }

    /// How many are read at once.
    fn page(&self) -> usize {
        if self.kind.is_some() {
            MAX_LIMIT
        } else {
            self.limit
        }
    }

    /// An entry, if it is wanted and can be read.
    fn shown(&self, place: ChroniclePlace, entry: &str) -> Option<Value> {
        let mut entry: Value = serde_json::from_str(entry).ok()?;
        let is_wanted = |kind: &String| entry.get("kind").is_some_and(|of| of == kind);
        if !self.kind.as_ref().is_none_or(is_wanted) {
            return None;
        }
        let shown = entry.as_object_mut()?;
        shown.insert("id".to_owned(), place.to_string().into());
        shown.insert("kept_ms".to_owned(), place.ms.into());
        Some(entry)
    }
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
    let identity = match &*caller {
        Asker::Person(identity) => identity.clone(),
        // The table lets none in.
        Asker::Server(_) => return Err(Refusal::upgrade_required()),
    };
    let valid_for = identity
        .expires_ms
        .map(|ms| Duration::from_millis(ms.saturating_sub(now_ms)));
    let credential = Credential {
        auth: Arc::clone(&edge.auth),
        identity,
    };
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    Ok(upgrade.on_upgrade(move |stream| socket::serve(stream, seat, credential, valid_for)))
}
