//! Word lists: what becomes of messages that hold their words, on whichever way they come.

use causerie_shared::protocol::data::FinishReason;
use causerie_shared::task::Task;
use causerie_testkit::DEADLINE;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Client, Connect};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::making::Making;
use crate::support::node::{Node, token};
use crate::support::pair::Pair;

const LISTS: &str = "
[filter]
flag = ['odd']
mask = ['bad', 'two words']
reject = ['evil']
report_to = 'moderators'
";

fn author() -> String {
    token(json!({"projects": ["p1"]}))
}

fn message(id: &str, text: &str, more: Value) -> Value {
    let mut data = json!({"user_input": text, "session_id": "s1"});
    let more = more.as_object().unwrap().clone();
    data.as_object_mut().unwrap().extend(more);
    json!({"action": "sendMessage", "id": id, "data": data})
}

async fn connect(node: &Node, token: &str, room: &str) -> Client {
    let connect = Connect::to(&node.ws()).param("token", token);
    let mut client = connect.param("room", room).open().await;
    for _ in 0..3 {
        client.expect_type("subscribed").await;
    }
    client
}

async fn moderator(node: &Node) -> Client {
    let token = token(json!({"sub": "mo", "projects": ["moderators"]}));
    connect(node, &token, "project:moderators").await
}

/// What `client` is warned of next, without the time.
async fn warning(client: &mut Client) -> (String, Value) {
    let frame = client.expect_type("warning_issued").await;
    assert!(frame["ts"].is_u64() && frame.get("seq").is_none());
    assert_eq!(frame["data"]["reason"], "word_list");
    let room = frame["room"].as_str().unwrap().to_owned();
    (room, frame["data"].clone())
}

/// How often `client` has been warned, up to now.
async fn warnings(client: &mut Client) -> usize {
    client.ping().await;
    let frames = client.frames().into_iter();
    let warnings = frames.filter(|frame| frame["type"] == "warning_issued");
    warnings.count()
}

async fn history(node: &Node, room: &str) -> Vec<Value> {
    let path = format!("/api/rooms/{room}/history");
    let history = node.get(&path, &author()).await.json();
    history["events"].as_array().unwrap().clone()
}

async fn act(node: &Node, frame: &Value) -> Answer {
    node.post("/api/actions", &author(), frame).await
}

/// The `data` of a frame, as `/api/chat` takes it.
fn asked(frame: &Value) -> Value {
    let mut body = frame["data"].clone();
    body["id"] = frame["id"].clone();
    body
}

/// What the AI was asked.
fn task(making: &Making) -> Task {
    Task::decode(&making.claim.task).unwrap()
}

#[tokio::test]
async fn what_holds_a_refused_word_is_stored_nowhere() {
    let node = Node::with(LISTS).await;
    let mut moderator = moderator(&node).await;
    let mut socket = connect(&node, &author(), "project:p1").await;
    let in_metadata = json!({"metadata": {"note": {"by": ["an Evil one"]}}});
    for (more, field) in [
        (json!({}), "Your message holds a word"),
        (in_metadata, "`metadata` holds a word"),
    ] {
        let text = if field.starts_with('Y') {
            "is it  EVIL?"
        } else {
            "is it?"
        };
        let frame = message("c1", text, more);
        let headers = [("authorization", &*format!("Bearer {}", author()))];
        let body = asked(&frame);
        let post = async |path: &str| {
            let answer = request(Method::POST, &node.at(path), &headers, Some(&body)).await;
            assert_eq!(answer.status, 400, "{path} {answer:?}");
            answer.json()
        };
        let error = act(&node, &frame).await;
        assert_eq!(error.status, 400, "{error:?}");
        for error in [
            socket.request(frame.clone()).await,
            error.json(),
            post("/api/chat").await,
            post("/api/chat/stream").await,
        ] {
            assert_eq!(error["type"], "error");
            assert_eq!(
                (&error["id"], &error["code"]),
                (&json!("c1"), &json!("invalid_message"))
            );
            assert_eq!(
                (&error["canRetry"], &error["fatal"]),
                (&json!(false), &json!(false))
            );
            let content = error["content"].as_str().unwrap();
            assert!(
                content.starts_with(field) && !content.contains("evil"),
                "{content}"
            );
            let (room, data) = warning(&mut moderator).await;
            assert_eq!(room, "project:moderators");
            assert_eq!(
                (&data["result"], &data["words"]),
                (&json!("rejected"), &json!(1))
            );
            assert_eq!(
                (&data["user_id"], &data["room"]),
                (&json!("u1"), &json!("user:u1"))
            );
            assert!(data.get("message_id").is_none(), "{data}");
        }
    }
    assert_eq!(warnings(&mut socket).await, 0);
    assert!(history(&node, "user:me").await.is_empty());
    assert!(Making::claim(&node.bus).await.is_none());
}

