//! What servers publish.

use std::time::Duration;

use causerie_shared::bus::posting::{Posted, PostedEvent, Posting};
use causerie_shared::ids::TenantId;
use causerie_shared::position::{Epoch, Position};
use causerie_shared::protocol::action::ClientId;
use causerie_shared::protocol::error::ProtocolError;
use causerie_shared::protocol::frame;
use causerie_shared::protocol::publish::Publish;
use causerie_shared::record::{Class, Header, Record, Unplaced};
use causerie_shared::room::{Room, RoomKey};
use futures::future::try_join_all;
use serde::Serialize;

use super::bus_failed;
use crate::events;
use crate::gateway::Gateway;

/// How long an id is remembered that we gave ourselves: longer than we ask the bus for
/// one thing.
const OWN_IDS_KEPT: Duration = Duration::from_secs(600);

/// Where an event has gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The room.
    pub room: Room,
    /// The life of its log, where that keeps the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Its place there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// Publishes `what` to each of `rooms` of `tenant`. A repeat of `id` is no second event
/// in a room that has it, so what failed halfway can be asked for again.
///
/// # Errors
/// `overloaded`: it is not known which of the rooms have it.
pub async fn publish(
    gateway: &Gateway,
    tenant: &TenantId,
    rooms: Vec<Room>,
    what: &Publish,
    id: Option<ClientId>,
) -> Result<Vec<Published>, ProtocolError> {
    let to_each = rooms.into_iter().map(|room| {
        let room = RoomKey::new(tenant.clone(), room);
        publish_to(gateway, room, what, id.clone())
    });
    try_join_all(to_each).await
}

async fn publish_to(
    gateway: &Gateway,
    room: RoomKey,
    what: &Publish,
    id: Option<ClientId>,
) -> Result<Published, ProtocolError> {
    let posted = post(gateway, &room, what, id).await?;
    let (epoch, seq) = match posted.position {
        Some(Position { epoch, seq }) => (Some(epoch), Some(seq)),
        None => (None, None),
    };
    let room = room.room;
    Ok(Published { room, epoch, seq })
}

async fn post(
    gateway: &Gateway,
    room: &RoomKey,
    what: &Publish,
    id: Option<ClientId>,
) -> Result<Posted, ProtocolError> {
    let failed = |error| bus_failed(&error);
    let is_theirs = id.is_some();
    let event = match event(gateway, room, what) {
        // Nobody will ask for it again, and nothing is to be kept of it.
        PostedEvent::Transient(record) if !is_theirs => {
            gateway.bus.publish(room, &record).await.map_err(failed)?;
            events::event_published(room, false);
            return Ok(Posted {
                position: None,
                is_repeat: false,
            });
        }
        event @ (PostedEvent::Durable(_) | PostedEvent::Transient(_)) => event,
    };
    let dedup_window = gateway.settings().dedup_window;
    let posting = Posting {
        room: room.clone(),
        dedup_window: if is_theirs {
            dedup_window
        } else {
            OWN_IDS_KEPT
        },
        id: id.unwrap_or_else(ClientId::generate),
        event,
    };
    let posted = gateway.bus.post(&posting).await.map_err(failed)?;
    if posted.is_repeat {
        events::publishing_repeated();
    } else {
        events::event_published(room, what.is_durable);
    }
    Ok(posted)
}

fn event(gateway: &Gateway, room: &RoomKey, what: &Publish) -> PostedEvent {
    let (name, data) = (what.kind.as_str(), &what.data);
    let header = |class, ts| Header {
        class,
        event: what.kind.clone(),
        position: None,
        ts,
        reply: None,
        in_reply_to: None,
        excluded: None,
        trace: None,
    };
    if what.is_durable {
        PostedEvent::Durable(Unplaced {
            header: header(Class::Durable, 0),
            tail: frame::durable_tail_named(name, &room.room, data),
        })
    } else {
        let ts = gateway.bus.clock().now_ms();
        PostedEvent::Transient(Record {
            header: header(Class::Transient, ts),
            frame: frame::transient_named(name, &room.room, ts, data),
        })
    }
}
