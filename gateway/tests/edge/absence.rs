//! Who is in a room, where something does not go as it should.

use causerie_shared::api_key::KeyScope;
use causerie_shared::room::RoomKey;
use causerie_testkit::client::ws::Connect;
use serde_json::Value;

use crate::api_keys::kept;
use crate::presence::{member, present};
use crate::support::held_bus::HeldBus;
use crate::support::node::{Node, token};

const ROOM: &str = "project:p1";

fn key() -> RoomKey {
    format!("acme:{ROOM}").parse().unwrap()
}

#[tokio::test]
async fn who_waits_for_one_room_is_in_the_others() {
    let bus = HeldBus::new();
    let node = Node::on(bus.clone(), "").await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    bus.hold(Some(key()));
    let who = Connect::to(&node.ws()).param("token", &token(member("u1")));
    let mut client = who.param("room", ROOM).open().await;
    present(&node, "tenant", &reader, 1).await;
    present(&node, "user:u1", &reader, 1).await;
    present(&node, ROOM, &reader, 0).await;
    bus.hold(None);
    let is_joined = |frame: &Value| frame["type"] == "subscribed" && frame["room"] == ROOM;
    client.expect("the room", is_joined).await;
    present(&node, ROOM, &reader, 1).await;
}
