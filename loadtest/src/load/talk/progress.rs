//! How far a crowd is, for who conducts it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

use crate::load::clock::Nanos;

/// What a thread of clients has done of late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Messages that were heard.
    pub(super) heard: u64,
    /// How many were to be, of what was sent.
    pub(super) expected: u64,
    /// Messages of which the server said that it took them.
    pub(super) accepted: u64,
    /// Of how many it was to say so.
    pub(super) to_accept: u64,
    /// Turns that clients are to have.
    pub(super) planned: u64,
    /// Turns that they have had.
    pub(super) taken: u64,
}

/// How far a crowd is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    joined: AtomicU64,
    last_joined_at: AtomicU64,
    gone: AtomicU64,
    heard: AtomicU64,
    expected: AtomicU64,
    accepted: AtomicU64,
    to_accept: AtomicU64,
    planned: AtomicU64,
    taken: AtomicU64,
    asked: AtomicU64,
    answered: AtomicU64,
    failure: OnceLock<String>,
    /// Who is woken, when so much was heard.
    waiting: Mutex<Option<(u64, Thread)>>,
}

impl Progress {
    /// How many are in all their rooms, or were.
    pub(crate) fn joined(&self) -> u64 {
        self.joined.load(Ordering::Relaxed)
    }

    /// When the last of them was.
    pub(crate) fn last_joined_at(&self) -> Nanos {
        self.last_joined_at.load(Ordering::Relaxed)
    }

    /// How many of these have lost their connection.
    pub(crate) fn gone(&self) -> u64 {
        self.gone.load(Ordering::Relaxed)
    }

    /// How many messages were heard, by all who heard them.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Whether all that was planned is done, all that was said is heard and
    /// acknowledged, and all that was asked is answered.
    pub(crate) fn is_drained(&self) -> bool {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.taken.load(Ordering::Acquire) >= of(&self.planned)
            && self.heard() >= of(&self.expected)
            && of(&self.accepted) >= of(&self.to_accept)
            && of(&self.answered) >= of(&self.asked)
    }

    /// Why somebody could not come in, if that is so.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// From now on this thread is woken as soon as so much was heard.
    pub(crate) fn wake_me_at(&self, heard: u64) {
        *self.waiting() = Some((heard, std::thread::current()));
    }

    pub(super) fn fail(&self, why: String) {
        // The first reason is told.
        let _ = self.failure.set(why);
    }

    pub(super) fn on_joined(&self, now: Nanos) {
        self.last_joined_at.fetch_max(now, Ordering::Relaxed);
        self.joined.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn on_gone(&self) {
        self.gone.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn on_asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn on_answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn on_steps(&self, steps: Steps) {
        let Steps {
            heard,
            expected,
            accepted,
            to_accept,
            planned,
            taken,
        } = steps;
        if steps == Steps::default() {
            return;
        }
        self.expected.fetch_add(expected, Ordering::Relaxed);
        self.to_accept.fetch_add(to_accept, Ordering::Relaxed);
        self.accepted.fetch_add(accepted, Ordering::Relaxed);
        self.planned.fetch_add(planned, Ordering::Relaxed);
        let heard = self.heard.fetch_add(heard, Ordering::Relaxed) + heard;
        // Who sees that no turn is left sees all that came of them.
        self.taken.fetch_add(taken, Ordering::Release);
        if let Some((count, thread)) = &*self.waiting()
            && heard >= *count
        {
            thread.unpark();
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<(u64, Thread)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
