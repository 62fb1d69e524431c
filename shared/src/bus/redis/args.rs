//! What a script is told.

use std::fmt::Display;
use std::io::Write;

use bytes::Bytes;
use fred::types::Value;

use super::millis;
use crate::bus::Retention;
use crate::position::Epoch;
use crate::record::{Record, Unplaced};

/// A script's arguments, in the order in which it takes them; one behind the
/// other, so that they cost no memory of their own each.
#[derive(Debug, Default)]
pub(super) struct Args {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Args {
    /// What scripts that look at a log take first.
    pub(super) fn of_log(retention: &Retention) -> Self {
        Self::default()
            .text(Epoch::generate().as_str())
            .number(retention.max_events)
            .number(millis(retention.max_age))
            .number(retention.max_bytes)
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self.ended()
    }

    /// As it shows itself.
    pub(super) fn shown(mut self, shown: impl Display) -> Self {
        // A vector takes all that is written to it.
        let _ = write!(self.bytes, "{shown}");
        self.ended()
    }

    pub(super) fn number(self, number: impl Into<u64>) -> Self {
        self.shown(number.into())
    }

    /// As the `before`, `after` and `tail` that a script's `append` takes.
    pub(super) fn event(self, event: &Unplaced) -> Self {
        let [before, after] = event.header.around_position();
        self.text(&before).text(&after).text(&event.tail)
    }

    pub(super) fn record(mut self, record: &Record) -> Self {
        record.encode_into(&mut self.bytes);
        self.ended()
    }

    /// As a list that a script takes with `list_arg`.
    pub(super) fn list<'a>(self, list: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        let counted = self.number(list.len() as u64);
        list.fold(counted, Self::bytes)
    }

    /// The same of records.
    pub(super) fn records(self, records: &[Record]) -> Self {
        let counted = self.number(records.len() as u64);
        records.iter().fold(counted, Self::record)
    }

    /// As what a script does for one of several (`scripts/each.lua`).
    pub(super) fn of_one(self, prefix: &str, args: &Self) -> Self {
        let mut all = self.text(prefix).number(args.ends.len() as u64);
        let begin = all.bytes.len();
        all.bytes.extend_from_slice(&args.bytes);
        all.ends.extend(args.ends.iter().map(|end| begin + end));
        all
    }

    /// As fred takes them.
    pub(super) fn into_values(self) -> Vec<Value> {
        let bytes = Bytes::from(self.bytes);
        let mut begin = 0;
        let slice = |end| {
            let value = Value::Bytes(bytes.slice(begin..end));
            begin = end;
            value
        };
        self.ends.into_iter().map(slice).collect()
    }

    fn ended(mut self) -> Self {
        self.ends.push(self.bytes.len());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out_in_its_order() {
        let one = Args::default().text("").number(7_u64).bytes(b"\xff");
        let list = [&b"a"[..], b"b"];
        let all = Args::default().list(list.into_iter()).of_one("p:", &one);
        let values = all.into_values();
        let bytes = values.iter().filter_map(Value::as_bytes);
        let expected: [&[u8]; 8] = [b"2", b"a", b"b", b"p:", b"3", b"", b"7", b"\xff"];
        assert!(bytes.eq(expected));
    }
}
