//! A person's device: a connection that comes back with its positions, and what
//! it has seen through all of them.

use std::time::Duration;

use causerie_testkit::client::ws::{Client, Closed, Connect};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use serde_json::{Value, json};

use super::view::View;

/// Longer than anything in these scenarios takes, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A device that is connected.
#[derive(Debug)]
pub(crate) struct Device {
    /// The tenant's id.
    pub tenant: String,
    /// The user's id.
    pub user: String,
    /// The token it connects with.
    pub token: String,
    /// Its connection.
    pub client: Client,
    /// What it has seen.
    pub view: View,
}

impl Device {
    /// Connects a user, who is let into the projects `p1` and `p2`, and waits
    /// until the rooms `user:me`, `tenant` and `rooms` are joined.
    pub(crate) async fn connect(gateway: &Node, tenant: &str, user: &str, rooms: &[&str]) -> Self {
        Self::with_token(gateway, tenant, user, Cluster::token(tenant, user), rooms).await
    }

    /// The same with a token of one's own.
    pub(crate) async fn with_token(
        gateway: &Node,
        tenant: &str,
        user: &str,
        token: String,
        rooms: &[&str],
    ) -> Self {
        let client = open(gateway, &token, rooms.iter().copied()).await;
        let mut device = Self {
            tenant: tenant.to_owned(),
            user: user.to_owned(),
            token,
            client,
            view: View::default(),
        };
        let joined = rooms.len() + 2;
        device
            .until("all rooms to be joined", |view| {
                (view.names().count() == joined).then_some(())
            })
            .await;
        device
    }

    /// Follows the stream until `find` finds something in what was seen.
    ///
    /// # Panics
    /// When the connection ends before, or nothing comes for [`PATIENCE`].
    pub(crate) async fn until<T>(&mut self, what: &str, find: impl Fn(&View) -> Option<T>) -> T {
        loop {
            if let Some(found) = find(&self.view) {
                return found;
            }
            if let Err(closed) = self.next().await {
                panic!("waiting for {what}: {closed:?}");
            }
        }
    }

    /// Takes in the next frame, and gives it; or how the connection ended.
    pub(crate) async fn next(&mut self) -> Result<Value, Closed> {
        let frame = self.client.next_within(PATIENCE).await?;
        self.view.on_frame(&frame);
        Ok(frame)
    }

    /// Follows the stream to the end of the connection.
    pub(crate) async fn until_closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.next().await {
                return closed;
            }
        }
    }

    /// Takes in all that the server had sent before now.
    pub(crate) async fn catch_up(&mut self) {
        let pong = self.client.ping().await;
        while self.next().await.expect("a live connection") != pong {}
    }

    /// Follows the stream until this reply has ended; gives its `message`.
    pub(crate) async fn reply(&mut self, id: &str) -> Value {
        self.until(&format!("the end of {id}"), |view| {
            view.reply(id)?.end.clone()
        })
        .await
    }

    /// Follows the stream until this question's reply has ended; gives the
    /// `message` of it.
    pub(crate) async fn answer(&mut self, question: &str) -> Value {
        self.until(&format!("the answer to {question}"), |view| {
            view.reply(view.reply_to(question)?)?.end.clone()
        })
        .await
    }

    /// Follows the stream until a reply of the room runs that has this many
    /// deltas; gives its id.
    pub(crate) async fn running(&mut self, room: &str, deltas: usize) -> String {
        self.until("a running reply", |view| {
            let mut replies = view.room(room).replies.iter();
            let found = replies.find(|(_, r)| r.end.is_none() && r.deltas >= deltas);
            found.map(|(id, _)| id.clone())
        })
        .await
    }

    /// Follows the stream until some reply of the room has this many deltas, or
    /// the question's reply has ended: then it gives none.
    pub(crate) async fn running_or_ended(
        &mut self,
        room: &str,
        deltas: usize,
        question: &str,
    ) -> Option<String> {
        self.until("a reply that runs, or has ended", |view| {
            if view.reply_to(question).is_some() {
                return Some(None);
            }
            let mut replies = view.room(room).replies.iter();
            let found = replies.find(|(_, reply)| reply.deltas >= deltas);
            found.map(|(id, _)| Some(id.clone()))
        })
        .await
    }

    /// Asks the AI, or says something where `data` has `"ai": false`; gives the
    /// `data` of the `ack`.
    ///
    /// # Panics
    /// When it is refused.
    pub(crate) async fn ask(&mut self, data: Value) -> Value {
        let ack = self.send_message(data).await;
        assert_eq!(ack["type"], "ack", "{ack}");
        ack["data"].clone()
    }

    /// The same; gives the whole `ack` or `error`.
    pub(crate) async fn send_message(&mut self, data: Value) -> Value {
        let frame = json!({"action": "sendMessage", "data": data});
        self.client.request(frame).await
    }

    /// Loses its connection, as when the network goes, and comes back at
    /// another gateway with the positions of all its rooms.
    pub(crate) async fn move_to(&mut self, gateway: &Node) {
        let client = self.reopen(gateway).await;
        let lost = std::mem::replace(&mut self.client, client);
        lost.vanish().await;
    }

    /// The same where the former connection has ended already.
    pub(crate) async fn come_back_at(&mut self, gateway: &Node) {
        self.client = self.reopen(gateway).await;
    }

    async fn reopen(&self, gateway: &Node) -> Client {
        let positions = self.view.positions();
        open(gateway, &self.token, positions.iter().map(String::as_str)).await
    }
}

async fn open(gateway: &Node, token: &str, rooms: impl Iterator<Item = &str>) -> Client {
    let connect = Connect::to(&gateway.ws_url()).param("token", token);
    let connect = rooms.fold(connect, |connect, room| connect.param("room", room));
    connect.open().await
}
