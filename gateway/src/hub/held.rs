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
        self.has_overflown = true;
    }

    /// Puts back one that was taken too early.
    pub(super) fn put_back(&mut self, record: Arc<Record>) {
        self.records.push_front(record);
    }

    /// The one that has waited longest.
    pub(super) fn pop(&mut self) -> Option<Arc<Record>> {
        self.records.pop_front()
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
