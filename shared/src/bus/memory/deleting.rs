//! Deleting what was said.

use bytes::Bytes;

use super::generation::{Generation, State};
use super::part::Part;
use crate::bus::deletion::{Deleted, Deletion, tombstone};
use crate::ids::{MessageId, UserId};
use crate::room::RoomKey;

/// Where something was said, and by whom: no reply is anybody's.
pub(super) struct Said {
    pub(super) room: RoomKey,
    pub(super) user: Option<UserId>,
    pub(super) seq: u64,
    pub(super) said_ms: u64,
}

impl Part {
    pub(super) fn delete(&mut self, deletion: &Deletion) -> Deleted {
        let Deletion {
            room,
            message_id,
            author,
            event,
        } = deletion;
        let Some(said) = self.said(message_id).filter(|said| said.room == *room) else {
            return Deleted::Unknown;
        };
        if author.is_some() && said.user != *author {
            return Deleted::NotTheirs;
        }
        let log = self.log(room);
        match log.is_tombstone(said.seq) {
            None => return Deleted::Unknown,
            Some(true) => return Deleted::Repeat,
            Some(false) => log.bury(said.seq, &tombstone(&room.room)),
        }
        let position = self.append(room, event);
        self.forget(message_id);
        Deleted::Done { position }
    }

    fn said(&self, message_id: &MessageId) -> Option<Said> {
        if let Some(said) = self.said.get(message_id) {
            return Some(Said {
                room: said.room.clone(),
                user: said.user.clone(),
                ..*said
            });
        }
        let generation = self.generations.get(message_id)?;
        match &generation.state {
            State::Done(done) => Some(Said {
                room: generation.room.clone(),
                user: None,
                seq: done.seq,
                said_ms: done.ended_ms,
            }),
            State::Queued(_) | State::Running(_) => None,
        }
    }

    /// Forgets what is kept of a message outside of the log.
    fn forget(&mut self, message_id: &MessageId) {
        let reply = self.replies.get(message_id);
        let is_question = reply.is_some();
        let reply = reply.unwrap_or(message_id).clone();
        let Some(generation) = self.generations.get_mut(&reply) else {
            return;
        };
        let key = (generation.room.clone(), generation.session.clone());
        let is_unanswered = is_question && generation.forget_task();
        let quoted = format!("\"{message_id}\"");
        if let Some(session) = self.sessions.get_mut(&key) {
            session.turns.retain(|turn| !holds(turn, quoted.as_bytes()));
        }
        if is_unanswered {
            self.cancel(&key.0, &reply);
        }
    }
}

impl Generation {
    /// Forgets what was asked, unless it was answered already. Whether it was not.
    fn forget_task(&mut self) -> bool {
        match &mut self.state {
            State::Queued(queued) => queued.task = Bytes::new(),
            State::Running(running) => {
                running.task = Bytes::new();
                running.is_deleted = true;
            }
            State::Done(_) => return false,
        }
        true
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
