//! Who is in a room, where something does not go as it should.

use causerie_shared::api_key::KeyScope;
use causerie_shared::bus::presence::{Attendance, HostLook};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::ids::RunId;
use causerie_shared::room::RoomKey;
use causerie_testkit::client::ws::Connect;
use serde_json::{Value, json};

use crate::api_keys::kept;
use crate::presence::{connect, member, present};
use crate::support::held_bus::HeldBus;
use crate::support::node::{Node, token};
use crate::support::troubled_bus::{Trouble, TroubledBus};

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

#[tokio::test]
async fn a_gateway_shows_that_it_lives_while_it_takes_back_what_others_told() {
    let bus = TroubledBus::new();
    let node = Node::on(bus.clone(), "").await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    bus.set(Trouble {
        sweeps_hang: true,
        ..Trouble::default()
    });
    let gone = RunId::generate();
    let ghost = Attendance {
        host: gone,
        is_first: true,
        room: key(),
        user: "ghost".parse().unwrap(),
        connections: 1,
        name: None,
        status: None,
    };
    bus.attend(&ghost, 0).await.unwrap();
    let _client = connect(&node, member("u1"), ROOM).await;
    present(&node, ROOM, &reader, 2).await;
    bus.until_swept().await;
    let beats = async || -> Result<Option<u64>, BusError> {
        let look = HostLook {
            partition: key().partition(),
            own: None,
        };
        let hosts = bus.hosts(&look).await?.beats;
        let own = hosts.into_iter().find(|(host, _)| *host != gone);
        Ok(own.unwrap().1)
    };
    let before = beats().await.unwrap();
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    while beats().await.unwrap() == before {
        assert!(tokio::time::Instant::now() < deadline, "no beat");
        tokio::task::yield_now().await;
    }
    bus.set(Trouble::default());
    present(&node, ROOM, &reader, 1).await;
}

#[tokio::test]
async fn a_partition_that_does_not_answer_is_left_alone_until_it_does() {
    let bus = TroubledBus::new();
    let node = Node::on(bus.clone(), "").await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    bus.set(Trouble {
        silent: Some(key().partition()),
        ..Trouble::default()
    });
    let _first = connect(&node, member("u1"), ROOM).await;
    let _second = connect(&node, member("u2"), ROOM).await;
    present(&node, "tenant", &reader, 2).await;
    bus.until_unseen(4).await;
    // Of two at the most, before it was known.
    assert!(bus.untold() <= 2, "{}", bus.untold());
    bus.set(Trouble::default());
    present(&node, ROOM, &reader, 2).await;
}

#[tokio::test]
async fn a_partition_of_which_the_hosts_are_not_seen_is_left_alone_too() {
    let bus = TroubledBus::new();
    let node = Node::on(bus.clone(), "").await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    bus.set(Trouble {
        silent: Some(key().partition()),
        ..Trouble::default()
    });
    // By the second look the first has ended.
    bus.until_unseen(2).await;
    let _client = connect(&node, member("u1"), ROOM).await;
    present(&node, "tenant", &reader, 1).await;
    bus.until_unseen(4).await;
    assert_eq!(bus.untold(), 0);
    bus.set(Trouble::default());
    present(&node, ROOM, &reader, 1).await;
}

#[tokio::test]
async fn a_status_that_a_gateway_did_not_hear_is_learned() {
    let bus = TroubledBus::new();
    let node = Node::on(bus.clone(), "").await;
    let mut watcher = connect(&node, member("u1"), ROOM).await;
    let mut person = connect(&node, member("u2"), ROOM).await;
    let say = |status: &str| json!({"action": "status", "data": {"status": status}});
    let is_told = |status: &'static str| {
        move |frame: &Value| {
            frame["room"] == ROOM
                && frame["type"] == "user_status_changed"
                && frame["data"] == json!({"user_id": "u2", "status": status})
        }
    };
    let is_here = |frame: &Value| {
        frame["room"] == ROOM && frame["type"] == "user_joined" && frame["data"]["user_id"] == "u2"
    };
    watcher.expect("u2", is_here).await;
    person.request(say("busy")).await;
    watcher.expect("busy", is_told("busy")).await;
    bus.set(Trouble {
        loses_orders: true,
        ..Trouble::default()
    });
    person.request(say("online")).await;
    bus.until_lost().await;
    bus.set(Trouble::default());
    watcher.expect("online", is_told("online")).await;
}
