//! One room's log.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::bus::Retention;
use crate::bus::log::{History, HistoryRange, Missed};
use crate::position::{Epoch, Position};
use crate::protocol::event::Event;
use crate::record::{Record, Unplaced};

/// A room's log: the records up to `seq`, as far back as they are kept.
pub(super) struct Log {
    epoch: Epoch,
    seq: u64,
    /// Without a hole; the last is `seq`.
    records: VecDeque<Arc<Record>>,
    /// Of these together.
    bytes: u64,
    /// When it last changed, or was made.
    changed_ms: u64,
}

impl Log {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            epoch: Epoch::generate(),
            seq: 0,
            records: VecDeque::new(),
            bytes: 0,
            changed_ms: now_ms,
        }
    }

    pub(super) fn head(&self) -> Position {
        Position {
            epoch: self.epoch.clone(),
            seq: self.seq,
        }
    }

    pub(super) fn changed_ms(&self) -> u64 {
        self.changed_ms
    }

    pub(super) fn append(&mut self, event: &Unplaced, now_ms: u64) -> Arc<Record> {
        self.seq += 1;
        self.changed_ms = now_ms;
        let record = Arc::new(event.place(self.head(), now_ms));
        self.bytes += bytes_of(&record);
        self.records.push_back(Arc::clone(&record));
        record
    }

    /// Lets go of the oldest: as many and as much as are more than is kept, and of what is
    /// older than `oldest_ms`.
    pub(super) fn trim(&mut self, retention: &Retention, oldest_ms: u64) {
        while let Some(first) = self.records.front()
            && (self.is_over(retention) || first.header.ts < oldest_ms)
        {
            self.bytes -= bytes_of(first);
            self.records.pop_front();
        }
    }

    fn is_over(&self, retention: &Retention) -> bool {
        let count = self.records.len() as u64;
        count > retention.max_events || count > 1 && self.bytes > retention.max_bytes
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Arc<Record>> {
        let at = usize::try_from(seq.checked_sub(self.first())?).ok()?;
        self.records.get(at)
    }

    /// Whether a deleted event was at `seq`; `None` where nothing is kept from there.
    pub(super) fn is_tombstone(&self, seq: u64) -> Option<bool> {
        let record = self.get(seq)?;
        Some(record.header.event == Event::MessageDeleted.name())
    }

    /// Puts a tombstone in the place of the event at `seq`.
    pub(super) fn bury(&mut self, seq: u64, tombstone: &Unplaced) {
        let at = seq.checked_sub(self.first());
        let at = at.and_then(|at| usize::try_from(at).ok());
        if let Some(record) = at.and_then(|at| self.records.get_mut(at))
            && let Some(position) = record.header.position.clone()
        {
            self.bytes -= bytes_of(record);
            *record = Arc::new(tombstone.place(position, record.header.ts));
            self.bytes += bytes_of(record);
        }
    }

    pub(super) fn missed(&self, after: &Position, limit: usize, retention: &Retention) -> Missed {
        let is_known = after.epoch == self.epoch && after.seq <= self.seq;
        let is_held = after.seq >= self.first() - 1;
        if !is_known || !is_held || self.seq - after.seq > retention.max_recover {
            return Missed::Lost;
        }
        Missed::Records(self.page(after.seq + 1..=self.seq, limit, retention.page_bytes))
    }

    pub(super) fn history(&self, range: HistoryRange, limit: usize, page_bytes: u64) -> History {
        let first = range.after.map_or(0, |seq| seq.saturating_add(1));
        let first = first.max(self.first());
        let last = range.before.map_or(self.seq, |seq| seq.saturating_sub(1));
        let last = last.min(self.seq);
        let count = (last + 1).saturating_sub(first);
        let mut records = if range.after.is_some() {
            self.page(first..=last, limit, page_bytes)
        } else {
            self.page((first..=last).rev(), limit, page_bytes)
        };
        let reached = records.last();
        let reached = reached.and_then(|record| Some(record.header.position.as_ref()?.seq));
        if range.after.is_none() {
            records.reverse();
        }
        History {
            epoch: self.epoch.clone(),
            has_more: (records.len() as u64) < count,
            reached,
            records,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The first records at `seqs`, `limit` and so many bytes at the most; but one however
    /// large.
    fn page(&self, seqs: impl Iterator<Item = u64>, limit: usize, bytes: u64) -> Vec<Record> {
        let mut left = bytes;
        let fits = |(at, record): &(usize, &Arc<Record>)| {
            let rest = left.checked_sub(record.frame.len() as u64);
            left = rest.unwrap_or_default();
            *at == 0 || rest.is_some()
        };
        seqs.take(limit)
            .map_while(|seq| self.get(seq))
            .enumerate()
            .take_while(fits)
            .map(|(_, record)| (**record).clone())
            .collect()
    }

    /// The `seq` of the oldest record held; of the next one where none is.
    fn first(&self) -> u64 {
        self.seq + 1 - self.records.len() as u64
    }
}

fn bytes_of(record: &Record) -> u64 {
    record.frame.len() as u64
}
