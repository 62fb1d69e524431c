//! People who ask, each over a connection of their own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::cluster::Cluster;
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

/// How many questions a session has. Each call of the model has those before it as its
/// context: were there but one session, a question would cost the more the later it came.
pub(crate) const TURNS: usize = 10;

/// Longer than anything should take.
const PATIENCE: Duration = Duration::from_secs(60);

/// When people ask.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    /// Each asks so many questions, each when the one before is answered.
    Closed { each: usize },
    /// So many questions come at a rate a second, whatever is answered.
    Open { rate: f64, questions: usize },
}

/// What they saw.
#[derive(Debug)]
pub(crate) struct Seen {
    /// How many replies ended well.
    pub answers: usize,
    /// From a first delta's stamp to its arrival, in microseconds.
    pub firsts: Histogram<u64>,
    /// From the begin until the last question was sent.
    pub asked_within: Duration,
    /// From the begin to the last answer.
    pub took: Duration,
}

/// Lets so many people, on both gateways, ask. Their sessions begin with the run's name.
pub(crate) async fn ask(
    cluster: &Cluster,
    run: &str,
    people: usize,
    load: Load,
) -> anyhow::Result<Seen> {
    let connecting = (0..people).map(|number| connect(cluster, number));
    let clients = futures::future::join_all(connecting).await;
    let began = Instant::now();
    let asking = clients.into_iter().enumerate().map(|(number, client)| {
        let due = due(load, people, number, began);
        let person = Person::new(client, run.to_owned());
        let task = tokio::spawn(async move { person?.ask(due).await });
        async move { task.await.context("a client's task")? }
    });
    let mut seen = Seen {
        answers: 0,
        firsts: Histogram::new(3)?,
        asked_within: Duration::ZERO,
        took: Duration::ZERO,
    };
    for person in try_join_all(asking).await? {
        seen.answers += person.answers;
        seen.firsts.add(person.firsts)?;
        let last = person.last_asked.map(|at| at.duration_since(began));
        seen.asked_within = seen.asked_within.max(last.unwrap_or_default());
    }
    seen.took = began.elapsed();
    Ok(seen)
}

async fn connect(cluster: &Cluster, number: usize) -> Client {
    let gateways = &cluster.gateways;
    let url = gateways
        .get(number % gateways.len())
        .map(|node| node.ws_url());
    let token = Cluster::token("acme", &format!("u{number}"));
    let connect = Connect::to(&url.unwrap_or_default()).param("token", &token);
    let mut client = connect.open().await;
    client.expect_type("ready").await;
    client
}

/// When one of them asks: a time for each question, or none where it waits for
/// the answer before.
fn due(load: Load, people: usize, number: usize, began: Instant) -> Vec<Option<Instant>> {
    match load {
        Load::Closed { each } => vec![None; each],
        Load::Open { rate, questions } => (number..questions)
            .step_by(people)
            .map(|turn| Some(began + Duration::from_secs_f64(turn as f64 / rate)))
            .collect(),
    }
}

struct Person {
    client: Client,
    run: String,
    asked: usize,
    last_asked: Option<Instant>,
    answers: usize,
    firsts: Histogram<u64>,
}

struct Answered {
    last_asked: Option<Instant>,
    answers: usize,
    firsts: Histogram<u64>,
}

impl Person {
    fn new(client: Client, run: String) -> anyhow::Result<Self> {
        Ok(Self {
            client,
            run,
            asked: 0,
            last_asked: None,
            answers: 0,
            firsts: Histogram::new(3)?,
        })
    }

    async fn ask(mut self, due: Vec<Option<Instant>>) -> anyhow::Result<Answered> {
        for due in due {
            match due {
                None => self.until_answered().await?,
                Some(due) => self.until(due).await?,
            }
            let session = format!("{}-{}", self.run, self.asked / TURNS);
            let question = json!({"user_input": "What time is it?", "session_id": session});
            self.client
                .send(json!({"action": "sendMessage", "data": question}))
                .await;
            self.asked += 1;
            self.last_asked = Some(Instant::now());
        }
        self.until_answered().await?;
        Ok(Answered {
            last_asked: self.last_asked,
            answers: self.answers,
            firsts: self.firsts,
        })
    }

    async fn until_answered(&mut self) -> anyhow::Result<()> {
        while self.answers < self.asked {
            let frame = self.client.next_within(PATIENCE).await;
            self.on_frame(frame.map_err(|closed| anyhow::anyhow!("{closed:?}"))?)?;
        }
        Ok(())
    }

    async fn until(&mut self, due: Instant) -> anyhow::Result<()> {
        loop {
            let frame = tokio::select! {
                () = sleep_until(due) => return Ok(()),
                frame = self.client.next_within(PATIENCE) => frame,
            };
            self.on_frame(frame.map_err(|closed| anyhow::anyhow!("{closed:?}"))?)?;
        }
    }

    fn on_frame(&mut self, frame: Value) -> anyhow::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let text = |pointer| frame.pointer(pointer).and_then(Value::as_str);
        let index = frame.pointer("/data/index").and_then(Value::as_u64);
        match text("/type") {
            Some("message_delta") if index == Some(0) => {
                let words = text("/data/text").unwrap_or_default();
                let stamp: u64 = words
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .parse()?;
                let added = now.saturating_sub(Duration::from_nanos(stamp));
                self.firsts.record(u64::try_from(added.as_micros())?)?;
            }
            Some("message") => {
                ensure!(text("/data/finish_reason") == Some("stop"), "{frame}");
                self.answers += 1;
            }
            Some("error" | "message_restart") => bail!("{frame}"),
            Some(_) | None => {}
        }
        Ok(())
    }
}
