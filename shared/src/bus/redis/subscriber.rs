//! What is heard from one node, over a connection of our own.
//!
//! It is made again whenever it breaks, or only looks alive: what is wanted is
//! then subscribed to again, and a gap told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fred::types::config::Server;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::address::{FIRST_PAUSE, LONGEST_PAUSE};
use super::dial::{Duplex, NotDialed};
use super::events::{self, Purpose};
use super::links::Links;
use super::resp::Frame;
use super::topology::Topology;
use super::wanted::{Refusals, Said, Wanted};
use super::wire::{Outward, Wire, read, write};

/// How often the connection is asked whether it lives, and still leads to a primary, and
/// how long it may take to say anything.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before subscribing again where that failed.
pub(super) const RETRY: Duration = Duration::from_millis(250);

/// How many orders are taken at once.
const ORDERS: usize = 1_024;

/// What is done with what is heard.
pub(super) trait Listener: Send + Sync + 'static {
    /// A message came.
    fn on_message(&self, channel: &str, message: Bytes);
    /// Messages may have been lost, on any channel.
    fn on_gap(&self);
}

/// What a subscriber is told.
#[derive(Debug)]
pub(super) enum Order {
    Subscribe {
        channels: Vec<String>,
        done: oneshot::Sender<Refusals>,
    },
    Unsubscribe {
        channels: Vec<String>,
        done: oneshot::Sender<()>,
    },
    /// Keep them no longer, if ever; another node is told to unsubscribe.
    Forget { channels: Vec<String> },
    /// Let go of what other nodes serve.
    Release {
        topology: Arc<Topology>,
        released: oneshot::Sender<Vec<String>>,
    },
    /// Take over what another node served.
    Adopt { channels: Vec<String> },
}

/// All that subscribers of a purpose have in common.
pub(super) struct Common {
    pub(super) links: Arc<Links>,
    pub(super) purpose: Purpose,
    pub(super) listener: Arc<dyn Listener>,
    /// Told when a node says that something is another node's.
    pub(super) moved: Notify,
}

/// The task that hears one node.
pub(super) struct Subscriber {
    common: Arc<Common>,
    node: Server,
    wanted: Wanted,
    wire: Option<Wire>,
    dialing: Option<Dialing>,
    pause: Duration,
}

/// A connection on its way, to be the first one or to replace one.
type Dialing = BoxFuture<'static, Dialed>;

type Dialed = Result<Box<dyn Duplex>, NotDialed>;

impl Subscriber {
    pub(super) fn new(common: Arc<Common>, node: Server) -> Self {
        let wanted = Wanted::new(common.links.address.is_cluster());
        Self {
            common,
            node,
            wanted,
            wire: None,
            dialing: None,
            pause: Duration::ZERO,
        }
    }

