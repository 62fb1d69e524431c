//! Records and pages for the hub's tests.

use causerie_shared::bus::log::RunningReply;
use causerie_shared::ids::{MessageId, SessionId};
use causerie_shared::position::Position;
use causerie_shared::protocol::data::{AiProcessingStart, MessageDelta};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record, ReplyPart, Unplaced};
use causerie_shared::room::RoomKey;

pub(crate) fn room() -> RoomKey {
    "acme:project:p1".parse().unwrap()
}

pub(crate) fn position(epoch: &str, seq: u64) -> Position {
    Position {
        epoch: epoch.parse().unwrap(),
        seq,
    }
}

/// Replies are numbered from 1, their questions are 100 more.
pub(crate) fn message_id(number: u32) -> MessageId {
    MessageId::new(format!("{}-{number}", room().partition())).unwrap()
}

pub(crate) fn session() -> SessionId {
    SessionId::new("s1").unwrap()
}

fn header(class: Class, event: Event, reply: Option<ReplyPart>) -> Header {
    let in_reply_to = reply.as_ref().map(|reply| {
        let number = reply.message_id.as_str().split_once('-').unwrap().1;
        message_id(number.parse::<u32>().unwrap() + 100)
    });
    Header {
        class,
        event: event.name().into(),
        position: None,
        ts: 1,
        reply,
        in_reply_to,
        excluded: None,
        trace: None,
    }
}

fn part(number: u32, attempt: u32, index: i64) -> Option<ReplyPart> {
    Some(ReplyPart {
        message_id: message_id(number),
        attempt,
        index,
    })
}

fn placed(header: Header, epoch: &str, seq: u64) -> Record {
    let tail = frame::durable_tail(Event::NewMessage, &room().room, &serde_json::json!({}));
    Unplaced { header, tail }.place(position(epoch, seq), 1)
}

pub(crate) fn durable(epoch: &str, seq: u64) -> Record {
    placed(header(Class::Durable, Event::NewMessage, None), epoch, seq)
}

pub(crate) fn ended(epoch: &str, seq: u64, number: u32) -> Record {
    placed(
        header(Class::Final, Event::Message, part(number, 1, -1)),
        epoch,
        seq,
    )
}

pub(crate) fn start(number: u32, attempt: u32) -> Record {
    let data = AiProcessingStart {
        message_id: message_id(number),
        session_id: session(),
        in_reply_to: message_id(number + 100),
        attempt,
    };
    let event = Event::AiProcessingStart;
    Record {
        header: header(Class::Start, event, part(number, attempt, -1)),
        frame: frame::transient(event, &room().room, 1, &data),
    }
}

/// Another transient event of a reply.
pub(crate) fn notice(number: u32, event: Event) -> Record {
    Record {
        header: header(Class::Transient, event, part(number, 1, -1)),
        frame: frame::transient(event, &room().room, 1, &serde_json::json!({})),
    }
}

pub(crate) fn delta(number: u32, attempt: u32, index: i64, text: &str) -> Record {
    let data = MessageDelta {
        message_id: &message_id(number),
        session_id: &session(),
        attempt,
        index,
        text,
    };
    let event = Event::MessageDelta;
    Record {
        header: header(Class::Delta, event, part(number, attempt, index)),
        frame: frame::transient(event, &room().room, 1, &data),
    }
}

pub(crate) fn running(number: u32, attempt: u32, index: i64, text: &str) -> RunningReply {
    RunningReply {
        message_id: message_id(number),
        session: session(),
        in_reply_to: message_id(number + 100),
        attempt,
        index,
        text: text.into(),
    }
}
