//! How a WebSocket ends, so that the peer learns why.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::codec::encode;
use super::reading::Reading;
use crate::outbox::{Close, Outbox};

/// How long the peer gets to take what waits, then to take the close frame, and
/// then to close itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells the peer why, and parts with it.
pub(super) async fn close(outbox: &Outbox, reading: &mut Reading, close: &Close) {
    // A peer that reads slowly is told why rather than sent all the rest.
    let _ = timeout(PATIENCE, outbox.sent()).await;
    outbox.say_last(encode::close(close.code.code(), &close.reason));
    part(outbox, reading).await;
}

/// The frame that answers the peer's own close.
pub(super) fn answer(code: Option<u16>) -> Bytes {
    code.map_or_else(encode::close_without_code, |code| encode::close(code, ""))
}

/// Ends the connection once the peer has taken the close frame, and hears it
/// out.
pub(super) async fn part(outbox: &Outbox, reading: &mut Reading) {
    // A peer that does not read learns nothing, whatever is done.
    if timeout(PATIENCE, outbox.sent()).await.is_ok() {
        outbox.hang_up();
        // To end with the peer's bytes unread would reset the connection, and
        // the close frame would be lost on its way.
        let _ = timeout(PATIENCE, reading.hear_out()).await;
    }
}