    /// Hears until nobody gives orders any more.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut heartbeats = ticks(HEARTBEAT_EVERY);
        let mut retries = ticks(RETRY);
        let mut batch = Vec::new();
        self.dial(Duration::ZERO);
        loop {
            let has_lost = self.wanted.has_lost();
            let outgoing = &mut self.wanted.outgoing;
            let (reader, writer) = match &mut self.wire {
                Some(wire) => (
                    Some((&mut wire.reader, &mut wire.incoming)),
                    Some(&mut wire.outward),
                ),
                None => (None, None),
            };
            let is_due = |outward: &&mut Outward| outward.is_due(outgoing);
            let writer = writer.filter(is_due);
            tokio::select! {
                count = orders.recv_many(&mut batch, ORDERS) => {
                    if count == 0 {
                        return;
                    }
                    for order in batch.drain(..) {
                        self.on_order(order);
                    }
                    if !self.wanted.try_ask() {
                        // The next one knows of nothing that is not wanted.
                        self.on_broken(&std::io::Error::other("Redis does not answer"));
                    }
                }
                read = read(reader) => match read {
                    Ok(()) => self.on_read(),
                    Err(error) => self.on_broken(&error),
                },
                written = write(writer, outgoing) => {
                    if let Err(error) = written {
                        self.on_broken(&error);
                    }
                }
                dialed = dialed(self.dialing.as_mut()) => self.on_dialed(dialed),
                _ = heartbeats.tick() => self.on_heartbeat_due(),
                _ = retries.tick(), if has_lost => self.wanted.try_again(),
            }
        }
    }

    fn on_order(&mut self, order: Order) {
        match order {
            Order::Subscribe { channels, done } => self.wanted.subscribe(channels, done),
            Order::Unsubscribe { channels, done } => {
                self.wanted.unsubscribe(channels);
                // Redis need not confirm that; who asked may have given up.
                let _ = done.send(());
            }
            Order::Forget { channels } => self.wanted.forget_all(&channels),
            Order::Release { topology, released } => {
                let is_elsewhere = |owner: &Server| *owner != self.node;
                let channels = self
                    .wanted
                    .release(|partition| topology.owner(partition).is_some_and(is_elsewhere));
                let _ = released.send(channels);
            }
            Order::Adopt { channels } => self.wanted.adopt(channels),
        }
    }

    /// Takes what has come: all frames that came whole.
    fn on_read(&mut self) {
        let Some(wire) = &mut self.wire else {
            return;
        };
        wire.heard_at = Instant::now();
        // It lives: none is needed in its place.
        self.dialing = None;
        let broken = loop {
            let frame = match Frame::take(&mut wire.incoming) {
                Ok(Some(frame)) => frame,
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            };
            match self.wanted.on_frame(frame) {
                Said::Message { channel, message } => {
                    if let Ok(channel) = std::str::from_utf8(&channel) {
                        self.common.listener.on_message(channel, message);
                    }
                }
                // Where nodes change it is told who is the primary now.
                Said::Demoted if !self.common.links.address.may_change() => {
                    break Some("this one leads to a replica".to_owned());
                }
                Said::Nothing | Said::Demoted => {}
                Said::Shifted => break Some("Redis answered something else".to_owned()),
            }
        };
        if let Some(why) = broken {
            self.on_broken(&std::io::Error::other(why));
        }
        self.tell();
    }

    /// Tells what the answers have come to.
    fn tell(&mut self) {
        let purpose = self.common.purpose;
        let regained = self.wanted.take_regained();
        if regained > 0 {
            events::subscribed_again(purpose, regained);
            self.common.listener.on_gap();
        }
        if let Some((count, refusal)) = self.wanted.take_refused() {
            events::not_subscribed(purpose, count, &refusal.text());
        }
        if self.wanted.take_moved() {
            self.common.moved.notify_one();
        }
    }

    fn on_broken(&mut self, error: &std::io::Error) {
        self.wire = None;
        events::link_failed(self.common.purpose, Some(&self.node), &error.to_string());
        self.wanted.on_disconnected();
        if self.dialing.is_none() {
            self.dial(FIRST_PAUSE);
        }
    }

    fn on_dialed(&mut self, dialed: Dialed) {
        self.dialing = None;
        let answered = self.wire.as_mut().and_then(|wire| {
            let from = Some((&mut wire.reader, &mut wire.incoming));
            read(from).now_or_never()
        });
        if let Some(Ok(())) = answered {
            // A Redis that wakes answers both: the old one has lost nothing.
            self.on_read();
            return;
        }
        match dialed {
            Ok(stream) => {
                events::link_connected(self.common.purpose, &self.node);
                self.wire = Some(Wire::new(stream));
                self.pause = Duration::ZERO;
                self.wanted.on_connected();
            }
            // The one that there is may yet answer.
            Err(_) if self.wire.is_some() => {}
            Err(error) => {
                events::link_failed(self.common.purpose, Some(&self.node), &error.to_string());
                // Another node may serve by now what this one did.
                self.common.links.servers.doubt();
                self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                self.dial(self.pause);
            }
        }
    }

    /// Asks whether the connection lives, and what the server is. Where it says
    /// nothing another one is tried, which takes its place if that is answered: a Redis
    /// that is paused takes no new one either.
    fn on_heartbeat_due(&mut self) {
        let Some(wire) = &self.wire else {
            self.wanted.forget_given_up();
            return;
        };
        if wire.heard_at.elapsed() > PATIENCE {
            if self.dialing.is_none() {
                events::link_begun_anew(self.common.purpose, "a heartbeat was not answered");
                self.dial(Duration::ZERO);
            }
        } else {
            self.wanted.ask_role();
        }
    }

    fn dial(&mut self, pause: Duration) {
        let (links, node) = (Arc::clone(&self.common.links), self.node.clone());
        self.dialing = Some(Box::pin(async move {
            sleep(pause).await;
            if links.address.may_change() {
                links.address.dial(&node).await
            } else {
                links.address.dial_primary(&node).await
            }
        }));
    }
}

async fn dialed(dialing: Option<&mut Dialing>) -> Dialed {
    match dialing {
        Some(dialing) => dialing.await,
        None => std::future::pending().await,
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
