//! Who is shown typing, where something does not go as it should.

use causerie_testkit::client::ws::Client;
use serde_json::{Value, json};

use crate::presence::{connect, member};
use crate::support::node::Node;
use crate::support::troubled_bus::{Trouble, TroubledBus};

const ROOM: &str = "project:p1";

async fn say(client: &mut Client, is_typing: bool) {
    let sign = json!({"action": "typing", "room": ROOM, "is_typing": is_typing});
    assert_eq!(client.request(sign).await["type"], "ack");
}

async fn hear(client: &mut Client, is_typing: bool) {
    let is_heard = |frame: &Value| {
        frame["type"] == "typing_indicator" && frame["data"]["is_typing"] == is_typing
    };
    client.expect("a sign", is_heard).await;
}

/// Shows somebody typing while the bus is troubled, who stops then, and whose sign comes
/// after that.
async fn end_before_it_comes(trouble: Trouble) {
    let bus = TroubledBus::new();
    let node = Node::on(bus.clone(), "").await;
    let mut listener = connect(&node, member("u1"), ROOM).await;
    let mut typist = connect(&node, member("u2"), ROOM).await;
    bus.set(trouble);
    say(&mut typist, true).await;
    bus.until_late().await;
    if trouble.is_asked_twice {
        hear(&mut listener, true).await;
    }
    bus.set(Trouble::default());
    say(&mut typist, false).await;
    hear(&mut listener, false).await;
    bus.let_come().await;
    hear(&mut listener, true).await;
    hear(&mut listener, false).await;
}

/// A link that was given up may hold it back for longer than the next one takes.
#[tokio::test]
async fn a_sign_that_comes_after_its_end_is_ended_again() {
    let is_late = true;
    end_before_it_comes(Trouble {
        is_late,
        ..Trouble::default()
    })
    .await;
}

/// The bus may have asked for it over two links.
#[tokio::test]
async fn a_sign_that_comes_twice_is_ended_again() {
    let is_asked_twice = true;
    end_before_it_comes(Trouble {
        is_asked_twice,
        ..Trouble::default()
    })
    .await;
}
