//! The rooms of one outbox.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causerie_shared::bus::BusError;
use causerie_shared::position::Position;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::room::RoomKey;

use super::{Hub, Join, Start, Viewer};
use crate::outbox::Outbox;

/// The rooms of one outbox. Dropping it leaves them all and closes the outbox.
#[derive(Debug)]
pub struct Membership {
    hub: Hub,
    outbox: Arc<Outbox>,
    rooms: Mutex<BTreeSet<RoomKey>>,
}

impl Membership {
    /// No rooms yet.
    pub fn new(hub: Hub, outbox: Arc<Outbox>) -> Self {
        Self {
            hub,
            outbox,
            rooms: Mutex::default(),
        }
    }

    /// Joins `room` and recovers from `position`. When it returns, `subscribed`
    /// and what was missed wait in the outbox.
    ///
    /// # Errors
    /// The bus does not answer; then nothing was joined.
    pub async fn join(
        &self,
        room: RoomKey,
        viewer: Viewer,
        position: Option<Position>,
    ) -> Result<(), BusError> {
        // Noted first: whatever happens from here on, it is left at the end.
        self.lock().insert(room.clone());
        let joined = self.hub.join(Join {
            room: room.clone(),
            outbox: Arc::clone(&self.outbox),
            viewer,
            start: Start::asked(position),
        });
        let joined = joined.await;
        if joined.is_err() {
            self.leave(&room).await;
        }
        joined
    }

    /// Leaves `room`; whether it had been joined.
    pub async fn leave(&self, room: &RoomKey) -> bool {
        let was_in = self.lock().remove(room);
        if was_in {
            self.hub.leave(room.clone(), self.outbox.id()).await;
        }
        was_in
    }

    /// The rooms joined, or being joined.
    pub fn rooms(&self) -> Vec<RoomKey> {
        self.lock().iter().cloned().collect()
    }

    /// Leaves all rooms, and closes the outbox.
    pub fn end(&self) {
        self.outbox.close(CloseCode::InternalError);
        let rooms = std::mem::take(&mut *self.lock());
        self.hub.leave_soon(rooms, self.outbox.id());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<RoomKey>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.end();
    }
}
