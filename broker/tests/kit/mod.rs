//! A bus, people who ask on it, and what their room hears.

#![allow(dead_code, unreachable_pub)]

pub mod faulty_bus;

use std::sync::Arc;
use std::time::Duration;

use causerie_broker::backend::Backend;
use causerie_broker::backend::breaker::BreakerConfig;
use causerie_broker::backend::call::Guarded;
use causerie_broker::backend::echo::{Echo, EchoConfig};
use causerie_broker::{Ai, Answering, Broker, Settings};
use causerie_shared::bus::feed::{Feed, Heard};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::question::{Accepted, Awaited, Question, QueueCaps};
use causerie_shared::bus::subscription::Subscriptions;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::{MessageId, SessionId, UserId};
use causerie_shared::protocol::action::{ClientId, IfBusy};
use causerie_shared::protocol::data::{FinishReason, NewMessage, Reply, ReplyMetadata, Role};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::durable_tail;
use causerie_shared::record::{Class, Header, Record, ReplyPart, Unplaced};
use causerie_shared::room::RoomKey;
use causerie_shared::task::Task;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Lets `time` go by: virtual time, of tests that run with the clock paused.
pub async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// How long a test waits for what must come. Under paused time it costs nothing.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub fn memory_bus() -> Arc<MemoryBus> {
    Arc::new(MemoryBus::new(Retention::default()))
}

pub fn room(text: &str) -> RoomKey {
    text.parse().unwrap()
}

pub fn task(text: &str) -> Task {
    Task {
        user_input: text.to_owned(),
        client_context: None,
        traceparent: None,
    }
}

/// A question as a gateway makes it.
pub fn question(room: &RoomKey, session: &str, task: &Task) -> Question {
    let partition = room.partition();
    let (message_id, reply_id) = (
        MessageId::generate(partition),
        MessageId::generate(partition),
    );
    let session = SessionId::new(session).unwrap();
    let user = UserId::new("u1").unwrap();
    let new_message = NewMessage {
        message_id: message_id.clone(),
        session_id: session.clone(),
        user_id: user.clone(),
        role: Role::User,
        content: task.user_input.clone(),
        metadata: serde_json::Map::new(),
    };
    let cancelled = Reply {
        message_id: reply_id.clone(),
        session_id: session.clone(),
        in_reply_to: message_id.clone(),
        role: Role::Assistant,
        content: String::new(),
        sources: Vec::new(),
        finish_reason: FinishReason::Cancelled,
        metadata: ReplyMetadata::default(),
    };
    let unplaced = |class, event: Event, reply, tail| Unplaced {
        header: Header {
            class,
            event: event.name().into(),
            position: None,
            ts: 0,
            reply,
            in_reply_to: Some(message_id.clone()),
            excluded: None,
            trace: None,
        },
        tail,
    };
    let part = ReplyPart {
        message_id: reply_id.clone(),
        attempt: 0,
        index: -1,
    };
    Question {
        room: room.clone(),
        user,
        client_id: ClientId::generate(),
        dedup_window: Duration::from_secs(60),
        session,
        event: unplaced(
            Class::Durable,
            Event::NewMessage,
            None,
            durable_tail(Event::NewMessage, &room.room, &new_message),
        ),
        reply: Some(Awaited {
            message_id: reply_id,
            if_busy: IfBusy::Queue,
            task: task.encode(),
            cancelled: unplaced(
                Class::Final,
                Event::Message,
                Some(part),
                durable_tail(Event::Message, &room.room, &cancelled),
            ),
            caps: QueueCaps {
                session: 1000,
                user: 1000,
                tenant: 1000,
            },
        }),
        message_id,
    }
}

/// Asks `text`; returns the id of the reply to come.
pub async fn ask(bus: &dyn Bus, room: &RoomKey, session: &str, text: &str) -> MessageId {
    ask_task(bus, room, session, &task(text)).await
}

/// Asks `task`; returns the id of the reply to come.
pub async fn ask_task(bus: &dyn Bus, room: &RoomKey, session: &str, task: &Task) -> MessageId {
    accept(bus, &question(room, session, task)).await
}

pub async fn accept(bus: &dyn Bus, question: &Question) -> MessageId {
    match bus.accept(question).await.unwrap() {
        Accepted::Stored(receipt) => receipt.reply.unwrap(),
        other @ (Accepted::Repeat(_) | Accepted::Busy | Accepted::Full { .. }) => {
            panic!("not stored: {other:?}")
        }
    }
}

