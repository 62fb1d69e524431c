//! The body of an event stream: written as its reader takes it.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use causerie_shared::protocol::action::ClientId;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use futures::Stream;
use futures::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::HeaderName;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::position::Positions;
use super::text::{COMMENT, write_event, write_frame, write_retry};
use crate::actions::ask::Asking;
use crate::connection::Connected;
use crate::http::lost_sight;
use crate::outbox::{Batch, Close, Outbox};
use crate::registry::Slot;
use crate::server::Cut;

/// How often a comment is sent.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// How much is written in one go.
const CHUNK_BYTES: usize = 16 * 1024;
/// How long a client waits before it comes back, unless it is told otherwise.
const RETRY_MS: u64 = 1_000;
/// How long one who does not read may take to read why their stream ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// A stream of rooms.
pub(super) fn of_rooms(connected: Connected, cut: Cut) -> Response {
    let outbox = connected.outbox.clone();
    let state = Rooms {
        positions: Positions::new(connected.identity.user.clone()),
        connected,
        comments: comments(),
        is_new: true,
        has_ended: false,
        _watch: AbortOnDropHandle::new(tokio::spawn(cut_when_stuck(outbox, cut))),
    };
    response(unfold(state, |mut state| async {
        let text = state.next().await?;
        Some((Ok(text), state))
    }))
}
