//! Those who are on the other gateway already, and must not notice.

use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::cluster::Cluster;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::crowd::SHARED;

/// The longest silences between two pieces of one reply.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gaps {
    /// Before the gateway was killed.
    pub before: Duration,
    /// Since then.
    pub since: Duration,
}

/// Clients who each read a reply all the time.
pub(crate) struct Onlookers {
    speaker: tokio::sync::Mutex<Client>,
    leave: watch::Sender<bool>,
    reading: JoinSet<anyhow::Result<Vec<Instant>>>,
}

impl Onlookers {
    /// Lets so many in, and waits until the replies of all have begun.
    pub(crate) async fn come(url: &str, count: usize) -> anyhow::Result<Self> {
        let (leave, leaving) = watch::channel(false);
        let mut reading = JoinSet::new();
        for number in 0..count {
            let mut client = connect(url, &format!("onlooker-{number}")).await;
            let ask = json!({"action": "sendMessage", "data": {"user_input": "Tell me all."}});
            let ack = &client.request(ask).await;
            ensure!(ack["type"] == "ack", "{ack}");
            client.expect_type("message_delta").await;
            reading.spawn(read(client, leaving.clone()));
        }
        let speaker = tokio::sync::Mutex::new(connect(url, "speaker").await);
        Ok(Self {
            speaker,
            leave,
            reading,
        })
    }

    /// One of them says something in the room in which the crowd is too.
    pub(crate) async fn say_something(&self) -> anyhow::Result<()> {
        let say = json!({"user_input": "Where are you all?", "room": SHARED, "ai": false});
        let say = json!({"action": "sendMessage", "data": say});
        let ack = &self.speaker.lock().await.request(say).await;
        ensure!(ack["type"] == "ack", "{ack}");
        Ok(())
    }

    /// Lets all go; how long they heard nothing, before `killed` and since.
    pub(crate) async fn leave(mut self, killed: Instant) -> anyhow::Result<Gaps> {
        self.leave.send_replace(true);
        let mut gaps = Gaps::default();
        while let Some(heard) = self.reading.join_next().await {
            let heard = heard.context("an onlooker's task")??;
            for pair in heard.windows(2) {
                let [one, next] = pair else { continue };
                let gap = *next - *one;
                let longest = if *next < killed {
                    &mut gaps.before
                } else {
                    &mut gaps.since
                };
                *longest = gap.max(*longest);
            }
        }
        Ok(gaps)
    }
}

async fn connect(url: &str, user: &str) -> Client {
    let token = Cluster::token("acme", user);
    let connect = Connect::to(url)
        .param("token", &token)
        .param("room", SHARED);
    let mut client = connect.open().await;
    let is_joined =
        |frame: &serde_json::Value| frame["type"] == "subscribed" && frame["room"] == SHARED;
    client.expect("the shared room", is_joined).await;
    client
}

/// When each piece of its reply came.
async fn read(
    mut client: Client,
    mut leaving: watch::Receiver<bool>,
) -> anyhow::Result<Vec<Instant>> {
    let mut heard = Vec::new();
    loop {
        let frame = tokio::select! {
            _ = leaving.wait_for(|leave| *leave) => {
                // A silence that lasts until now counts too.
                heard.push(Instant::now());
                return Ok(heard);
            }
            frame = client.next_within(Duration::from_secs(60)) => frame,
        };
        let frame = &frame.map_err(|closed| anyhow::anyhow!("an onlooker lost: {closed:?}"))?;
        ensure!(frame["type"] != "message_restart", "{frame}");
        if frame["type"] == "message_delta" {
            heard.push(Instant::now());
        }
    }
}
