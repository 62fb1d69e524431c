//! Trying something on every way there is.

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::sse::{Event, Sse};
use causerie_testkit::client::ws::{Client, Connect};
use reqwest::Method;
use serde_json::{Value, json};

use super::callers::{Caller, OWN};
use super::ground::{ANNOUNCEMENT, Ground, MARKER, Place, Room};

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Yes,
    /// What is read there is announcements alone.
    Announcements,
    No,
}

/// A try: on which way, and what came of it.
pub(super) type Try = (&'static str, Outcome);

/// What can be done in a room.
pub(super) const ACTS: [&str; 11] = [
    "hear",
    "history",
    "reply",
    "say",
    "type",
    "read",
    "cancel",
    "delete own",
    "delete any",
    "publish",
    "presence",
];

/// What can be done in none.
pub(super) const ROOMLESS: [&str; 7] = [
    "status",
    "authenticate",
    "see connection",
    "end connection",
    "disconnect",
    "revoke",
    "audit",
];

/// One caller at the gateway that has issued nothing.
pub(super) struct Trying<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) caller: &'a Caller,
    /// What is added to every query.
    query: String,
    /// Where the caller came in.
    socket: Option<Client>,
}

impl<'a> Trying<'a> {
    /// The caller names the own tenant where it `names_tenant`.
    pub(super) async fn new(
        ground: &'a Ground<'a>,
        caller: &'a Caller,
        names_tenant: bool,
    ) -> Self {
        let query = if names_tenant {
            format!("?t={}", OWN.hash)
        } else {
            String::new()
        };
        let mut trying = Self {
            ground,
            caller,
            query,
            socket: None,
        };
        trying.socket = trying.connect(None).await;
        trying
    }

    /// Tries `act` in the room that is such a place to the caller.
    pub(super) async fn act_in(&mut self, act: &str, place: Place) -> Vec<Try> {
        let room = &self.ground.room(place, self.caller).await;
        match act {
            "hear" => self.hear(room).await,
            "history" => vec![("http", self.history(room).await)],
            "reply" => vec![("http", self.reply(room).await)],
            "say" => self.say(room).await,
            "type" => {
                let data = json!({"room": room.called, "is_typing": true});
                self.act("typing", async || data.clone()).await
            }
            "read" => {
                let data = json!({"room": room.called, "seq": 1});
                self.act("read", async || data.clone()).await
            }
            "cancel" => {
                let ground = self.ground;
                let question = async || json!({"message_id": ground.question(room).await});
                self.act("cancel", question).await
            }
            "delete own" => {
                let (ground, caller) = (self.ground, self.caller);
                let message = async || {
                    let message_id = ground.message_of(caller, room).await;
                    json!({"room": room.called, "message_id": message_id})
                };
                self.act("delete", message).await
            }
            "delete any" => {
                let ground = self.ground;
                let message = async || {
                    let message_id = ground.message(room).await;
                    json!({"room": room.called, "message_id": message_id})
                };
                self.act("delete", message).await
            }
            "publish" => {
                let body = json!({"rooms": [room.called], "type": "order.paid"});
                vec![("http", outcome(&self.post("/api/publish", &body).await))]
            }
            "presence" => {
                let path = format!("/api/rooms/{}/presence", room.called);
                vec![("http", outcome(&self.get(&path).await))]
            }
            other => panic!("nobody can {other}"),
        }
    }

    /// Tries what is done in no room.
    pub(super) async fn act_nowhere(&mut self, act: &str) -> Vec<Try> {
        match act {
            "status" => {
                let data = json!({"status": "away"});
                self.act("status", async || data.clone()).await
            }
            "authenticate" => {
                let data = json!({"token": self.caller.token});
                self.act("authenticate", async || data.clone()).await
            }
            "see connection" => vec![("http", self.on_connection(Method::GET).await)],
            "end connection" => vec![("http", self.on_connection(Method::DELETE).await)],
            "disconnect" | "revoke" => {
                let path = format!("/api/users/victim/{act}");
                vec![("http", outcome(&self.post(&path, &json!({})).await))]
            }
            "audit" => vec![("http", outcome(&self.get("/api/audit").await))],
            other => panic!("nobody can {other}"),
        }
    }

    async fn act(&mut self, action: &str, data: impl AsyncFn() -> Value) -> Vec<Try> {
        let frame = async || json!({"action": action, "data": data().await});
        let over_socket = match &mut self.socket {
            Some(socket) => answered(&socket.request(frame().await).await),
            None => Outcome::No,
        };
        let over_http = outcome(&self.post("/api/actions", &frame().await).await);
        vec![("websocket", over_socket), ("http", over_http)]
    }

    async fn say(&mut self, room: &Room) -> Vec<Try> {
        let data = json!({"room": room.called, "user_input": "hello", "ai": false});
        let mut tries = self.act("sendMessage", async || data.clone()).await;
        let asked = json!({"room": room.called, "user_input": "hello"});
        // Nobody answers: who was let in is told so after a moment.
        let chat = self.post("/api/chat", &asked).await;
        let chat = if chat.status == 504 {
            Outcome::Yes
        } else {
            outcome(&chat)
        };
        tries.push(("chat", chat));
        let url = self.url("/api/chat/stream");
        let headers = self.headers();
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let stream = Sse::try_open(Method::POST, &url, &headers, Some(&asked)).await;
        let stream = match stream {
            Ok(mut stream) => {
                stream.expect_name("ack").await;
                Outcome::Yes
            }
            Err(answer) => outcome(&answer),
        };
        tries.push(("sse", stream));
        tries
    }

