//! Server-Sent Events: rooms, or one question, as a stream of events.

pub mod position;
mod question;
mod rooms;
mod text;

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use causerie_shared::room::{Room, RoomName};
use futures::Stream;
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::admission::{Asked, Refusal};
use crate::connection::Transport;
use crate::http::{Edge, RoomPath};
use crate::limits::floods::Way;

use position::Positions;
pub(crate) use question::of_question;

/// How often a comment is sent.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// How much is written in one go.
const CHUNK_BYTES: usize = 16 * 1024;

/// `GET /api/events`: the rooms that the query names, the user's own and the
/// tenant's.
pub(crate) async fn several_rooms(
    State(edge): State<Edge>,
    parts: Parts,
) -> Result<Response, Refusal> {
    let mut asked = Asked::read(&parts)?;
    asked.add_room(RoomName::Me);
    asked.add_room(RoomName::Of(Room::Tenant));
    open(&edge, asked).await
}

/// `GET /api/rooms/{room}/events`: this room alone.
pub(crate) async fn one_room(
    State(edge): State<Edge>,
    RoomPath(room): RoomPath,
    parts: Parts,
) -> Result<Response, Refusal> {
    let mut asked = Asked::read(&parts)?;
    asked.hear_alone(room);
    open(&edge, asked).await
}

async fn open(edge: &Edge, mut asked: Asked) -> Result<Response, Refusal> {
    asked.way = Way::Sse;
    let last = asked.last_event_id.take();
    let last = last.as_deref().map_or(Ok(Vec::new()), position::read)?;
    let mut admitted = edge.admission.admit(&asked).await?;
    position::go_on(&mut admitted.rooms, last, &admitted.identity.user);
    let positions = Positions::asked(&admitted.rooms);
    let connected = edge.gateway.connect_to_named(admitted, Transport::Sse);
    Ok(rooms::of_rooms(connected, positions))
}

/// An answer whose body is written as its reader takes it.
fn response(
    body: impl Stream<Item = Result<String, std::convert::Infallible>> + Send + 'static,
) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // A proxy that gathers events before it hands them on would break them.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

fn comment_times() -> Interval {
    let mut times = interval_at(Instant::now() + COMMENT_EVERY, COMMENT_EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    times
}
