//! What happens to addresses, in logs and metrics.

use std::net::IpAddr;

use crate::seldom::Seldom;

/// Somebody who is not trusted names the client whom they speak for.
pub(super) fn proxy_overlooked(peer: IpAddr, lines: &Seldom) {
    metrics::counter!("causerie_untrusted_proxy_requests_total").increment(1);
    if lines.is_due() {
        tracing::warn!(
            %peer,
            "a peer that is not among auth.trusted_proxies (AUTH_TRUSTED_PROXIES) sends \
             Forwarded or X-Forwarded-For: if it is your proxy, add its address there, or all \
             of its clients count as one"
        );
    }
}
