//! Who is told what was found.

use std::sync::Arc;

use causerie_shared::bus::Bus;
use causerie_shared::bus::question::{Question, Receipt};
use causerie_shared::protocol::data::{Filtered, WarningIssued, WarningReason};
use causerie_shared::protocol::error::ProtocolError;
use causerie_shared::protocol::event::Event;
use causerie_shared::record::Record;
use causerie_shared::room::{Room, RoomKey};

use super::{Review, events};
use crate::actions::bus_failed;
use crate::audit::{Note, What};
use crate::gateway::Gateway;

/// Refuses a question, as `error` says; unless it is a repeat of one that was stored when
/// the lists had other words: that gets its receipt.
pub(crate) async fn refused(
    gateway: &Gateway,
    question: &Question,
    review: &Review,
    error: &ProtocolError,
) -> Result<Receipt, ProtocolError> {
    let receipt = gateway.bus.receipt(question).await;
    if let Some(receipt) = receipt.map_err(|error| bus_failed(&error))? {
        return Ok(receipt);
    }
    tell(gateway, question, review);
    Err(error.clone())
}

/// Tells what was found in a question that was stored, or refused: those who are to look
/// after it, and its author where others do not see it as it was written. Nobody waits
/// for that.
pub(crate) fn tell(gateway: &Gateway, question: &Question, review: &Review) {
    for (result, words) in review.results() {
        events::found(&question.room, result, words);
        gateway.note(|| note(question, result));
        let author = Room::User(question.user.clone());
        let author = (result == Filtered::Masked).then_some(author);
        let rooms = review.report_to.iter().chain(&author);
        let warning = warning(question, result, words);
        for room in rooms {
            let room = RoomKey::new(question.room.tenant.clone(), room.clone());
            let publishing = publish(Arc::clone(&gateway.bus), room, warning.clone());
            gateway.hub.spawn(publishing);
        }
    }
}

fn note(question: &Question, result: Filtered) -> Note {
    let RoomKey { tenant, room } = &question.room;
    let note = Note::by(What::Filter, tenant, &question.user).failed(result.as_str());
    match result {
        Filtered::Flagged | Filtered::Masked => {
            note.on(format_args!("{room} {}", question.message_id))
        }
        Filtered::Rejected => note.on(room),
    }
}

fn warning(question: &Question, result: Filtered, words: u64) -> WarningIssued {
    let (is_stored, content) = match result {
        Filtered::Flagged => (true, "A message holds words that are to be looked at."),
        Filtered::Masked => (
            true,
            "A message holds words that others do not see: they were masked.",
        ),
        Filtered::Rejected => (
            false,
            "A message was refused for words that are not allowed.",
        ),
    };
    WarningIssued {
        reason: WarningReason::WordList,
        result,
        words,
        user_id: question.user.clone(),
        room: question.room.room.clone(),
        message_id: is_stored.then(|| question.message_id.clone()),
        content,
    }
}

/// Nobody is told twice: that a warning is lost is no more than noted.
async fn publish(bus: Arc<dyn Bus>, room: RoomKey, warning: WarningIssued) {
    let (event, ts) = (Event::WarningIssued, bus.clock().now_ms());
    let record = Record::transient(event, &room.room, ts, &warning);
    if let Err(error) = bus.publish(&room, &record).await {
        events::untold(&room, &error);
    }
}
