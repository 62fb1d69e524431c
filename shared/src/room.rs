//! Rooms, and the partitions that they live in.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{InvalidId, ProjectId, TenantId, UserId};

/// What events are addressed to, within a tenant.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS,
)]
#[ts(as = "String")]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^(tenant|project:[A-Za-z0-9._~-]{1,128}|user:[A-Za-z0-9._~-]{1,128})$"))]
pub enum Room {
    /// Everybody of the tenant.
    Tenant,
    /// The people of one project.
    Project(ProjectId),
    /// All devices of one user.
    User(UserId),
}

/// A room as a client names it: `user:me` still stands for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[ts(as = "String")]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^(tenant|project:[A-Za-z0-9._~-]{1,128}|user:[A-Za-z0-9._~-]{1,128})$"))]
pub enum RoomName {
    /// `user:me`.
    Me,
    /// Any other room.
    Of(Room),
}

impl RoomName {
    /// The room that `caller` means.
    pub fn resolve(self, caller: &UserId) -> Room {
        match self {
            Self::Me => Room::User(caller.clone()),
            Self::Of(room) => room,
        }
    }
}

/// What is wrong with a text that should name a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoom {
    /// It is none of the three kinds.
    #[error("a room is `tenant`, `project:{{id}}` or `user:{{id}}`")]
    Kind,
    /// Its id is bad.
    #[error(transparent)]
    Id(#[from] InvalidId),
}

impl FromStr for Room {
    type Err = InvalidRoom;
    fn from_str(text: &str) -> Result<Self, InvalidRoom> {
        match text.split_once(':') {
            None if text == "tenant" => Ok(Self::Tenant),
            Some(("project", id)) => Ok(Self::Project(ProjectId::new(id)?)),
            Some(("user", id)) => Ok(Self::User(UserId::new(id)?)),
            None | Some(_) => Err(InvalidRoom::Kind),
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("tenant"),
            Self::Project(id) => write!(f, "project:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

impl FromStr for RoomName {
    type Err = InvalidRoom;
    fn from_str(text: &str) -> Result<Self, InvalidRoom> {
        if text == "user:me" {
            Ok(Self::Me)
        } else {
            text.parse().map(Self::Of)
        }
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Me => f.write_str("user:me"),
            Self::Of(room) => room.fmt(f),
        }
    }
}

macro_rules! text_conversions {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidRoom;
            fn try_from(text: String) -> Result<Self, InvalidRoom> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
    )*};
}
text_conversions!(Room, RoomName);

/// A room of a tenant: unique in the whole installation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey {
    /// Whose room it is.
    pub tenant: TenantId,
    /// Which of the tenant's rooms.
    pub room: Room,
}

impl RoomKey {
    /// Names `room` of `tenant`.
    pub fn new(tenant: TenantId, room: Room) -> Self {
        Self { tenant, room }
    }

    /// Where the room lives.
    pub fn partition(&self) -> Partition {
        Partition::of(self)
    }
}

/// `{tenant}:{room}`. Neither a tenant id nor the id within a room holds a
/// colon, so it can be parsed back.
impl fmt::Display for RoomKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tenant, self.room)
    }
}

impl FromStr for RoomKey {
    type Err = InvalidRoom;
    fn from_str(text: &str) -> Result<Self, InvalidRoom> {
        let (tenant, room) = text.split_once(':').ok_or(InvalidRoom::Kind)?;
        Ok(Self::new(TenantId::new(tenant)?, room.parse()?))
    }
}

/// One of the [`Partition::COUNT`] parts that all rooms are divided into. All
/// that is stored of a room shares one Redis hash slot with its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(u8);

impl Partition {
    /// How many there are: fixed for an installation, since a room's keys are
    /// found by it.
    pub const COUNT: u8 = 128;
    /// The first partition.
    pub const FIRST: Self = Self(0);

    fn of(key: &RoomKey) -> Self {
        let (kind, id) = match &key.room {
            Room::Tenant => ("tenant", ""),
            Room::Project(id) => ("project:", id.as_str()),
            Room::User(id) => ("user:", id.as_str()),
        };
        // As the key shows itself.
        let mut hash = crc32fast::Hasher::new();
        for part in [key.tenant.as_str(), ":", kind, id] {
            hash.update(part.as_bytes());
        }
        Self((hash.finalize() % u32::from(Self::COUNT)) as u8)
    }

    /// Where that is kept which goes by this name, and is of no room.
    pub fn of_name(name: &str) -> Self {
        let hash = crc32fast::hash(name.as_bytes());
        Self((hash % u32::from(Self::COUNT)) as u8)
    }

    /// All partitions, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Its number, from 0.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Reads the two lower-case hex digits that [`Display`](fmt::Display) writes.
    pub fn parse(digits: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digits.len() != 2 || !digits.bytes().all(hex) {
            return None;
        }
        let number = u8::from_str_radix(digits, 16).ok()?;
        (number < Self::COUNT).then_some(Self(number))
    }
}

/// Two lower-case hex digits.
impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> RoomKey {
        text.parse().unwrap()
    }

    #[test]
    fn rooms_read_as_they_are_written() {
        for text in ["tenant", "project:p1", "user:u~1"] {
            assert_eq!(text.parse::<Room>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "tenants",
            "project",
            "project:",
            "team:x",
            "project:a:b",
        ] {
            assert!(bad.parse::<Room>().is_err(), "{bad}");
        }
    }

    #[test]
    fn me_is_the_caller_and_nobody_else() {
        let u1 = UserId::new("u1").unwrap();
        let named: RoomName = "user:me".parse().unwrap();
        assert_eq!(named.resolve(&u1), Room::User(u1));
        assert!("user:me".parse::<Room>().is_err());
    }

    #[test]
    fn a_key_reads_as_it_is_written() {
        for text in ["acme:tenant", "acme:project:p1", "a.b:user:v~9"] {
            assert_eq!(key(text).to_string(), text);
        }
    }

    /// A room that moved to another partition would lose its log: these are
    /// fixed for ever.
    #[test]
    fn partitions_never_move() {
        for (room, partition) in [
            ("acme:tenant", "16"),
            ("acme:project:p1", "7c"),
            ("demo:user:u1", "64"),
        ] {
            assert_eq!(key(room).partition().to_string(), partition, "{room}");
        }
    }

    #[test]
    fn partitions_are_evenly_filled() {
        let mut filled = [0_u32; Partition::COUNT as usize];
        for user in 0..12_800 {
            filled[key(&format!("acme:user:u{user}")).partition().index()] += 1;
        }
        assert!(filled.iter().all(|n| (50..200).contains(n)), "{filled:?}");
    }
}
