//! Rooms, positions and ids, in the texts in which strangers name them.

use std::fmt::Display;
use std::str::FromStr;

use causerie_shared::ids::{
    ConnectionId, KeyId, MAX_ID_LEN, MessageId, ProjectId, SessionId, TenantHash, TenantId, UserId,
};
use causerie_shared::position::{Epoch, Position};
use causerie_shared::room::{Partition, Room, RoomKey, RoomName};

use super::Reach;

/// What some input of the corpus comes to.
pub const REACHES: &[&str] = &[
    "epoch",
    "id",
    "key id",
    "me",
    "message id",
    "partition",
    "position",
    "project",
    "room of a tenant",
    "tenant",
    "user",
];

/// What is read shows itself as it was written, and fits into a key of Redis, a
/// record's header and JSON.
pub fn run(input: &[u8], reach: Reach<'_>) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Some(room) = read::<Room>(text) {
        let key = RoomKey::new(TenantId::new("acme").expect("an id"), room.clone());
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        assert!(key.partition().index() < usize::from(Partition::COUNT));
        reach(match room {
            Room::Tenant => "tenant",
            Room::Project(_) => "project",
            Room::User(_) => "user",
        });
    }
    match read::<RoomName>(text) {
        Some(RoomName::Me) => reach("me"),
        Some(RoomName::Of(room)) => assert_eq!(room.to_string(), text),
        None => assert_eq!(read::<Room>(text), None),
    }
    if read::<RoomKey>(text).is_some() {
        reach("room of a tenant");
    }
    if let Ok(position) = text.parse::<Position>() {
        // Zeros may stand before a number.
        assert_eq!(position.to_string().parse(), Ok(position));
        reach("position");
    }
    if read::<Epoch>(text).is_some() {
        reach("epoch");
    }
    if Partition::parse(text).is_some_and(|partition| partition.to_string() == text) {
        reach("partition");
    }
    if let Some(id) = read::<MessageId>(text) {
        assert!(text.starts_with(&format!("{}-", id.partition())));
        reach("message id");
    }
    if let Some(id) = read::<KeyId>(text) {
        assert!(text.starts_with(&id.partition().to_string()));
        reach("key id");
    }
    let is_id = read::<TenantId>(text).is_some();
    if is_id {
        assert!(text.len() <= MAX_ID_LEN);
        reach("id");
    }
    assert_eq!(read::<UserId>(text).is_some(), is_id && text != "me");
    for is_alike in [
        read::<TenantHash>(text).is_some(),
        read::<ProjectId>(text).is_some(),
        read::<SessionId>(text).is_some(),
        read::<ConnectionId>(text).is_some(),
    ] {
        assert_eq!(is_alike, is_id);
    }
}

/// What `text` names, if it is a `T`.
fn read<T: FromStr + Display>(text: &str) -> Option<T> {
    let read: T = text.parse().ok()?;
    assert_eq!(read.to_string(), text);
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-:".contains(&byte);
    assert!(text.bytes().all(is_harmless));
    Some(read)
}
