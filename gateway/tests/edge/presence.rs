//! Who is in a room, and what they say to be.

use causerie_shared::api_key::KeyScope;
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Client, Connect};
use serde_json::{Value, json};

use crate::api_keys::kept;
use crate::auth::now;
use crate::support::node::{Node, ORIGIN, token};

/// Long enough that nobody leaves by being away during a test.
const PATIENT: &str = "presence.leave_after=60";
/// Who is away has left.
const STRICT: &str = "presence.leave_after=0";

pub(crate) async fn connect(node: &Node, who: Value, room: &str) -> Client {
    let connect = Connect::to(&node.ws()).param("token", &token(who));
    let mut client = connect.param("room", room).open().await;
    client
        .expect("the room", |frame| {
            frame["type"] == "subscribed" && frame["room"] == room
        })
        .await;
    client
}

pub(crate) fn member(sub: &str) -> Value {
    json!({"sub": sub, "name": format!("Name of {sub}"), "projects": ["p1"]})
}

/// Waits until so many users are in the room.
pub(crate) async fn present(node: &Node, room: &str, reader: &str, count: usize) -> Value {
    let are_all = |answer: &Value| answer["users"].as_array().unwrap().len() == count;
    present_so(node, room, reader, are_all).await
}

/// Waits until it is so who is in the room.
async fn present_so(
    node: &Node,
    room: &str,
    reader: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let path = format!("/api/rooms/{room}/presence");
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    loop {
        let answer = node.get(&path, reader).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        if is_so(&answer) {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer}");
    }
}

/// What `client` is told next of who is in `room`.
async fn told(client: &mut Client, room: &str) -> (String, Value) {
    let frame = client
        .expect("presence", |frame| {
            let name = frame["type"].as_str().unwrap();
            frame["room"] == room && name.starts_with("user_")
        })
        .await;
    assert!(
        frame["ts"].is_u64() && frame.get("seq").is_none(),
        "{frame}"
    );
    (
        frame["type"].as_str().unwrap().to_owned(),
        frame["data"].clone(),
    )
}

#[tokio::test]
async fn people_in_a_project_see_who_comes_and_goes() {
    let node = Node::set(&[STRICT]).await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    let room = "project:p1";
    let mut watcher = connect(&node, member("u1"), room).await;
    let first = connect(&node, member("u2"), room).await;
    let joined = json!({"user_id": "u2", "name": "Name of u2", "status": "online"});
    assert_eq!(
        told(&mut watcher, room).await,
        ("user_joined".into(), joined)
    );
    let mut second = connect(&node, member("u2"), room).await;
    let has_both = |answer: &Value| answer["users"][1]["connections"] == 2;
    let answer = present_so(&node, room, &reader, has_both).await;
    let expected = json!({"users": [
        {"user_id": "u1", "name": "Name of u1", "status": "online", "connections": 1},
        {"user_id": "u2", "name": "Name of u2", "status": "online", "connections": 2},
    ]});
    assert_eq!(answer, expected);
    // The first that goes is not the last.
    first.close(1000, "").await;
    let leave = json!({"action": "leave", "data": {"room": room}});
    second.request(leave).await;
    let left = json!({"user_id": "u2"});
    assert_eq!(told(&mut watcher, room).await, ("user_left".into(), left));
    present(&node, room, &reader, 1).await;
    // Nobody is told of themselves.
    let of_own = |frame: &Value| frame["data"]["user_id"] == "u2" && frame["type"] == "user_joined";
    second.ping().await;
    assert!(!second.frames().iter().any(of_own));
}

#[tokio::test]
async fn who_comes_back_in_a_moment_has_not_left() {
    let node = Node::set(&[PATIENT]).await;
    let room = "project:p1";
    let mut watcher = connect(&node, member("u1"), room).await;
    let first = connect(&node, member("u2"), room).await;
    assert_eq!(told(&mut watcher, room).await.0, "user_joined");
    first.vanish().await;
    let mut back = connect(&node, member("u2"), room).await;
    // What is told next is of another who comes.
    let _third = connect(&node, member("u3"), room).await;
    let (event, data) = told(&mut watcher, room).await;
    assert_eq!(
        (event.as_str(), &data["user_id"]),
        ("user_joined", &json!("u3"))
    );
    // Who leaves on purpose has left at once.
    let leave = json!({"action": "leave", "data": {"room": room}});
    back.request(leave).await;
    let left = json!({"user_id": "u2"});
    assert_eq!(told(&mut watcher, room).await, ("user_left".into(), left));
}

