//! The demo page, which `causerie` serves at `/`: the widget, and a network to play with.
//!
//! Its scripts are built by Node, and checked in as they are built, so that cargo needs none.

use axum::Router;
use axum::http::HeaderName;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

const PAGE: &str = include_str!("../../../client/demo/index.html");
const STYLE: &str = include_str!("../../../client/demo/demo.css");
const SCRIPT: &str = include_str!("../../../client/demo/built/demo.js");
const WIDGET: &str = include_str!("../../../client/demo/built/causerie-chat.js");

/// What the page may do: run its own scripts, style itself, talk to us. No text becomes HTML but
/// through the widget's DOMPurify.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types dompurify";

/// The page, and what it consists of.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let serve = |kind: &'static str, text: &'static str| get(move || file(kind, text));
    Router::new()
        .route("/", serve("text/html; charset=utf-8", PAGE))
        .route("/demo.css", serve("text/css; charset=utf-8", STYLE))
        .route("/demo.js", serve("text/javascript; charset=utf-8", SCRIPT))
        .route(
            "/causerie-chat.js",
            serve("text/javascript; charset=utf-8", WIDGET),
        )
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
