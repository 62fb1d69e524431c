//! People who talk while faults strike, and the ledger of both.

mod aiming;
mod closing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_testkit::storage::StorageKind;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::fault::{Kind, Ordered, ordered};
use super::installation::Installation;
use super::seat::{Seat, seats};
use super::tally::Tally;
use super::watch::Watch;
use crate::ledger::{self, Fault, Pen, What};
use crate::person::{Orders, Person, State};

/// How long a fault waits for replies to be streaming.
const STRIKES_WITHIN: Duration = Duration::from_secs(60);

/// From the end of one fault to the next.
const PAUSE: Duration = Duration::from_secs(3);

/// How long everything may take to come to rest when nobody says anything new,
/// and all people to come in.
const RESTS_WITHIN: Duration = Duration::from_secs(300);

/// At rest, nothing has been written down for so long: questions that wait show
/// nothing yet.
const STILL_FOR: Duration = Duration::from_secs(5);

/// Where nothing has been written down for so long, what is missing is not waited
/// for: twice as long as a broker waits for an AI that is silent. Nothing in an
/// installation is more patient.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(40);

/// How often it is looked whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One person in so many reads nothing for a while, where some do.
const SLOW_ONE_IN: usize = 5;

/// People, and an installation.
pub struct Round {
    installation: Installation,
    people: Vec<Handle>,
    tasks: JoinSet<std::io::Result<()>>,
    tally: Tally,
    /// When that was brought up to date.
    counted_at: u64,
    watch: Watch,
    pen: Pen,
    /// Where that writes.
    ledger: PathBuf,
    /// What all that is left to chance is made from.
    seed: u64,
    dice: StdRng,
}

/// A person who talks.
struct Handle {
    seat: Seat,
    orders: watch::Sender<Orders>,
    state: Arc<State>,
}

