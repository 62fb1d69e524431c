//! Deleting what was said.

use super::log::position;
use super::script::DELETE;
use super::{RedisBus, nothing};
use crate::bus::BusError;
use crate::bus::deletion::{Deleted, Deletion, tombstone};
use crate::ids::UserId;

impl RedisBus {
    pub(super) async fn delete_message(&self, deletion: &Deletion) -> Result<Deleted, BusError> {
        let Deletion {
            room,
            message_id,
            author,
            event,
        } = deletion;
        let args = self
            .log_args()
            .shown(room)
            .text(message_id.as_str())
            .text(author.as_ref().map_or("", UserId::as_str))
            .event(event)
            .event(&tombstone(&room.room));
        let answer = self.pool.run(room.partition(), &DELETE, args).await?;
        let mut answer = answer.ok_or_else(|| nothing("delete"))?;
        match answer.text()?.as_str() {
            "deleted" => Ok(Deleted::Done {
                position: position(&mut answer)?,
            }),
            "repeat" => Ok(Deleted::Repeat),
            "not theirs" => Ok(Deleted::NotTheirs),
            "unknown" => Ok(Deleted::Unknown),
            other => Err(answer.unreadable(other)),
        }
    }
}
