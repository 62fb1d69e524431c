//! Publishing what servers say.

use super::script::POST;
use super::{RedisBus, millis, nothing};
use crate::bus::BusError;
use crate::bus::posting::{Posted, PostedEvent, Posting};
use crate::position::Position;

impl RedisBus {
    pub(super) async fn post_event(&self, posting: &Posting) -> Result<Posted, BusError> {
        let args = self
            .log_args()
            .shown(&posting.room)
            .text(posting.id.as_str())
            .number(millis(posting.dedup_window));
        let args = match &posting.event {
            PostedEvent::Durable(event) => args.number(1_u8).event(event),
            PostedEvent::Transient(record) => args.number(0_u8).record(record),
        };
        let partition = posting.room.partition();
        let answer = self.pool.run(partition, &POST, args).await?;
        let mut answer = answer.ok_or_else(|| nothing("post"))?;
        let is_repeat = answer.flag()?;
        let place = answer.text()?;
        let position = match place.as_str() {
            "-" => None,
            place => Some(position(place).ok_or_else(|| answer.unreadable(place))?),
        };
        Ok(Posted {
            position,
            is_repeat,
        })
    }
}

/// `epoch seq`, as the script keeps it.
fn position(place: &str) -> Option<Position> {
    let (epoch, seq) = place.split_once(' ')?;
    Some(Position {
        epoch: epoch.parse().ok()?,
        seq: seq.parse().ok()?,
    })
}