#[tokio::test]
async fn a_status_is_told_in_all_rooms_of_its_user() {
    let node = Node::set(&[STRICT]).await;
    let reader = kept(&node, "acme", &[KeyScope::Admin]).await;
    let room = "project:p1";
    let mut watcher = connect(&node, member("u1"), room).await;
    let mut person = connect(&node, member("u2"), room).await;
    let mut other = connect(&node, member("u2"), room).await;
    present(&node, room, &reader, 2).await;
    present(&node, "user:u2", &reader, 1).await;
    let busy = json!({"action": "status", "id": "c1", "data": {"status": "busy"}});
    assert_eq!(person.request(busy.clone()).await["type"], "ack");
    let changed = (
        "user_status_changed".to_owned(),
        json!({"user_id": "u2", "status": "busy"}),
    );
    for (client, room) in [
        (&mut person, "user:u2"),
        (&mut other, room),
        (&mut watcher, "tenant"),
    ] {
        let is_change =
            |frame: &Value| frame["type"] == "user_status_changed" && frame["room"] == room;
        let frame = client.expect("the change", is_change).await;
        assert_eq!(frame["data"], changed.1, "{frame}");
    }
    let answer = present(&node, room, &reader, 2).await;
    assert_eq!(answer["users"][1]["status"], "busy", "{answer}");

    // It outlasts the last connection, and is told to who comes in later.
    person.close(1000, "").await;
    other.close(1000, "").await;
    present(&node, room, &reader, 1).await;
    let _back = connect(&node, member("u2"), room).await;
    let is_back = |frame: &Value| {
        frame["type"] == "user_joined" && frame["room"] == room && frame["data"]["status"] == "busy"
    };
    watcher.expect("somebody busy", is_back).await;

    // Over HTTP too.
    let own = token(member("u2"));
    let online = json!({"action": "status", "status": "online"});
    let answer = node.post("/api/actions", &own, &online).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let is_change = |frame: &Value| {
        frame["type"] == "user_status_changed"
            && frame["room"] == room
            && frame["data"]["status"] == "online"
    };
    watcher.expect("somebody back", is_change).await;
    for bad in [json!({"status": "asleep"}), json!({}), json!({"status": 1})] {
        let frame = json!({"action": "status", "data": bad});
        let answer = node.post("/api/actions", &own, &frame).await;
        assert_eq!(answer.json()["code"], "invalid_message", "{answer:?}");
    }
}

#[tokio::test]
async fn who_may_see_who_is_in_a_room() {
    let node = Node::start().await;
    let server = async |scope| kept(&node, "acme", &[scope]).await;
    let role = |role: &str| token(json!({"sub": "a1", "roles": [role], "projects": ["p1"]}));
    for (who, project, other, own) in [
        (server(KeyScope::Read).await, 200, 200, 400),
        (server(KeyScope::Admin).await, 200, 200, 400),
        (server(KeyScope::Publish).await, 403, 403, 400),
        (token(member("u1")), 403, 403, 403),
        (role("operator"), 403, 403, 403),
        (role("publisher"), 200, 403, 200),
        (role("admin"), 200, 403, 200),
    ] {
        for (room, status) in [
            ("project:p1", project),
            ("project:p2", other),
            ("user:me", own),
        ] {
            let answer = node.get(&format!("/api/rooms/{room}/presence"), &who).await;
            assert_eq!(answer.status, status, "{room}: {answer:?}");
        }
    }
    let reader = server(KeyScope::Read).await;
    assert_eq!(
        node.get("/api/rooms/kitchen/presence", &reader)
            .await
            .status,
        400
    );
    let stranger = kept(&node, "other", &[KeyScope::Read]).await;
    let _person = connect(&node, member("u1"), "project:p1").await;
    present(&node, "project:p1", &reader, 1).await;
    present(&node, "project:p1", &stranger, 0).await;
}

