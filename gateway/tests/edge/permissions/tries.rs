//! Trying something on every way there is.

use causerie_testkit::client::sse::{Event, Sse};
use causerie_testkit::client::ws::Client;
use reqwest::Method;
use serde_json::{Value, json};

use super::asking::{answered, outcome};
use super::callers::Caller;
use super::ground::{ANNOUNCEMENT, Ground, MARKER, Place, Room};

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
pub(super) const ROOMLESS: [&str; 10] = [
    "status",
    "authenticate",
    "see connection",
    "end connection",
    "list connections",
    "disconnect",
    "revoke",
    "audit",
    ANY_AUDIT,
    SEE_STATUS,
];

/// To read the audit log of another tenant, which is the one thing that crosses tenants.
pub(super) const ANY_AUDIT: &str = "any audit";

/// To see how the installation fares, which is no tenant's.
pub(super) const SEE_STATUS: &str = "see status";

/// Every way to it.
const STATUS_PATHS: [&str; 11] = [
    "/api/status/live",
    "/api/status/metrics",
    "/api/status/connections",
    "/api/websocket/status",
    "/api/websocket/metrics",
    "/api/websocket/connections",
    "/api/websocket/status/system",
    "/api/websocket/status/health",
    "/api/websocket/status/alerts",
    "/api/websocket/status/history",
    "/ws/status",
];

/// One caller at the gateway that has issued nothing.
pub(super) struct Trying<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) caller: &'a Caller,
    /// Whether the caller names the ground's tenant with whatever they ask.
    pub(super) names_tenant: bool,
    /// Where the caller came in.
    pub(super) socket: Option<Client>,
}