#[tokio::test]
async fn words_are_masked_before_anybody_has_them() {
    let node = Node::with(LISTS).await;
    let mut moderator = moderator(&node).await;
    let mut socket = connect(&node, &author(), "project:p1").await;
    let headers = [("authorization", &*format!("Bearer {}", author()))];
    let context = json!([
        {"role": "user", "content": "so bad"}, {"role": "assistant", "content": "so evil, so odd"},
    ]);
    let more = |session: &str| {
        json!({
            "session_id": session, "metadata": {"note": "BAD"},
            "conversation_context": {"messages": context},
        })
    };
    let frame = |session| message(session, "not bad, two \n words", more(session));
    for way in ["socket", "actions", "chat", "stream"] {
        let frame = frame(way);
        let body = asked(&frame);
        let mut stream = None;
        let asking = match way {
            "socket" => {
                assert_eq!(socket.request(frame).await["type"], "ack");
                None
            }
            "actions" => {
                assert_eq!(act(&node, &frame).await.status, 200);
                None
            }
            "chat" => {
                let url = node.at("/api/chat");
                let token = author();
                Some(tokio::spawn(async move {
                    let headers = [("authorization", &*format!("Bearer {token}"))];
                    request(Method::POST, &url, &headers, Some(&body)).await
                }))
            }
            _ => {
                let url = node.at("/api/chat/stream");
                let mut opened = Sse::post(&url, &headers, &body).await;
                let heard = opened.expect_name("new_message").await.json();
                assert_eq!(heard["data"]["content"], "not ***, ***********");
                stream = Some(opened);
                None
            }
        };
        let heard = socket.expect_type("new_message").await;
        assert_eq!(heard["data"]["content"], "not ***, ***********", "{way}");
        assert_eq!(heard["data"]["metadata"], json!({"note": "***"}));
        let making = node.next_question().await;
        let task = task(&making);
        assert_eq!(task.user_input, "not ***, ***********");
        let turns = task.client_context.unwrap().messages;
        let turns: Vec<_> = turns.iter().map(|turn| &turn.content).collect();
        assert_eq!(turns, ["so ***", "so ****, so odd"]);
        making.finish(FinishReason::Stop).await;
        if let Some(asking) = asking {
            assert_eq!(asking.await.unwrap().status, 200);
        }
        if let Some(mut stream) = stream {
            assert_eq!(stream.expect_end().await, "complete");
        }
        let expected = json!({
            "reason": "word_list", "result": "masked", "words": 3, "user_id": "u1",
            "room": "user:u1", "message_id": heard["data"]["message_id"],
            "content": "A message holds words that others do not see: they were masked.",
        });
        let told = warning(&mut moderator).await;
        assert_eq!(told, ("project:moderators".into(), expected.clone()));
        assert_eq!(warning(&mut socket).await, ("user:u1".into(), expected));
    }
    // Not their ids: a random one may hold the word.
    let said = history(&node, "user:me").await;
    let said = said
        .iter()
        .map(|event| json!([event["data"]["content"], event["data"]["metadata"]]));
    let kept = json!(said.collect::<Vec<_>>()).to_string().to_lowercase();
    assert!(kept.contains("not ***") && !kept.contains("bad"), "{kept}");
    // What is masked is no second time told of: a repeat is the same message.
    let again = act(&node, &frame("actions")).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(warnings(&mut moderator).await, 4);
    assert_eq!(warnings(&mut socket).await, 4);
}

