//! What the logs of rooms must hold in the end.

use std::collections::BTreeMap;

use super::SESSION;
use crate::ledger::{ClientEvent, Durable, Entry, Log, What};

/// All that was acknowledged, as it was sent.
pub(super) fn logs(tenant: &str, entries: &[Entry]) -> Vec<Log> {
    let (mut sent, mut users) = (BTreeMap::new(), BTreeMap::new());
    let mut rooms: BTreeMap<&str, BTreeMap<u64, Durable>> = BTreeMap::new();
    for entry in entries {
        let What::Client { client, event } = &entry.what else {
            continue;
        };
        if let ClientEvent::Named { user, .. } = event {
            users.insert(*client, user.clone());
        } else if let ClientEvent::Sent { id, room, text, .. } = event {
            sent.insert((*client, id, room), text);
        } else if let ClientEvent::Acked {
            id,
            message,
            room,
            epoch,
            seq,
        } = event
        {
            let text = sent.get(&(*client, id, room));
            let event = Durable {
                epoch: epoch.clone(),
                seq: *seq,
                kind: "new_message".to_owned(),
                message: message.clone(),
                session: Some(SESSION.to_owned()),
                user: users.get(client).cloned(),
                in_reply_to: None,
                attempt: None,
                finish: None,
                content: text.map_or_else(String::new, |text| (*text).clone()),
            };
            rooms.entry(room).or_default().insert(*seq, event);
        }
    }
    let logs = rooms.into_iter().map(|(room, events)| Log {
        tenant: tenant.to_owned(),
        room: room.to_owned(),
        events: events.into_values().collect(),
    });
    logs.collect()
}
