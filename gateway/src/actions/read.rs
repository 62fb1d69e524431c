//! `read`: how far somebody has read.

use causerie_shared::protocol::action;
use causerie_shared::protocol::data::MessageRead;
use causerie_shared::protocol::error::ProtocolError;
use causerie_shared::protocol::event::Event;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;

use super::bus_failed;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::permission::Act;

/// Shows all who are in the room, the caller's other devices too, how far the caller has
/// read. Nothing is kept of it.
pub(super) async fn read(
    gateway: &Gateway,
    identity: &Identity,
    what: action::Read,
) -> Result<(), ProtocolError> {
    let room = what.room.resolve(&identity.user);
    identity.check(Act::ShowRead, &room)?;
    let (event, ts) = (Event::MessageRead, gateway.bus.clock().now_ms());
    let data = MessageRead {
        user_id: identity.user.clone(),
        seq: what.seq,
    };
    let record = Record::transient(event, &room, ts, &data);
    let room = RoomKey::new(identity.tenant.clone(), room);
    let published = gateway.bus.publish(&room, &record).await;
    published.map_err(|error| bus_failed(&error))
}
