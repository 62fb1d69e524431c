//! Publishing what servers say.

use std::sync::Arc;

use super::part::{Part, millis};
use crate::bus::posting::{Posted, PostedEvent, Posting};

impl Part {
    pub(super) fn post(&mut self, posting: &Posting) -> Posted {
        let named = (posting.room.clone(), posting.id.clone());
        if let Some((until_ms, position)) = self.posted.get(&named)
            && self.now_ms < *until_ms
        {
            return Posted {
                position: position.clone(),
                is_repeat: true,
            };
        }
        let position = match &posting.event {
            PostedEvent::Durable(event) => Some(self.append(&posting.room, event)),
            PostedEvent::Transient(record) => {
                self.publish(&posting.room, &Arc::new(record.clone()));
                None
            }
        };
        let until_ms = self.now_ms.saturating_add(millis(posting.dedup_window));
        self.posted.insert(named, (until_ms, position.clone()));
        Posted {
            position,
            is_repeat: false,
        }
    }
}
