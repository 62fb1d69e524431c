//! How a WebSocket ends, so that the peer learns why.

use std::time::Duration;

use futures::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::session::Socket;
use crate::outbox::Close;

/// How long the peer gets to read the close, and to close itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells the peer why, and hears it out.
pub(super) async fn close(mut socket: Socket, close: &Close) {
    let frame = CloseFrame {
        code: close.code.code().into(),
        reason: close.reason.as_ref().into(),
    };
    // A peer that does not read learns nothing, whatever is done.
    let told = timeout(PATIENCE, socket.send(Message::Close(Some(frame)))).await;
    if matches!(told, Ok(Ok(()))) {
        let _ = timeout(PATIENCE, hear_out(&mut socket)).await;
    }
}

/// Reads on until the peer closes: to end with its bytes unread would reset
/// the connection, and the close frame would be lost on its way.
async fn hear_out(socket: &mut Socket) -> std::io::Result<()> {
    let io = socket.get_mut();
    io.shutdown().await?;
    let mut unread = [0; 1 << 10];
    while io.read(&mut unread).await? > 0 {}
    Ok(())
}
