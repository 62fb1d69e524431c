//! What people and models write reaches those it is meant for, and no log, span or
//! metric: a canary of its own sits in every field that can be filled from outside.

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::client::http::{self, Answer};
use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::cage::Cage;
use crate::kit::question_of;

const ORIGIN: &str = "https://canaryorigin.example";

/// Ids may be a person's number or worse; rooms are logged.
const USER: &str = "01711234567";
const PROJECT: &str = "4111111111111111";

/// An installation that logs all it can, at the level at which the least is kept
/// back.
async fn talkative(listed: &str) -> Cluster {
    let tenants = json!([{
        "id": "acme", "hash": "acme-hash", "origins": [ORIGIN], "visitors": true,
        "auth": {"jwt_secret": Cluster::secret("acme")},
        "filter": {"flag": [listed], "report_to": PROJECT},
    }]);
    Cluster::options()
        .env("TELEMETRY_LOG_LEVEL", "trace")
        .env("AI_RETRIES", "0")
        .env("AUDIT_ENABLED", "true")
        .env("TENANTS", tenants.to_string())
        .env("AUTH_VISITOR_SECRET", "the secret of all visitors' tokens")
        .start()
        .await
}

fn token(cage: &mut Cage) -> String {
    let token = Token::of("acme", USER)
        .project(PROJECT)
        .role("publisher")
        .claim("name", json!(cage.plant("the token's name")))
        .claim("email", json!(cage.plant("the token's email")));
    let token = token.sign(&Cluster::secret("acme"));
    cage.keep("the token", &token);
    token
}

/// A connection with something in each place of a handshake.
async fn connect(cluster: &Cluster, cage: &mut Cage, token: &str) -> Client {
    let language = cage.plant("Accept-Language");
    let mut connect = Connect::to(&cluster.gateways[0].ws_url())
        .param("room", &format!("project:{PROJECT}"))
        .param("attempt", &cage.plant("attempt"))
        .param("last", &cage.plant("last"))
        .param("away_ms", &cage.plant("away_ms"))
        .param(
            &cage.plant("a parameter's name"),
            &cage.plant("a parameter"),
        )
        .header("origin", ORIGIN)
        .header(&language, &language)
        .subprotocol("picasso-chat-v1")
        .subprotocol(&cage.plant("a subprotocol"))
        .subprotocol(&format!("bearer.{token}"));
    for name in [
        "user-agent",
        "cookie",
        "referer",
        "x-forwarded-for",
        "x-api-key",
        "tracestate",
    ] {
        connect = connect.header(name, &cage.plant(name));
    }
    joined(connect).await
}

async fn joined(connect: Connect) -> Client {
    let mut client = connect.open().await;
    client
        .expect("the project", |frame| {
            frame["type"] == "subscribed" && frame["room"] == format!("project:{PROJECT}")
        })
        .await;
    client
}

