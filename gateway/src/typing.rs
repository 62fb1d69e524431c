//! Who is typing: shown to others at once, over after three seconds without
//! another sign, or with the connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use causerie_shared::bus::Bus;
use causerie_shared::ids::{ConnectionId, UserId};
use causerie_shared::protocol::data::TypingIndicator;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record};
use causerie_shared::room::RoomKey;
use compact_str::CompactString;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::time::{DelayQueue, delay_queue};

use crate::connection::Connection;
use crate::events;

/// How long one sign of typing lasts.
const LASTS: Duration = Duration::from_secs(3);

/// How many signs may wait to be published; nobody misses one more.
const QUEUE: usize = 1_024;

/// Somebody typing somewhere, on one connection or, without it, over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Typist {
    pub(crate) room: RoomKey,
    pub(crate) user: UserId,
    pub(crate) connection: Option<ConnectionId>,
}

#[derive(Debug)]
enum Sign {
    /// Somebody types, since then.
    Typing(Typist, Instant),
    Stopped(Typist),
    Gone(ConnectionId),
}

/// Who is typing, on this node.
#[derive(Debug)]
pub struct Typing(mpsc::Sender<Sign>);

impl Typing {
    /// Starts the task that ends what nobody ends.
    pub(crate) fn start(bus: Arc<dyn Bus>, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let (signs, queue) = mpsc::channel(QUEUE);
        let typists = Typists {
            bus,
            ends: DelayQueue::new(),
            keys: HashMap::new(),
        };
        tasks.spawn(typists.run(queue, stop.clone()));
        Self(signs)
    }

    /// Notes that somebody types, or has stopped.
    pub(crate) fn note(&self, typist: Typist, is_typing: bool) {
        let sign = if is_typing {
            Sign::Typing(typist, Instant::now())
        } else {
            Sign::Stopped(typist)
        };
        // Where too many wait, this one is lost: it is transient.
        let _ = self.0.try_send(sign);
    }

    /// Ends what a connection that is gone was typing.
    pub(crate) fn forget(&self, connection: &Connection) {
        let _ = self.0.try_send(Sign::Gone(connection.id.clone()));
    }
}

struct Typists {
    bus: Arc<dyn Bus>,
    ends: DelayQueue<Typist>,
    keys: HashMap<Typist, delay_queue::Key>,
}

impl Typists {
    async fn run(mut self, mut queue: mpsc::Receiver<Sign>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(end) = self.ends.next(), if !self.ends.is_empty() => {
                    let typist = end.into_inner();
                    self.keys.remove(&typist);
                    self.publish(&typist, false).await;
                }
                sign = queue.recv() => match sign {
                    Some(sign) => self.on_sign(sign).await,
                    None => return,
                },
            }
        }
    }

    async fn on_sign(&mut self, sign: Sign) {
        match sign {
            // Where the bus is slow signs wait: one that is over is not shown.
            Sign::Typing(_, since) if since.elapsed() >= LASTS => {}
            Sign::Typing(typist, since) => {
                let end = since + LASTS;
                match self.keys.get(&typist) {
                    Some(key) => self.ends.reset_at(key, end),
                    None => {
                        let key = self.ends.insert_at(typist.clone(), end);
                        self.keys.insert(typist.clone(), key);
                    }
                }
                self.publish(&typist, true).await;
            }
            Sign::Stopped(typist) => self.stop(&typist).await,
            Sign::Gone(connection) => {
                let is_of = |typist: &&Typist| typist.connection.as_ref() == Some(&connection);
                let typists: Vec<_> = self.keys.keys().filter(is_of).cloned().collect();
                for typist in typists {
                    self.stop(&typist).await;
                }
            }
        }
    }

    async fn stop(&mut self, typist: &Typist) {
        if let Some(key) = self.keys.remove(typist) {
            self.ends.remove(&key);
            self.publish(typist, false).await;
        }
    }

    async fn publish(&self, typist: &Typist, is_typing: bool) {
        let record = self.indicator(typist, is_typing);
        if let Err(error) = self.bus.publish(&typist.room, &record).await {
            events::typing_lost(&error);
        }
    }

    fn indicator(&self, typist: &Typist, is_typing: bool) -> Record {
        let event = Event::TypingIndicator;
        let data = TypingIndicator {
            user_id: typist.user.as_str().to_owned(),
            is_typing,
        };
        let ts = self.bus.clock().now_ms();
        let frame: Bytes = frame::transient(event, &typist.room.room, ts, &data);
        let header = Header {
            class: Class::Transient,
            event: CompactString::const_new(event.name()),
            position: None,
            ts,
            reply: None,
            in_reply_to: None,
            excluded: Some(typist.user.clone()),
        };
        Record { header, frame }
    }
}
