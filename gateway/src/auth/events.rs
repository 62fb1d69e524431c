//! What happens to tokens and keys, in logs and metrics.

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
