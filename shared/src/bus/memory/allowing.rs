//! Counting over all nodes together.

use std::collections::BTreeMap;
use std::time::Duration;

use super::part::Part;
use crate::bus::allowance::{Allowance, Taken};
use crate::rate::Bucket;

/// What is known of one who is counted.
#[derive(Default)]
pub(super) struct Counts {
    held_until_ms: u64,
    buckets: BTreeMap<&'static str, Bucket>,
}

impl Counts {
    /// Whether it would be the same if nothing were known.
    pub(super) fn is_over(&self, now_ms: u64) -> bool {
        let is_full = |bucket: &Bucket| bucket.full_at_us() <= now_ms * 1_000;
        self.held_until_ms <= now_ms && self.buckets.values().all(is_full)
    }
}

impl Part {
    pub(super) fn take(&mut self, whom: &str, allowances: &[Allowance]) -> Taken {
        let now_ms = self.now_ms;
        if let Some(counts) = self.counts.get(whom)
            && counts.held_until_ms > now_ms
        {
            return Taken::HeldOff(Duration::from_millis(counts.held_until_ms - now_ms));
        }
        let counts = self.counts.entry(whom.to_owned()).or_default();
        let mut buckets = counts.buckets.clone();
        for (which, Allowance { what, rate }) in allowances.iter().enumerate() {
            let bucket = buckets.entry(what).or_default();
            if let Err(wait) = bucket.try_take(rate, now_ms * 1_000) {
                return Taken::Spent { which, wait };
            }
        }
        counts.buckets = buckets;
        Taken::Granted
    }

    pub(super) fn hold_off(&mut self, whom: &str, time: Duration) {
        let until_ms = self.now_ms.saturating_add(super::part::millis(time));
        let counts = self.counts.entry(whom.to_owned()).or_default();
        counts.held_until_ms = counts.held_until_ms.max(until_ms);
    }
}
