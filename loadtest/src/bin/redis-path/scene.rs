//! What gateways and brokers would send.

use std::time::Duration;

use bytes::Bytes;
use causerie_shared::bus::question::{Awaited, Question, QueueCaps};
use causerie_shared::bus::reply::{Claim, Delta};
use causerie_shared::ids::{MessageId, ProjectId, SessionId, TenantId, UserId};
use causerie_shared::protocol::action::{ClientId, IfBusy};
use causerie_shared::protocol::data::{MessageDelta, NewMessage, Role, TypingIndicator};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record, ReplyPart, Unplaced};
use causerie_shared::room::{Room, RoomKey};

const CAPS: QueueCaps = QueueCaps {
    session: 100_000,
    user: 100_000,
    tenant: 100_000,
};

pub(crate) fn room(number: usize) -> anyhow::Result<RoomKey> {
    let room = Room::Project(ProjectId::new(format!("p{number}"))?);
    Ok(RoomKey::new(TenantId::new("acme")?, room))
}

/// The channel on which its records are published.
pub(crate) fn channel(room: &RoomKey) -> String {
    format!("causerie:{{p{}}}:room:{room}", room.partition())
}

fn header(class: Class, event: Event) -> Header {
    Header {
        class,
        event: event.name().into(),
        position: None,
        ts: 1_700_000_000_000,
        reply: None,
        in_reply_to: None,
        excluded: None,
        trace: None,
    }
}

/// Something that people say among themselves, of 100 letters.
pub(crate) fn said(room: &RoomKey) -> anyhow::Result<Question> {
    let message_id = MessageId::generate(room.partition());
    let (user, session) = (UserId::new("u1")?, SessionId::new("s1")?);
    let said = NewMessage {
        message_id: message_id.clone(),
        session_id: session.clone(),
        user_id: user.clone(),
        role: Role::User,
        content: "How is it? ".repeat(9),
        metadata: serde_json::Map::new(),
    };
    Ok(Question {
        room: room.clone(),
        user,
        client_id: ClientId::generate(),
        dedup_window: Duration::from_secs(24 * 3600),
        session,
        event: Unplaced {
            header: Header {
                in_reply_to: Some(message_id.clone()),
                ..header(Class::Durable, Event::NewMessage)
            },
            tail: frame::durable_tail(Event::NewMessage, &room.room, &said),
        },
        reply: None,
        message_id,
    })
}

/// The same, said to the AI in a session of its own.
pub(crate) fn asked(room: &RoomKey) -> anyhow::Result<Question> {
    let said = said(room)?;
    Ok(Question {
        session: SessionId::generate(),
        reply: Some(Awaited {
            message_id: MessageId::generate(room.partition()),
            if_busy: IfBusy::Queue,
            task: Bytes::from_static(&[b'x'; 400]),
            cancelled: said.event.clone(),
            caps: CAPS,
        }),
        ..said
    })
}

/// Somebody types.
pub(crate) fn typing(room: &RoomKey) -> Record {
    let header = header(Class::Transient, Event::TypingIndicator);
    let data = TypingIndicator {
        user_id: "u2".into(),
        is_typing: true,
    };
    let frame = frame::transient(Event::TypingIndicator, &room.room, header.ts, &data);
    Record { header, frame }
}

/// A word of a reply.
pub(crate) fn delta(claim: &Claim, index: u64) -> Delta {
    let (lease, text) = (&claim.lease, "hello ");
    let place = i64::try_from(index).unwrap_or(i64::MAX);
    let data = MessageDelta {
        message_id: &lease.message_id,
        session_id: &claim.session,
        attempt: lease.attempt,
        index: place,
        text,
    };
    let header = Header {
        reply: Some(ReplyPart {
            message_id: lease.message_id.clone(),
            attempt: lease.attempt,
            index: place,
        }),
        in_reply_to: Some(claim.in_reply_to.clone()),
        ..header(Class::Delta, Event::MessageDelta)
    };
    let frame = frame::transient(Event::MessageDelta, &lease.room.room, header.ts, &data);
    Delta {
        index,
        text: text.to_owned(),
        record: Record { header, frame },
    }
}
