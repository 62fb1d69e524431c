//! The scripts, by their verbs.

use std::sync::LazyLock;

use bytes::Bytes;
use fred::types::Value;
use sha1::{Digest, Sha1};

use super::millis;
use crate::bus::Retention;
use crate::position::Epoch;
use crate::record::{Record, Unplaced};

/// One atomic step of the bus.
#[derive(Debug)]
pub(super) struct Script {
    /// The verb, for metrics.
    pub(super) verb: &'static str,
    /// What Redis runs.
    pub(super) text: &'static str,
    /// By what Redis knows it.
    pub(super) sha: String,
}

macro_rules! scripts {
    ($($name:ident = $verb:literal [$($part:literal),+];)+) => {$(
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new($verb, concat!($(include_str!($part)),+)));
    )+};
}

scripts! {
    ACCEPT = "accept" [
        "scripts/base.lua", "scripts/each.lua", "scripts/log.lua", "scripts/replies.lua",
        "scripts/accept.lua"
    ];
    READ = "read"
        ["scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/read.lua"];
    HISTORY = "history" ["scripts/base.lua", "scripts/log.lua", "scripts/history.lua"];
    CHANGED = "changed" ["scripts/base.lua", "scripts/log.lua", "scripts/changed.lua"];
    REPLY = "reply"
        ["scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/reply.lua"];
    CANCEL = "cancel"
        ["scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/cancel.lua"];
    WAITING = "waiting" ["scripts/base.lua", "scripts/waiting.lua"];
    LEASES = "leases" ["scripts/base.lua", "scripts/leases.lua"];
    CLAIM = "claim"
        ["scripts/base.lua", "scripts/replies.lua", "scripts/lease.lua", "scripts/claim.lua"];
    TAKE_OVER = "take_over"
        ["scripts/base.lua", "scripts/replies.lua", "scripts/lease.lua", "scripts/take_over.lua"];
    BEAT = "beat"
        ["scripts/base.lua", "scripts/each.lua", "scripts/lease.lua", "scripts/beat.lua"];
    ANNOUNCE = "announce" ["scripts/base.lua", "scripts/lease.lua", "scripts/announce.lua"];
    APPEND = "append"
        ["scripts/base.lua", "scripts/each.lua", "scripts/lease.lua", "scripts/append.lua"];
    FINISH = "finish"
        ["scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/finish.lua"];
}

impl Script {
    fn new(verb: &'static str, text: &'static str) -> Self {
        #[cfg(feature = "sabotage")]
        let text = sabotaged(text);
        let digest = Sha1::digest(text.as_bytes());
        let sha = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { verb, text, sha }
    }
}

/// The script without the protections that were taken out.
#[cfg(feature = "sabotage")]
fn sabotaged(text: &str) -> &'static str {
    let mut text = text.to_owned();
    for (protection, with, without) in TAKEN_OUT {
        if protection.is_missing() {
            text = text.replace(with, without);
        }
    }
    text.leak()
}

/// What is replaced where a protection is taken out.
#[cfg(any(feature = "sabotage", test))]
const TAKEN_OUT: [(crate::sabotage::Protection, &str, &str); 4] = {
    use crate::sabotage::Protection;
    [
        (Protection::Dedup, "if receipt then", "if false then"),
        (
            Protection::Fencing,
            "and reply.attempt == attempt\n    and reply.claim == claim",
            "",
        ),
        (
            Protection::Fencing,
            "or reply.attempt ~= attempt or reply.claim ~= claim",
            "",
        ),
        (
            Protection::SessionOrder,
            "if #ahead == #waiting or head ~= ahead[1].id then\n      offer_head_of(reply)",
            "if true then\n      offer(reply)",
        ),
    ]
};

/// A script's arguments, in the order in which it takes them.
#[derive(Debug, Default)]
pub(super) struct Args(Vec<Value>);

impl Args {
    /// What scripts that look at a log take first.
    pub(super) fn of_log(retention: &Retention) -> Self {
        Self::default()
            .text(Epoch::generate().as_str())
            .number(retention.max_events)
            .number(millis(retention.max_age))
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Value::String(text.into().into()));
        self
    }

    pub(super) fn bytes(mut self, bytes: Bytes) -> Self {
        self.0.push(Value::Bytes(bytes));
        self
    }

    pub(super) fn number(self, number: impl Into<u64>) -> Self {
        self.text(number.into().to_string())
    }

    /// As the `before`, `after` and `tail` that a script's `append` takes.
    pub(super) fn event(self, event: &Unplaced) -> Self {
        let [before, after] = event.header.around_position();
        self.text(before).text(after).text(event.tail.clone())
    }

    /// As a list that a script takes with `list_arg`.
    pub(super) fn list(self, list: impl ExactSizeIterator<Item = Bytes>) -> Self {
        let counted = self.number(list.len() as u64);
        list.fold(counted, Self::bytes)
    }

    pub(super) fn records(self, records: &[Record]) -> Self {
        self.list(records.iter().map(Record::encode))
    }

    /// As what a script does for one of several (`scripts/each.lua`).
    pub(super) fn of_one(self, prefix: String, args: &Self) -> Self {
        let mut counted = self.text(prefix).number(args.0.len() as u64);
        counted.0.extend_from_slice(&args.0);
        counted
    }

    pub(super) fn values(&self) -> Vec<Value> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sabotage_takes_out_is_there() {
        let scripts = [&ACCEPT, &CLAIM, &APPEND, &FINISH].map(|script| script.text);
        for (protection, with, _) in TAKEN_OUT {
            let is_there = scripts.iter().any(|text| text.contains(with));
            assert!(is_there, "{}: {with}", protection.name());
        }
    }
}
