//! The names of keys and channels that are used outside of scripts.

use std::sync::LazyLock;

use fred::bytes_utils::Str;

use crate::room::{Partition, RoomKey};

/// What says for which installation this Redis is.
pub(super) const INSTALLATION: &str = "causerie:installation";

/// The names that every script is given, by partition.
static OF_SCRIPTS: LazyLock<Vec<[Str; 2]>> = LazyLock::new(|| {
    let names = |partition| {
        let prefix = format!("causerie:{{p{partition}}}:");
        let second = format!("{prefix}changed");
        [prefix.into(), second.into()]
    };
    Partition::all().map(names).collect()
});

/// What every name of a partition begins with. All of them are in one hash slot.
pub(super) fn prefix(partition: Partition) -> &'static str {
    let [prefix, _] = script_keys(partition);
    prefix
}

/// The two keys that every script is given: see `scripts/base.lua`.
pub(super) fn script_keys(partition: Partition) -> &'static [Str; 2] {
    OF_SCRIPTS
        .get(partition.index())
        .unwrap_or_else(|| unreachable!("a partition beyond the last"))
}

/// A key or channel of the whole partition.
pub(super) fn in_partition(partition: Partition, kind: &str) -> String {
    format!("{}{kind}", prefix(partition))
}

/// On which a room's records are published.
pub(super) fn room_channel(room: &RoomKey) -> String {
    format!("{}room:{room}", prefix(room.partition()))
}

/// Whose channel it is.
pub(super) fn room_of_channel(channel: &str) -> Option<RoomKey> {
    let (_, room) = channel.split_once("}:room:")?;
    room.parse().ok()
}

/// To which partition a channel belongs.
pub(super) fn partition_of_channel(channel: &str) -> Option<Partition> {
    let (digits, _) = channel.strip_prefix("causerie:{p")?.split_once('}')?;
    Partition::parse(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_leads_back_to_its_room() {
        let room: RoomKey = "acme:project:p1".parse().unwrap();
        let channel = room_channel(&room);
        assert_eq!(channel, "causerie:{p7c}:room:acme:project:p1");
        assert_eq!(room_of_channel(&channel), Some(room.clone()));
        assert_eq!(partition_of_channel(&channel), Some(room.partition()));
        assert_eq!(room_of_channel("causerie:{p7c}:wake"), None);
    }
}
