//! Rooms, positions and ids, in the texts in which strangers name them; also both together,
//! as they ask for a room and say where they were.

use std::fmt::Display;
use std::str::FromStr;

use causerie_gateway::admission::Named;
use causerie_gateway::sse::position::read as read_last_event_id;
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
    "last event",
    "last event of several rooms",
    "me",
    "message id",
    "partition",
    "position",
    "project",
    "room and position",
    "room of a tenant",
    "room without position",
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
    asked(text, reach);
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

/// A room as it is asked for, and the list of them that an event stream is gone on with.
fn asked(text: &str, reach: Reach<'_>) {
    match Named::read(text) {
        Ok(named) => {
            assert_eq!(Named::read(&written(&named)), Ok(named.clone()));
            assert!(text.starts_with(&named.room.to_string()));
            reach(match named.position {
                Some(_) => "room and position",
                None => "room without position",
            });
        }
        Err(refusal) => assert_eq!(refusal.status(), 400),
    }
    match read_last_event_id(text) {
        Ok(last) => {
            assert!(last.iter().all(|named| named.position.is_some()));
            assert!(last.len() <= 1 + text.matches(',').count());
            let again = last.iter().map(written).collect::<Vec<_>>().join(",");
            assert_eq!(read_last_event_id(&again).as_ref(), Ok(&last));
            match last.len() {
                0 => {}
                1 => reach("last event"),
                _ => reach("last event of several rooms"),
            }
        }
        Err(refusal) => assert_eq!(refusal.status(), 400),
    }
}

fn written(named: &Named) -> String {
    match &named.position {
        Some(position) => format!("{}@{position}", named.room),
        None => named.room.to_string(),
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
