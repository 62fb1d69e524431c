//! Which pages may read our answers: those of any tenant. Whether a page may
//! ask for *this* tenant is decided later, and told in the answer's body, which
//! it could not read otherwise. No cookie is ever looked at, so nothing is given
//! away that the page's own token would not open.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::auth::Auth;

/// How long a browser remembers what it was allowed.
const MAX_AGE: Duration = Duration::from_secs(600);

pub(super) fn layer(auth: &Arc<Auth>) -> CorsLayer {
    let auth = Arc::clone(auth);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            origin
                .to_str()
                .is_ok_and(|origin| auth.knows_origin(origin))
        }))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("traceparent"),
        ])
        .expose_headers([RETRY_AFTER])
        .max_age(MAX_AGE)
}
