//! What is kept of who did what.

use std::time::Duration;

use super::section::section;

const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// What is kept of who did what. See [audit log](audit.md).
    Audit {
        /// Whether gateways note who connects, is refused, joins, publishes, rules or
        /// meets a limit.
        enabled: bool = false;
        /// Most entries that are kept in each part of a tenant's log, and as many of what is
        /// no tenant's.
        max_events: u64 = 100_000, in 100..=100000000;
        /// How long they are kept.
        max_age: Duration = DAY * 30, in 60..=315360000;
    }
}
