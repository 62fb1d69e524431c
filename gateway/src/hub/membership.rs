//! The rooms of one outbox.
//!
//! In each room it is being joined, in, or leaving, and there is one at a time
//! who changes that. A new wish cancels the one before and waits until that
//! has let go: so what was left stays left, and nobody joins twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::position::Position;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::room::{Room, RoomKey};
use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Hub, Join, NotJoined, Start, Viewer};
use crate::events;
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
    rooms: Mutex<Vec<Stay>>,
}

/// The outbox's stay in a room, from the first wish to join it.
#[derive(Debug)]
struct Stay {
    room: RoomKey,
    /// What is being changed. None as long as it stays: most do, for long, so
    /// that this is to cost little.
    change: Option<Box<Change>>,
}

/// A change of an outbox's stay in a room.
#[derive(Debug, Default)]
struct Change {
    /// The last wish: to join, or to leave. The next one cancels it.
    wish: CancellationToken,
    /// Held by whoever joins or leaves.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The right to join or leave a room, until the wish is cancelled.
struct Turn<'a> {
    membership: &'a Membership,
    room: RoomKey,
    wish: CancellationToken,
    _held: OwnedMutexGuard<()>,
}

impl Drop for Turn<'_> {
    /// Nothing is being changed any more, unless a later wish will.
    fn drop(&mut self) {
        let mut rooms = self.membership.lock();
        if !self.wish.is_cancelled()
            && let Some(stay) = stay_in(&mut rooms, &self.room)
        {
            stay.change = None;
        }
    }
}

impl Stay {
    fn begin(room: RoomKey) -> Self {
        Self { room, change: None }
    }
}

fn stay_in<'a>(rooms: &'a mut [Stay], room: &RoomKey) -> Option<&'a mut Stay> {
    rooms.iter_mut().find(|stay| stay.room == *room)
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
            loop {
                match self.hub.join(wish.clone()).await {
                    Err(NotJoined::Bus(error)) => sleep(rejoin_after(&error)).await,
                    joined => return joined,
                }
            }
        };
        let joined = turn.wish.run_until_cancelled(joining).await;
        if let Some(Err(_)) = joined
            && !self.outbox.is_closed()
        {
            // Nobody would tell the client that it is not in the room.
            events::join_lost(&turn.room);
            self.outbox.close(CloseCode::LostPlace);
        }
    }

    /// Leaves `room`: when it returns, no more of it is put in. Whether it had
    /// been joined.
    pub async fn leave(&self, room: &RoomKey) -> bool {
        if stay_in(&mut self.lock(), room).is_none() {
            return false;
        }
        let turn = self.turn(room).await;
        self.hub.leave(room.clone(), self.outbox.id()).await;
        self.forget(&turn);
        true
    }

    /// The rooms joined, or being joined.
    pub fn rooms(&self) -> Vec<RoomKey> {
        self.lock().iter().map(|stay| stay.room.clone()).collect()
    }

    /// Whether `room`, of the only tenant whose rooms these are, is joined or being
    /// joined.
    pub(crate) fn is_in(&self, room: &Room) -> bool {
        self.lock().iter().any(|stay| stay.room.room == *room)
    }

    /// Leaves all rooms, and closes the outbox.
    pub fn end(&self) {
        // In this order: a join on its way finds the outbox closed, or is left.
        self.outbox.close(CloseCode::InternalError);
        let rooms = std::mem::take(&mut *self.lock());
        for change in rooms.iter().filter_map(|stay| stay.change.as_ref()) {
            change.wish.cancel();
        }
        let rooms = rooms.into_iter().map(|stay| stay.room).collect();
        self.hub.leave_soon(rooms, self.outbox.id());
    }

    async fn join_in(&self, turn: &Turn<'_>, wish: Join) -> Result<(), NotJoined> {
        let joined = turn.wish.run_until_cancelled(self.hub.join(wish)).await;
        let joined = joined.unwrap_or(Err(NotJoined::Over));
        if matches!(joined, Err(NotJoined::Bus(_))) {
            self.forget(turn);
        }
        joined
    }

    /// Cancels what is being done in `room`, and waits until that has let go.
    async fn turn(&self, room: &RoomKey) -> Turn<'_> {
        let wish = self.hub.new_wish();
        let turn = self.begin(room, &wish);
        let _held = turn.lock_owned().await;
        Turn {
            membership: self,
            room: room.clone(),
            wish,
            _held,
        }
    }

    fn begin(&self, room: &RoomKey, wish: &CancellationToken) -> Arc<tokio::sync::Mutex<()>> {
        let mut rooms = self.lock();
        let known = rooms.iter().position(|stay| stay.room == *room);
        let mut stay = match known {
            Some(at) => rooms.remove(at),
            None => Stay::begin(room.clone()),
        };
        let change = stay.change.get_or_insert_default();
        std::mem::replace(&mut change.wish, wish.clone()).cancel();
        let turn = Arc::clone(&change.turn);
        rooms.reserve_exact(1);
        rooms.push(stay);
        turn
    }

    /// Notes that the outbox is not in a room, unless a later wish will tell. Until
    /// then it lacks no text of it.
    fn forget(&self, turn: &Turn<'_>) {
        self.outbox.forget_room(&turn.room);
        let mut rooms = self.lock();
        if !turn.wish.is_cancelled() {
            rooms.retain(|stay| stay.room != turn.room);
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

    fn lock(&self) -> MutexGuard<'_, Vec<Stay>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::bus::Retention;
    use causerie_shared::bus::memory::MemoryBus;
    use causerie_shared::ids::UserId;

    use super::*;
    use crate::frame::OutFrame;
    use crate::gateway::Gateway;
    use crate::hub::Live;
    use crate::hub::testing::{delta, room};
    use crate::outbox::Pushed;
    use crate::settings::Settings;

    /// Else its frames would be looked at one by one for the rest of its life.
    #[tokio::test]
    async fn who_left_a_room_lacks_no_text_of_it() {
        let bus = Arc::new(MemoryBus::new(Retention::default()));
        let gateway = Gateway::start(bus, Settings::default());
        let outbox = Outbox::new(1 << 10);
        let membership = Membership::new(gateway.hub.clone(), Arc::clone(&outbox));
        let viewer = Viewer::Member(UserId::new("u1").unwrap(), Live::ALL);
        membership.join(room(), viewer, None).await.unwrap();
        let text = OutFrame::event(&room(), &delta(1, 1, 0, &"x".repeat(100)));
        while outbox.push(&text) != Pushed::DroppedText {}
        outbox.next(usize::MAX).await;
        assert_eq!(outbox.push(&text), Pushed::DroppedText);
        assert!(membership.leave(&room()).await);
        assert_eq!(outbox.push(&text), Pushed::Queued);
    }
}
