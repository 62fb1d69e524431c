//! One question as an event stream.

use axum::response::Response;
use causerie_shared::protocol::action::ClientId;
use causerie_shared::protocol::error::ProtocolError;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use futures::stream::unfold;
use tokio::time::Interval;

use super::text::{COMMENT, write_event};
use super::{CHUNK_BYTES, comment_times, response};
use crate::actions::ask::Asking;
use crate::auth::Credential;
use crate::http::lost_sight;
use crate::registry::Slot;

struct Stream {
    id: ClientId,
    asking: Asking,
    comments: Interval,
    state: State,
    credential: Credential,
    _slot: Slot,
}

#[derive(PartialEq, Eq)]
enum State {
    New,
    Open,
    Ended,
}

/// All that concerns a question, from its `ack` to the `message` that ends its
/// reply. Going away does not cancel it.
pub(crate) fn of_question(
    id: ClientId,
    asking: Asking,
    slot: Slot,
    credential: Credential,
) -> Response {
    let stream = Stream {
        id,
        asking,
        comments: comment_times(),
        state: State::New,
        credential,
        _slot: slot,
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
                let ack = frame::ack(&self.id, self.asking.sent.ack());
                Some(event(Event::Ack, &ack))
            }
            State::Open => Some(self.more().await),
            State::Ended => None,
        }
    }

    async fn more(&mut self) -> String {
        let batch = tokio::select! {
            batch = self.asking.next(CHUNK_BYTES) => batch,
            error = self.credential.revoked() => return self.end(&error.fatal()),
            _ = self.comments.tick() => return COMMENT.to_owned(),
        };
        self.asking.resync(batch.lagging).await;
        let mut text = String::with_capacity(256);
        for frame in batch.frames {
            write_event(&mut text, &frame.event, frame.json());
            if frame.is_final() {
                self.state = State::Ended;
                return text;
            }
        }
        if batch.close.is_some() {
            text.push_str(&self.end(&lost_sight().fatal()));
        }
        text
    }

    /// The last that is written: that there is no more, and why.
    fn end(&mut self, error: &ProtocolError) -> String {
        self.state = State::Ended;
        event(Event::Error, &frame::error(Some(&self.id), error))
    }
}

fn event(event: Event, json: &[u8]) -> String {
    let mut text = String::new();
    write_event(&mut text, event.name(), &String::from_utf8_lossy(json));
    text
}
