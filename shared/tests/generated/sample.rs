//! The ids and times that the golden files use.

use causerie_shared::ids::{MessageId, SessionId, UserId};
use causerie_shared::position::Position;
use causerie_shared::room::Room;

pub const TS: u64 = 1_693_234_567_890;

pub fn room() -> Room {
    "project:p1".parse().unwrap()
}

pub fn user() -> UserId {
    UserId::new("u1").unwrap()
}

pub fn session() -> SessionId {
    SessionId::new("s1").unwrap()
}

pub fn question() -> MessageId {
    MessageId::new("7c-0198f3a5c1d27e0b8c4e5f6a7b8c9d0e").unwrap()
}

pub fn reply() -> MessageId {
    MessageId::new("7c-0198f3a5c1d37a1c9d5f6a7b8c9d0e1f").unwrap()
}

pub fn position(seq: u64) -> Position {
    let epoch = "k3f9a2bd".parse().unwrap();
    Position { epoch, seq }
}
