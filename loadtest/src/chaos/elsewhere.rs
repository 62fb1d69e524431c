//! People who talk at an installation that somebody else runs, and strikes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_testkit::ai::AiServer;
use tokio::time::{Instant, sleep};

use super::crowd::{Crowd, LOOK_EVERY};
use super::fault::Kind;
use crate::ledger::{self, Fault, What};

/// How long a fault waits for replies to be streaming.
const STRIKES_WITHIN: Duration = Duration::from_secs(30);

/// People at an installation that is only known by its door.
pub struct Elsewhere {
    crowd: Crowd,
    door: String,
    ai: AiServer,
}

impl Elsewhere {
    /// Lets people in by `door`, such as `http://127.0.0.1:8080`, where `ai` answers.
    ///
    /// # Errors
    /// They do not come in, or the ledger cannot be written.
    pub async fn enter(
        door: &str,
        round: &ledger::Round,
        ai: AiServer,
        ledger: &Path,
    ) -> anyhow::Result<Self> {
        let scheme = door
            .strip_prefix("http")
            .context("a door is http:// or https://")?;
        let doors = Arc::from([format!("ws{scheme}/ws")]);
        let mut crowd = Crowd::new(ledger, round.seed)?;
        crowd.note(What::Round(round.clone()))?;
        crowd.let_in(round.people, &doors)?;
        crowd.wait_until_all_are_in().await?;
        Ok(Self {
            crowd,
            door: door.to_owned(),
            ai,
        })
    }

    /// Waits until people see replies being made, and writes down that a fault strikes now.
    ///
    /// # Errors
    /// Nobody sees any, or the ledger cannot be written.
    pub async fn strike(&mut self, kind: Kind, target: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + STRIKES_WITHIN;
        while self.crowd.readers() < self.crowd.people.len() / 2 && Instant::now() < deadline {
            self.crowd.look_at_those_who_left()?;
            sleep(LOOK_EVERY).await;
        }
        let streaming = self.crowd.readers();
        ensure!(
            streaming > 0,
            "nobody sees a reply being made: nothing can be proven"
        );
        let lasts = u64::try_from(kind.lasts().as_micros())?;
        self.crowd.note(What::Fault(Fault {
            kind: kind.name().to_owned(),
            target: target.to_owned(),
            until: self.crowd.pen.now() + lasts,
            streaming,
            loses_since: None,
        }))
    }

    /// Writes down that it is over.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn over(&self) -> anyhow::Result<()> {
        self.crowd.note(What::FaultOver)
    }

    /// Lets everything come to rest, and ends the ledger.
    ///
    /// # Errors
    /// Something is left that does not come to rest, or the ledger cannot be written.
    pub async fn leave(mut self) -> anyhow::Result<()> {
        self.crowd.come_to_rest().await?;
        self.crowd.write_logs(&self.door).await?;
        self.crowd.write_calls([&self.ai])?;
        self.crowd.leave().await?;
        self.crowd.note(What::Counted {
            counts: Default::default(),
        })?;
        self.crowd.flush()
    }
}
