//! The same over Server-Sent Events, with `Last-Event-ID`.

use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use serde_json::json;

use crate::kit::device::Device;
use crate::kit::view::View;

/// An EventSource of one user: what it has seen, and the last id.
struct Listener {
    token: String,
    stream: Sse,
    view: View,
    last_id: Option<String>,
}

impl Listener {
    async fn open(gateway: &Node, user: &str) -> Self {
        let token = Cluster::token("acme", user);
        Self {
            stream: open(gateway, &token, None).await,
            token,
            view: View::default(),
            last_id: None,
        }
    }

    /// As a browser does: the same URL, and the last id that came.
    async fn move_to(&mut self, gateway: &Node) {
        self.stream = open(gateway, &self.token, self.last_id.as_deref()).await;
    }

    /// Takes in the next event; its name.
    async fn next(&mut self) -> String {
        let event = self.stream.next().await.expect("a live stream");
        if event.comment.is_some() || event.data.is_empty() {
            return String::new();
        }
        let frame = event.json();
        if event.name != "fault" {
            assert_eq!(frame["type"], event.name, "{event:?}");
        }
        // What moves a position, durable events and `subscribed`, has an id.
        let has_position = frame.get("seq").is_some();
        assert_eq!(event.id.is_some(), has_position, "{event:?}");
        if event.id.is_some() {
            self.last_id = event.id;
        }
        self.view.on_frame(&frame);
        event.name
    }
}

async fn open(gateway: &Node, token: &str, last_id: Option<&str>) -> Sse {
    let url = format!("{}/api/events?room=project:p1&token={token}", gateway.url());
    let headers: Vec<_> = last_id
        .map(|id| ("last-event-id", id))
        .into_iter()
        .collect();
    Sse::open(&url, &headers).await
}

#[tokio::test]
async fn a_stream_goes_on_at_the_other_gateway_where_it_stopped() {
    let words = Behaviour::new(Plot::Tokens(300)).at_pace(Duration::from_millis(10));
    let cluster = Cluster::options().behaviour(words).start().await;
    let mut asker = Device::connect(&cluster.gateways[0], "acme", "u1", &["project:p1"]).await;
    // Something durable first, so that the stream has an id to come back with.
    let mut listener = Listener::open(&cluster.gateways[0], "u2").await;
    while listener.view.names().count() < 3 {
        listener.next().await;
    }
    asker
        .ask(json!({"user_input": "Hear me.", "project_id": "p1", "ai": false}))
        .await;
    while listener.view.room("project:p1").events.is_empty() {
        listener.next().await;
    }
    let asked = asker
        .ask(json!({"user_input": "Tell me all.", "project_id": "p1"}))
        .await;
    let question = asked["message_id"].as_str().unwrap();

    let mut deltas = 0;
    let mut moves = 0;
    while listener.view.reply_to(question).is_none() {
        deltas += usize::from(listener.next().await == "message_delta");
        if deltas == 7 {
            deltas = 0;
            moves += 1;
            let remark =
                json!({"user_input": format!("remark {moves}"), "project_id": "p1", "ai": false});
            asker.ask(remark).await;
            listener.move_to(&cluster.gateways[moves % 2]).await;
        }
    }
    assert!(moves > 2, "the reply was too short for a move");
    asker.answer(question).await;
    let events = &asker.view.room("project:p1").events;
    while listener.view.room("project:p1").events.len() < events.len() {
        listener.next().await;
    }
    assert_eq!(&listener.view.room("project:p1").events, events);
}
