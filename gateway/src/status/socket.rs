//! `WS /ws/status`: the installation, live, for operators.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};

use super::{Status, WATCHERS, events, frame};
use crate::admission::Refusal;
use crate::auth::Credential;

/// How long one who watches may leave a frame unread.
const UNREAD: Duration = Duration::from_secs(10);

/// When to come again where too many watch.
const RETRY_WHEN_FULL_MS: u64 = 5_000;

/// A place among those who watch at this gateway.
pub(crate) struct Seat {
    status: Arc<Status>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        drop(self.permit.take());
        events::watching(self.status.taken());
    }
}

impl Status {
    /// Lets one more watch.
    ///
    /// # Errors
    /// 503 where too many do.
    pub(crate) fn seat(self: &Arc<Self>) -> Result<Seat, Refusal> {
        let permit = Arc::clone(&self.watchers).try_acquire_owned().ok();
        let permit = permit.ok_or_else(|| {
            let content = "Too many watch the status here: close one of the pages, or take \
                           another gateway.";
            let error = ProtocolError::new(ErrorCode::Overloaded, content);
            Refusal::from(error.with_retry_after_ms(RETRY_WHEN_FULL_MS)).because("status_full")
        })?;
        events::watching(self.taken());
        Ok(Seat {
            status: Arc::clone(self),
            permit: Some(permit),
        })
    }

    fn taken(&self) -> usize {
        WATCHERS - self.watchers.available_permits()
    }

    fn latest(&self) -> Arc<str> {
        let view = self.view();
        frame("system_status_update", view.at_ms, &view.shown())
    }
}

/// What comes next on a socket.
enum Next {
    Say(Message),
    Nothing,
    /// The peer is gone.
    Gone,
    Close(CloseCode, &'static str),
}

/// Shows the installation to one who may see it, until they go, their token expires (after
/// `valid_for`) or is revoked, or the gateway ends.
pub(crate) async fn serve(
    socket: WebSocket,
    seat: Seat,
    credential: Credential,
    valid_for: Option<Duration>,
) {
    events::came(&credential.identity.user);
    let status = &*seat.status;
    let mut frames = status.frames.subscribe();
    let (mut to, mut from) = socket.split();
    let expired = async {
        match valid_for {
            Some(time) => sleep(time).await,
            None => pending().await,
        }
    };
    let revoked = credential.revoked();
    tokio::pin!(expired, revoked);
    let mut next = Next::Say(Message::text(&*status.latest()));
    loop {
        let (message, is_last) = match next {
            Next::Say(message) => (Some(message), false),
            Next::Nothing => (None, false),
            Next::Gone => return,
            Next::Close(code, reason) => (Some(close_frame(code, reason)), true),
        };
        if let Some(message) = message {
            let sent = timeout(UNREAD, to.send(message)).await;
            if is_last || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
        next = tokio::select! {
            biased;
            () = status.stop.cancelled() => Next::Close(CloseCode::Draining, "the gateway ends"),
            () = &mut expired => Next::Close(CloseCode::Unauthorized, "the token has expired"),
            _ = &mut revoked => Next::Close(CloseCode::Unauthorized, "the token was revoked"),
            said = from.next() => match said {
                Some(Ok(message)) => answer(&message),
                Some(Err(_)) | None => Next::Gone,
            },
            text = frames.recv() => match text {
                Ok(text) => Next::Say(Message::text(&*text)),
                Err(RecvError::Lagged(_)) => Next::Say(Message::text(&*status.latest())),
                Err(RecvError::Closed) => Next::Gone,
            },
        };
    }
}

/// The one thing that one who watches may say is `ping`.
fn answer(message: &Message) -> Next {
    let text = match message {
        Message::Text(text) => text.as_str(),
        Message::Close(_) => return Next::Gone,
        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => return Next::Nothing,
    };
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let answer = if said.get("action").is_some_and(|action| action == "ping") {
        json!({"action": "pong", "type": "pong", "id": said.get("id")})
    } else {
        let content = "Here the status is shown, and `ping` is answered: chat at /ws.";
        let code = ErrorCode::UnknownAction.name();
        json!({"type": "error", "code": code, "content": content, "canRetry": false})
    };
    Next::Say(Message::text(answer.to_string()))
}

fn close_frame(code: CloseCode, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame {
        code: code.code(),
        reason: reason.into(),
    }))
}
