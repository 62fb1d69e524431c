//! HTTP: what is asked and answered without a socket, and the router of the
//! public port.
//!
//! Every refusal is the protocol's error object, with its status.

mod access;
mod actions;
mod admin;
mod audit;
mod body;
mod chat;
mod client_config;
mod connections;
mod cors;
mod demo;
mod event_types;
mod events;
mod history;
mod messages;
mod presence;
mod publish;
mod session;
mod status;
mod text_format;
mod users;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::routing::{get, post};
use causerie_shared::admin::{Health, health_router};
use causerie_shared::config::Settings;
use causerie_shared::headers::protect;
use causerie_shared::room::RoomName;
use http::request::Parts;

use crate::address::{self, Addresses};
use crate::admission::{Admission, Refusal};
use crate::auth::Auth;
use crate::gateway::Gateway;
use crate::sse;
use crate::status::Status;

pub(crate) use chat::lost_sight;

/// What the public port serves with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Edge {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) auth: Arc<Auth>,
    pub(crate) status: Arc<Status>,
    pub(crate) admission: Admission,
    pub(crate) timing: Timing,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// From an accepted connection to its finished handshake; and so long the
    /// head and the body of a request may take to come.
    pub(crate) connection: Duration,
    /// How long `POST /api/chat` waits for the reply.
    pub(crate) message: Duration,
}

impl Edge {
    /// Serves `gateway` to those whom `auth` believes.
    pub fn new(
        gateway: Arc<Gateway>,
        auth: Arc<Auth>,
        status: Arc<Status>,
        settings: &Settings,
    ) -> Self {
        gateway.verify_by(Arc::clone(&auth));
        Self {
            admission: Admission::new(Arc::clone(&auth), Arc::clone(&gateway)),
            gateway,
            auth,
            status,
            timing: Timing {
                connection: settings.websocket.connection_timeout,
                message: settings.ai.message_timeout,
            },
        }
    }

    /// What a request's body may be.
    fn limits(&self) -> body::Limits {
        let settings = self.gateway.settings();
        body::Limits {
            bytes: settings.max_message_bytes,
            depth: settings.max_depth,
            time: self.timing.connection,
        }
    }

    /// What stands on the listener for operators beside health and metrics.
    pub fn admin_router(&self) -> Router {
        admin::router(self)
    }

    /// The router of the public port.
    pub fn router(self, health: Health, settings: &Settings) -> Router {
        let mut router = Router::new()
            .route("/api/chat", post(chat::chat))
            .route("/api/chat/stream", post(chat::stream))
            .route("/api/actions", post(actions::act))
            .route("/api/events", get(sse::several_rooms))
            .route("/api/rooms/{room}/events", get(sse::one_room))
            .route("/api/rooms/{room}/history", get(history::read))
            .route("/api/rooms/{room}/presence", get(presence::show))
            .route("/api/publish", post(publish::publish))
            .route("/api/users/{user_id}/disconnect", post(users::disconnect))
            .route("/api/users/{user_id}/revoke", post(users::revoke))
            .route("/api/users/{user_id}/connections", get(connections::list))
            .route(
                "/api/connections/{connection_id}",
                get(connections::show).delete(connections::end),
            )
            .route("/api/messages/{message_id}", get(messages::read))
            .route("/api/client-config", get(client_config::show))
            .route("/api/websocket/events/types", get(event_types::list))
            .route("/api/audit", get(audit::read))
            .route("/api/auth/session", post(session::make))
            .merge(status::router(&self));
        if settings.websocket.enabled {
            router = router
                .route("/ws", get(websocket::connect))
                .route("/ws/chat", get(websocket::connect));
        }
        if settings.websocket.demo_page {
            router = router.merge(demo::router());
        }
        let cors = cors::layer(&self.auth);
        let addresses = Arc::new(Addresses::new(Arc::clone(&self.gateway)));
        router
            .with_state(self)
            .merge(health_router(health))
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(map_response(cors::show_foreign))
            .layer(cors)
            .layer(from_fn(protect))
            .layer(from_fn_with_state(addresses, address::find))
            .layer(from_fn(access::log))
    }
}

async fn no_such_path() -> Refusal {
    Refusal::not_found("There is nothing at this path.")
}

async fn no_such_method() -> Refusal {
    Refusal::method()
}

/// The room that a path names.
pub(crate) struct RoomPath(pub(crate) RoomName);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(room) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::bad_request("The path is not UTF-8."))?;
        let room = room
            .parse()
            .map_err(|error| Refusal::bad_request(format!("The room in the path: {error}.")))?;
        Ok(Self(room))
    }
}

/// The W3C trace context that a request is part of.
fn traceparent(headers: &http::HeaderMap) -> Option<String> {
    Some(headers.get("traceparent")?.to_str().ok()?.to_owned())
}
