//! What a tenant's own people see of its rooms while strangers try.

use causerie_testkit::DEADLINE;
use causerie_testkit::client::ws::{Client, Connect};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::callers::{FOREIGN, OWN, free, person};
use super::ground::{ANNOUNCEMENT, Ground};
use crate::support::node::Node;

/// Who is at `OWN` under a name that a stranger has as well, or that one rules over.
const NAMESAKES: [&str; 7] = [
    "another",
    "victim",
    "user",
    "publisher",
    "admin",
    "operator",
    "owner",
];

/// Rooms of `OWN`, watched at both gateways.
pub(super) struct Watch<'a> {
    ground: &'a Ground<'a>,
    token: String,
    rooms: Vec<String>,
    watchers: Vec<Client>,
    namesakes: Vec<Client>,
    /// History and presence of all rooms, as both gateways tell them.
    before: Vec<String>,
    /// How many frames each of the watchers had by then.
    heard: Vec<usize>,
}

impl<'a> Watch<'a> {
    pub(super) async fn over(ground: &'a Ground<'a>) -> Self {
        let shared = ["tenant", "project:p1", "project:p2"].map(str::to_owned);
        let of_users = NAMESAKES.map(|name| format!("user:{name}"));
        let mut watch = Self {
            ground,
            token: free(OWN, &format!("watcher-{}", OWN.sign)),
            rooms: shared.into_iter().chain(of_users).collect(),
            watchers: Vec::new(),
            namesakes: Vec::new(),
            before: Vec::new(),
            heard: Vec::new(),
        };
        for name in NAMESAKES {
            let token = person(OWN, name, &[]);
            let connect = Connect::to(&ground.pair.there.ws()).param("token", &token);
            let namesake = connect.param("room", "project:p1").open().await;
            watch.namesakes.push(namesake);
        }
        for node in watch.nodes() {
            let connect = Connect::to(&node.ws()).param("token", &watch.token);
            let in_rooms = |connect: Connect, room: &String| connect.param("room", room);
            let connect = watch.rooms.iter().fold(connect, in_rooms);
            watch.watchers.push(connect.open().await);
        }
        watch.until_all_are_there().await;
        watch.fill().await;
        watch.before = watch.state().await;
        watch.heard = watch
            .watchers
            .iter()
            .map(|one| one.frames().len())
            .collect();
        watch
    }

    fn nodes(&self) -> [&'a Node; 2] {
        [&self.ground.pair.here, &self.ground.pair.there]
    }

    async fn until_all_are_there(&self) {
        let deadline = Instant::now() + DEADLINE;
        for room in &self.rooms {
            let expected = match &**room {
                "tenant" | "project:p1" => 2 + NAMESAKES.len() as u64,
                "project:p2" => 2,
                _ => 3,
            };
            let path = format!("/api/rooms/{room}/presence");
            for node in self.nodes() {
                while connections(&node.get(&path, &self.token).await.json()) != expected {
                    assert!(Instant::now() < deadline, "not everybody is in {room}");
                }
            }
        }
    }

    /// Has something said in all rooms, and waits until it is heard: so has been what went
    /// before it.
    async fn fill(&mut self) {
        for room in &self.rooms {
            self.ground.fill(room).await;
            for watcher in &mut self.watchers {
                let is_last =
                    |frame: &Value| frame["type"] == ANNOUNCEMENT && frame["room"] == **room;
                watcher.expect("the announcement", is_last).await;
            }
        }
    }

    async fn state(&self) -> Vec<String> {
        let mut state = Vec::new();
        for node in self.nodes() {
            for room in &self.rooms {
                for what in ["history?limit=500", "presence"] {
                    let path = format!("/api/rooms/{room}/{what}");
                    let answer = node.get(&path, &self.token).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                    state.push(answer.body);
                }
            }
        }
        state
    }

    /// Checks that nothing has come about here but what our own say now.
    pub(super) async fn expect_nothing(&mut self) {
        self.expect_victim_of_rival_alone().await;
        assert_eq!(self.state().await, self.before);
        for namesake in &mut self.namesakes {
            namesake.ping().await;
        }
        self.fill().await;
        for (watcher, heard) in self.watchers.iter().zip(&self.heard) {
            let frames = watcher.frames().split_off(*heard);
            let others = frames.iter().filter(|frame| {
                let is_announced = frame["type"] == ANNOUNCEMENT;
                !(is_announced || frame["type"] == "new_message") || !is_ours(frame)
            });
            assert_eq!(others.count(), 0, "{frames:?}");
            assert_eq!(frames.len(), 2 * self.rooms.len());
        }
    }

    /// Checks that nothing that stands here by its id was deleted, cancelled or ended.
    pub(super) async fn expect_all_stands(&mut self) {
        for watcher in &mut self.watchers {
            watcher.ping().await;
            let texts = watcher.texts();
            for change in ["message_deleted", "\"cancelled\""] {
                let changed = texts.iter().find(|text| text.contains(change));
                assert_eq!(changed, None);
            }
        }
    }

    /// Once the victim's namesake is nobody any more, ours is somebody still.
    async fn expect_victim_of_rival_alone(&self) {
        let [ours, theirs] = [OWN, FOREIGN].map(|tenant| person(tenant, "victim", &[]));
        let path = "/api/rooms/user:me/history";
        let deadline = Instant::now() + DEADLINE;
        for node in self.nodes() {
            while node.get(path, &theirs).await.status != 401 {
                assert!(Instant::now() < deadline, "the other is not revoked");
            }
            assert_eq!(node.get(path, &ours).await.status, 200);
        }
    }
}

fn connections(presence: &Value) -> u64 {
    let users = presence["users"].as_array().unwrap().iter();
    users
        .map(|user| user["connections"].as_u64().unwrap())
        .sum()
}

fn is_ours(frame: &Value) -> bool {
    json!(frame).to_string().contains(OWN.sign)
}
