//! Records that wait while their room is being read.

use std::collections::VecDeque;
use std::sync::Arc;

use causerie_shared::record::Record;

/// How many records of one room may wait.
const LEN: usize = 1_024;

/// Records that wait while their room is being read.
#[derive(Debug, Default)]
pub(super) struct Held {
    records: VecDeque<Arc<Record>>,
    /// How many of them were heard before the last read was sent.
    before_read: usize,
    has_overflown: bool,
}

impl Held {
    /// Lets a record wait. Where too many do, all are dropped: the room is read
    /// once more afterwards.
    pub(super) fn push(&mut self, record: Arc<Record>) {
        if self.records.len() == LEN {
            self.drop_all();
        }
        self.records.push_back(record);
    }

    /// Drops all: the room is read once more afterwards.
    pub(super) fn drop_all(&mut self) {
        self.records = VecDeque::new();
        self.before_read = 0;
        self.has_overflown = true;
    }

    /// Puts back one that was taken too early: a read follows.
    pub(super) fn put_back(&mut self, record: Arc<Record>) {
        self.records.push_front(record);
    }

    /// Notes that a read is sent.
    pub(super) fn note_read(&mut self) {
        self.before_read = self.records.len();
    }

    /// The one that has waited longest, and whether it was heard before the
    /// last read was sent.
    pub(super) fn pop(&mut self) -> Option<(Arc<Record>, bool)> {
        let record = self.records.pop_front()?;
        let was_before = self.before_read > 0;
        self.before_read = self.before_read.saturating_sub(1);
        Some((record, was_before))
    }

    /// Those that wait, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().map(|record| &**record)
    }

    /// Whether records were dropped since this was last asked.
    pub(super) fn take_overflown(&mut self) -> bool {
        std::mem::take(&mut self.has_overflown)
    }
}
