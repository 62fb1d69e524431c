//! What the scenarios are told with.

pub(crate) mod device;
pub(crate) mod view;

use causerie_testkit::ai::Call;
use causerie_testkit::client::http::{Answer, request};
use reqwest::Method;
use serde_json::Value;

/// Posts JSON with a token to a gateway, named by its URL.
pub(crate) async fn post(gateway: &str, path: &str, token: &str, body: &Value) -> Answer {
    let (url, bearer) = (format!("{}{path}", gateway), format!("Bearer {token}"));
    request(
        Method::POST,
        &url,
        &[("authorization", &bearer)],
        Some(body),
    )
    .await
}

/// What the user said last, as the model was told.
pub(crate) fn question_of(call: &Call) -> String {
    let messages = call.body["messages"].as_array().expect("messages");
    let last = messages.last().expect("a message");
    last["content"].as_str().expect("a text").to_owned()
}

/// What a model says that was told to say so many words.
pub(crate) fn words(count: usize) -> String {
    (0..count).map(|number| format!("w{number} ")).collect()
}
