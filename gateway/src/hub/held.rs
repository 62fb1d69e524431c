//! Records that wait while their room is being read.

use std::collections::VecDeque;
use std::sync::Arc;

use causerie_shared::record::Record;

/// How many records of one room may wait.
const LEN: usize = 1_024;

/// How many bytes of frames these may have: all rooms may be read at once.
const BYTES: usize = 256 << 10;

/// Records that wait while their room is being read.
#[derive(Debug, Default)]
pub(super) struct Held {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// How many of them were heard before the last read was sent.
    before_read: usize,
    has_overflown: bool,
}

impl Held {
    /// Lets a record wait. Where too many do, all are dropped: the room is read
    /// once more afterwards.
    pub(super) fn push(&mut self, record: Arc<Record>) {
        let size = record.frame.len();
        let is_too_much = self.records.len() == LEN || self.bytes + size > BYTES;
        if is_too_much && !self.records.is_empty() {
            self.drop_all();
        }
        self.bytes += size;
        self.records.push_back(record);
    }

    /// Drops all: the room is read once more afterwards.
    pub(super) fn drop_all(&mut self) {
        *self = Self {
            has_overflown: true,
            ..Self::default()
        };
    }

    /// Puts back one that was taken too early: a read follows.
    pub(super) fn put_back(&mut self, record: Arc<Record>) {
        self.bytes += record.frame.len();
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
        self.bytes -= record.frame.len();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::testing::durable;

    fn sized(bytes: usize) -> Arc<Record> {
        let mut record = durable("aaaaaaaa", 1);
        record.frame = vec![b' '; bytes].into();
        Arc::new(record)
    }

    #[test]
    fn what_is_over_a_bound_drops_all_before_it() {
        for (count, bytes) in [(LEN, 1), (4, BYTES / 4)] {
            let mut held = Held::default();
            for _ in 0..count {
                held.push(sized(bytes));
            }
            assert!(!held.take_overflown());
            held.push(sized(bytes));
            assert_eq!(held.iter().count(), 1);
            assert!(held.take_overflown() && !held.take_overflown());
        }
    }

    #[test]
    fn room_is_made_by_what_is_taken() {
        let mut held = Held::default();
        for _ in 0..10 {
            held.push(sized(BYTES + 1));
            assert!(held.pop().is_some());
        }
        assert!(!held.take_overflown());
    }
}
