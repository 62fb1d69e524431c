//! Hearing rooms live.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;

use super::BusError;
use crate::record::Record;
use crate::room::RoomKey;

/// The rooms that a feed hears. Dropping it ends the feed.
#[async_trait]
pub trait Subscriptions: Send + Sync + Debug {
    /// Begins to hear `room`. When it returns, every record published from
    /// then on is heard, or a [`Heard::Gap`]. Hearing a room twice is once.
    async fn subscribe(&self, room: &RoomKey) -> Result<(), BusError>;

    /// Begins to hear many rooms, each as [`subscribe`](Self::subscribe) does, in
    /// as few steps as can be. The results are in the order of `rooms`.
    async fn subscribe_all(&self, rooms: &[RoomKey]) -> Vec<Result<(), BusError>> {
        join_all(rooms.iter().map(|room| self.subscribe(room))).await
    }

    /// Ends hearing `room`. Records on their way may still come.
    async fn unsubscribe(&self, room: &RoomKey) -> Result<(), BusError>;
}

/// What a feed hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A live record.
    Record {
        /// The room it was published to.
        room: RoomKey,
        /// The record.
        record: Arc<Record>,
    },
    /// Any room may have missed records: the receiver was too slow, or the
    /// connection to the storage broke and is there again. The reader looks
    /// after every room that it hears.
    Gap,
}
