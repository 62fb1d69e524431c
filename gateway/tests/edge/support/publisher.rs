//! A real HTTP server that publishes a key set.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

/// The server; it ends with the test's runtime.
pub(crate) struct Publisher {
    pub(crate) url: Url,
    shared: Arc<Shared>,
}

struct Shared {
    body: Mutex<Option<String>>,
    hangs: watch::Sender<bool>,
    fetches: watch::Sender<u32>,
}

impl Publisher {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            body: Mutex::default(),
            hangs: watch::Sender::new(false),
            fetches: watch::Sender::new(0),
        });
        let app = Router::new()
            .route("/keys", get(answer))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url: url.parse().unwrap(),
            shared,
        }
    }

    /// Publishes `keys` from now on.
    pub(crate) fn publish(&self, keys: &[Value]) {
        self.publish_text(json!({ "keys": keys }).to_string());
    }

    pub(crate) fn publish_text(&self, body: String) {
        *self.shared.body.lock().unwrap() = Some(body);
    }

    /// Answers 500 from now on.
    pub(crate) fn fail(&self) {
        *self.shared.body.lock().unwrap() = None;
    }

    /// Answers nothing from now on.
    pub(crate) fn hang(&self) {
        self.shared.hangs.send_replace(true);
    }

    /// Answers again, also what was asked meanwhile.
    pub(crate) fn go_on(&self) {
        self.shared.hangs.send_replace(false);
    }

    pub(crate) fn fetches(&self) -> u32 {
        *self.shared.fetches.borrow()
    }

    /// Returns when the set has been fetched `more` times from now on.
    pub(crate) async fn until_fetched(&self, more: u32) {
        let mut fetches = self.shared.fetches.subscribe();
        let wanted = *fetches.borrow_and_update() + more;
        let fetched = fetches.wait_for(|fetches| *fetches >= wanted);
        tokio::time::timeout(Duration::from_secs(20), fetched)
            .await
            .expect("the set is fetched in time")
            .unwrap();
    }
}

async fn answer(State(shared): State<Arc<Shared>>) -> Result<String, StatusCode> {
    let body = shared.body.lock().unwrap().clone();
    shared.fetches.send_modify(|fetches| *fetches += 1);
    let _ = shared.hangs.subscribe().wait_for(|hangs| !hangs).await;
    body.ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}
