//! The WebSocket transport.
//!
//! - [`codec`]: RFC 6455, bytes to messages and back
//! - `reading`: what a client sends
//! - `acting`: carrying out what it asks for
//! - `session`: what one socket's task does
//! - `closing`: how one ends, so that the peer learns why
//!
//! What a client is sent goes through its [`outbox`](crate::outbox).

mod acting;
mod closing;
pub mod codec;
mod reading;
mod session;

use std::sync::Arc;

use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;

use crate::connection::Admitted;
use crate::events;
use crate::gateway::Gateway;
use crate::outbox::Wire;
use crate::server::Metered;
use codec::Decoder;
use reading::Reading;

/// What will be a WebSocket when its request has been answered with 101.
#[derive(Debug)]
pub struct Upgrade {
    /// The stream.
    pub stream: OnUpgrade,
    /// Whether the client takes compressed messages.
    pub is_deflated: bool,
}

/// Serves the WebSocket that `upgrade` becomes.
pub async fn serve(gateway: Arc<Gateway>, upgrade: Upgrade, admitted: Admitted) {
    let Upgrade {
        stream,
        is_deflated,
    } = upgrade;
    // An error means that the peer went away in the middle. One who never takes the answer
    // is noticed by the system: see `Patience::unread`.
    let Ok(upgraded) = stream.await else {
        return;
    };
    // The public port serves no other streams.
    let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<Metered>>() else {
        return;
    };
    let (receiving, sending) = io.into_inner().into_socket().into_split();
    let decoder = Decoder::new(gateway.settings().max_message_bytes, is_deflated);
    // A copy: the buffer would be kept with it, for the few bytes that it may hold.
    let reading = Reading::new(receiving, decoder, &read_buf);
    if is_deflated {
        events::compression_agreed();
    }
    let connected = gateway.connect_socket(admitted, Wire::new(sending, is_deflated));
    // In a task of its own: what this one needed is not kept for the whole life
    // of the connection.
    tokio::spawn(session::run(connected, reading));
}
