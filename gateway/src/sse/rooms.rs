//! Several rooms as one event stream.

use axum::response::Response;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use futures::stream::unfold;
use tokio::time::Interval;

use super::position::Positions;
use super::text::{COMMENT, write_event, write_frame, write_retry};
use super::{CHUNK_BYTES, comment_times, response};
use crate::connection::{Connected, Ended};
use crate::events;
use crate::outbox::{Batch, Close};

/// How long a client waits before it comes back, unless it is told otherwise.
const RETRY_MS: u64 = 1_000;

struct Stream {
    connected: Connected,
    positions: Positions,
    comments: Interval,
    state: State,
}

enum State {
    New,
    Open,
    Closed(CloseCode),
}

/// The answer that goes on for as long as the client stays connected.
pub(super) fn of_rooms(connected: Connected, positions: Positions) -> Response {
    let stream = Stream {
        positions,
        comments: comment_times(),
        state: State::New,
        connected,
    };
    response(unfold(stream, |mut stream| async {
        let text = stream.next().await?;
        Some((Ok(text), stream))
    }))
}

impl Stream {
    /// What is to be written next; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        match self.state {
            State::New => {
                self.state = State::Open;
                let mut text = String::new();
                // Takes back what an earlier stream said of its node's end.
                write_retry(&mut text, RETRY_MS);
                Some(text)
            }
            State::Open => Some(self.more().await),
            State::Closed(_) => None,
        }
    }

    async fn more(&mut self) -> String {
        let batch = tokio::select! {
            batch = self.connected.outbox.next(CHUNK_BYTES) => batch,
            _ = self.comments.tick() => return COMMENT.to_owned(),
        };
        let Batch {
            frames,
            lagging,
            close,
            ping: _,
        } = batch;
        let hub = &self.connected.gateway().hub;
        hub.resync(self.connected.outbox.id(), lagging).await;
        let mut text = String::with_capacity(256);
        for frame in frames {
            write_frame(&mut text, &frame, &mut self.positions);
        }
        if let Some(close) = close {
            self.end(&close, &mut text);
        }
        text
    }

    fn end(&mut self, close: &Close, text: &mut String) {
        events::closed(&self.connected, close);
        self.state = State::Closed(close.code);
        match close.code {
            CloseCode::Draining => write_retry(text, retry_ms(&close.reason)),
            // Who ends it for this has said so, in a frame before.
            CloseCode::Unauthorized => {}
            CloseCode::ProtocolError
            | CloseCode::InvalidUtf8
            | CloseCode::FrameTooLarge
            | CloseCode::InternalError
            | CloseCode::Overloaded
            | CloseCode::TooSlow
            | CloseCode::LostPlace
            | CloseCode::HeartbeatLost
            | CloseCode::Forbidden
            | CloseCode::Abuse
            | CloseCode::Idle
            | CloseCode::Disconnected => write_event(text, Event::Error.name(), &fault(close)),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connected.disconnect(match self.state {
            // A client of event streams just goes away.
            State::New | State::Open => Ended::Unclosed,
            State::Closed(code) => Ended::ByServer(code),
        });
    }
}

/// The milliseconds in `reconnect after=MS`.
fn retry_ms(reason: &str) -> u64 {
    reason
        .rsplit_once('=')
        .and_then(|(_, ms)| ms.parse().ok())
        .unwrap_or(RETRY_MS)
}

/// Why the stream ends.
fn fault(close: &Close) -> String {
    let code = match close.code {
        CloseCode::Overloaded | CloseCode::TooSlow | CloseCode::LostPlace => ErrorCode::Overloaded,
        CloseCode::Forbidden | CloseCode::Abuse | CloseCode::Disconnected => ErrorCode::Forbidden,
        CloseCode::Unauthorized => ErrorCode::Unauthorized,
        CloseCode::ProtocolError
        | CloseCode::InvalidUtf8
        | CloseCode::FrameTooLarge
        | CloseCode::InternalError
        | CloseCode::Draining
        | CloseCode::HeartbeatLost
        | CloseCode::Idle => ErrorCode::Internal,
    };
    let content = format!("The stream ends: {}.", close.reason);
    let error = ProtocolError::new(code, content).fatal();
    String::from_utf8_lossy(&frame::error(None, &error)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_come_back_is_what_the_node_said() {
        assert_eq!(retry_ms("reconnect after=1750"), 1_750);
        assert_eq!(retry_ms("something else"), RETRY_MS);
    }
}
