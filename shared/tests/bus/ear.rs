//! Those who hear: rooms live, and hints for brokers.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::Bus;
use causerie_shared::bus::feed::{Feed, Heard};
use causerie_shared::bus::reply::Wake;
use causerie_shared::bus::subscription::Subscriptions;
use causerie_shared::record::{Class, Record};
use causerie_shared::room::RoomKey;
use tokio::sync::mpsc;

use crate::scene::{question, room, typing};
use crate::world::eventually;

/// One who hears rooms live.
pub struct Ear {
    pub rooms: Arc<dyn Subscriptions>,
    pub receiver: mpsc::Receiver<Heard>,
}

impl Ear {
    /// Hears `rooms`, and can keep as many records as any case needs.
    pub async fn open(bus: &dyn Bus, rooms: &[&RoomKey]) -> Self {
        Self::with_buffer(bus, rooms, 10_000).await
    }

    pub async fn with_buffer(bus: &dyn Bus, rooms: &[&RoomKey], buffer: usize) -> Self {
        let (feed, receiver) = Feed::new(buffer);
        let subscriptions = bus.subscriptions(Arc::new(feed));
        for room in rooms {
            subscriptions.subscribe(room).await.unwrap();
        }
        Self {
            rooms: subscriptions,
            receiver,
        }
    }

    /// What is heard next; `None` at the feed's end.
    pub async fn try_next(&mut self) -> Option<Heard> {
        let next = tokio::time::timeout(Duration::from_secs(10), self.receiver.recv());
        next.await.expect("nothing is heard")
    }

    /// The record that is heard next.
    pub async fn next(&mut self) -> (RoomKey, Arc<Record>) {
        match self.try_next().await.expect("the feed has ended") {
            Heard::Record { room, record } => (room, record),
            Heard::Gap => panic!("a gap"),
        }
    }

    /// Waits for a gap, whatever is heard before it.
    pub async fn gap(&mut self) {
        while self.try_next().await.expect("the feed has ended") != Heard::Gap {}
    }

    /// The record that is heard next, whatever gaps are told before it.
    pub async fn record_after_gaps(&mut self) -> (RoomKey, Arc<Record>) {
        loop {
            if let Heard::Record { room, record } = self.try_next().await.unwrap() {
                return (room, record);
            }
        }
    }

    pub async fn record(&mut self) -> Arc<Record> {
        self.next().await.1
    }

    /// The next `count` records of the log, whatever else is heard in between.
    pub async fn durable(&mut self, count: usize) -> Vec<Arc<Record>> {
        let mut records = Vec::new();
        while records.len() < count {
            let record = self.record().await;
            if matches!(record.header.class, Class::Durable | Class::Final) {
                records.push(record);
            }
        }
        records
    }

    /// Whether `other` is heard, and nothing else. `room` is heard, and of the same
    /// partition: between two servers there is no order.
    pub async fn hears(&mut self, bus: &dyn Bus, other: &RoomKey, room: &RoomKey) -> bool {
        let [asked, marker] = [other, room].map(|room| typing(room, 424_242));
        bus.publish(other, &asked).await.unwrap();
        bus.publish(room, &marker).await.unwrap();
        let (heard_in, _) = self.next().await;
        if heard_in == *room {
            return false;
        }
        assert_eq!(heard_in, *other);
        assert_eq!(self.next().await.0, *room);
        true
    }

    /// All that was published to `room` until now, which is one of those heard.
    pub async fn until_now(&mut self, bus: &dyn Bus, room: &RoomKey) -> Vec<Arc<Record>> {
        let marker = typing(room, 424_242);
        bus.publish(room, &marker).await.unwrap();
        let mut records = Vec::new();
        loop {
            let record = self.record().await;
            if *record == marker {
                return records;
            }
            records.push(record);
        }
    }
}

/// One who hears hints for brokers.
pub struct Hints(mpsc::Receiver<Wake>);

/// A tenant of whom hints are only asked for to see whether they come.
const PROBE: &str = "probe:tenant";

impl Hints {
    /// Opens the stream, and waits until hints come: those before may be lost.
    pub async fn open(bus: &dyn Bus) -> Self {
        let mut hints = Self::opening(bus);
        hints.come_again(bus).await;
        hints
    }

    /// Opens the stream, and does not wait.
    pub fn opening(bus: &dyn Bus) -> Self {
        Self(bus.wakes(1_000))
    }

    /// Waits until hints come.
    pub async fn come_again(&mut self, bus: &dyn Bus) {
        eventually(async || {
            bus.accept(&question(&room(PROBE))).await.unwrap();
            let hint = tokio::time::timeout(Duration::from_millis(100), self.0.recv());
            hint.await.ok().flatten()
        })
        .await;
    }

    pub async fn next(&mut self) -> Wake {
        let probed = room(PROBE).tenant;
        loop {
            let next = tokio::time::timeout(Duration::from_secs(10), self.0.recv());
            let next = next.await.expect("no hint comes");
            match next.expect("the hints have ended") {
                Wake::Runnable { tenant, .. } if tenant == probed => {}
                hint @ (Wake::Runnable { .. } | Wake::Cancelled(_)) => return hint,
            }
        }
    }
}
