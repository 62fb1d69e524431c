//! How the installation fares, and what is alarmed about.

use std::time::Duration;

use super::section::section;
use crate::ids::TenantId;

const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// How the installation fares. See [status](status.md).
    Status {
        /// How often each program shows how it fares, and looks at the others. The same
        /// for all programs.
        interval: Duration = Duration::from_secs(2), in 1..=10;
        /// Rates, shares and percentiles are those of so long a time.
        window: Duration = Duration::from_secs(60), in 10..=600;
        /// Tenants in whose room `tenant` it is told how the installation fares
        /// (`system_status_update`) and what is wrong (`performance_alert`,
        /// `recovery_attempt`); none by default, since it is of all tenants together.
        tenants: Vec<TenantId> = Vec::new();
        /// How long alerts, recoveries and figures are kept.
        history_age: Duration = DAY * 7, in 60..=315360000;
        /// Most of these that are kept.
        history_entries: u64 = 20_000, in 100..=10000000;
        /// How often the figures of the whole installation are put among them.
        history_every: Duration = Duration::from_secs(60), in 1..=86400;
        /// A share is alarmed about if it is of so many in the window at the least.
        min_samples: u64 = 20, in 1..=1000000;
        /// A critical alert where fewer percent of those who connect get in.
        connection_success_critical: f64 = 95.0, in 0..=100;
        /// The same, a warning.
        connection_success_warning: f64 = 99.0, in 0..=100;
        /// A critical alert where more percent of what is to be delivered is not.
        delivery_failure: f64 = 1.0, in 0..=100;
        /// A warning where more percent of those who connect had a connection before.
        reconnection: f64 = 10.0, in 0..=100;
        /// A warning where 5 percent of what is published takes longer to be delivered.
        latency_p95: Duration = Duration::from_secs(1), in 0..=60;
        /// A warning where the event loop of a program is later than this.
        event_loop_lag: Duration = Duration::from_millis(250), in 0..=60;
        /// Tells of a gateway with more percent of its `websocket.max_connections`.
        connections_full: f64 = 80.0, in 0..=100;
    }
}
