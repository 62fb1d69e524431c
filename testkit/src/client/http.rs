//! An HTTP client: any status is an answer, only silence fails the test.

use std::sync::LazyLock;

use http::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::DEADLINE;

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}) in {self:?}"))
    }

    /// A header's text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("a header is ASCII"))
    }
}

/// `GET`, with no headers of the caller's.
pub async fn get(url: &str) -> Answer {
    request(Method::GET, url, &[], None).await
}

/// `POST` of JSON, with no other headers of the caller's.
pub async fn post(url: &str, body: &Value) -> Answer {
    request(Method::POST, url, &[], Some(body)).await
}

/// Any request; a body is sent as JSON.
///
/// # Panics
/// When no complete answer comes in time.
pub async fn request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Answer {
    let mut request = client().request(method, url).timeout(DEADLINE);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    send(request)
        .await
        .unwrap_or_else(|error| panic!("{url}: {error:#}"))
}

async fn send(request: RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer {
        status,
        headers,
        body: response.text().await?,
    })
}

/// Follows no redirect and uses no proxy: a test talks to whom it names. It is made
/// once, which takes longer than most requests; connections are made anew each time,
/// since each test has a runtime of its own.
pub(crate) fn client() -> reqwest::Client {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .expect("an HTTP client can be made")
    });
    CLIENT.clone()
}
