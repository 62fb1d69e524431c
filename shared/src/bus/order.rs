//! What all gateways are told to do with their connections, and asked about them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ConnectionId, TenantId, UserId};
use crate::protocol::data::Status;
use crate::room::{Partition, Room, RoomKey};

/// So much longer than tokens may hold it is remembered that they were revoked: clocks differ,
/// and a token is taken for a minute longer than it says.
pub const REMEMBERED_LONGER: Duration = Duration::from_secs(120);

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
    /// Tell what a user has said to be, wherever they are. It is remembered as long as they
    /// are in their own room, and an hour longer.
    Status {
        /// Whose user it is.
        tenant: TenantId,
        /// Who has said it.
        user: UserId,
        /// What.
        status: Status,
    },
    /// Tell about a connection: for the gateway alone that had it last.
    Inquire(Inquiry),
    /// What became of an inquiry: for the gateway alone that asked.
    Answer(Answer),
    /// Tell which connections a user has: for all gateways but the one that asks.
    Survey(Survey),
    /// What one of them has found: for the gateway alone that asked.
    Found(Found),
}

/// A question about a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// By which its answer is known.
    pub id: u64,
    /// Whose connection it is; another tenant's is not there.
    pub tenant: TenantId,
    /// Which.
    pub connection: ConnectionId,
    /// Whether it is to be ended.
    pub ends_it: bool,
}

/// The answer to an inquiry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The inquiry's.
    pub id: u64,
    /// The connection; none where it is gone.
    pub card: Option<ConnectionCard>,
}

/// What is told about a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionCard {
    /// Its id.
    pub connection_id: ConnectionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Their name, where their token has one.
    pub name: Option<String>,
    /// How it travels: `websocket` or `sse`.
    pub transport: String,
    /// The node that serves it.
    pub node: String,
    /// When it began, by the bus's clock, in milliseconds since 1970.
    pub connected_at: u64,
    /// When its user last did something there, or it began, by the same clock.
    pub last_active_at: u64,
    /// The rooms that it is in.
    pub rooms: Vec<Room>,
}

/// A question about a user's connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// By which its answers are known.
    pub id: u64,
    /// Whose user it is.
    pub tenant: TenantId,
    /// Whose connections.
    pub user: UserId,
}

/// What one gateway answers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The survey's.
    pub id: u64,
    /// The name of the gateway.
    pub node: String,
    /// The user's connections there, the first ones that came.
    pub connections: Vec<ConnectionLine>,
    /// Whether there are others.
    pub has_more: bool,
}

/// What a list tells about a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionLine {
    /// Its id.
    pub connection_id: ConnectionId,
    /// Its user's name, where the token has one.
    pub name: Option<String>,
    /// How it travels: `websocket` or `sse`.
    pub transport: String,
    /// The node that serves it.
    pub node: String,
    /// When it began, by the bus's clock, in milliseconds since 1970.
    pub connected_at: u64,
    /// When its user last did something there, or it began, by the same clock.
    pub last_active_at: u64,
    /// How many rooms it is in.
    pub room_count: u64,
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
    /// Where the order is given, and kept.
    pub(super) fn partition(&self) -> Partition {
        match self {
            Self::Revoke(revocation) => room_of(&revocation.tenant, &revocation.user).partition(),
            Self::Disconnect { tenant, user } | Self::Status { tenant, user, .. } => {
                room_of(tenant, user).partition()
            }
            Self::Inquire(inquiry) => Partition::of_name(inquiry.connection.as_str()),
            Self::Survey(survey) => room_of(&survey.tenant, &survey.user).partition(),
            Self::Answer(Answer { id, .. }) | Self::Found(Found { id, .. }) => {
                Partition::of_name(&id.to_string())
            }
        }
    }
}

/// The room of a user, by which the storage names them.
pub(super) fn room_of(tenant: &TenantId, user: &UserId) -> RoomKey {
    RoomKey::new(tenant.clone(), Room::User(user.clone()))
}
