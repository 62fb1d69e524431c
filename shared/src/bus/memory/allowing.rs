//! Counting over all nodes together.

use std::time::Duration;

use smallvec::SmallVec;

use super::part::Part;
use crate::bus::allowance::{Allowance, Taken};
use crate::rate::Bucket;

/// What is known of one who is counted.
#[derive(Clone, Default)]
pub(super) struct Counts {
    held_until_ms: u64,
    /// By what is counted: few.
    buckets: SmallVec<[(&'static str, Bucket); 1]>,
}

impl Counts {
    /// Whether it would be the same if nothing were known.
    pub(super) fn is_over(&self, now_ms: u64) -> bool {
        let is_full = |bucket: &Bucket| bucket.full_at_us() <= now_ms * 1_000;
        self.held_until_ms <= now_ms && self.buckets.iter().all(|(_, bucket)| is_full(bucket))
    }

    /// Those of `what`; one that was never used is full.
    fn bucket(&self, what: &str) -> Bucket {
        let known = self.buckets.iter().find(|(known, _)| *known == what);
        known.map_or_else(Bucket::default, |(_, bucket)| *bucket)
    }

    fn set(&mut self, what: &'static str, bucket: Bucket) {
        match self.buckets.iter_mut().find(|(known, _)| *known == what) {
            Some((_, known)) => *known = bucket,
            None => self.buckets.push((what, bucket)),
        }
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
        let mut after = counts.clone();
        for (which, Allowance { what, rate }) in allowances.iter().enumerate() {
            let mut bucket = after.bucket(what);
            if let Err(wait) = bucket.try_take(rate, now_ms * 1_000) {
                return Taken::Spent { which, wait };
            }
            after.set(what, bucket);
        }
        *counts = after;
        Taken::Granted
    }

    pub(super) fn hold_off(&mut self, whom: &str, time: Duration) {
        let until_ms = self.now_ms.saturating_add(super::part::millis(time));
        let counts = self.counts.entry(whom.to_owned()).or_default();
        counts.held_until_ms = counts.held_until_ms.max(until_ms);
    }
}
