//! The rooms of one outbox.
//!
//! In each room it is being joined, in, or leaving, and there is one at a time
//! who changes that. A new wish cancels the one before and waits until that
//! has let go: so what was left stays left, and nobody joins twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::position::Position;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::room::RoomKey;
use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Hub, Join, NotJoined, Start, Viewer};
use crate::outbox::Outbox;

/// How long a room that could not be joined waits to be tried again: until the
/// bus may be back, or somebody may have mended what it holds.
const fn rejoin_after(error: &BusError) -> Duration {
    match error {
        BusError::Unavailable(_) => Duration::from_secs(1),
        BusError::Unreadable(_) => Duration::from_secs(30),
    }
}

/// How long one who joins may take to read what it missed before the rest goes
/// on beside what it does next.
const RECOVERY_PATIENCE: Duration = Duration::from_secs(1);

/// The rooms of one outbox. Dropping it leaves them all and closes the outbox.
#[derive(Debug)]
pub struct Membership {
    hub: Hub,
    outbox: Arc<Outbox>,
    rooms: Mutex<BTreeMap<RoomKey, Stay>>,
}

/// The outbox's stay in a room, from the first wish to join it.
#[derive(Debug)]
struct Stay {
    /// The last wish: to join, or to leave. The next one cancels it.
    wish: CancellationToken,
    /// Held by whoever joins or leaves.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The right to join or leave a room, until the wish is cancelled.
struct Turn {
    wish: CancellationToken,
    _held: OwnedMutexGuard<()>,
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
    /// [`NotJoined::Bus`]: then the outbox is not in the room, even if it was.
    pub async fn join(
        &self,
        room: RoomKey,
        viewer: Viewer,
        position: Option<Position>,
    ) -> Result<(), NotJoined> {
        let turn = self.turn(&room).await;
        self.join_in(&turn, self.wish(&room, viewer, position))
            .await
    }

    /// As [`join`](Self::join), but does not wait for one who is slow to read
    /// what was missed: then the rest follows.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub async fn join_without_delay(
        self: &Arc<Self>,
        room: RoomKey,
        viewer: Viewer,
        position: Option<Position>,
    ) -> Result<(), NotJoined> {
        let wish = self.wish(&room, viewer, position);
        let told = Arc::clone(&wish.told);
        let membership = Arc::clone(self);
        let joining = self.hub.spawn(async move {
            let turn = membership.turn(&room).await;
            membership.join_in(&turn, wish).await
        });
        let is_slow = async {
            told.wait().await;
            sleep(RECOVERY_PATIENCE).await;
        };
        tokio::select! {
            biased;
            joined = joining => joined.unwrap_or(Err(NotJoined::Over)),
            () = is_slow => Ok(()),
        }
    }

    /// As [`join`](Self::join), however long the bus is away. It also returns
    /// when the room was left, or joined anew, meanwhile.
    pub async fn join_at_last(&self, room: RoomKey, viewer: Viewer, position: Option<Position>) {
        let turn = self.turn(&room).await;
        let wish = self.wish(&room, viewer, position);
        let joining = async {
            while let Err(NotJoined::Bus(error)) = self.hub.join(wish.clone()).await {
                sleep(rejoin_after(&error)).await;
            }
        };
        turn.wish.run_until_cancelled(joining).await;
    }

    /// Leaves `room`: when it returns, no more of it is put in. Whether it had
    /// been joined.
    pub async fn leave(&self, room: &RoomKey) -> bool {
        if !self.lock().contains_key(room) {
            return false;
        }
        let turn = self.turn(room).await;
        self.hub.leave(room.clone(), self.outbox.id()).await;
        self.forget(room, &turn);
        true
    }

    /// The rooms joined, or being joined.
    pub fn rooms(&self) -> Vec<RoomKey> {
        self.lock().keys().cloned().collect()
    }

    /// Leaves all rooms, and closes the outbox.
    pub fn end(&self) {
        // In this order: a join on its way finds the outbox closed, or is left.
        self.outbox.close(CloseCode::InternalError);
        let rooms = std::mem::take(&mut *self.lock());
        for stay in rooms.values() {
            stay.wish.cancel();
        }
        let rooms = rooms.into_keys().collect();
        self.hub.leave_soon(rooms, self.outbox.id());
    }

    async fn join_in(&self, turn: &Turn, wish: Join) -> Result<(), NotJoined> {
        let room = wish.room.clone();
        let joined = turn.wish.run_until_cancelled(self.hub.join(wish)).await;
        let joined = joined.unwrap_or(Err(NotJoined::Over));
        if matches!(joined, Err(NotJoined::Bus(_))) {
            self.forget(&room, turn);
        }
        joined
    }

    /// Cancels what is being done in `room`, and waits until that has let go.
    async fn turn(&self, room: &RoomKey) -> Turn {
        let wish = self.hub.new_wish();
        let turn = {
            let mut rooms = self.lock();
            let stay = rooms.entry(room.clone()).or_insert_with(|| Stay {
                wish: CancellationToken::new(),
                turn: Arc::default(),
            });
            std::mem::replace(&mut stay.wish, wish.clone()).cancel();
            Arc::clone(&stay.turn)
        };
        let _held = turn.lock_owned().await;
        Turn { wish, _held }
    }

    /// Notes that the outbox is not in `room`, unless a later wish will tell.
    fn forget(&self, room: &RoomKey, turn: &Turn) {
        let mut rooms = self.lock();
        if !turn.wish.is_cancelled() {
            rooms.remove(room);
        }
    }

    fn wish(&self, room: &RoomKey, viewer: Viewer, position: Option<Position>) -> Join {
        Join {
            room: room.clone(),
            outbox: Arc::clone(&self.outbox),
            viewer,
            start: Start::asked(position),
            told: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RoomKey, Stay>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.end();
    }
}
