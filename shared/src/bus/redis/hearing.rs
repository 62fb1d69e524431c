//! Ears for live records, and wakes for brokers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::sleep;

use super::channels::Channels;
use super::events::{self, Purpose};
use super::links::Links;
use super::names;
use super::order;
use super::subscriber::{Listener, RETRY};
use crate::bus::BusError;
use crate::bus::order::OrderHeard;
use crate::bus::reply::Wake;
use crate::bus::subscription::{Ear, Subscriptions};
use crate::ids::{MessageId, TenantId};
use crate::record::Record;
use crate::room::{Partition, RoomKey};

/// The rooms that one ear hears.
#[derive(Debug)]
pub(super) struct Hearing {
    channels: Channels,
}

impl Hearing {
    pub(super) fn open(links: &Arc<Links>, ear: Arc<dyn Ear>) -> Self {
        let records = Arc::new(Records { ear });
        let channels = Channels::open(links, Purpose::Rooms, records);
        Self { channels }
    }
}

#[async_trait]
impl Subscriptions for Hearing {
    async fn subscribe(&self, room: &RoomKey) -> Result<(), BusError> {
        let failed = self.channels.subscribe(vec![names::room_channel(room)]);
        failed.await.into_values().next().map_or(Ok(()), Err)
    }

    async fn subscribe_all(&self, rooms: &[RoomKey]) -> Vec<Result<(), BusError>> {
        let channels: Vec<_> = rooms.iter().map(names::room_channel).collect();
        let failed = self.channels.subscribe(channels.clone()).await;
        let result = |channel| failed.get(channel).cloned().map_or(Ok(()), Err);
        channels.iter().map(result).collect()
    }

    async fn unsubscribe(&self, room: &RoomKey) -> Result<(), BusError> {
        let channel = names::room_channel(room);
        self.channels.unsubscribe(vec![channel]).await;
        Ok(())
    }
}

/// Reads what comes over the channels of rooms, and hands it to an ear.
struct Records {
    ear: Arc<dyn Ear>,
}

impl Listener for Records {
    fn on_message(&self, channel: &str, message: Bytes) {
        let Some(room) = names::room_of_channel(channel) else {
            return;
        };
        // A slice would keep all that was read with it alive, as long as the record
        // waits.
        let message = Bytes::copy_from_slice(&message);
        match Record::decode(&message) {
            Ok(record) => self.ear.on_record(room, Arc::new(record)),
            Err(error) => events::record_unreadable(&room, &error),
        }
    }

    fn on_gap(&self) {
        self.ear.on_gap();
    }
}

/// Opens a stream of hints, which ends when its receiver is dropped.
pub(super) fn open_wakes(links: &Arc<Links>, buffer: usize) -> mpsc::Receiver<Wake> {
    let (sender, receiver) = mpsc::channel(buffer.max(1));
    let waker = Arc::new(Waker(sender.clone()));
    hear_everywhere(links, Purpose::Wakes, "wake", waker, sender);
    receiver
}

/// Opens a stream of orders, which ends when its receiver is dropped.
pub(super) fn open_orders(links: &Arc<Links>, buffer: usize) -> mpsc::Receiver<OrderHeard> {
    let (sender, receiver) = mpsc::channel(buffer.max(1));
    let listener = Arc::new(Ordered {
        sender: sender.clone(),
        has_gap: AtomicBool::new(false),
    });
    hear_everywhere(links, Purpose::Orders, "orders", listener, sender);
    receiver
}

/// Hears the channel `name` of every partition, until nobody takes what `sender` sends.
fn hear_everywhere<T: Send + 'static>(
    links: &Arc<Links>,
    purpose: Purpose,
    name: &'static str,
    listener: Arc<dyn Listener>,
    sender: mpsc::Sender<T>,
) {
    let channels = Channels::open(links, purpose, listener);
    tokio::spawn(async move {
        let names = Partition::all().map(|partition| names::in_partition(partition, name));
        tokio::select! {
            () = sender.closed() => {}
            () = subscribe_all(&channels, purpose, names.collect()) => sender.closed().await,
        }
    });
}

/// Subscribes to all, however often that fails.
async fn subscribe_all(channels: &Channels, purpose: Purpose, mut names: Vec<String>) {
    loop {
        let failed = channels.subscribe(names).await;
        let Some(error) = failed.values().next() else {
            return;
        };
        events::not_subscribed(purpose, failed.len(), error);
        sleep(RETRY).await;
        names = failed.into_keys().collect();
    }
}

#[derive(Debug)]
struct Waker(mpsc::Sender<Wake>);

impl Listener for Waker {
    fn on_message(&self, channel: &str, message: Bytes) {
        let Some(wake) = read_wake(channel, &message) else {
            return;
        };
        match self.0.try_send(wake) {
            // Whom it does not fit is awake anyhow; who has gone needs none.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {}
        }
    }

    /// Brokers look after what waits and runs by themselves.
    fn on_gap(&self) {}
}

/// Hands on what gateways are told.
#[derive(Debug)]
struct Ordered {
    sender: mpsc::Sender<OrderHeard>,
    /// Whether something did not fit, and that could not be told.
    has_gap: AtomicBool,
}

impl Ordered {
    fn tell(&self, heard: OrderHeard) {
        if self.has_gap.swap(false, Ordering::AcqRel) {
            self.send(OrderHeard::Gap);
        }
        self.send(heard);
    }

    fn send(&self, heard: OrderHeard) {
        match self.sender.try_send(heard) {
            Err(TrySendError::Full(_)) => self.has_gap.store(true, Ordering::Release),
            Ok(()) | Err(TrySendError::Closed(_)) => {}
        }
    }
}

impl Listener for Ordered {
    fn on_message(&self, _: &str, message: Bytes) {
        if let Some(order) = order::read(&message) {
            self.tell(OrderHeard::Order(order));
        }
    }

    fn on_gap(&self) {
        self.tell(OrderHeard::Gap);
    }
}

fn read_wake(channel: &str, message: &[u8]) -> Option<Wake> {
    let partition = names::partition_of_channel(channel)?;
    match std::str::from_utf8(message).ok()?.split_once(' ')? {
        ("runnable", tenant) => {
            let tenant = TenantId::new(tenant).ok()?;
            Some(Wake::Runnable { partition, tenant })
        }
        ("cancelled", id) => MessageId::new(id).ok().map(Wake::Cancelled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::feed::{Feed, Heard};
    use crate::record::{Class, Header};

    #[test]
    fn a_record_that_waits_keeps_no_more_than_itself() {
        let (feed, mut heard) = Feed::new(1);
        let records = Records {
            ear: Arc::new(feed),
        };
        let header = Header {
            class: Class::Transient,
            event: "user_typing".into(),
            position: None,
            ts: 1,
            reply: None,
            in_reply_to: None,
            excluded: None,
            trace: None,
        };
        let frame = Bytes::from_static(b"{}");
        let record = Record { header, frame };
        let read_at_once = Bytes::from([&record.encode()[..], &[b' '; 1_000]].concat());
        let message = read_at_once.slice(..read_at_once.len() - 1_000);
        records.on_message("causerie:{p7c}:room:acme:project:p1", message);
        let waits = heard.try_recv();
        assert!(matches!(&waits, Ok(Heard::Record { record: one, .. }) if **one == record));
        assert!(read_at_once.is_unique());
    }
}
