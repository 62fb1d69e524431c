//! What there is to be done something with: all of it issued at one gateway, to be
//! tried at the other.

use causerie_testkit::client::http::Answer;
use causerie_testkit::client::ws::{Client, Connect};
use serde_json::{Value, json};

use super::callers::{Caller, Tenant, free};
use crate::support::node::Node;
use crate::support::pair::Pair;

/// What is said in every room, and seen by who may read there; where follows.
pub(super) const MARKER: &str = "what is said";

/// What follows it, which visitors see too.
pub(super) const ANNOUNCEMENT: &str = "broadcast_message";

/// A kind of room, as it is to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Tenant,
    OwnRoom,
    AnothersRoom,
    OwnProject,
    OtherProject,
}

impl Place {
    pub(super) const ALL: [Self; 5] = [
        Self::Tenant,
        Self::OwnRoom,
        Self::AnothersRoom,
        Self::OwnProject,
        Self::OtherProject,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::OwnRoom => "own room",
            Self::AnothersRoom => "another's room",
            Self::OwnProject => "own project",
            Self::OtherProject => "other project",
        }
    }
}

/// A room in which something was said.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// As everybody may call it.
    pub(super) name: String,
    /// As the caller calls it.
    pub(super) called: String,
    pub(super) epoch: String,
}

/// What a tenant's rooms hold.
pub(super) struct Ground<'a> {
    pub(super) pair: &'a Pair,
    pub(super) tenant: Tenant,
    author: String,
}

impl<'a> Ground<'a> {
    pub(super) fn of(pair: &'a Pair, tenant: Tenant) -> Self {
        let author = free(tenant, "author");
        Self {
            pair,
            tenant,
            author,
        }
    }

    /// Where the callers try.
    pub(super) fn there(&self) -> &Node {
        &self.pair.there
    }

    /// The room that is such a place to `caller`, with something said in it.
    pub(super) async fn room(&self, place: Place, caller: &Caller) -> Room {
        let own = caller.user.as_deref().unwrap_or("nobody");
        let (name, called) = match place {
            Place::Tenant => ("tenant".to_owned(), "tenant"),
            Place::OwnRoom => (format!("user:{own}"), "user:me"),
            Place::AnothersRoom => ("user:another".to_owned(), "user:another"),
            Place::OwnProject => ("project:p1".to_owned(), "project:p1"),
            Place::OtherProject => ("project:p2".to_owned(), "project:p2"),
        };
        Room {
            called: called.to_owned(),
            epoch: self.fill(&name).await,
            name,
        }
    }

    /// Says something in the room, announces something after it, and gives its epoch.
    pub(super) async fn fill(&self, room: &str) -> String {
        let sign = self.tenant.sign;
        let said = self.say(&self.author, room, MARKER).await;
        let body = json!({"rooms": [room], "type": ANNOUNCEMENT, "data": {"content": sign}});
        let announced = self
            .pair
            .here
            .post("/api/publish", &self.author, &body)
            .await;
        assert_eq!(announced.status, 200, "{announced:?}");
        text(&said["epoch"])
    }

    /// The id of a new message of `caller`; of somebody else's, where the caller
    /// could say nothing there.
    pub(super) async fn message_of(&self, caller: &Caller, room: &Room) -> String {
        let is_visitor = caller.kind == "visitor" && caller.tenant.id == self.tenant.id;
        let author = if is_visitor && room.called == "user:me" {
            &caller.token
        } else {
            &caller.free
        };
        text(&self.say(author, &room.name, "to be deleted").await["message_id"])
    }

    /// The id of a new message of somebody else's.
    pub(super) async fn message(&self, room: &Room) -> String {
        text(&self.say(&self.author, &room.name, "to be deleted").await["message_id"])
    }

    /// The id of a new question, which waits for its reply.
    pub(super) async fn question(&self, room: &Room) -> String {
        let why = format!("Why {}?", self.tenant.sign);
        let data = json!({"user_input": why, "room": room.name});
        let body = json!({"action": "sendMessage", "data": data});
        let asked = self
            .pair
            .here
            .post("/api/actions", &self.author, &body)
            .await;
        text(&data_of(&asked)["message_id"])
    }

    /// A new connection of somebody else's, and its id.
    pub(super) async fn connection(&self) -> (Client, String) {
        let connect = Connect::to(&self.pair.here.ws()).param("token", &self.author);
        let mut connection = connect.open().await;
        let ready = connection.expect_type("ready").await;
        let id = text(&ready["data"]["connection_id"]);
        // It is told its id a moment before others find it.
        connection.ping().await;
        (connection, id)
    }

    async fn say(&self, token: &str, room: &str, what: &str) -> Value {
        let what = format!("{what} {}", self.tenant.sign);
        let data = json!({"user_input": what, "room": room, "ai": false});
        let body = json!({"action": "sendMessage", "data": data});
        data_of(&self.pair.here.post("/api/actions", token, &body).await)
    }
}

fn data_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["data"].clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
