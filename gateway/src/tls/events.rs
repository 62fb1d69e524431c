//! What happens to TLS, in logs and metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use causerie_shared::config::TlsVersion;
use metrics::{Counter, counter, gauge};
use tracing::{debug, error, info, warn};

use super::error::BadTls;
use super::handshake::Failure;
use super::material::Material;

const RELOADS: &str = "causerie_tls_reloads_total";

pub(super) fn begin_at_zero() {
    for version in [TlsVersion::V12, TlsVersion::V13] {
        connections(version).increment(0);
    }
    for failure in Failure::ALL {
        failures(failure).increment(0);
    }
    for result in ["ok", "failed"] {
        counter!(RELOADS, "result" => result).increment(0);
    }
}

/// Certificate and key are in use from now on.
pub(super) fn taken(material: &Material) {
    if let Some(validity) = &material.validity {
        let end = validity.end.duration_since(UNIX_EPOCH);
        gauge!("causerie_tls_certificate_expiry_seconds").set(end.unwrap_or_default());
        let days_left = validity.days_left(SystemTime::now());
        info!(days_left, "certificate read");
    }
    for warning in &material.warnings {
        warn!("{warning}");
    }
}

/// Certificate and key were read again; who connects from now on gets them.
pub(super) fn reloaded(material: &Material) {
    counter!(RELOADS, "result" => "ok").increment(1);
    taken(material);
}

/// Certificate or key cannot be used; the old ones stay.
pub(super) fn reload_failed(error: &BadTls) {
    counter!(RELOADS, "result" => "failed").increment(1);
    error!(%error, "certificate not read again: the old one stays");
}

/// A client has shaken hands.
pub(super) fn connected(version: TlsVersion) {
    connections(version).increment(1);
}

/// A client has not come to shaking hands. Whoever wants can make it happen often, so
/// the log says it only to who asks for details.
pub(super) fn failed(failure: Failure) {
    failures(failure).increment(1);
    debug!(reason = failure.name(), "no TLS handshake");
}

fn connections(version: TlsVersion) -> Counter {
    counter!("causerie_tls_connections_total", "version" => version.as_str())
}

fn failures(failure: Failure) -> Counter {
    counter!("causerie_tls_handshake_failures_total", "reason" => failure.name())
}
