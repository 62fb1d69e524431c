//! How far a crowd is, for who conducts it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

use crate::load::clock::Nanos;

/// How far a crowd is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    joined: AtomicU64,
    last_joined_at: AtomicU64,
    gone: AtomicU64,
    heard: AtomicU64,
    expected: AtomicU64,
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

    /// How many were to be heard, of all that was sent.
    pub(crate) fn expected(&self) -> u64 {
        self.expected.load(Ordering::Relaxed)
    }

    /// Questions without an answer yet.
    pub(crate) fn unanswered(&self) -> u64 {
        let answered = self.answered.load(Ordering::Relaxed);
        self.asked.load(Ordering::Relaxed).saturating_sub(answered)
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

    pub(super) fn on_heard(&self, heard: u64, expected: u64) {
        self.expected.fetch_add(expected, Ordering::Relaxed);
        let heard = self.heard.fetch_add(heard, Ordering::Relaxed) + heard;
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
