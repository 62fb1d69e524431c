//! Those who are on the other gateway already, and must not notice.

use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_loadtest::ledger::{ClientEvent, IfBusy};
use causerie_loadtest::load::storm::SESSION;
use causerie_loadtest::person::event_of;
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::token::Token;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The room of the crowd, as [`Storm`](causerie_loadtest::load::storm::Storm) names
/// the first one.
const SHARED: &str = "project:crowd-0";

/// Who says something there.
const SPEAKER: &str = "speaker";

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
        let speaker = tokio::sync::Mutex::new(connect(url, SPEAKER).await);
        Ok(Self {
            speaker,
            leave,
            reading,
        })
    }

    /// One of them says something in the room in which the crowd is too; what happened
    /// to it.
    pub(crate) async fn say_something(&self) -> anyhow::Result<Vec<ClientEvent>> {
        let (id, room, text) = ("call", SHARED, "Where are you all?");
        let say = json!({"user_input": text, "room": room, "ai": false, "session_id": SESSION});
        let say = json!({"action": "sendMessage", "id": id, "data": say});
        let ack = &self.speaker.lock().await.request(say).await;
        let named = ClientEvent::Named {
            tenant: "acme".to_owned(),
            user: SPEAKER.to_owned(),
            // What it hears is not looked at.
            rooms: Vec::new(),
        };
        let sent = ClientEvent::Sent {
            id: id.to_owned(),
            room: room.to_owned(),
            session: Some(SESSION.to_owned()),
            text: text.to_owned(),
            ai: false,
            if_busy: IfBusy::Queue,
        };
        let acked = event_of(ack).with_context(|| format!("{ack}"))?;
        Ok(vec![named, ClientEvent::Opened, sent, acked])
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
    let token = Token::of("acme", user).project("crowd-0");
    let token = token.sign(&Cluster::secret("acme"));
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