impl Handle {
    fn order(&self, change: impl Fn(&mut Orders)) {
        self.orders.send_if_modified(|orders| {
            let before = *orders;
            change(orders);
            *orders != before
        });
    }
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
        let pen = Pen::new(ledger).with_context(|| format!("writing {}", ledger.display()))?;
        let mut struck = Self {
            watch: Watch::start(installation.storage.servers(), pen.clone()),
            installation,
            people: Vec::new(),
            tasks: JoinSet::new(),
            tally: Tally::default(),
            counted_at: 0,
            pen,
            ledger: ledger.to_owned(),
            seed: round.seed,
            dice: StdRng::seed_from_u64(round.seed),
        };
        struck.note(What::Round(round.clone()))?;
        for seat in seats(round.people) {
            struck.let_in(seat)?;
        }
        Ok(struck)
    }

    fn let_in(&mut self, seat: Seat) -> anyhow::Result<()> {
        let person = Person {
            number: u32::try_from(self.people.len())?,
            tenant: seat.tenant.to_owned(),
            token: seat.token(),
            user: seat.user.clone(),
            device: seat.device,
            rooms: vec![format!("project:{}", seat.project)],
            doors: self.installation.doors(),
            pace: seat.pace,
        };
        let (orders, ordered) = watch::channel(Orders::default());
        let state = Arc::new(State::default());
        let dice = StdRng::seed_from_u64(self.dice.random());
        let life = person.run(ordered, Arc::clone(&state), self.pen.clone(), dice);
        self.tasks.spawn(life);
        self.people.push(Handle {
            seat,
            orders,
            state,
        });
        Ok(())
    }

    /// Lets these faults strike, and everything come to rest, and ends the
    /// ledger.
    ///
    /// # Errors
    /// Something is left that does not come to rest, or the ledger cannot be
    /// written.
    pub async fn run(mut self, faults: &[Kind], progress: impl Fn(&str)) -> anyhow::Result<()> {
        self.wait_until("all people are in", |people| {
            people.iter().all(|person| person.state.is_open())
        })
        .await?;
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
            while let Some(ended) = self.tasks.try_join_next() {
                self.look_at(ended)?;
            }
            sleep(PAUSE).await;
            self.count().await?;
            self.note_fail_overs(&progress)?;
        }
        self.come_to_rest().await?;
        self.count().await?;
        self.write_logs().await?;
        self.note_fail_overs(&progress)?;
        ensure!(
            self.watch.is_settled(),
            "the storage failed over by itself, and its servers are not in step again"
        );
        self.write_calls()?;
        self.order(|orders| orders.leave = true);
        while let Some(ended) = self.tasks.join_next().await {
            self.look_at(ended)?;
        }
        self.note(What::Counted {
            counts: self.tally.totals(),
        })?;
        self.pen.flush().with_context(|| self.writing())
    }

    /// Asks the programs what they have counted, and writes down what gaps were
    /// repaired since they were asked before.
    async fn count(&mut self) -> anyhow::Result<()> {
        let repaired = self.tally.gaps_repaired();
        self.tally.look(&self.installation).await;
        let count = self.tally.gaps_repaired() - repaired;
        let now = self.pen.now();
        let between = (std::mem::replace(&mut self.counted_at, now), now);
        if count > 0 {
            self.note(What::GapsRepaired { between, count })?;
        }
        Ok(())
    }

    fn note(&self, what: What) -> anyhow::Result<()> {
        self.pen.note(what).with_context(|| self.writing())
    }

    fn writing(&self) -> String {
        format!("writing {}", self.ledger.display())
    }

    /// Somebody has left: because nothing can be written down any more, or was sent
    /// away.
    fn look_at(&self, ended: Result<std::io::Result<()>, JoinError>) -> anyhow::Result<()> {
        ended
            .context("a person's task")?
            .with_context(|| self.writing())
    }

    /// Strikes when half of the people see a reply being made, or when that
    /// takes too long. Faults are counted from 1.
    async fn strike(&mut self, number: u64, kind: Kind) -> anyhow::Result<Fault> {
        let deadline = Instant::now() + STRIKES_WITHIN;
        while self.readers() < self.people.len() / 2 && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
        self.count().await?;
        let aim = self.aim(number)?;
        let streaming = self.streaming_by(deadline, &aim, kind).await;
        let now = self.pen.now();
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
        self.note(What::Fault(fault.clone()))?;
        match ordered(kind) {
            Ordered::Nothing => {}
            Ordered::Drop => self.order(|orders| orders.drop_connection += 1),
            Ordered::StopReading => self.let_some_read(false),
        }
        if let Some(heir) = aim.strike(kind, &mut self.installation, &self.pen).await? {
            self.watch.plan(heir, now);
        }
        self.note(What::FaultOver)?;
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
            self.note(What::UnplannedFailOver {
                between: (
                    promotion.since,
                    promotion.until.unwrap_or_else(|| self.pen.now()),
                ),
            })?;
        }
        Ok(())
    }

    fn order(&self, change: impl Fn(&mut Orders)) {
        for person in &self.people {
            person.order(&change);
        }
    }

    fn let_some_read(&self, read: bool) {
        for (number, person) in self.people.iter().enumerate() {
            let is_slow = number.is_multiple_of(SLOW_ONE_IN);
            person.order(|orders| {
                orders.stop_reading = is_slow && !read;
                orders.write_at_length = !is_slow && !read;
            });
        }
    }

    /// Nobody says anything new, until all that was said is answered and heard.
    /// What does not come to rest is for the checker to find.
    async fn come_to_rest(&mut self) -> anyhow::Result<()> {
        self.order(|orders| orders.be_quiet = true);
        let pen = self.pen.clone();
        self.wait_until("everything to come to rest", |people| {
            let is_at_rest = people.iter().all(|Handle { state, .. }| {
                state.is_open() && state.unacked() == 0 && state.streaming() == 0
            });
            pen.rests_for()
                >= if is_at_rest {
                    STILL_FOR
                } else {
                    GIVEN_UP_AFTER
                }
        })
        .await
    }

    /// No error, where only time is up.
    async fn wait_until(
        &mut self,
        what: &str,
        is_so: impl Fn(&[Handle]) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + RESTS_WITHIN;
        while !is_so(&self.people) && Instant::now() < deadline {
            while let Some(ended) = self.tasks.try_join_next() {
                self.look_at(ended)?;
            }
            ensure!(
                !self.tasks.is_empty(),
                "waiting for {what}: all people have left"
            );
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}
