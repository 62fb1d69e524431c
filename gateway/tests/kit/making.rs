//! Answers questions with the verbs of the bus, step by step as a test wants.

use std::sync::Arc;

use causerie_shared::bus::Bus;
use causerie_shared::bus::reply::{Appended, Beat, Claim, ClaimId, Delta, Ending, Finished};
use causerie_shared::protocol::data::{
    AiProcessingStart, FinishReason, MessageDelta, Reply, ReplyMetadata, Role,
};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record, ReplyPart, Unplaced};
use serde::Serialize;

/// A reply in the making.
#[derive(Debug)]
pub(crate) struct Making {
    bus: Arc<dyn Bus>,
    pub(crate) claim: Claim,
    next: u64,
    text: String,
}

impl Making {
    /// Claims a question, if one waits.
    pub(crate) async fn claim(bus: &Arc<dyn Bus>) -> Option<Self> {
        for (tenant, partitions) in bus.waiting().await.unwrap().places {
            for partition in partitions {
                let claim = bus.claim(partition, &tenant, &ClaimId::generate()).await;
                if let Some(claim) = claim.unwrap() {
                    return Some(Self {
                        bus: Arc::clone(bus),
                        claim,
                        next: 0,
                        text: String::new(),
                    });
                }
            }
        }
        None
    }

    pub(crate) async fn start(&self) {
        let data = AiProcessingStart {
            message_id: self.claim.lease.message_id.clone(),
            session_id: self.claim.session.clone(),
            in_reply_to: self.claim.in_reply_to.clone(),
            attempt: self.claim.lease.attempt,
        };
        let record = self.record(Class::Start, Event::AiProcessingStart, -1, &data);
        let beat = self.bus.announce(&self.claim.lease, &[record]).await;
        assert!(matches!(beat.unwrap(), Beat::Held { .. }));
    }

    pub(crate) async fn say(&mut self, text: &str) {
        let index = i64::try_from(self.next).unwrap();
        let data = MessageDelta {
            message_id: &self.claim.lease.message_id,
            session_id: &self.claim.session,
            attempt: self.claim.lease.attempt,
            index,
            text,
        };
        let delta = Delta {
            index: self.next,
            text: text.to_owned(),
            record: self.record(Class::Delta, Event::MessageDelta, index, &data),
        };
        let appended = self.bus.append(&self.claim.lease, &delta).await.unwrap();
        assert!(matches!(appended, Appended::Done { .. }));
        self.next += 1;
        self.text.push_str(text);
    }

    pub(crate) async fn finish(self, finish_reason: FinishReason) {
        let data = Reply {
            message_id: self.claim.lease.message_id.clone(),
            session_id: self.claim.session.clone(),
            in_reply_to: self.claim.in_reply_to.clone(),
            role: Role::Assistant,
            content: self.text.clone(),
            sources: Vec::new(),
            finish_reason,
            metadata: ReplyMetadata::default(),
        };
        let ending = Ending {
            before: Vec::new(),
            message: Unplaced {
                header: self.header(Class::Final, Event::Message, -1),
                tail: frame::durable_tail(Event::Message, &self.claim.lease.room.room, &data),
            },
            says_cancelled: finish_reason == FinishReason::Cancelled,
            after: Vec::new(),
            turn: None,
            dead_letter: None,
        };
        let finished = self.bus.finish(&self.claim.lease, &ending).await.unwrap();
        assert_eq!(finished, Finished::Done);
    }

    fn record(&self, class: Class, event: Event, index: i64, data: &impl Serialize) -> Record {
        let header = self.header(class, event, index);
        let frame = frame::transient(event, &self.claim.lease.room.room, header.ts, data);
        Record { header, frame }
    }

    fn header(&self, class: Class, event: Event, index: i64) -> Header {
        Header {
            class,
            event: event.name().into(),
            position: None,
            ts: self.bus.clock().now_ms(),
            reply: Some(ReplyPart {
                message_id: self.claim.lease.message_id.clone(),
                attempt: self.claim.lease.attempt,
                index,
            }),
            in_reply_to: Some(self.claim.in_reply_to.clone()),
            excluded: None,
            trace: None,
        }
    }
}
