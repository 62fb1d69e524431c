//! The WebSocket transport.
//!
//! - [`codec`]: RFC 6455, bytes to messages and back
//! - `session`: what one socket sends and is sent
//! - `closing`: how one ends, so that the peer learns why

mod closing;
pub mod codec;
mod session;

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::connection::{Admitted, Transport};
use crate::gateway::Gateway;

/// What a socket reads at once. It is resident for each connection, and a
/// larger frame merely takes more reads.
const READ_BUFFER: usize = 2 << 10;

/// What is gathered before it is written.
const WRITE_BUFFER: usize = 16 << 10;

/// Serves the WebSocket that `upgrade` becomes when its request has been
/// answered with 101, to its end.
pub async fn serve(gateway: Arc<Gateway>, upgrade: OnUpgrade, admitted: Admitted) {
    // An error means that the peer went away in the middle.
    let Ok(upgraded) = upgrade.await else {
        return;
    };
    let max_bytes = gateway.settings().max_message_bytes;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(max_bytes))
        .max_frame_size(Some(max_bytes));
    let io = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let connected = gateway.connect(admitted, Transport::WebSocket);
    session::run(connected, socket).await;
}
