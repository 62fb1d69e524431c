//! `GET /api/websocket/events/types`: the names of all events.

use axum::Json;
use causerie_shared::protocol::event::Event;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct EventTypes {
    types: Vec<EventType>,
}

#[derive(Serialize)]
struct EventType {
    r#type: &'static str,
    group: &'static str,
    durable: bool,
}

pub(super) async fn list() -> Json<EventTypes> {
    let describe = |&event: &Event| EventType {
        r#type: event.name(),
        group: event.group(),
        durable: event.is_durable(),
    };
    Json(EventTypes {
        types: Event::ALL.iter().map(describe).collect(),
    })
}
