//! `status`: what a user says to be.

use causerie_shared::bus::order::Order;
use causerie_shared::protocol::data::Status;
use causerie_shared::protocol::error::ProtocolError;
use causerie_shared::room::Room;

use super::bus_failed;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::permission::Act;

/// Has it told in all rooms where the caller is, at whichever gateway.
pub(super) async fn set_status(
    gateway: &Gateway,
    identity: &Identity,
    status: Status,
) -> Result<(), ProtocolError> {
    identity.check(Act::ShowStatus, &Room::Tenant)?;
    let order = Order::Status {
        tenant: identity.tenant.clone(),
        user: identity.user.clone(),
        status,
    };
    let told = gateway.bus.order(&order).await;
    told.map_err(|error| bus_failed(&error))
}
