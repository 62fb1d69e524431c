//! What happens to addresses, in logs and metrics.

use std::net::IpAddr;

use crate::seldom::Seldom;

/// Somebody who is not trusted names the client whom they speak for. The limits do not
/// apply to one who `is_exempt`, and so not to whom they speak for.
pub(super) fn proxy_overlooked(peer: IpAddr, is_exempt: bool, lines: &Seldom) {
    metrics::counter!("causerie_untrusted_proxy_requests_total").increment(1);
    if !lines.is_due() {
        return;
    }
    let meanwhile = if is_exempt {
        "none of its clients is limited, since limits.exempt (LIMITS_EXEMPT) names it"
    } else {
        "all of its clients count as one"
    };
    tracing::warn!(
        %peer,
        "a peer that is not among auth.trusted_proxies (AUTH_TRUSTED_PROXIES) sends \
         Forwarded or X-Forwarded-For: if it is your proxy, add its address there; until then \
         {meanwhile}"
    );
}
