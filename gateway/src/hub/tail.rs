//! A room's recent events, from which most recoveries are served: a thousand
//! returning clients must not mean a thousand reads.

use std::collections::VecDeque;
use std::sync::Arc;

use causerie_shared::position::Position;
use causerie_shared::record::Record;

/// How many events are kept.
const LEN: usize = 128;

/// How many bytes of frames are kept. A node has a room for each of its users,
/// so this counts ten thousand times; what is older is read from the log.
const BYTES: usize = 64 << 10;

/// The last durable events of a room, without a hole, up to its head.
#[derive(Debug, Default)]
pub(super) struct Tail {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// The position before the first of them.
    start: Option<Position>,
}

impl Tail {
    /// Forgets all, and goes on from `head`.
    pub(super) fn restart(&mut self, head: Position) {
        *self = Self {
            start: Some(head),
            ..Self::default()
        };
    }

    /// Takes the event that follows the last one.
    pub(super) fn push(&mut self, record: Arc<Record>) {
        self.bytes += record.frame.len();
        self.records.push_back(record);
        while (self.records.len() > LEN || self.bytes > BYTES)
            && let Some(oldest) = self.records.pop_front()
        {
            self.bytes -= oldest.frame.len();
            self.start.clone_from(&oldest.header.position);
        }
    }

    /// The events after `position`; `None` where the tail does not reach back
    /// to it, or cannot judge it. A position of an older life, or one ahead of
    /// the head, only the bus can judge.
    pub(super) fn after(&self, position: &Position) -> Option<Vec<Arc<Record>>> {
        let of = |place: usize| {
            self.records
                .get(place)
                .and_then(|record| record.header.position.as_ref())
        };
        if self.start.as_ref() == Some(position) {
            return Some(self.records.iter().cloned().collect());
        }
        let place = (0..self.records.len())
            .rev()
            .find(|&place| of(place) == Some(position))?;
        Some(self.records.iter().skip(place + 1).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::testing::{durable, position};

    fn tail(count: u64) -> Tail {
        let mut tail = Tail::default();
        tail.restart(position("aaaaaaaa", 10));
        for seq in 11..11 + count {
            tail.push(Arc::new(durable("aaaaaaaa", seq)));
        }
        tail
    }

    #[test]
    fn reaches_back_to_where_it_began() {
        let tail = tail(3);
        let seqs = |seq| {
            let after = tail.after(&position("aaaaaaaa", seq))?;
            Some(
                after
                    .iter()
                    .map(|record| record.header.position.as_ref().unwrap().seq)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(seqs(10), Some(vec![11, 12, 13]));
        assert_eq!(seqs(12), Some(vec![13]));
        assert_eq!(seqs(13), Some(vec![]));
        assert_eq!(seqs(9), None);
        assert_eq!(seqs(14), None);
    }

    #[test]
    fn does_not_judge_another_life() {
        assert!(tail(3).after(&position("bbbbbbbb", 12)).is_none());
    }

    #[test]
    fn forgets_the_oldest() {
        let tail = tail(LEN as u64 + 2);
        assert!(tail.after(&position("aaaaaaaa", 11)).is_none());
        assert_eq!(tail.after(&position("aaaaaaaa", 12)).unwrap().len(), LEN);
    }

    #[test]
    fn keeps_no_more_bytes_than_its_bound() {
        let mut tail = tail(0);
        for seq in 11..=14 {
            let mut record = durable("aaaaaaaa", seq);
            record.frame = vec![b' '; BYTES / 2].into();
            tail.push(Arc::new(record));
        }
        assert!(tail.after(&position("aaaaaaaa", 11)).is_none());
        assert_eq!(tail.after(&position("aaaaaaaa", 12)).unwrap().len(), 2);
        let mut large = durable("aaaaaaaa", 15);
        large.frame = vec![b' '; BYTES + 1].into();
        tail.push(Arc::new(large));
        assert!(tail.after(&position("aaaaaaaa", 14)).is_none());
        assert!(tail.after(&position("aaaaaaaa", 15)).unwrap().is_empty());
    }
}
