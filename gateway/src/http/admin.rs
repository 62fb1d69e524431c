//! The operator's page, `/admin` on the listener for operators: the installation, live. The page
//! is for everybody who reaches that listener; what it shows needs an operator's token.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName};

use super::{Edge, status};
use crate::address::ClientAddress;

const PAGE: &str = include_str!("admin/index.html");
const STYLE: &str = include_str!("admin/admin.css");
const SCRIPT: &str = include_str!("admin/admin.js");

/// What the page may do: run its own script, style itself, talk to us. No text becomes HTML.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The page, and what it asks for.
pub(super) fn router(edge: &Edge) -> Router {
    let serve = |kind: &'static str, text: &'static str| get(move || file(kind, text));
    Router::new()
        .route("/admin", serve("text/html; charset=utf-8", PAGE))
        .route("/admin/admin.css", serve("text/css; charset=utf-8", STYLE))
        .route(
            "/admin/admin.js",
            serve("text/javascript; charset=utf-8", SCRIPT),
        )
        .merge(status::router(edge))
        .with_state(edge.clone())
        .layer(from_fn(as_own_page))
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}

/// Says from where a request comes. One of the page's own is of no foreign page, though its
/// origin is no tenant's.
async fn as_own_page(mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if let Some(ip) = peer.map(|ConnectInfo(peer)| peer.ip()) {
        request.extensions_mut().insert(ClientAddress(ip));
    }
    if is_own(request.headers()) {
        request.headers_mut().remove(ORIGIN);
    }
    next.run(request).await
}

fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name)?.to_str().ok();
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
    matches!((origin, text(HOST)), (Some((_, of)), Some(host)) if of == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_own_if_it_comes_from_this_very_host() {
        for (origin, host, is_wanted) in [
            ("http://ops.example:8081", "ops.example:8081", true),
            ("https://ops.example", "ops.example", true),
            ("http://evil.example", "ops.example:8081", false),
            ("null", "ops.example", false),
        ] {
            let headers = [
                (ORIGIN, origin.parse().unwrap()),
                (HOST, host.parse().unwrap()),
            ];
            assert_eq!(
                is_own(&HeaderMap::from_iter(headers)),
                is_wanted,
                "{origin}"
            );
        }
    }
}
