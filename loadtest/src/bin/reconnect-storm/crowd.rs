//! One of those whose gateway dies.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use causerie_testkit::cluster::Cluster;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The room that onlookers are in as well.
pub(crate) const SHARED: &str = "project:p1";

/// The first try to come back follows within this, a later one within twice.
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// How long a handshake may take before it is tried again.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The rooms that each is in: its own, the tenant's, the shared one.
const ROOMS: usize = 3;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A client, connected.
#[derive(Debug)]
pub(crate) struct Member {
    user: String,
    socket: Socket,
    /// `epoch:seq` of each room, from where it will come back.
    positions: BTreeMap<String, String>,
}

/// How somebody came back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Return {
    /// From the end of one connection to the beginning of the next.
    pub opened: Duration,
    /// From the end of one connection until all was there that was missed.
    pub caught_up: Duration,
    /// Tries that failed.
    pub failures: u32,
}

impl Member {
    /// Comes in, and says something to itself. It keeps the position that it had
    /// before, as if that had been lost on the way.
    pub(crate) async fn come(number: usize, url: &str) -> anyhow::Result<Self> {
        let user = format!("u{number}");
        let socket = connect(url, &user, &[SHARED.to_owned()]).await?;
        let mut member = Self {
            user,
            socket,
            positions: BTreeMap::new(),
        };
        while member.positions.len() < ROOMS {
            let frame = member.next().await?.context("the connection ended")?;
            member.on_subscribed(&frame);
        }
        let text = json!({"user_input": "Is anybody here?", "ai": false});
        let say = json!({"action": "sendMessage", "id": "first", "data": text});
        member.socket.send(Message::text(say.to_string())).await?;
        loop {
            let frame = &member.next().await?.context("the connection ended")?;
            ensure!(frame["type"] != "error", "{frame}");
            if frame["type"] == "ack" {
                return Ok(member);
            }
        }
    }

    /// Waits for the end of its connection, and comes back elsewhere; returns
    /// when all is there that was missed. `dice` says how soon it tries.
    pub(crate) async fn lose_and_return(
        mut self,
        url: String,
        dice: f64,
    ) -> anyhow::Result<(Self, Return)> {
        while self.next().await?.is_some() {}
        let (lost, mut failures) = (Instant::now(), 0);
        let positions = self.positions.iter();
        let rooms: Vec<_> = positions
            .map(|(room, position)| format!("{room}@{position}"))
            .collect();
        self.socket = loop {
            sleep(FIRST_RETRY.mul_f64(dice) * (failures + 1).min(2)).await;
            match connect(&url, &self.user, &rooms).await {
                Ok(socket) => break socket,
                Err(_) => failures += 1,
            }
        };
        let opened = lost.elapsed();
        self.catch_up().await?;
        let back = Return {
            opened,
            caught_up: lost.elapsed(),
            failures,
        };
        Ok((self, back))
    }

    async fn catch_up(&mut self) -> anyhow::Result<()> {
        let own = format!("user:{}", self.user);
        let (mut joined, mut own_is_here, mut shared_is_here) = (0, false, false);
        while joined < ROOMS || !own_is_here || !shared_is_here {
            let frame = &self.next().await?.context("the new connection ended")?;
            match frame["type"].as_str() {
                Some("subscribed") => {
                    ensure!(frame["recovered"] == true, "lost: {frame}");
                    joined += 1;
                }
                Some("new_message") if frame["room"] == own.as_str() => own_is_here = true,
                Some("new_message") if frame["room"] == SHARED => shared_is_here = true,
                Some("error") => bail!("{frame}"),
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn on_subscribed(&mut self, frame: &Value) {
        if let ("subscribed", Some(room), Some(epoch), Some(seq)) = (
            frame["type"].as_str().unwrap_or_default(),
            frame["room"].as_str(),
            frame["epoch"].as_str(),
            frame["seq"].as_u64(),
        ) {
            let position = format!("{epoch}:{seq}");
            self.positions.insert(room.to_owned(), position);
        }
    }

    /// The next frame; none at the end of the connection.
    async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(serde_json::from_str(&text)?)),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                )) => {}
            }
        }
    }
}

async fn connect(url: &str, user: &str, rooms: &[String]) -> anyhow::Result<Socket> {
    let token = Cluster::token("acme", user);
    let mut url = format!("{url}?token={token}");
    for room in rooms {
        url.push_str("&room=");
        url.push_str(room);
    }
    let (socket, _) = timeout(HANDSHAKE, connect_async(url)).await??;
    Ok(socket)
}
