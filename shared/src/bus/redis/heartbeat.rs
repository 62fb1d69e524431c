//! Connections that only look alive.
//!
//! fred's check for unresponsive connections begins to count anew with every
//! command written, and where a connection takes no more bytes its task hangs with
//! it, however it is told to connect again.

use std::time::Duration;

use fred::clients::Client;
use fred::error::ErrorKind;
use fred::interfaces::ClientLike;
use fred::types::config::{Options, Server};
use tokio::time::sleep;

use super::address::Address;
use super::link::Lent;
use super::servers::Servers;

/// How often every connection is asked whether it lives.
const EVERY: Duration = Duration::from_secs(1);
/// How long nothing at all may be answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take to answer once a new connection was answered: a Redis that
/// wakes answers both, and all that was asked.
const AFTER_ANOTHER: Duration = Duration::from_millis(500);
/// How long to wait for room where too much else is asked.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Returns when a new connection would be answered, and the one that there is is not.
pub(super) async fn until_silent(lent: &Lent, node: &Server, address: &Address, servers: &Servers) {
    loop {
        sleep(EVERY).await;
        if !lent.client.is_connected() {
            continue;
        }
        tokio::select! {
            // It lives, or fred has noticed by itself that it does not.
            () = ping(&lent.client) => {}
            () = until_outlived(lent, node, address, servers) => return,
        }
    }
}

/// Returns when nothing was answered for so long, and a new connection is.
async fn until_outlived(lent: &Lent, node: &Server, address: &Address, servers: &Servers) {
    loop {
        // What stands before the PING may take its time, and be answered.
        lent.silent_for(PATIENCE).await;
        servers.doubt();
        // A server that is paused takes no new one either.
        if address.probe(node).await.is_ok() && lent.is_silent_for(AFTER_ANOTHER).await {
            return;
        }
    }
}

/// Returns when it is answered, however long that takes, or its connection is gone.
async fn ping(client: &Client) {
    let options = Options {
        max_attempts: Some(1),
        // None at all.
        timeout: Some(Duration::ZERO),
        ..Options::default()
    };
    let client = client.with_options(&options);
    loop {
        match client.ping::<()>(None).await {
            Err(error) if *error.kind() == ErrorKind::Backpressure => sleep(NO_ROOM).await,
            Err(_) | Ok(()) => return,
        }
    }
}
