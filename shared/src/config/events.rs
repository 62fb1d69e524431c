//! What is logged and counted when the configuration is read again.

use metrics::counter;
use tracing::{error, info, warn};

use super::error::ConfigError;

const RELOADS: &str = "causerie_config_reloads_total";

/// Shows what may be alarmed about as 0 before it first happens.
pub(super) fn begin_at_zero() {
    for result in ["ok", "failed"] {
        counter!(RELOADS, "result" => result).increment(0);
    }
}

/// Keys were taken over.
pub(super) fn reloaded(keys: &[String]) {
    counter!(RELOADS, "result" => "ok").increment(1);
    info!(keys = keys.join(", "), "configuration read again");
}

/// Keys changed that are only read at the start.
pub(super) fn restart_needed(keys: &[String]) {
    warn!(
        keys = keys.join(", "),
        "changed in the configuration, but needs a restart"
    );
}

/// Something is ignored, or of no use.
pub(super) fn warned(sentence: &str) {
    warn!("{sentence}");
}

/// The configuration has an error; the old one stays.
pub(super) fn reload_failed(error: &ConfigError) {
    counter!(RELOADS, "result" => "failed").increment(1);
    error!(%error, "configuration not read again: the old values stay");
}
