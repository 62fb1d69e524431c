//! A gateway on a real socket, whose callers say themselves who they are, and
//! somebody who makes replies as a broker does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use causerie_gateway::connection::{Admitted, Wanted};
use causerie_gateway::gateway::Gateway;
use causerie_gateway::identity::{Identity, Projects, Role};
use causerie_gateway::report::Report;
use causerie_gateway::server::{self, Patience};
use causerie_gateway::settings::Settings;
use causerie_gateway::websocket::{self, Upgrade};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::{TenantId, UserId};
use causerie_testkit::client::ws::{Client, Connect};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;

use crate::making::Making;

/// The one tenant of these tests.
pub(crate) const TENANT: &str = "acme";

/// How long a peer may take to send its request, or to take what it is sent.
const PATIENCE: Duration = Duration::from_secs(50);

/// A gateway on a real socket.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) address: String,
}

pub(crate) fn memory_bus() -> Arc<dyn Bus> {
    Arc::new(MemoryBus::new(Retention::default()))
}

impl Node {
    pub(crate) async fn start(bus: &Arc<dyn Bus>, mut settings: Settings) -> Self {
        // These tests look at all that is heard in a room, and not at who comes and goes.
        settings.presence.announced = 0;
        let gateway = Gateway::start(Arc::clone(bus), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = axum::Router::new()
            .route("/ws", get(upgrade))
            .with_state(Arc::clone(&gateway));
        let patience = Patience {
            head: PATIENCE,
            unread: PATIENCE,
        };
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, router, patience, None, stop));
        Self { gateway, address }
    }

    pub(crate) async fn alone() -> Self {
        Self::start(&memory_bus(), Settings::default()).await
    }

    pub(crate) fn connect(&self, user: &str) -> Connect {
        Connect::to(&format!("ws://{}/ws", self.address)).param("user", user)
    }

    /// A client that has joined its first rooms.
    pub(crate) async fn client(&self, user: &str) -> Client {
        self.joined(self.connect(user), 2).await
    }

    /// A client that is in `project:p1` as well.
    pub(crate) async fn in_project(&self, user: &str) -> Client {
        let connect = self.connect(user).param("room", "project:p1");
        self.joined(connect, 3).await
    }

    pub(crate) async fn joined(&self, connect: Connect, rooms: usize) -> Client {
        let mut client = connect.open().await;
        for _ in 0..rooms {
            client.expect_type("subscribed").await;
        }
        client
    }
}

/// Believes everybody: who may come is tested elsewhere.
async fn upgrade(
    State(gateway): State<Arc<Gateway>>,
    Query(query): Query<Vec<(String, String)>>,
    mut request: Request,
) -> Response {
    let Ok(slot) = gateway
        .registry
        .try_reserve(gateway.settings().caps.of_node)
    else {
        return http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let admitted = Admitted {
        identity: identity(&query),
        rooms: query
            .iter()
            .filter(|(key, _)| key == "room")
            .map(|(_, room)| wanted(room))
            .collect(),
        slot,
        client: std::net::Ipv4Addr::LOCALHOST.into(),
        visitor_token: None,
        report: Report::default(),
    };
    let key = request.headers()["sec-websocket-key"].as_bytes();
    let response = Response::builder()
        .status(101)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", derive_accept_key(key))
        .body(Body::empty())
        .unwrap();
    let upgrade = Upgrade {
        stream: request.extensions_mut().remove::<OnUpgrade>().unwrap(),
        is_deflated: false,
    };
    tokio::spawn(websocket::serve(gateway, upgrade, admitted));
    response
}

fn identity(query: &[(String, String)]) -> Identity {
    let query: HashMap<_, _> = query.iter().cloned().collect();
    Identity {
        tenant: TenantId::new(query.get("tenant").map_or(TENANT, String::as_str)).unwrap(),
        user: UserId::new(&query["user"]).unwrap(),
        name: None,
        projects: Projects::All,
        roles: query
            .get("role")
            .and_then(|role| Role::named(role))
            .into_iter()
            .collect(),
        expires_ms: query.get("expires_ms").map(|ms| ms.parse().unwrap()),
        issued_ms: 0,
    }
}

fn wanted(text: &str) -> Wanted {
    let (room, position) = match text.split_once('@') {
        Some((room, position)) => (room, Some(position.parse().unwrap())),
        None => (text, None),
    };
    Wanted {
        room: room.parse().unwrap(),
        position,
    }
}

/// Begins the reply to the one question that waits, which is in `room`.
pub(crate) async fn begin_reply(bus: &Arc<dyn Bus>, room: &str) -> Making {
    let making = Making::claim(bus).await.expect("a question waits");
    assert_eq!(making.claim.lease.room.room.to_string(), room);
    making.start().await;
    making
}

/// Says something to the people of `room`.
pub(crate) async fn say(client: &mut Client, room: &str, text: &str) -> Value {
    let message = json!({"user_input": text, "room": room, "ai": false});
    let ack = client
        .request(json!({"action": "sendMessage", "data": message}))
        .await;
    assert_eq!(ack["type"], "ack", "{ack}");
    ack["data"].clone()
}

/// Asks the AI in `room`.
pub(crate) async fn ask(client: &mut Client, room: &str) -> Value {
    let question = json!({"user_input": "Why?", "room": room});
    let ack = client
        .request(json!({"action": "sendMessage", "data": question}))
        .await;
    assert_eq!(ack["type"], "ack", "{ack}");
    ack["data"].clone()
}

/// Frames of `room` in short, in order: `seq`, or what a transient one holds.
pub(crate) fn in_short(client: &Client, room: &str) -> Vec<String> {
    let of_room = |frame: &&Value| frame["room"] == room;
    client
        .frames()
        .iter()
        .filter(of_room)
        .map(|frame| {
            let data = &frame["data"];
            match frame["type"].as_str().unwrap() {
                "subscribed" => format!("subscribed {} {}", frame["seq"], frame["recovered"]),
                "message_snapshot" => format!(
                    "snapshot {} {}",
                    data["index"],
                    data["text"].as_str().unwrap()
                ),
                "message_delta" => format!("delta {}", data["index"]),
                "ai_processing_start" => "start".into(),
                "typing_indicator" => format!(
                    "typing {} {}",
                    data["user_id"].as_str().unwrap(),
                    data["is_typing"]
                ),
                _ => frame["seq"].to_string(),
            }
        })
        .collect()
}

/// A position in `room`, as the query of a URL has it.
pub(crate) fn at(room: &str, epoch: &Value, seq: u64) -> String {
    format!("{room}@{}:{seq}", epoch.as_str().unwrap())
}