#[tokio::test]
async fn what_is_flagged_passes_and_moderators_alone_are_told() {
    let node = Node::with(LISTS).await;
    let mut moderator = moderator(&node).await;
    let mut socket = connect(&node, &author(), "project:p1").await;
    let more = json!({"room": "project:p1", "ai": false});
    let frame = message("c1", "Odd. Odd, oddly!", more);
    let ack = socket.request(frame.clone()).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    assert_eq!(act(&node, &frame).await.json(), ack);
    let heard = socket.expect_type("new_message").await;
    assert_eq!(heard["data"]["content"], "Odd. Odd, oddly!");
    let (room, data) = warning(&mut moderator).await;
    assert_eq!(room, "project:moderators");
    assert_eq!(
        (&data["result"], &data["words"]),
        (&json!("flagged"), &json!(2))
    );
    assert_eq!(data["room"], "project:p1");
    assert_eq!(data["message_id"], ack["data"]["message_id"]);
    assert_eq!(warnings(&mut moderator).await, 1);
    assert_eq!(warnings(&mut socket).await, 0);
}

/// Servers are trusted with what they publish.
#[tokio::test]
async fn what_servers_publish_is_not_looked_at() {
    let node = Node::with(LISTS).await;
    let publisher = token(json!({"roles": ["publisher"]}));
    let body = json!({"rooms": ["tenant"], "type": "note", "data": {"text": "bad and evil"}});
    let answer = node.post("/api/publish", &publisher, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let events = history(&node, "tenant").await;
    assert_eq!(events[0]["data"]["text"], "bad and evil");
}

/// Writes the node's lists anew, under the tenant `acme` alone, and has them read.
fn write_lists(node: &Node, lists: &str) {
    let toml = std::fs::read_to_string(node.config_file()).unwrap();
    let lines = toml.lines().filter(|line| !line.starts_with("filter ="));
    let with_lists = |line: &str| match line {
        r#"id = "acme""# => format!("{line}\nfilter = {{ {lists} }}\n"),
        _ => format!("{line}\n"),
    };
    let toml: String = lines.map(with_lists).collect();
    std::fs::write(node.config_file(), toml).unwrap();
    node.settings.reload();
}

/// Says it in project p1 under ids of its own, until `fits` what is answered.
async fn say_until(node: &Node, text: &str, fits: impl Fn(&Answer) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let more = json!({"room": "project:p1", "ai": false});
        let answer = act(node, &message(&id, text, more)).await;
        if fits(&answer) {
            return;
        }
        assert!(Instant::now() < deadline, "{answer:?}");
    }
}

#[tokio::test]
async fn lists_are_changed_while_the_node_runs() {
    let pair = Pair::start().await;
    let node = &pair.here;
    let more = || json!({"room": "project:p1", "ai": false});
    let said = message("before", "what a word", more());
    let ack = act(node, &said).await;
    assert_eq!(ack.status, 200, "{ack:?}");

    write_lists(node, "reject = ['word'], report_to = 'moderators'");
    say_until(node, "a word", |answer| answer.status == 400).await;
    // What was stored stays so, and the same id gets the same answer.
    let again = act(node, &said).await;
    assert_eq!((again.status, again.json()), (200, ack.json()));
    let body = json!({"user_input": "a word", "id": "x"});
    let other = token(json!({"tenant": "other"}));
    let frame = json!({"action": "sendMessage", "data": body});
    let others = node.post("/api/actions", &other, &frame).await;
    assert_eq!(
        others.status, 200,
        "another tenant has no such list: {others:?}"
    );

    // A bad list changes nothing.
    let lists = node.settings.current().tenants[0].filter.clone();
    write_lists(node, "reject = ['else', ' * ']");
    assert_eq!(node.settings.current().tenants[0].filter, lists);
    assert_eq!(
        act(node, &message("bad", "a word", more())).await.status,
        400
    );

    write_lists(node, "");
    say_until(node, "a word", |answer| answer.status == 200).await;

    // A moderator hears of it at the other node.
    write_lists(
        node,
        "flag = ['word'], reject = ['new'], report_to = 'moderators'",
    );
    say_until(node, "new", |answer| answer.status == 400).await;
    let mut moderator = moderator(&pair.there).await;
    assert_eq!(
        act(node, &message("last", "a word", more())).await.status,
        200
    );
    assert_eq!(warning(&mut moderator).await.1["result"], "flagged");
}