impl<'a> Trying<'a> {
    /// Comes in, if that is allowed.
    pub(super) async fn new(
        ground: &'a Ground<'a>,
        caller: &'a Caller,
        names_tenant: bool,
    ) -> Self {
        let mut trying = Self {
            ground,
            caller,
            names_tenant,
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
            "list connections" => vec![("http", self.list_connections().await)],
            "disconnect" | "revoke" => {
                let path = format!("/api/users/victim/{act}");
                vec![("http", outcome(&self.post(&path, &json!({})).await))]
            }
            "audit" => vec![("http", outcome(&self.get("/api/audit").await))],
            ANY_AUDIT => {
                let path = format!("/api/audit?tenant={}", self.caller.tenant.other().id);
                let answer = self.unread(Method::GET, &path, None).await;
                vec![("http", outcome(&answer))]
            }
            SEE_STATUS => {
                let mut tries = Vec::new();
                for path in STATUS_PATHS {
                    let answer = self.unread(Method::GET, path, None).await;
                    // Whoever asks for no WebSocket where there is one was let in.
                    let is_let_in = answer.status == 426;
                    let met = if is_let_in {
                        Outcome::Yes
                    } else {
                        outcome(&answer)
                    };
                    tries.push((path, met));
                }
                let path = "/api/websocket/status/health-check";
                let answer = self.unread(Method::POST, path, Some(&json!({}))).await;
                tries.push((path, outcome(&answer)));
                tries
            }
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
        let headers = headers.each_ref().map(|(name, value)| (*name, &**value));
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

    /// Asks for all that somebody has.
    async fn list_connections(&self) -> Outcome {
        let (mut connection, id) = self.ground.connection().await;
        let answer = self.get("/api/users/author/connections").await;
        if answer.status == 200 {
            assert!(answer.body.contains(&id), "{answer:?}");
            assert_eq!(answer.json()["unanswered"], json!([]));
        }
        connection.ping().await;
        outcome(&answer)
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
            Some(mut socket) => self.heard(&mut socket, room).await,
            None => Outcome::No,
        };
        let subscribed = match self.connect(None).await {
            Some(mut socket) => {
                let data = json!({"room": room.called, "epoch": room.epoch, "seq": 0});
                let frame = json!({"action": "subscribe", "data": data});
                match answered(&socket.request(frame).await) {
                    Outcome::No => Outcome::No,
                    Outcome::Yes | Outcome::Announcements => self.heard(&mut socket, room).await,
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

    /// Hears the room from a position that is another tenant's: yes where anything follows
    /// on it.
    pub(super) async fn hear_from(&self, room: &str, epoch: &str) -> Vec<Try> {
        let place = format!("{room}@{epoch}:0");
        let (asked_for, subscribed) = tokio::join!(self.connect(Some(&place)), self.connect(None));
        let mut tries = Vec::new();
        if let Some(mut socket) = asked_for {
            tries.push(("websocket", self.recovered(&mut socket, room).await));
        }
        if let Some(mut socket) = subscribed {
            let data = json!({"room": room, "epoch": epoch, "seq": 0});
            socket.expect_type("ready").await;
            let frame = json!({"action": "subscribe", "data": data});
            if answered(&socket.request(frame).await) == Outcome::Yes {
                tries.push(("subscribe", self.recovered(&mut socket, room).await));
            }
        }
        let (url, headers) = (
            self.url(&format!("/api/events?room={place}")),
            self.headers(),
        );
        let headers = headers.each_ref().map(|(name, value)| (*name, &**value));
        if let Ok(mut stream) = Sse::try_open(Method::GET, &url, &headers, None).await {
            let is_joined =
                |event: &Event| event.name == "subscribed" && event.json()["room"] == *room;
            let joined = stream.expect("the room", is_joined).await.json();
            let events = stream.events();
            events.iter().for_each(|event| self.check_own(&event.data));
            tries.push(("sse", recovered(&joined)));
        }
        tries
    }

    async fn recovered(&self, socket: &mut Client, room: &str) -> Outcome {
        let is_joined = |frame: &Value| frame["type"] == "subscribed" && frame["room"] == *room;
        socket.expect("the room", is_joined).await;
        socket.ping().await;
        let texts = socket.texts();
        texts.iter().for_each(|text| self.check_own(text));
        // `tenant` is joined at the start as well.
        let joined = socket.frames().into_iter().rfind(is_joined);
        recovered(&joined.unwrap())
    }

    async fn hear_stream(&self, path: &str, place: &str, room: &Room) -> Outcome {
        let url = self.url(&format!("{path}?room={place}"));
        let headers = self.headers();
        let headers = headers.each_ref().map(|(name, value)| (*name, &**value));
        match Sse::try_open(Method::GET, &url, &headers, None).await {
            Ok(mut stream) => {
                let is_announced = |event: &Event| {
                    event.name == ANNOUNCEMENT && event.json()["room"] == *room.name
                };
                stream.expect("the announcement", is_announced).await;
                let events = stream.events();
                let data = events.iter().map(|event| &*event.data);
                self.seen_in(data, room)
            }
            Err(answer) => outcome(&answer),
        }
    }
    /// What one hears who was let in: the announcement comes last.
    async fn heard(&self, socket: &mut Client, room: &Room) -> Outcome {
        let is_announced =
            |frame: &Value| frame["type"] == ANNOUNCEMENT && frame["room"] == *room.name;
        socket.expect("the announcement", is_announced).await;
        let texts = socket.texts();
        self.seen_in(texts.iter().map(|text| &**text), room)
    }

    fn seen_in<'t>(&self, frames: impl Iterator<Item = &'t str>, room: &Room) -> Outcome {
        let of_room = format!("\"room\":\"{}\"", room.name);
        let frames = frames.inspect(|frame| self.check_own(frame));
        let texts: Vec<_> = frames.filter(|frame| frame.contains(&of_room)).collect();
        seen(&texts.concat())
    }
}

fn seen(text: &str) -> Outcome {
    if text.contains(MARKER) {
        Outcome::Yes
    } else {
        Outcome::Announcements
    }
}

/// Whether what follows is what followed a position.
fn recovered(subscribed: &Value) -> Outcome {
    if subscribed["recovered"] == true {
        Outcome::Yes
    } else {
        Outcome::No
    }
}
