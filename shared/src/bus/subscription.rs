//! Hearing rooms live.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;

use super::BusError;
use crate::record::Record;
use crate::room::RoomKey;

/// Who hears rooms. Whoever takes records from the storage, or publishes them,
/// calls it for each: so it never waits.
pub trait Ear: Send + Sync + Debug {
    /// A live record was published to `room`. Where an ear has no place for it,
    /// it looks after the room as after a gap.
    fn on_record(&self, room: RoomKey, record: Arc<Record>);

    /// Any room may have missed records: the connection to the storage broke and
    /// is there again, or whoever takes records from it was too slow. All rooms
    /// that are heard are to be looked after.
    fn on_gap(&self);
}

/// The rooms that an ear hears. Dropping it ends that.
#[async_trait]
pub trait Subscriptions: Send + Sync + Debug {
    /// Begins to hear `room`. When it returns, every record published from
    /// then on is heard, or a gap. Hearing a room twice is once.
    async fn subscribe(&self, room: &RoomKey) -> Result<(), BusError>;

    /// Begins to hear many rooms, each as [`subscribe`](Self::subscribe) does, in
    /// as few steps as can be. The results are in the order of `rooms`.
    async fn subscribe_all(&self, rooms: &[RoomKey]) -> Vec<Result<(), BusError>> {
        join_all(rooms.iter().map(|room| self.subscribe(room))).await
    }

    /// Ends hearing `room`. Records on their way may still come.
    async fn unsubscribe(&self, room: &RoomKey) -> Result<(), BusError>;
}
