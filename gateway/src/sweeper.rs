//! Looks after all connections with one timer: heartbeats, idleness, and
//! tokens that end.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, Transport};
use crate::frame::OutFrame;
use crate::gateway::Gateway;
use crate::settings::Settings;

/// How often connections are looked at.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// What a connection's state calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    Ping,
    Close(CloseCode),
}

/// Looks after all connections, until the node stops.
pub(crate) async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut sweeps = interval(SWEEP_EVERY);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(sweeps.tick()).await.is_some() {
        let settings = gateway.settings();
        let now_ms = gateway.bus.clock().now_ms();
        for connection in gateway.registry.all() {
            match due(&connection, &settings, now_ms) {
                Due::Nothing => {}
                Due::Ping => connection.ping_once(),
                Due::Close(code) => close(&connection, code),
            }
        }
    }
}

fn due(connection: &Connection, settings: &Settings, now_ms: u64) -> Due {
    let identity = &connection.identity;
    if identity.expires_ms.is_some_and(|end| end <= now_ms) {
        return Due::Close(CloseCode::Unauthorized);
    }
    match connection.transport {
        // A stream gives no sign of life, and its end is seen on writing.
        Transport::Sse => Due::Nothing,
        Transport::WebSocket => {
            let silence = connection.silence();
            if silence >= settings.heartbeat_interval * 2 {
                Due::Close(CloseCode::HeartbeatLost)
            } else if connection.idleness() >= settings.idle_timeout && !identity.is_never_idle() {
                Due::Close(CloseCode::Idle)
            } else if silence >= settings.heartbeat_interval {
                Due::Ping
            } else {
                Due::Nothing
            }
        }
    }
}

fn close(connection: &Connection, code: CloseCode) {
    if code == CloseCode::Unauthorized {
        let content = "Your token has expired: get a new one, then connect again.";
        let error = ProtocolError::new(ErrorCode::Unauthorized, content).fatal();
        let frame = OutFrame::answer(Event::Error, frame::error(None, &error));
        connection.outbox.push(&frame);
    }
    connection.outbox.close(code);
}
