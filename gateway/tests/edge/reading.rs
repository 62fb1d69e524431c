//! History, messages, the list of events, health and the demo page.

use causerie_shared::protocol::data::FinishReason;
use causerie_testkit::client::http::{get, request};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::node::{Node, ORIGIN, token};

async fn say(node: &Node, room: &str, text: &str) {
    let token = token(json!({"projects": "*", "roles": ["publisher"]}));
    let data = json!({"user_input": text, "room": room, "ai": false});
    let body = json!({"action": "sendMessage", "data": data});
    let answer = node.post("/api/actions", &token, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn seqs(history: &Value) -> Vec<u64> {
    let events = history["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn history_is_read_in_parts() {
    let node = Node::start().await;
    for text in 1..=7 {
        say(&node, "project:p1", &format!("number {text}")).await;
    }
    let reader = token(json!({"projects": ["p1"]}));
    for (query, expected, has_more) in [
        ("", vec![1, 2, 3, 4, 5, 6, 7], false),
        ("limit=3", vec![5, 6, 7], true),
        ("limit=3&before=5", vec![2, 3, 4], true),
        ("limit=3&before=3", vec![1, 2], false),
        ("limit=3&after=0", vec![1, 2, 3], true),
        ("limit=3&after=5", vec![6, 7], false),
        ("after=2&before=5", vec![3, 4], false),
        ("after=7", vec![], false),
    ] {
        let answer = node
            .get(&format!("/api/rooms/project:p1/history?{query}"), &reader)
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let history = answer.json();
        assert_eq!(seqs(&history), expected, "{query}");
        assert_eq!(history["has_more"], has_more, "{query}");
        assert_eq!(history["epoch"].as_str().unwrap().len(), 12);
    }
    let bad = node
        .get("/api/rooms/project:p1/history?limit=501", &reader)
        .await;
    assert_eq!(bad.status, 400);
    let others = node.get("/api/rooms/project:p2/history", &reader).await;
    assert_eq!(others.status, 403);
    let encoded = node.get("/api/rooms/user%3Ame/history", &reader).await;
    assert_eq!(encoded.status, 200);
}

/// What people say there is not for visitors, and no page of it comes empty.
#[tokio::test]
async fn visitors_see_only_announcements_of_the_tenants_room() {
    let node = Node::start().await;
    for text in 1..=5 {
        say(&node, "tenant", &format!("number {text}")).await;
    }
    let own = node
        .get("/api/rooms/tenant/history?limit=2", &token(json!({})))
        .await;
    assert_eq!(seqs(&own.json()), [4, 5]);
    let url = node.at("/api/rooms/tenant/history?t=h-acme&limit=2");
    let visitor = request(Method::GET, &url, &[("origin", ORIGIN)], None).await;
    assert_eq!(visitor.status, 200, "{visitor:?}");
    let history = visitor.json();
    assert_eq!(
        (seqs(&history), &history["has_more"]),
        (vec![], &json!(false))
    );
}

#[tokio::test]
async fn a_reply_can_be_looked_at_while_it_is_made() {
    let node = Node::start().await;
    let own = token(json!({}));
    let body = json!({"action": "sendMessage", "data": {"user_input": "hello"}});
    let ack = node.post("/api/actions", &own, &body).await.json();
    let question = ack["data"]["message_id"].as_str().unwrap().to_owned();
    let look = |id: String, token: String| {
        let node = &node;
        async move { node.get(&format!("/api/messages/{id}"), &token).await }
    };
    let queued = look(question.clone(), own.clone()).await.json();
    assert_eq!(
        (&queued["state"], &queued["text"]),
        (&json!("queued"), &json!(""))
    );
    assert_eq!(queued["in_reply_to"], question);
    let reply = queued["message_id"].as_str().unwrap().to_owned();

    let mut making = node.next_question().await;
    making.say("so far").await;
    let running = look(reply.clone(), own.clone()).await.json();
    assert_eq!(
        (&running["state"], &running["text"]),
        (&json!("running"), &json!("so far"))
    );
    assert_eq!(
        (&running["attempt"], &running["index"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(running["room"], "user:u1");

    making.say(", so good").await;
    making.finish(FinishReason::Stop).await;
    let done = look(reply.clone(), own).await.json();
    assert_eq!(
        (&done["state"], &done["text"]),
        (&json!("done"), &json!("so far, so good"))
    );
    assert_eq!(done["message"]["type"], "message");
    assert_eq!(done["message"]["data"]["message_id"], reply);

    for stranger in [
        token(json!({"sub": "u2"})),
        token(json!({"tenant": "other"})),
    ] {
        assert_eq!(look(reply.clone(), stranger).await.status, 404);
    }
    let unknown = look("1f-unknown".into(), token(json!({}))).await;
    assert_eq!(unknown.status, 404);
}

/// What people and models write is data: whoever wants to put it between a page's
/// tags asks for that.
#[tokio::test]
async fn texts_are_html_for_those_alone_who_ask_for_it() {
    let node = Node::start().await;
    let own = token(json!({}));
    let (said, answered) = ("<b title=\"x\">", "<script>alert('&')</script>");
    let body =
        json!({"action": "sendMessage", "data": {"user_input": said, "metadata": {"<i>": "'"}}});
    let ack = node.post("/api/actions", &own, &body).await.json();
    let mut making = node.next_question().await;
    making.say(answered).await;
    making.finish(FinishReason::Stop).await;
    let id = ack["data"]["message_id"].as_str().unwrap();
    let message = format!("/api/messages/{id}");
    let history = "/api/rooms/user:me/history".to_owned();
    let escaped = "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;";
    for (query, question, note, reply) in [
        ("", said, "<i>", answered),
        ("?format=text", said, "<i>", answered),
        (
            "?format=html",
            "&lt;b title=&quot;x&quot;&gt;",
            "&lt;i&gt;",
            escaped,
        ),
    ] {
        let events = node.get(&format!("{history}{query}"), &own).await;
        assert_eq!(events.header("content-type"), "application/json");
        assert_eq!(events.header("x-content-type-options"), "nosniff");
        // The members that come first still do.
        assert!(
            events.body.contains(r#""events":[{"seq":1,"epoch":"#),
            "{}",
            events.body
        );
        let events = &events.json()["events"];
        assert_eq!(events[0]["data"]["content"], question);
        assert!(
            events[0]["data"]["metadata"].get(note).is_some(),
            "{events}"
        );
        assert_eq!(events[1]["data"]["content"], reply);
        let seen = node.get(&format!("{message}{query}"), &own).await.json();
        assert_eq!(
            (&seen["text"], &seen["message"]["data"]["content"]),
            (&json!(reply), &json!(reply))
        );
    }
    for path in [history, message] {
        let refused = node.get(&format!("{path}?format=markdown"), &own).await;
        assert_eq!(refused.status, 400);
        assert!(
            refused.body.contains("`format` must be"),
            "{}",
            refused.body
        );
    }
}

/// One who knows an id sees no more than one who hears the room.
#[tokio::test]
async fn visitors_do_not_see_replies_in_the_tenants_room() {
    let node = Node::start().await;
    let publisher = token(json!({"roles": ["publisher"]}));
    let data = json!({"user_input": "hello", "room": "tenant"});
    let body = json!({"action": "sendMessage", "data": data});
    let ack = node.post("/api/actions", &publisher, &body).await.json();
    let path = format!(
        "/api/messages/{}",
        ack["data"]["message_id"].as_str().unwrap()
    );
    let mut making = node.next_question().await;
    making.say("for our own people").await;
    let own = node.get(&path, &token(json!({"sub": "u2"}))).await;
    assert_eq!(own.json()["text"], "for our own people", "{own:?}");
    let url = node.at(&format!("{path}?t=h-acme"));
    let visitor = request(Method::GET, &url, &[("origin", ORIGIN)], None).await;
    assert_eq!(visitor.status, 404, "{visitor:?}");
}

#[tokio::test]
async fn what_needs_no_token_needs_none() {
    let node = Node::start().await;
    let types = get(&node.at("/api/websocket/events/types")).await.json();
    let types = types["types"].as_array().unwrap();
    let message = types
        .iter()
        .find(|event| event["type"] == "message")
        .unwrap();
    assert_eq!(
        (&message["group"], &message["durable"]),
        (&json!("chat"), &json!(true))
    );
    for path in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(get(&node.at(path)).await.status, 200, "{path}");
    }
    let page = get(&node.url).await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    for (path, kind) in [
        ("/demo.css", "text/css"),
        ("/demo.js", "text/javascript"),
        ("/causerie-chat.js", "text/javascript"),
    ] {
        let file = get(&node.at(path)).await;
        assert!(file.header("content-type").starts_with(kind), "{path}");
    }
    for path in [
        "/api/rooms/tenant/history",
        "/api/messages/1f-x",
        "/api/events",
    ] {
        assert_eq!(get(&node.at(path)).await.status, 400, "{path}");
        let visitor = get(&node.at(&format!("{path}?t=h-nobody"))).await;
        assert_eq!(visitor.status, 401, "{path}");
        assert_eq!(visitor.header("www-authenticate"), "Bearer");
    }
}
