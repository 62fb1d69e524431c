//! What all gateways are told to do with their connections.

use crate::ids::{TenantId, UserId};
use crate::room::{Room, RoomKey};

/// The tokens of a user that are no good any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Whose user it is.
    pub tenant: TenantId,
    /// Whose tokens.
    pub user: UserId,
    /// Those made at this time or before, by the bus's clock, in milliseconds since 1970.
    pub until_ms: u64,
}

/// What all gateways are told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Take these tokens no more, and end the connections that came with them. It is
    /// remembered for [`Retention::revocations`](super::Retention::revocations).
    Revoke(Revocation),
    /// End a user's connections. They may come back.
    Disconnect {
        /// Whose user it is.
        tenant: TenantId,
        /// Whose connections.
        user: UserId,
    },
}

/// What one hears who hears orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderHeard {
    /// An order.
    Order(Order),
    /// Some may have been missed.
    Gap,
}

/// The revocations that are remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revocations {
    /// Of each user the latest, in no order.
    pub found: Vec<Revocation>,
    /// Whether there are no others: not all of the storage may have answered.
    pub are_all: bool,
}

impl Order {
    /// Whose room says where the order is kept and heard.
    pub(super) fn room(&self) -> RoomKey {
        let (tenant, user) = match self {
            Self::Revoke(revocation) => (&revocation.tenant, &revocation.user),
            Self::Disconnect { tenant, user } => (tenant, user),
        };
        RoomKey::new(tenant.clone(), Room::User(user.clone()))
    }
}
