//! Metrics of single tenants. There are as many series as tenants are configured, so
//! whoever has thousands can do without.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics::{Counter, counter, gauge};

use crate::ids::TenantId;

static IS_WANTED: AtomicBool = AtomicBool::new(true);

type Key = (&'static str, &'static str, TenantId);

pub(super) fn want(is_wanted: bool) {
    IS_WANTED.store(is_wanted, Ordering::Relaxed);
}

/// Counts so much more for `tenant`, under `value` of this metric's other `label`.
pub fn count_for_tenant(
    name: &'static str,
    (label, value): (&'static str, &'static str),
    tenant: &TenantId,
    by: u64,
) {
    thread_local! {
        // To look one up in the recorder takes a lock that all threads share.
        static KEPT: RefCell<HashMap<Key, Counter>> = RefCell::default();
    }
    if !IS_WANTED.load(Ordering::Relaxed) {
        return;
    }
    let look_up = || counter!(name, "tenant" => tenant.to_string(), label => value);
    KEPT.with_borrow_mut(|kept| {
        let counter = kept.entry((name, value, tenant.clone()));
        counter.or_insert_with(look_up).increment(by);
    });
}

/// Shows how much `tenant` has now.
pub fn show_for_tenant(name: &'static str, tenant: &TenantId, now: usize) {
    if IS_WANTED.load(Ordering::Relaxed) {
        gauge!(name, "tenant" => tenant.to_string()).set(now as f64);
    }
}
