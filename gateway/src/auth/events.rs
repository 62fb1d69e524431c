//! What happens to tokens and keys, in logs and metrics.

use causerie_shared::api_key::{ApiKey, KEY_PREFIX};
use causerie_shared::bus::BusError;
use causerie_shared::config::HttpUrl;

use super::key_set::FetchError;

/// A visitor came for the first time.
pub(super) fn visitor_made() {
    metrics::counter!("causerie_visitors_total").increment(1);
}

/// A key set was fetched.
pub(super) fn key_set_fetched(url: &HttpUrl, keys: usize) {
    tracing::info!(?url, keys, "key set fetched");
    metrics::counter!("causerie_key_set_fetches_total", "outcome" => "fetched").increment(1);
}

/// A key set could not be fetched: the keys known from before stay in use.
pub(super) fn key_set_failed(url: &HttpUrl, error: &FetchError) {
    tracing::warn!(?url, %error, "key set not fetched, known keys stay in use");
    metrics::counter!("causerie_key_set_fetches_total", "outcome" => "failed").increment(1);
}

/// A request came with an API key that was believed.
pub(super) fn key_believed() {
    metrics::counter!("causerie_api_key_requests_total").increment(1);
}

/// A key is in use: told about once an hour.
pub(super) fn key_in_use(key: &ApiKey) {
    let shown = format!("{KEY_PREFIX}{}", key.card.id);
    tracing::info!(key = shown, tenant = %key.tenant, name = key.card.name, "API key in use");
}

/// When a key was last used is not known to others now; the bus has counted why.
pub(super) fn use_of_key_not_noted(error: &BusError) {
    tracing::debug!(%error, "the use of an API key was not noted");
}
