//! Which pages may read our answers: those of any tenant. Whether a page may
//! ask for *this* tenant is decided later, and told in the answer's body, which
//! it could not read otherwise. No cookie is ever looked at, so nothing is given
//! away that the page's own token would not open.
//!
//! Pages of nobody's may ask as well, as every other program may, and are told
//! one thing: that they are refused for where they come from. A browser keeps all
//! else from them; without that it could not say why nothing works.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::admission::Reason;
use crate::auth::Auth;

/// How long a browser remembers what it was allowed.
const MAX_AGE: Duration = Duration::from_secs(600);

pub(super) fn layer(auth: &Arc<Auth>) -> CorsLayer {
    let auth = Arc::clone(auth);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, request| {
            let is_known = || {
                let origin = origin.to_str();
                origin.is_ok_and(|origin| auth.knows_origin(origin))
            };
            request.method == Method::OPTIONS || is_known()
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

/// Lets every page read that it is refused for its origin.
pub(super) async fn show_foreign(mut answer: Response) -> Response {
    if matches!(answer.extensions().get(), Some(Reason("origin"))) {
        let anyone = HeaderValue::from_static("*");
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    }
    answer
}
