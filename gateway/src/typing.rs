//! Who is typing: shown to others at once, over after three seconds without
//! another sign, or with the connection.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::{Bus, BusError, PROMPT};
use causerie_shared::ids::{ConnectionId, UserId};
use causerie_shared::protocol::data::TypingIndicator;
use causerie_shared::protocol::event::Event;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
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

/// When an end that the bus did not take is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How many signs may wait to be published; nobody misses one more.
const QUEUE: usize = 1_024;

/// How many indicators are on their way to the bus at the same time: a slow answer to
/// one is not to make all others late.
const ON_THE_WAY: usize = 64;

/// Somebody typing somewhere, on one connection or, without it, over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
            shown: BTreeMap::new(),
            publishing: FuturesUnordered::new(),
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
    shown: BTreeMap<Typist, Shown>,
    publishing: FuturesUnordered<BoxFuture<'static, Published>>,
}

/// What others see of somebody, or are to see next.
#[derive(Debug, Default)]
struct Shown {
    is_typing: bool,
    /// Of somebody at most one indicator is on its way: the next one does not overtake it.
    is_on_the_way: bool,
    /// Whether a sign may reach the bus still that it has not confirmed, or not at once: over a
    /// link that was given up, say, after all that is sent over the next one.
    is_unsure: bool,
    end: Option<delay_queue::Key>,
}

/// An indicator that the bus took, or did not.
struct Published {
    typist: Typist,
    is_typing: bool,
    is_prompt: bool,
    result: Result<(), BusError>,
}

impl Typists {
    async fn run(mut self, mut queue: mpsc::Receiver<Sign>, stop: CancellationToken) {
        loop {
            let has_room = self.publishing.len() < ON_THE_WAY;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(published) = self.publishing.next(), if !self.publishing.is_empty() => {
                    self.on_published(published);
                }
                Some(end) = self.ends.next(), if has_room && !self.ends.is_empty() => {
                    self.on_end(end.into_inner());
                }
                sign = queue.recv(), if has_room => match sign {
                    Some(sign) => self.on_sign(sign),
                    None => break,
                },
            }
        }
        // What ended with the last connections.
        while let Ok(sign) = queue.try_recv() {
            self.on_sign(sign);
        }
        while let Some(published) = self.publishing.next().await {
            self.on_published(published);
        }
    }

    fn on_sign(&mut self, sign: Sign) {
        match sign {
            // Where the bus is slow signs wait: one that is over is not shown.
            Sign::Typing(_, since) if since.elapsed() >= LASTS => {}
            Sign::Typing(typist, since) => {
                self.end_at(&typist, since + LASTS);
                self.show(typist, true);
            }
            Sign::Stopped(typist) => self.stop(typist),
            Sign::Gone(connection) => {
                let is_of = |typist: &&Typist| typist.connection.as_ref() == Some(&connection);
                let typists: Vec<_> = self.shown.keys().filter(is_of).cloned().collect();
                for typist in typists {
                    self.stop(typist);
                }
            }
        }
    }

    fn end_at(&mut self, typist: &Typist, end: Instant) {
        let shown = self.shown.entry(typist.clone()).or_default();
        match &shown.end {
            Some(key) => self.ends.reset_at(key, end),
            None => shown.end = Some(self.ends.insert_at(typist.clone(), end)),
        }
    }

    fn on_end(&mut self, typist: Typist) {
        if let Some(shown) = self.shown.get_mut(&typist) {
            shown.end = None;
            self.show(typist, false);
        }
    }

    fn stop(&mut self, typist: Typist) {
        if let Some(shown) = self.shown.get_mut(&typist) {
            if let Some(key) = shown.end.take() {
                self.ends.remove(&key);
            }
            self.show(typist, false);
        }
    }

    /// Publishes what is to be seen of somebody, now or when what is on its way has
    /// arrived.
    fn show(&mut self, typist: Typist, is_typing: bool) {
        let Some(shown) = self.shown.get_mut(&typist) else {
            return;
        };
        shown.is_typing = is_typing;
        if shown.is_on_the_way {
            return;
        }
        shown.is_on_the_way = true;
        let record = self.indicator(&typist, is_typing);
        let bus = Arc::clone(&self.bus);
        self.publishing.push(Box::pin(async move {
            let asked = Instant::now();
            let result = bus.publish(&typist.room, &record).await;
            Published {
                typist,
                is_typing,
                is_prompt: asked.elapsed() < PROMPT,
                result,
            }
        }));
    }

    fn on_published(&mut self, published: Published) {
        let Published {
            typist,
            is_typing,
            is_prompt,
            result,
        } = published;
        let Some(shown) = self.shown.get_mut(&typist) else {
            return;
        };
        shown.is_on_the_way = false;
        if let Err(error) = &result {
            events::typing_lost(error);
        }
        shown.is_unsure |= is_typing && (result.is_err() || !is_prompt);
        match (shown.is_typing, is_typing) {
            // Something else is to be seen by now.
            (next @ true, false) | (next @ false, true) => self.show(typist, next),
            // It ends in time, or by another sign.
            (true, true) => {}
            // Nobody else ends it.
            (false, false) if result.is_err() => self.end_at(&typist, Instant::now() + AGAIN),
            (false, false) if take(&mut shown.is_unsure) => {
                self.end_at(&typist, Instant::now() + LASTS);
            }
            (false, false) => {
                self.shown.remove(&typist);
            }
        }
    }

    fn indicator(&self, typist: &Typist, is_typing: bool) -> Record {
        let event = Event::TypingIndicator;
        let data = TypingIndicator {
            user_id: typist.user.as_str().to_owned(),
            is_typing,
        };
        let ts = self.bus.clock().now_ms();
        let record = Record::transient(event, &typist.room.room, ts, &data);
        record.hidden_from(typist.user.clone())
    }
}
