//! Who is in a room, over all gateways together.
//!
//! Each gateway tells how many connections a user has there with it, under a name of
//! its own, its *host*, of which it has one in each partition. It shows again and again that
//! the host lives; what was told under one that shows no life any more is taken back
//! by the others. A user is there from the first connection at any gateway to
//! the end of the last.

use crate::ids::{RunId, UserId};
use crate::protocol::data::Status;
use crate::room::{Partition, RoomKey};

/// What a gateway tells of a user in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendance {
    /// Under which name the gateway tells it.
    pub host: RunId,
    /// Whether it may be the first thing that is told under that name in the room's partition.
    pub is_first: bool,
    /// The room.
    pub room: RoomKey,
    /// The user.
    pub user: UserId,
    /// How many connections the user has in the room with that gateway.
    pub connections: u32,
    /// The name to show to people, where they have one.
    pub name: Option<Box<str>>,
    /// What the user has said to be, where that is known. In the user's own room the storage
    /// knows it better: there this counts only for one who joins, where nothing is kept.
    pub status: Option<Status>,
}

/// What became of an [`Attendance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attended {
    /// It is known to all; and what the user is there.
    Noted(Status),
    /// The host was taken for dead, or was lost: what the gateway told under it is to be
    /// told anew, under another name.
    HostIsGone,
}

/// A user in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The user.
    pub user: UserId,
    /// The name to show to people, where their token has one.
    pub name: Option<String>,
    /// What they have said to be.
    pub status: Status,
    /// How many connections they have in the room, at all gateways.
    pub connections: u64,
}

/// A look at the hosts of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostLook {
    /// Which partition.
    pub partition: Partition,
    /// The host that is to be shown to live, if it is not taken for dead.
    pub own: Option<RunId>,
}

/// The hosts of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hosts {
    /// By what the storage names its data: another name says that it may have lost what was
    /// told last.
    pub life: String,
    /// Each with how often it was shown to live; `None` where it was taken for dead.
    pub beats: Vec<(RunId, Option<u64>)>,
}