#[tokio::test]
async fn visitors_are_told_of_nobody() {
    let node = Node::set(&[STRICT]).await;
    let visitor = Connect::to(&node.ws())
        .param("t", "h-acme")
        .header("origin", ORIGIN);
    let mut visitor = visitor.open().await;
    let ready = visitor.expect_type("ready").await;
    let mut member_ = connect(&node, member("u1"), "tenant").await;
    let _other = connect(&node, member("u2"), "tenant").await;
    let is_other =
        |frame: &Value| frame["type"] == "user_joined" && frame["data"]["user_id"] == "u2";
    let joined = member_.expect("the other", is_other).await;
    assert_eq!(joined["room"], "tenant", "{joined}");
    member_
        .request(json!({"action": "status", "status": "away"}))
        .await;
    member_.expect_type("user_status_changed").await;
    visitor.ping().await;
    let is_told = |frame: &Value| frame["type"].as_str().unwrap().starts_with("user_");
    assert!(
        !visitor.frames().iter().any(is_told),
        "{:?}",
        visitor.frames()
    );
    // They are there, and seen by who may look.
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    let there = present(&node, "tenant", &reader, 3).await;
    assert_eq!(
        there["users"][2]["user_id"], ready["data"]["user_id"],
        "{there}"
    );
    let own = ready["data"]["token"].as_str().unwrap();
    assert_eq!(
        node.get("/api/rooms/tenant/presence", own).await.status,
        403
    );
}

#[tokio::test]
async fn a_new_name_is_shown_with_a_new_token() {
    let node = Node::start().await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    let mut client = connect(&node, member("u1"), "project:p1").await;
    let rooms = ["project:p1", "tenant", "user:u1"];
    for room in rooms {
        present(&node, room, &reader, 1).await;
    }
    // It is the newest that counts, on whichever connection.
    let _other = connect(&node, member("u1"), "project:p1").await;
    for (age, name) in [(2, json!("Another")), (1, Value::Null)] {
        let iat = now() - age;
        let who = json!({"sub": "u1", "name": name, "iat": iat, "projects": ["p1"]});
        let renew = json!({"action": "authenticate", "data": {"token": token(who)}});
        assert_eq!(client.request(renew).await["type"], "ack");
        for room in rooms {
            let is_renamed = |answer: &Value| answer["users"][0]["name"] == name;
            present_so(&node, room, &reader, is_renamed).await;
        }
    }
}

#[tokio::test]
async fn who_reads_a_stream_is_there_as_long_as_it_lasts() {
    let node = Node::set(&[STRICT]).await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    let bearer = format!("Bearer {}", token(member("u1")));
    let url = node.at("/api/events?room=project:p1");
    let stream = Sse::open(&url, &[("authorization", &bearer)]).await;
    for room in ["project:p1", "tenant"] {
        present(&node, room, &reader, 1).await;
    }
    drop(stream);
    for room in ["project:p1", "tenant"] {
        present(&node, room, &reader, 0).await;
    }
}

#[tokio::test]
async fn a_crowd_is_told_of_page_by_page() {
    let node = Node::start().await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    let mut people = Vec::new();
    for sub in ["u1", "u2", "u3"] {
        people.push(connect(&node, member(sub), "project:p1").await);
    }
    present(&node, "project:p1", &reader, 3).await;
    let path = "/api/rooms/project:p1/presence";
    for (query, users, has_more) in [
        ("limit=2", vec!["u1", "u2"], json!(true)),
        ("limit=2&after=u2", vec!["u3"], json!(null)),
        ("limit=1&after=u1", vec!["u2"], json!(true)),
        ("limit=3", vec!["u1", "u2", "u3"], json!(null)),
        ("after=u3", vec![], json!(null)),
    ] {
        let page = node.get(&format!("{path}?{query}"), &reader).await.json();
        let found = page["users"].as_array().unwrap().iter();
        let found: Vec<_> = found
            .map(|user| user["user_id"].as_str().unwrap())
            .collect();
        assert_eq!(found, users, "{query}: {page}");
        assert_eq!(page["has_more"], has_more, "{query}: {page}");
    }
    let bad = node.get(&format!("{path}?limit=0"), &reader).await;
    assert_eq!(bad.status, 400, "{bad:?}");
}
