//! What people and brokers do in the cases.

use std::time::Duration;

use bytes::Bytes;
use causerie_shared::bus::Bus;
use causerie_shared::bus::log::{HistoryRange, Missed};
use causerie_shared::bus::question::{Accepted, Awaited, Question, QueueCaps, Receipt};
use causerie_shared::bus::reply::{
    Beat, Claim, ClaimId, Delta, Ending, Finished, Lease, RunningLease, Takeover,
};
use causerie_shared::ids::{MessageId, SessionId, UserId};
use causerie_shared::position::Position;
use causerie_shared::protocol::action::{ClientId, IfBusy};
use causerie_shared::protocol::data::{
    AiProcessingEnd, FinishReason, MessageDelta, NewMessage, Reply, ReplyMetadata, Role,
    TypingIndicator,
};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record, ReplyPart, Unplaced};
use causerie_shared::room::RoomKey;
use serde_json::{Map, Value};

pub fn room(text: &str) -> RoomKey {
    text.parse().unwrap()
}

pub fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

pub fn session(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

pub fn client_id(text: &str) -> ClientId {
    ClientId::new(text).unwrap()
}

/// So many that no case that is not about them meets them.
pub const NO_CAPS: QueueCaps = QueueCaps {
    session: 10_000,
    user: 10_000,
    tenant: 10_000,
};

/// A question of `u1` to the AI, in a session and under an id of its own.
pub fn question(room: &RoomKey) -> Question {
    let session = SessionId::generate();
    let message_id = MessageId::generate(room.partition());
    let reply_id = MessageId::generate(room.partition());
    let user = user("u1");
    let said = NewMessage {
        message_id: message_id.clone(),
        session_id: session.clone(),
        user_id: user.clone(),
        role: Role::User,
        content: "Wie geht's? „Gut“ \\ \"so\"\n".into(),
        metadata: Map::new(),
    };
    Question {
        room: room.clone(),
        user,
        client_id: ClientId::generate(),
        dedup_window: Duration::from_secs(24 * 3600),
        session: session.clone(),
        event: Unplaced {
            header: Header {
                in_reply_to: Some(message_id.clone()),
                ..header(Class::Durable, Event::NewMessage)
            },
            tail: frame::durable_tail(Event::NewMessage, &room.room, &said),
        },
        reply: Some(Awaited {
            if_busy: IfBusy::Queue,
            task: Bytes::from_static(b"\x00the task, of any bytes\xff\r\n"),
            cancelled: message_of(
                room,
                &session,
                &reply_id,
                &message_id,
                0,
                "",
                FinishReason::Cancelled,
            ),
            message_id: reply_id,
            caps: NO_CAPS,
        }),
        message_id,
    }
}

/// A question in the session named.
pub fn question_in(room: &RoomKey, name: &str) -> Question {
    Question {
        session: session(name),
        ..question(room)
    }
}

/// The same, asked by somebody.
pub fn asked_by(name: &str, question: Question) -> Question {
    Question {
        user: user(name),
        ..question
    }
}

/// The same, said to people only.
pub fn for_people(question: Question) -> Question {
    Question {
        reply: None,
        ..question
    }
}

/// The same, in so many letters.
pub fn of_length(letters: usize, mut question: Question) -> Question {
    let said = NewMessage {
        message_id: question.message_id.clone(),
        session_id: question.session.clone(),
        user_id: question.user.clone(),
        role: Role::User,
        content: "x".repeat(letters),
        metadata: Map::new(),
    };
    question.event.tail = frame::durable_tail(Event::NewMessage, &question.room.room, &said);
    question
}

/// The same, under an id of the sender's choice.
pub fn under_id(id: &str, question: Question) -> Question {
    Question {
        client_id: client_id(id),
        ..question
    }
}

/// The same, with another wish for a busy session.
pub fn if_busy(if_busy: IfBusy, mut question: Question) -> Question {
    question.reply.as_mut().unwrap().if_busy = if_busy;
    question
}

/// The same, with other caps.
pub fn with_caps(caps: QueueCaps, mut question: Question) -> Question {
    question.reply.as_mut().unwrap().caps = caps;
    question
}

/// The id of the reply that is wanted.
pub fn reply_of(question: &Question) -> &MessageId {
    &question.reply.as_ref().unwrap().message_id
}

fn header(class: Class, event: Event) -> Header {
    Header {
        class,
        event: event.name().into(),
        position: None,
        ts: 0,
        reply: None,
        in_reply_to: None,
        excluded: None,
        trace: None,
    }
}

fn message_of(
    room: &RoomKey,
    session: &SessionId,
    message_id: &MessageId,
    in_reply_to: &MessageId,
    attempt: u32,
    text: &str,
    finish_reason: FinishReason,
) -> Unplaced {
    let reply = Reply {
        message_id: message_id.clone(),
        session_id: session.clone(),
        in_reply_to: in_reply_to.clone(),
        role: Role::Assistant,
        content: text.into(),
        sources: Vec::new(),
        finish_reason,
        metadata: ReplyMetadata {
            attempt,
            ..ReplyMetadata::default()
        },
    };
    Unplaced {
        header: Header {
            reply: Some(ReplyPart {
                message_id: message_id.clone(),
                attempt,
                index: -1,
            }),
            in_reply_to: Some(in_reply_to.clone()),
            ..header(Class::Final, Event::Message)
        },
        tail: frame::durable_tail(Event::Message, &room.room, &reply),
    }
}

/// A transient record of `room`, with every field of its header that may be.
pub fn typing(room: &RoomKey, ts: u64) -> Record {
    let data = TypingIndicator {
        user_id: "u2".into(),
        is_typing: true,
    };
    Record {
        header: Header {
            ts,
            excluded: Some(user("u2")),
            trace: None,
            ..header(Class::Transient, Event::TypingIndicator)
        },
        frame: frame::transient(Event::TypingIndicator, &room.room, ts, &data),
    }
}

/// The delta that the holder of `claim` would send.
pub fn delta(claim: &Claim, index: u64, text: &str) -> Delta {
    let lease = &claim.lease;
    let signed = i64::try_from(index).unwrap();
    let data = MessageDelta {
        message_id: &lease.message_id,
        session_id: &claim.session,
        attempt: lease.attempt,
        index: signed,
        text,
    };
    let header = Header {
        ts: 7,
        reply: Some(ReplyPart {
            message_id: lease.message_id.clone(),
            attempt: lease.attempt,
            index: signed,
        }),
        in_reply_to: Some(claim.in_reply_to.clone()),
        ..header(Class::Delta, Event::MessageDelta)
    };
    Delta {
        index,
        text: text.into(),
        record: Record {
            header,
            frame: frame::transient(Event::MessageDelta, &lease.room.room, 7, &data),
        },
    }
}

/// How the holder of `claim` would end the reply; the turn is its text.
pub fn ending(claim: &Claim, text: &str) -> Ending {
    let Lease {
        room,
        message_id,
        attempt,
        claim: _,
    } = &claim.lease;
    let data = AiProcessingEnd {
        message_id: message_id.clone(),
        session_id: claim.session.clone(),
        in_reply_to: claim.in_reply_to.clone(),
        attempt: *attempt,
    };
    let end = Record {
        header: Header {
            ts: 8,
            in_reply_to: Some(claim.in_reply_to.clone()),
            ..header(Class::Transient, Event::AiProcessingEnd)
        },
        frame: frame::transient(Event::AiProcessingEnd, &room.room, 8, &data),
    };
    let stop = FinishReason::Stop;
    Ending {
        before: vec![typing(room, 9)],
        message: message_of(
            room,
            &claim.session,
            message_id,
            &claim.in_reply_to,
            *attempt,
            text,
            stop,
        ),
        says_cancelled: false,
        after: vec![end],
        turn: Some(Bytes::copy_from_slice(text.as_bytes())),
        dead_letter: None,
    }
}

/// Stores the question, which is new.
pub async fn ask(bus: &dyn Bus, question: &Question) -> Receipt {
    match accept(bus, question).await {
        Accepted::Stored(receipt) => receipt,
        other @ (Accepted::Repeat(_) | Accepted::Busy | Accepted::Full { .. }) => {
            panic!("not stored: {other:?}")
        }
    }
}

pub async fn accept(bus: &dyn Bus, question: &Question) -> Accepted {
    bus.accept(question).await.unwrap()
}

pub fn repeat(receipt: &Receipt) -> Accepted {
    Accepted::Repeat(receipt.clone())
}

/// Whether the holder of the lease, which holds, is told to end the reply.
pub async fn is_cancelled(bus: &dyn Bus, lease: &Lease) -> bool {
    match bus.announce(lease, &[]).await.unwrap() {
        Beat::Held { cancelled } => cancelled,
        Beat::Fenced => panic!("the lease does not hold"),
    }
}

/// Claims what waits in the room's partition for its tenant, if anything.
pub async fn try_claim(bus: &dyn Bus, room: &RoomKey) -> Option<Claim> {
    let claim = ClaimId::generate();
    let claimed = bus.claim(room.partition(), &room.tenant, &claim).await;
    claimed.unwrap()
}

/// Claims what waits in the room's partition for its tenant.
pub async fn claim(bus: &dyn Bus, room: &RoomKey) -> Claim {
    let claimed = try_claim(bus, room).await;
    claimed.expect("nothing waits")
}

/// Takes over what was seen; `None` where that is refused.
pub async fn take_over(bus: &dyn Bus, seen: &RunningLease) -> Option<Claim> {
    match bus.take_over(seen, &ClaimId::generate()).await.unwrap() {
        Takeover::Taken(claim) => Some(*claim),
        Takeover::Refused => None,
    }
}

/// Asks and claims.
pub async fn ask_and_claim(bus: &dyn Bus, question: &Question) -> Claim {
    ask(bus, question).await;
    claim(bus, &question.room).await
}

/// Ends the reply with `text`: as cancelled, where the bus wants that.
pub async fn finish(bus: &dyn Bus, claim: &Claim, text: &str) {
    let mut ending = ending(claim, text);
    let mut finished = bus.finish(&claim.lease, &ending).await.unwrap();
    if finished == Finished::Cancelled {
        ending.says_cancelled = true;
        finished = bus.finish(&claim.lease, &ending).await.unwrap();
    }
    assert_eq!(finished, Finished::Done);
}

/// All that the room's log holds.
pub async fn whole_log(bus: &dyn Bus, room: &RoomKey) -> Vec<Record> {
    let all = HistoryRange {
        before: None,
        after: Some(0),
    };
    let history = bus.history(room, all, usize::MAX >> 1).await.unwrap();
    assert!(!history.has_more);
    history.records
}

/// Where the room's log stands.
pub async fn head(bus: &dyn Bus, room: &RoomKey) -> Position {
    bus.read(room, None, 0).await.unwrap().head
}

/// The `seq`s of what follows a position; `None` where it is lost.
pub async fn missed(bus: &dyn Bus, room: &RoomKey, after: &Position) -> Option<Vec<u64>> {
    match bus.read(room, Some(after), 1_000).await.unwrap().missed {
        Missed::Records(records) => Some(seqs(&records)),
        Missed::Lost => None,
    }
}

pub fn seqs<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<u64> {
    let seq = |record: &Record| record.header.position.as_ref().unwrap().seq;
    records.into_iter().map(seq).collect()
}

pub fn at(head: &Position, seq: u64) -> Position {
    Position {
        seq,
        ..head.clone()
    }
}

/// The reply that the record ends, and how.
pub fn ended_reply(record: &Record) -> (String, String) {
    assert_eq!(record.header.class, Class::Final);
    let frame = durable_frame(record);
    let data = &frame["data"];
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    let part = record.header.reply.as_ref().unwrap();
    assert_eq!(part.message_id.as_str(), text("message_id"));
    (text("message_id"), text("finish_reason"))
}

/// The record's frame, checked to be what the protocol says of a durable one.
pub fn durable_frame(record: &Record) -> Value {
    let text = std::str::from_utf8(&record.frame).unwrap();
    let position = record.header.position.as_ref().unwrap();
    let begins = format!(
        r#"{{"seq":{},"epoch":"{}","ts":{},"type":"{}","room":""#,
        position.seq, position.epoch, record.header.ts, record.header.event
    );
    assert!(text.starts_with(&begins), "{text}");
    serde_json::from_str(text).unwrap()
}
