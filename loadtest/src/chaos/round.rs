//! People who talk while faults strike, and the ledger of both.

mod aiming;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_testkit::storage::StorageKind;
use tokio::time::{Instant, sleep};

use super::crowd::{Crowd, LOOK_EVERY};
use super::fault::{Kind, Ordered, ordered};
use super::installation::Installation;
use super::tally::Tally;
use super::watch::Watch;
use crate::ledger::{self, Fault, What};

/// How long a fault waits for replies to be streaming.
const STRIKES_WITHIN: Duration = Duration::from_secs(60);

/// From the end of one fault to the next.
const PAUSE: Duration = Duration::from_secs(3);

/// One person in so many reads nothing for a while, where some do.
const SLOW_ONE_IN: usize = 5;

/// People, and an installation.
pub struct Round {
    installation: Installation,
    crowd: Crowd,
    tally: Tally,
    /// When that was brought up to date.
    counted_at: u64,
    watch: Watch,
    /// What all that is left to chance is made from.
    seed: u64,
}

impl Round {
    /// Starts an installation, and lets people in.
    ///
    /// # Errors
    /// A part does not start, or the ledger cannot be written.
    pub async fn start(
        storage: StorageKind,
        round: &ledger::Round,
        ledger: &Path,
    ) -> anyhow::Result<Self> {
        let installation = Installation::start(storage, 3, 2).await?;
        let mut crowd = Crowd::new(ledger, round.seed)?;
        crowd.note(What::Round(round.clone()))?;
        crowd.let_in(round.people, &installation.doors())?;
        Ok(Self {
            watch: Watch::start(installation.storage.servers(), crowd.pen.clone()),
            installation,
            crowd,
            tally: Tally::default(),
            counted_at: 0,
            seed: round.seed,
        })
    }

    /// Lets these faults strike, and everything come to rest, and ends the
    /// ledger.
    ///
    /// # Errors
    /// Something is left that does not come to rest, or the ledger cannot be
    /// written.
    pub async fn run(mut self, faults: &[Kind], progress: impl Fn(&str)) -> anyhow::Result<()> {
        self.crowd.wait_until_all_are_in().await?;
        for (number, kind) in (1..).zip(faults) {
            let fault = self.strike(number, *kind).await?;
            progress(&format!(
                "{number}/{} {} ({}): {}",
                faults.len(),
                fault.kind,
                fault.target,
                match fault.streaming {
                    0 => "no reply was being made there",
                    _ => "replies were being made there",
                }
            ));
            self.crowd.look_at_those_who_left()?;
            sleep(PAUSE).await;
            self.count().await?;
            self.note_fail_overs(&progress)?;
        }
        self.crowd.come_to_rest().await?;
        self.count().await?;
        let gateway = self.installation.gateways.first().context("a gateway")?;
        self.crowd.write_logs(gateway.node.url()).await?;
        self.note_fail_overs(&progress)?;
        ensure!(
            self.watch.is_settled(),
            "the storage failed over by itself, and its servers are not in step again"
        );
        let Installation { ai, fallback, .. } = &self.installation;
        self.crowd.write_calls([ai, fallback])?;
        self.crowd.leave().await?;
        self.crowd.note(What::Counted {
            counts: self.tally.totals(),
        })?;
        self.crowd.flush()
    }

    /// Asks the programs what they have counted, and writes down what gaps were
    /// repaired since they were asked before.
    async fn count(&mut self) -> anyhow::Result<()> {
        let repaired = self.tally.gaps_repaired();
        self.tally.look(&self.installation).await;
        let count = self.tally.gaps_repaired() - repaired;
        let now = self.crowd.pen.now();
        let between = (std::mem::replace(&mut self.counted_at, now), now);
        if count > 0 {
            self.crowd.note(What::GapsRepaired { between, count })?;
        }
        Ok(())
    }

    /// Strikes when half of the people see a reply being made, or when that
    /// takes too long. Faults are counted from 1.
    async fn strike(&mut self, number: u64, kind: Kind) -> anyhow::Result<Fault> {
        let deadline = Instant::now() + STRIKES_WITHIN;
        while self.crowd.readers() < self.crowd.people.len() / 2 && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
        self.count().await?;
        let aim = self.aim(number)?;
        let streaming = self.streaming_by(deadline, &aim, kind).await;
        let now = self.crowd.pen.now();
        let loses_since = kind.loses_back_to().map(|back| {
            let back = u64::try_from(back.as_micros()).unwrap_or(u64::MAX);
            now.saturating_sub(back)
        });
        let lasts = u64::try_from(kind.lasts().as_micros())?;
        let fault = Fault {
            kind: kind.name().to_owned(),
            target: aim.target(kind, &self.installation),
            until: now + lasts,
            streaming,
            loses_since,
        };
        self.crowd.note(What::Fault(fault.clone()))?;
        match ordered(kind) {
            Ordered::Nothing => {}
            Ordered::Drop => self.crowd.order(|orders| orders.drop_connection += 1),
            Ordered::StopReading => self.let_some_read(false),
        }
        if let Some(heir) = aim
            .strike(kind, &mut self.installation, &self.crowd.pen)
            .await?
        {
            self.watch.plan(heir, now);
        }
        self.crowd.note(What::FaultOver)?;
        self.let_some_read(true);
        Ok(fault)
    }

    /// Writes down who took over though nobody planned that.
    fn note_fail_overs(&self, progress: &impl Fn(&str)) -> anyhow::Result<()> {
        for promotion in self.watch.take_unplanned() {
            progress(&format!(
                "the storage failed over by itself at {:.1} s",
                promotion.at as f64 / 1e6
            ));
            self.crowd.note(What::UnplannedFailOver {
                between: (
                    promotion.since,
                    promotion.until.unwrap_or_else(|| self.crowd.pen.now()),
                ),
            })?;
        }
        Ok(())
    }

    fn let_some_read(&self, read: bool) {
        for (number, person) in self.crowd.people.iter().enumerate() {
            let is_slow = number.is_multiple_of(SLOW_ONE_IN);
            person.order(|orders| {
                orders.stop_reading = is_slow && !read;
                orders.write_at_length = !is_slow && !read;
            });
        }
    }
}
