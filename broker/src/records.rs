//! The records of one reply, from its start to its end.

use causerie_shared::bus::Bus;
use causerie_shared::bus::reply::{Claim, Delta, Lease};
use causerie_shared::ids::{MessageId, SessionId};
use causerie_shared::protocol::data::{
    ASSISTANT, AiProcessingEnd, AiProcessingError, AiProcessingStart, MessageDelta, MessageRestart,
    Reply, TypingIndicator,
};
use causerie_shared::protocol::error::ErrorCode;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record, ReplyPart, Unplaced};
use serde::Serialize;

/// Makes the records of one attempt at a reply.
pub(crate) struct Records<'a> {
    pub(crate) bus: &'a dyn Bus,
    pub(crate) lease: &'a Lease,
    pub(crate) session: &'a SessionId,
    pub(crate) in_reply_to: &'a MessageId,
    /// The trace of the reply, where it is sent to a collector.
    trace: Option<Box<str>>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(bus: &'a dyn Bus, claim: &'a Claim, trace: Option<Box<str>>) -> Self {
        Self {
            bus,
            lease: &claim.lease,
            session: &claim.session,
            in_reply_to: &claim.in_reply_to,
            trace,
        }
    }

    /// What says that the attempt begins. After a takeover it empties what
    /// people have read.
    pub(crate) fn start(&self) -> Vec<Record> {
        let restart = MessageRestart {
            message_id: self.lease.message_id.clone(),
            attempt: self.lease.attempt,
        };
        let start = AiProcessingStart {
            message_id: self.lease.message_id.clone(),
            session_id: self.session.clone(),
            in_reply_to: self.in_reply_to.clone(),
            attempt: self.lease.attempt,
        };
        let mut records = Vec::with_capacity(3);
        if self.lease.attempt > 1 {
            records.push(self.transient(Class::Start, Event::MessageRestart, &restart));
        }
        records.push(self.transient(Class::Start, Event::AiProcessingStart, &start));
        records.push(self.typing(true));
        records
    }

    /// The piece of the reply that is `index`.
    pub(crate) fn delta(&self, index: u64, text: &str) -> Delta {
        let place = i64::try_from(index).unwrap_or(i64::MAX);
        let data = MessageDelta {
            message_id: &self.lease.message_id,
            session_id: self.session,
            attempt: self.lease.attempt,
            index: place,
            text,
        };
        let mut record = self.transient(Class::Delta, Event::MessageDelta, &data);
        if let Some(part) = &mut record.header.reply {
            part.index = place;
        }
        Delta {
            index,
            text: text.to_owned(),
            record,
        }
    }

    /// What comes before the `message`: why it failed, if it did. The AI's
    /// typing lasts until the `message`, behind which nothing but the end of
    /// processing follows.
    pub(crate) fn before_message(&self, failure: Option<(ErrorCode, bool)>) -> Vec<Record> {
        let error = failure.map(|(code, can_retry)| {
            let data = AiProcessingError {
                message_id: self.lease.message_id.clone(),
                code,
                can_retry,
            };
            self.transient(Class::Transient, Event::AiProcessingError, &data)
        });
        error.into_iter().chain([self.typing(false)]).collect()
    }

    /// The `message`, which ends the reply.
    pub(crate) fn message(&self, reply: &Reply) -> Unplaced {
        Unplaced {
            header: self.header(Class::Final, Event::Message),
            tail: frame::durable_tail(Event::Message, &self.lease.room.room, reply),
        }
    }

    /// What follows the `message`.
    pub(crate) fn after_message(&self) -> Vec<Record> {
        let end = AiProcessingEnd {
            message_id: self.lease.message_id.clone(),
            session_id: self.session.clone(),
            in_reply_to: self.in_reply_to.clone(),
            attempt: self.lease.attempt,
        };
        vec![self.transient(Class::Transient, Event::AiProcessingEnd, &end)]
    }

    fn typing(&self, is_typing: bool) -> Record {
        let data = TypingIndicator {
            user_id: ASSISTANT.to_owned(),
            is_typing,
        };
        self.transient(Class::Transient, Event::TypingIndicator, &data)
    }

    fn transient(&self, class: Class, event: Event, data: &impl Serialize) -> Record {
        let header = self.header(class, event);
        let frame = frame::transient(event, &self.lease.room.room, header.ts, data);
        Record { header, frame }
    }

    /// Of the beginning and the end: a reply has hundreds of deltas.
    fn trace_of(&self, class: Class) -> Option<Box<str>> {
        match class {
            Class::Start | Class::Final => self.trace.clone(),
            Class::Durable | Class::Transient | Class::Delta => None,
        }
    }

    fn header(&self, class: Class, event: Event) -> Header {
        Header {
            class,
            event: event.name().into(),
            position: None,
            ts: self.bus.clock().now_ms(),
            reply: Some(ReplyPart {
                message_id: self.lease.message_id.clone(),
                attempt: self.lease.attempt,
                index: -1,
            }),
            in_reply_to: Some(self.in_reply_to.clone()),
            excluded: None,
            trace: self.trace_of(class),
        }
    }
}
