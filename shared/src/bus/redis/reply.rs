//! Replies as gateways see them: what they have come to, and cancelling them.

use super::script::{CANCEL, REPLY};
use super::{RedisBus, nothing};
use crate::bus::BusError;
use crate::bus::log::RunningReply;
use crate::bus::reply::{Cancelled, ReplyState, ReplyStatus};
use crate::ids::MessageId;
use crate::room::RoomKey;

impl RedisBus {
    pub(super) async fn reply_status(
        &self,
        message_id: &MessageId,
    ) -> Result<Option<ReplyStatus>, BusError> {
        let args = self.log_args().text(message_id.as_str());
        let answer = self.pool.run(message_id.partition(), &REPLY, args).await?;
        let Some(mut answer) = answer else {
            return Ok(None);
        };
        let message_id = answer.parsed()?;
        let room = answer.parsed()?;
        let session = answer.parsed()?;
        let in_reply_to = answer.parsed()?;
        let state = answer.text()?;
        let reply = RunningReply {
            message_id,
            session,
            in_reply_to,
            attempt: answer.parsed()?,
            index: answer.parsed::<i64>()? - 1,
            text: answer.text()?,
        };
        let state = match state.as_str() {
            "queued" => ReplyState::Queued,
            "running" => ReplyState::Running,
            "done" => {
                let message = answer.list()?.map(|mut one| one.record()).transpose()?;
                ReplyState::Done { message }
            }
            other => return Err(answer.unreadable(other)),
        };
        Ok(Some(ReplyStatus { room, reply, state }))
    }

    pub(super) async fn cancel_reply(
        &self,
        room: &RoomKey,
        reply: &MessageId,
    ) -> Result<Cancelled, BusError> {
        let args = self.log_args().shown(room).text(reply.as_str());
        let answer = self.pool.run(room.partition(), &CANCEL, args).await?;
        let mut answer = answer.ok_or_else(|| nothing("cancel"))?;
        match answer.text()?.as_str() {
            "finished" => Ok(Cancelled::Finished),
            "flagged" => Ok(Cancelled::Flagged),
            "not running" => Ok(Cancelled::NotRunning),
            other => Err(answer.unreadable(other)),
        }
    }
}
