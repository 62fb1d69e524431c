//! People who talk, wherever they do, and what is written down of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::seat::{Seat, seats};
use crate::ledger::{Pen, What};
use crate::person::{Orders, Person, State};

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
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// People who talk, and the ledger that they write.
pub(super) struct Crowd {
    pub(super) people: Vec<Handle>,
    pub(super) pen: Pen,
    tasks: JoinSet<std::io::Result<()>>,
    /// Where the pen writes.
    ledger: PathBuf,
    dice: StdRng,
}

/// A person who talks.
pub(super) struct Handle {
    pub(super) seat: Seat,
    pub(super) state: Arc<State>,
    orders: watch::Sender<Orders>,
}

impl Handle {
    pub(super) fn order(&self, change: impl Fn(&mut Orders)) {
        self.orders.send_if_modified(|orders| {
            let before = *orders;
            change(orders);
            *orders != before
        });
    }
}

impl Crowd {
    /// Nobody yet.
    pub(super) fn new(ledger: &Path, seed: u64) -> anyhow::Result<Self> {
        let pen = Pen::new(ledger).with_context(|| format!("writing {}", ledger.display()))?;
        Ok(Self {
            people: Vec::new(),
            pen,
            tasks: JoinSet::new(),
            ledger: ledger.to_owned(),
            dice: StdRng::seed_from_u64(seed),
        })
    }

    /// So many come in by these doors.
    pub(super) fn let_in(&mut self, people: usize, doors: &Arc<[String]>) -> anyhow::Result<()> {
        for seat in seats(people) {
            let person = Person {
                number: u32::try_from(self.people.len())?,
                tenant: seat.tenant.to_owned(),
                token: seat.token(),
                user: seat.user.clone(),
                device: seat.device,
                rooms: vec![format!("project:{}", seat.project)],
                doors: Arc::clone(doors),
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
        }
        Ok(())
    }

    pub(super) fn note(&self, what: What) -> anyhow::Result<()> {
        self.pen.note(what).with_context(|| self.writing())
    }

    pub(super) fn order(&self, change: impl Fn(&mut Orders)) {
        for person in &self.people {
            person.order(&change);
        }
    }

    /// How many people see a reply being made.
    pub(super) fn readers(&self) -> usize {
        let people = self.people.iter();
        people.filter(|person| person.state.streaming() > 0).count()
    }

    pub(super) async fn wait_until_all_are_in(&mut self) -> anyhow::Result<()> {
        self.wait_until("all people are in", |people| {
            people.iter().all(|person| person.state.is_open())
        })
        .await
    }

    /// Nobody says anything new, until all that was said is answered and heard.
    /// What does not come to rest is for the checker to find.
    pub(super) async fn come_to_rest(&mut self) -> anyhow::Result<()> {
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

    /// All go, and nothing more is written.
    pub(super) async fn leave(&mut self) -> anyhow::Result<()> {
        self.order(|orders| orders.leave = true);
        while let Some(ended) = self.tasks.join_next().await {
            self.look_at(ended)?;
        }
        Ok(())
    }

    pub(super) fn flush(&self) -> anyhow::Result<()> {
        self.pen.flush().with_context(|| self.writing())
    }

    /// Whether somebody had to give up.
    pub(super) fn look_at_those_who_left(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.tasks.try_join_next() {
            self.look_at(ended)?;
        }
        Ok(())
    }

    /// Somebody has left: because nothing can be written down any more, or was sent
    /// away.
    fn look_at(&self, ended: Result<std::io::Result<()>, JoinError>) -> anyhow::Result<()> {
        ended
            .context("a person's task")?
            .with_context(|| self.writing())
    }

    fn writing(&self) -> String {
        format!("writing {}", self.ledger.display())
    }

    /// No error, where only time is up.
    async fn wait_until(
        &mut self,
        what: &str,
        is_so: impl Fn(&[Handle]) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + RESTS_WITHIN;
        while !is_so(&self.people) && Instant::now() < deadline {
            self.look_at_those_who_left()?;
            ensure!(
                !self.tasks.is_empty(),
                "waiting for {what}: all people have left"
            );
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}