/// What is kept of who did what, once somebody's coming is in it.
async fn audit_log(cluster: &Cluster) -> String {
    let boss = Token::of("acme", "boss").role("admin");
    let bearer = format!("Bearer {}", boss.sign(&Cluster::secret("acme")));
    let url = format!("{}/api/audit?limit=500", cluster.gateways[1].url());
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    loop {
        let headers = [("authorization", &*bearer)];
        let answer = http::request(Method::GET, &url, &headers, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = answer.json().to_string();
        let is_there = |what: &str| text.contains(&format!(r#""what":"{what}""#));
        if ["connect", "refuse", "join", "filter"]
            .into_iter()
            .all(is_there)
        {
            return text;
        }
        assert!(tokio::time::Instant::now() < deadline, "{text}");
    }
}

#[tokio::test]
async fn each_canary_reaches_its_reader_and_no_log_or_metric() {
    let mut cage = Cage::default();
    let listed = cage.plant("a word of a list");
    let cluster = talkative(&listed).await;
    let token = token(&mut cage);
    let mut writer = connect(&cluster, &mut cage, &token).await;
    let reader = Connect::to(&cluster.gateways[1].ws_url()).param("token", &token);
    let reader = reader.param("room", &format!("project:{PROJECT}"));
    let mut reader = joined(reader).await;

    a_conversation(&cluster, &mut cage, &mut writer, &mut reader).await;
    a_word_of_a_list(&listed, &mut cage, &mut writer, &mut reader).await;
    a_failed_reply(&cluster, &mut cage, &mut writer, &mut reader).await;
    bad_frames(&mut cage, &mut writer).await;
    over_http(&cluster, &mut cage, &token).await;
    bad_requests(&cluster, &mut cage).await;
    writer.close(1000, &cage.plant("a close reason")).await;
    drop(reader);

    let audit = audit_log(&cluster).await;
    assert_eq!(cage.seen_in(&audit), [""; 0], "in the audit log: {audit}");
    for id in [USER, PROJECT] {
        assert!(!audit.contains(id), "{id} is in the audit log");
    }
    let nodes = cluster.gateways.iter().chain(&cluster.brokers);
    for node in nodes {
        let metrics = node.metrics().await;
        assert_eq!(cage.seen_in(&metrics), [""; 0], "in metrics: {metrics}");
        let log = node.output();
        assert!(log.contains("\"level\":\"TRACE\""), "{log}");
        if let Some(field) = cage.seen_in(&log).first() {
            let line = log.lines().find(|line| cage.seen_in(line).contains(field));
            panic!("{field} is in the log: {line:?}");
        }
        for id in [USER, PROJECT] {
            assert!(!log.contains(id), "{id} is in the log");
        }
    }
    let log = cluster.gateways[0].output();
    for masked in ["acme:user:[phone]", "acme:project:[card]"] {
        assert!(log.contains(masked), "no room is logged as {masked}");
    }
}

/// What is said is heard by people, and by the model.
async fn a_conversation(
    cluster: &Cluster,
    cage: &mut Cage,
    writer: &mut Client,
    reader: &mut Client,
) {
    let said = format!("{} anna@example.org\n", cage.plant("user_input"));
    let reply = cage.plant("the model's reply");
    cluster
        .ai
        .script([Behaviour::say(format!("{reply} and more"))]);
    let id = cage.plant("id");
    let (session, note) = (cage.plant("session_id"), cage.plant("metadata"));
    let note_name = cage.plant("a name in metadata");
    let frame = json!({
        "action": "sendMessage",
        "id": id,
        "traceparent": cage.plant("traceparent"),
        cage.plant("a member of the frame"): cage.plant("its value"),
        "data": {
            "user_input": said,
            "session_id": session,
            "room": format!("project:{PROJECT}"),
            "metadata": {&note_name: note, "timestamp": 1},
            cage.plant("an unknown field"): cage.plant("its value there"),
        },
    });
    let ack = writer.request(frame).await;
    assert_eq!(
        (&ack["id"], &ack["data"]["session_id"]),
        (&json!(id), &json!(session))
    );
    let heard = reader.expect_type("new_message").await;
    assert_eq!(heard["data"]["content"], said);
    assert_eq!(heard["data"]["metadata"][&note_name], note);
    let answer = reader.expect_type("message").await;
    assert_eq!(answer["data"]["content"], format!("{reply} and more"));
    let text = |frame: &Value| frame.to_string().contains(&reply);
    assert!(
        reader
            .frames()
            .iter()
            .any(|frame| frame["type"] == "message_delta" && text(frame))
    );
    assert_eq!(question_of(&cluster.ai.calls()[0]), said);

    // What was said before is told to the model, in a room of one's own.
    let (before, turn) = (cage.plant("conversation_context"), cage.plant("its answer"));
    let frame = json!({"action": "sendMessage", "data": {
        "user_input": "and?",
        "conversation_context": {"messages": [
            {"role": "user", "content": before}, {"role": "assistant", "content": turn},
        ]},
    }});
    writer.request(frame).await;
    let call = cluster.ai.wait_for(|calls| calls.get(1).cloned()).await;
    let body = call.body.to_string();
    assert!(body.contains(&before) && body.contains(&turn), "{body}");
    reader
        .expect("the second reply", |frame| {
            frame["type"] == "message" && frame["room"] != heard["room"]
        })
        .await;

    let note = cage.plant("a ping's data");
    let pong = writer
        .request(json!({"action": "ping", "data": {"note": note}}))
        .await;
    assert_eq!(pong["data"]["note"], note);
    let typing = json!({
        "action": "typing", "room": format!("project:{PROJECT}"), "is_typing": true,
        "text": cage.plant("what is being typed"),
    });
    assert_eq!(writer.request(typing).await["type"], "ack");
}

/// Moderators are told of the message, and not of the word.
async fn a_word_of_a_list(listed: &str, cage: &mut Cage, writer: &mut Client, reader: &mut Client) {
    let said = format!("{listed} {}", cage.plant("what holds a word of a list"));
    let data = json!({"user_input": said, "room": format!("project:{PROJECT}"), "ai": false});
    let ack = writer
        .request(json!({"action": "sendMessage", "data": data}))
        .await;
    let warning = reader.expect_type("warning_issued").await;
    let data = &warning["data"];
    assert_eq!(data["message_id"], ack["data"]["message_id"], "{warning}");
    assert_eq!(cage.seen_in(&warning.to_string()), [""; 0], "{warning}");
}

/// A provider quotes in its error what it was asked; nobody is shown that.
async fn a_failed_reply(
    cluster: &Cluster,
    cage: &mut Cage,
    writer: &mut Client,
    reader: &mut Client,
) {
    for plot in [
        Plot::Refuse {
            status: 400,
            retry_after: None,
        },
        Plot::Refuse {
            status: 500,
            retry_after: None,
        },
        Plot::Garbage,
        Plot::ErrorInStream,
    ] {
        let name = format!("a question that fails with {plot:?}");
        let said = cage.plant(&name);
        cluster.ai.script([Behaviour::new(plot)]);
        let room = format!("project:{PROJECT}");
        let ack = writer
            .request(json!({"action": "sendMessage", "data": {"user_input": said, "room": room}}))
            .await;
        let failed = reader.expect("the failed reply", |frame| {
            frame["type"] == "message" && frame["data"]["in_reply_to"] == ack["data"]["message_id"]
        });
        assert_eq!(failed.await["data"]["finish_reason"], "error", "{name}");
    }
}

async fn bad_frames(cage: &mut Cage, writer: &mut Client) {
    let frames = [
        format!("{{\"action\": {}", cage.plant("what is no JSON")),
        json!({"action": cage.plant("an unknown action")}).to_string(),
        json!({"action": "sendMessage", "data": cage.plant("data that is no object")}).to_string(),
        json!({"action": "sendMessage", "user_input": {"a": cage.plant("a bad user_input")}})
            .to_string(),
        json!({"action": "subscribe", "room": cage.plant("a bad room")}).to_string(),
        json!({"action": "subscribe", "room": format!("project:{}", cage.plant("a foreign room"))})
            .to_string(),
        json!({"action": "sendMessage", "user_input": "x", "if_busy": cage.plant("if_busy")})
            .to_string(),
        json!({"action": "sendMessage", "user_input": "x", "tenant_hash": cage.plant("tenant_hash")})
            .to_string(),
        json!({"action": "cancel", "message_id": cage.plant("a bad message_id")}).to_string(),
        json!({"action": "cancel", "message_id": format!("00-{}", cage.plant("a message_id"))})
            .to_string(),
    ];
    for frame in frames {
        writer.send_text(&frame).await;
        writer.expect_type("error").await;
    }
}

async fn over_http(cluster: &Cluster, cage: &mut Cage, token: &str) {
    let gateway = cluster.gateways[0].url();
    let bearer = format!("Bearer {token}");
    let agent = cage.plant("User-Agent over HTTP");
    let headers = [
        ("authorization", bearer.as_str()),
        ("origin", ORIGIN),
        ("user-agent", &agent),
    ];
    let ask = |said: String| json!({"user_input": said});

    let said = cage.plant("user_input over HTTP");
    let url = format!("{gateway}/api/chat?{}=1", cage.plant("a query over HTTP"));
    cluster.ai.script([Behaviour::new(Plot::Echo)]);
    let answer = http::request(Method::POST, &url, &headers, Some(&ask(said.clone()))).await;
    assert_eq!(answer.json()["data"]["content"], said, "{answer:?}");

    let said = cage.plant("user_input over SSE");
    cluster.ai.script([Behaviour::new(Plot::Echo)]);
    let url = format!("{gateway}/api/chat/stream");
    let mut stream = Sse::post(&url, &headers, &ask(said.clone())).await;
    assert_eq!(
        stream.expect_name("message").await.json()["data"]["content"],
        said
    );

    let config = format!(
        "{gateway}/api/client-config?t=acme-hash&visitor={}",
        cage.plant("visitor")
    );
    assert_eq!(get(&config, &[("origin", ORIGIN)]).await.status, 200);

    let history = format!(
        "{gateway}/api/rooms/user:me/history?before={}",
        cage.plant("before")
    );
    assert_eq!(get(&history, &headers).await.status, 400);
    let history = format!("{gateway}/api/rooms/user:me/history?token={token}");
    assert!(get(&history, &[]).await.body.contains(&said));
    let position = cage.plant("Last-Event-ID");
    let headers = [
        ("authorization", bearer.as_str()),
        ("last-event-id", &position),
    ];
    assert_eq!(
        get(&format!("{gateway}/api/events"), &headers).await.status,
        400
    );
}

async fn bad_requests(cluster: &Cluster, cage: &mut Cage) {
    let gateway = cluster.gateways[0].url();
    for path in [
        format!("/{}", cage.plant("an unknown path")),
        format!(
            "/api/rooms/{}/history?t=acme-hash",
            cage.plant("a bad room in a path")
        ),
        format!(
            "/api/messages/{}?t=acme-hash",
            cage.plant("a bad id in a path")
        ),
        format!("/ws?t={}", cage.plant("an unknown tenant")),
        format!("/ws?t=acme-hash&token={}", cage.plant("a bad token")),
        format!(
            "/ws?t=acme-hash&room={}",
            cage.plant("a bad room in a query")
        ),
        format!(
            "/ws?t=acme-hash&room=tenant@{}",
            cage.plant("a bad position")
        ),
    ] {
        let answer = get(&format!("{gateway}{path}"), &[]).await;
        assert!(answer.status >= 400, "{path}: {answer:?}");
    }
    let foreign =
        Token::of("acme", &cage.plant("the sub of a forged token")).sign("another secret");
    cage.keep("a forged token", &foreign);
    let forged = format!("{gateway}/ws?token={foreign}");
    assert_eq!(get(&forged, &[]).await.status, 401);
    let origin = format!("https://{}.example", cage.plant("a foreign origin"));
    let answer = get(&format!("{gateway}/ws?t=acme-hash"), &[("origin", &origin)]).await;
    assert_eq!(answer.status, 403);

    let method = cage.plant("a method").to_uppercase();
    cage.keep("a method", &method);
    for request in [
        format!("{method} /health HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!(
            "GET /health HTTP/1.1\r\nHost: {}\r\n\r\n",
            cage.plant("Host")
        ),
        format!("{}\r\n\r\n", cage.plant("what is no HTTP")),
        format!(
            "GET /health HTTP/1.1\r\nHost: x\r\n{} x\r\n\r\n",
            cage.plant("a bad header")
        ),
    ] {
        let mut socket = RawSocket::connect(gateway).await;
        socket.send(request.as_bytes()).await;
        assert!(socket.read_head().await.starts_with("HTTP/1.1 "));
    }
    let mut socket = RawSocket::open(gateway, "/ws?t=acme-hash", &[("origin", ORIGIN)]).await;
    let binary = cage.plant("a binary frame");
    socket.send_frame(true, 2, binary.as_bytes()).await;
    while let Some(frame) = socket.read_frame().await {
        if frame.text().contains("invalid_message") {
            return;
        }
    }
    panic!("a binary frame was not refused");
}

async fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    http::request(Method::GET, url, headers, None).await
}