    /// Asks for somebody's connection, which ends where that was allowed and asked for.
    async fn on_connection(&self, method: Method) -> Outcome {
        let (mut connection, id) = self.ground.connection().await;
        let path = format!("/api/connections/{id}");
        let ends_it = method == Method::DELETE;
        let outcome = outcome(&self.request(method, &path, None).await);
        if ends_it && outcome == Outcome::Yes {
            assert_eq!(connection.expect_close().await.code, Some(4510));
        } else {
            connection.ping().await;
        }
        outcome
    }

    async fn history(&self, room: &Room) -> Outcome {
        let path = format!("/api/rooms/{}/history", room.called);
        let answer = self.get(&path).await;
        if answer.status == 200 {
            seen(&answer.body)
        } else {
            outcome(&answer)
        }
    }

    async fn reply(&self, room: &Room) -> Outcome {
        let question = self.ground.question(room).await;
        outcome(&self.get(&format!("/api/messages/{question}")).await)
    }

    async fn hear(&mut self, room: &Room) -> Vec<Try> {
        let place = format!("{}@{}:0", room.called, room.epoch);
        let asked_for = match self.connect(Some(&place)).await {
            Some(mut socket) => heard(&mut socket, room).await,
            None => Outcome::No,
        };
        let subscribed = match self.connect(None).await {
            Some(mut socket) => {
                let data = json!({"room": room.called, "epoch": room.epoch, "seq": 0});
                let frame = json!({"action": "subscribe", "data": data});
                match answered(&socket.request(frame).await) {
                    Outcome::No => Outcome::No,
                    Outcome::Yes | Outcome::Announcements => heard(&mut socket, room).await,
                }
            }
            None => Outcome::No,
        };
        let mut tries = vec![("websocket", asked_for), ("subscribe", subscribed)];
        let one = format!("/api/rooms/{}/events", room.called);
        for path in ["/api/events", &one] {
            tries.push(("sse", self.hear_stream(path, &place, room).await));
        }
        tries
    }

    async fn hear_stream(&self, path: &str, place: &str, room: &Room) -> Outcome {
        let url = self.url(path);
        let with = if url.contains('?') { '&' } else { '?' };
        let headers = self.headers();
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let url = format!("{url}{with}room={place}");
        match Sse::try_open(Method::GET, &url, &headers, None).await {
            Ok(mut stream) => {
                let is_announced = |event: &Event| {
                    event.name == ANNOUNCEMENT && event.json()["room"] == *room.name
                };
                stream.expect("the announcement", is_announced).await;
                let events = stream.events();
                let of_room = events.iter().map(|event| &*event.data);
                seen_in(of_room, room)
            }
            Err(answer) => outcome(&answer),
        }
    }

    /// Comes in, if that is allowed.
    async fn connect(&self, room: Option<&str>) -> Option<Client> {
        let url = self.url("/ws").replacen("http", "ws", 1);
        let mut connect = Connect::to(&url).header("origin", self.caller.tenant.origin);
        connect = connect.header("authorization", &format!("Bearer {}", self.caller.token));
        if let Some(room) = room {
            connect = connect.param("room", room);
        }
        match connect.try_open().await {
            Ok(client) => Some(client),
            Err(answer) => {
                assert_eq!(outcome(&answer), Outcome::No, "{answer:?}");
                None
            }
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path, Some(body)).await
    }

    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let headers = self.headers();
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        request(method, &self.url(path), &headers, body).await
    }

    fn headers(&self) -> [(&'static str, String); 2] {
        [
            ("authorization", format!("Bearer {}", self.caller.token)),
            ("origin", self.caller.tenant.origin.to_owned()),
        ]
    }

    fn url(&self, path: &str) -> String {
        self.ground.there().at(&format!("{path}{}", self.query))
    }
}

/// What one hears who was let in: the announcement comes last.
async fn heard(socket: &mut Client, room: &Room) -> Outcome {
    let is_announced = |frame: &Value| frame["type"] == ANNOUNCEMENT && frame["room"] == *room.name;
    socket.expect("the announcement", is_announced).await;
    let texts = socket.texts();
    seen_in(texts.iter().map(|text| &**text), room)
}

fn seen_in<'a>(frames: impl Iterator<Item = &'a str>, room: &Room) -> Outcome {
    let of_room = format!("\"room\":\"{}\"", room.name);
    let texts: Vec<_> = frames.filter(|frame| frame.contains(&of_room)).collect();
    seen(&texts.concat())
}

fn seen(text: &str) -> Outcome {
    if text.contains(MARKER) {
        Outcome::Yes
    } else {
        Outcome::Announcements
    }
}

/// What an answer over HTTP says. Who is nobody has no room of their own, which is
/// told as 400.
fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        200 => Outcome::Yes,
        400 if answer.body.contains("an API key is nobody's") => Outcome::No,
        401 | 403 | 404 => Outcome::No,
        _ => panic!("neither let in nor kept out: {answer:?}"),
    }
}

/// The same of an answer over a socket.
fn answered(frame: &Value) -> Outcome {
    let code = frame["code"].as_str();
    match (frame["type"].as_str(), code) {
        (Some("ack"), _) => Outcome::Yes,
        (_, Some("unauthorized" | "forbidden" | "not_found")) => Outcome::No,
        _ => panic!("neither let in nor kept out: {frame}"),
    }
}