/// What is heard in one or more rooms.
pub struct Ear {
    subscriptions: Arc<dyn Subscriptions>,
    heard: mpsc::Receiver<Heard>,
}

impl Ear {
    pub async fn in_rooms(bus: &dyn Bus, rooms: &[RoomKey]) -> Self {
        let (feed, heard) = Feed::new(100_000);
        let subscriptions = bus.subscriptions(Arc::new(feed));
        for room in rooms {
            subscriptions.subscribe(room).await.unwrap();
        }
        Self {
            subscriptions,
            heard,
        }
    }

    /// The next record, but the people's own messages.
    pub async fn next(&mut self) -> Record {
        loop {
            let heard = tokio::time::timeout(DEADLINE, self.heard.recv()).await;
            match heard.expect("something is heard in time").unwrap() {
                Heard::Record { record, .. } if record.header.event == "new_message" => {}
                Heard::Record { record, .. } => return Record::clone(&record),
                // Where the machine stands still a connection is made anew; who misses
                // something by it waits for that.
                Heard::Gap => {}
            }
        }
    }

    /// Everything up to and including the first record of which `is_last`.
    pub async fn until(&mut self, is_last: impl Fn(&Record) -> bool) -> Vec<Record> {
        let mut records = Vec::new();
        loop {
            let record = self.next().await;
            let over = is_last(&record);
            records.push(record);
            if over {
                return records;
            }
        }
    }

    /// Everything up to and including the end of `count` replies.
    pub async fn until_replies(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        for _ in 0..count {
            let is_end = |record: &Record| record.header.event == "ai_processing_end";
            records.extend(self.until(is_end).await);
        }
        records
    }

    /// What has been heard and not been read.
    pub fn rest(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        while let Ok(heard) = self.heard.try_recv() {
            match heard {
                Heard::Record { record, .. } => records.push(Record::clone(&record)),
                Heard::Gap => panic!("something may be missing"),
            }
        }
        records
    }
}

pub fn data(record: &Record) -> Value {
    let frame: Value = serde_json::from_slice(&record.frame).unwrap();
    frame["data"].clone()
}

pub fn events(records: &[Record]) -> Vec<&str> {
    records.iter().map(|r| r.header.event.as_str()).collect()
}

/// The `data` of all events of this name.
pub fn all(records: &[Record], event: &str) -> Vec<Value> {
    let named = records.iter().filter(|record| record.header.event == event);
    named.map(data).collect()
}

/// The texts of the deltas of one reply's attempt, checked to be in order.
pub fn text_of(records: &[Record], reply: &MessageId, attempt: u64) -> String {
    let deltas = all(records, "message_delta");
    let own = deltas
        .iter()
        .filter(|delta| delta["message_id"] == reply.as_str() && delta["attempt"] == attempt);
    let mut text = String::new();
    for (index, delta) in own.enumerate() {
        assert_eq!(delta["index"], index, "{delta}");
        text.push_str(delta["text"].as_str().unwrap());
    }
    text
}

/// An echo at a set pace; 0 is as fast as possible.
pub fn echo(tokens_per_second: f64) -> Ai {
    only(Echo::new(EchoConfig {
        tokens_per_second,
        first_token_delay: Duration::ZERO,
    }))
}

pub fn only(backend: impl Backend + 'static) -> Ai {
    Ai {
        context_tokens: 8_000,
        default: Answering {
            backends: vec![Guarded::new(Arc::new(backend), BreakerConfig::default())],
            ..Answering::default()
        },
        ..Ai::default()
    }
}

/// A broker at work.
pub struct Running {
    pub shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub fn start(bus: Arc<dyn Bus>, settings: Settings, ai: Ai) -> Self {
        let shutdown = CancellationToken::new();
        let broker = Broker::new(bus, settings, ai);
        let task = tokio::spawn(broker.run(shutdown.clone()));
        Self { shutdown, task }
    }

    /// Ends it where it stands, as a kill would.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Lets it drain.
    pub async fn drain(self) {
        self.shutdown.cancel();
        let drained = tokio::time::timeout(DEADLINE, self.task).await;
        drained.expect("it drains in time").unwrap();
    }
}
