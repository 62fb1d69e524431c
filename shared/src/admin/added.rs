//! What a program adds to the listener for operators once it can.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tower::ServiceExt;

/// What a program adds to the listener for operators: nothing until it is told. Cheap to clone;
/// all clones are one.
#[derive(Clone, Default)]
pub struct Added(Arc<OnceLock<Router>>);

impl Added {
    /// Adds this, once.
    pub fn add(&self, router: Router) {
        // It is the same for as long as the program runs.
        let _ = self.0.set(router);
    }

    /// 404 for what nobody has added.
    pub(super) async fn answer(self, request: Request) -> Response {
        match self.0.get() {
            Some(router) => router.clone().oneshot(request).await.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}
