//! What the scenarios are told with.

pub(crate) mod cage;
pub(crate) mod device;
pub(crate) mod view;

use causerie_testkit::ai::Call;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::Connect;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
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

/// What one saw who came back to a room.
#[derive(Debug)]
pub(crate) struct Return {
    /// The room's `subscribed`.
    pub subscribed: Value,
    /// The durable events of the room that followed it.
    pub missed: Vec<Value>,
}

/// A new connection of `u2` of `acme` comes to `room@epoch:seq`, waits for so
/// many events, and looks what it was given.
pub(crate) async fn return_at(gateway: &Node, position: &str, events: usize) -> Return {
    let (room, _) = position.split_once('@').expect("a position");
    let connect = Connect::to(&gateway.ws_url())
        .param("token", &Cluster::token("acme", "u2"))
        .param("room", position);
    let mut client = connect.open().await;
    let is_of_room = |frame: &Value, is_subscribed: bool| {
        frame["room"] == room
            && frame.get("seq").is_some()
            && (frame["type"] == "subscribed") == is_subscribed
    };
    let subscribed = client
        .expect("the room", |frame| is_of_room(frame, true))
        .await;
    for _ in 0..events {
        client
            .expect("what was missed", |frame| is_of_room(frame, false))
            .await;
    }
    // What had come beside that is seen now.
    client.ping().await;
    let frames = client.frames().into_iter();
    let missed = frames.filter(|frame| is_of_room(frame, false));
    Return {
        subscribed,
        missed: missed.collect(),
    }
}
