//! People who talk while faults strike, and the ledger of both.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use causerie_testkit::ai::Call as AiCall;
use causerie_testkit::storage::StorageKind;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::fault::{Kind, Ordered, ordered};
use super::installation::Installation;
use super::seat::{Seat, seats};
use super::strike::{Aim, Struck};
use super::tally::Tally;
use super::watch::Watch;
use crate::ledger::{self, Call, Fault, Log, Pen, What};
use crate::person::{Orders, Person, State, durable};

/// How long a fault waits for replies to be streaming.
const STRIKES_WITHIN: Duration = Duration::from_secs(20);

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
    watch: Watch,
    pen: Pen,
    dice: StdRng,
    /// When the ledger began, in nanoseconds since 1970.
    began_ns: u64,
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
        pen.note(What::Round(round.clone()))?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut struck = Self {
            watch: Watch::start(installation.storage.servers(), pen.clone()),
            installation,
            people: Vec::new(),
            tasks: JoinSet::new(),
            tally: Tally::default(),
            pen,
            dice: StdRng::seed_from_u64(round.seed),
            began_ns: u64::try_from(since.as_nanos())?,
        };
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
        for (number, kind) in faults.iter().enumerate() {
            let streaming = self.strike(*kind).await?;
            progress(&format!(
                "{}/{} {}: {streaming} people saw replies being made",
                number + 1,
                faults.len(),
                kind.name()
            ));
            sleep(PAUSE).await;
            self.tally.look(&self.installation).await;
            self.note_fail_overs(&progress)?;
        }
        self.come_to_rest().await?;
        self.tally.look(&self.installation).await;
        self.write_logs().await?;
        self.note_fail_overs(&progress)?;
        ensure!(
            self.watch.is_settled(),
            "the storage failed over by itself, and its servers are not in step again"
        );
        self.write_calls()?;
        self.order(|orders| orders.leave = true);
        while let Some(ended) = self.tasks.join_next().await {
            ended.context("a person's task")??;
        }
        self.pen.note(What::Counted {
            counts: self.tally.totals(),
        })?;
        self.pen.flush().context("writing the ledger")
    }

    /// Strikes when half of the people see a reply being made, or when that
    /// takes too long; how many do.
    async fn strike(&mut self, kind: Kind) -> anyhow::Result<usize> {
        let deadline = Instant::now() + STRIKES_WITHIN;
        while self.streaming() < self.people.len() / 2 && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
        self.tally.look(&self.installation).await;
        let (aim, streaming) = self.take_aim(kind, deadline).await?;
        let now = self.pen.now();
        let loses_since = kind.loses_back_to().map(|back| {
            let back = u64::try_from(back.as_micros()).unwrap_or(u64::MAX);
            now.saturating_sub(back)
        });
        let lasts = u64::try_from(kind.lasts().as_micros())?;
        self.pen.note(What::Fault(Fault {
            kind: kind.name().to_owned(),
            target: aim.target(kind, &self.installation),
            until: now + lasts,
            streaming,
            loses_since,
        }))?;
        match ordered(kind) {
            Ordered::Nothing => {}
            Ordered::Drop => self.order(|orders| orders.drop_connection += 1),
            Ordered::StopReading => self.let_some_read(false),
        }
        if let Some(heir) = aim.strike(kind, &mut self.installation).await? {
            self.watch.plan(heir, now);
        }
        self.pen.note(What::FaultOver)?;
        self.let_some_read(true);
        Ok(streaming)
    }

    /// Writes down who took over though nobody planned that.
    fn note_fail_overs(&self, progress: &impl Fn(&str)) -> anyhow::Result<()> {
        for promotion in self.watch.take_unplanned() {
            progress(&format!(
                "the storage failed over by itself at {:.1} s",
                promotion.at as f64 / 1e6
            ));
            self.pen.note(What::UnplannedFailOver {
                between: promotion.until.map(|until| (promotion.since, until)),
            })?;
        }
        Ok(())
    }

    /// Aims where replies are being made; how many are, or how many people see
    /// them.
    async fn take_aim(&mut self, kind: Kind, deadline: Instant) -> anyhow::Result<(Aim, usize)> {
        loop {
            let aim = Aim::new(&self.installation, &mut self.dice)?;
            let struck = aim.struck(kind, &self.installation);
            let streaming = join_all(struck.iter().map(|part| self.streaming_at(part))).await;
            let streaming = streaming.into_iter().min().unwrap_or_default();
            if streaming > 0 || Instant::now() > deadline {
                return Ok((aim, streaming));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn streaming_at(&self, part: &Struck) -> usize {
        let people = self.people.iter();
        match part {
            Struck::Gateway(number) => people
                .filter(|person| person.state.door() == *number && person.state.streaming() > 0)
                .count(),
            Struck::Broker(number) => match self.installation.brokers.get(*number) {
                Some(broker) => broker.replies_being_made().await,
                None => 0,
            },
            Struck::Room(room) => {
                let name = room.room.to_string();
                people
                    .filter(|person| person.seat.tenant == room.tenant.as_str())
                    .filter(|person| person.state.streaming_in().contains(&name))
                    .count()
            }
            Struck::All(_) => self.streaming(),
        }
    }

    /// How many people see a reply being made.
    fn streaming(&self) -> usize {
        let people = self.people.iter();
        people.filter(|person| person.state.streaming() > 0).count()
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
    async fn come_to_rest(&self) -> anyhow::Result<()> {
        self.order(|orders| orders.be_quiet = true);
        self.wait_until("everything to come to rest", |people| {
            let is_at_rest = people.iter().all(|Handle { state, .. }| {
                state.is_open() && state.unacked() == 0 && state.streaming() == 0
            });
            self.pen.rests_for()
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
        &self,
        what: &str,
        is_so: impl Fn(&[Handle]) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + RESTS_WITHIN;
        while !is_so(&self.people) && Instant::now() < deadline {
            ensure!(
                !self.tasks.is_empty(),
                "waiting for {what}: all people have left"
            );
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Reads the logs of all rooms that anybody is in.
    async fn write_logs(&self) -> anyhow::Result<()> {
        let mut read = BTreeSet::new();
        for Handle { seat, state, .. } in &self.people {
            for room in state.positions().into_keys() {
                if !read.insert((seat.tenant, room.clone())) {
                    continue;
                }
                let events = self.log(&seat.token(), &room).await?;
                self.pen.note(What::Log(Log {
                    tenant: seat.tenant.to_owned(),
                    room,
                    events,
                }))?;
            }
        }
        Ok(())
    }

    async fn log(&self, token: &str, room: &str) -> anyhow::Result<Vec<ledger::Durable>> {
        let gateway = self.installation.gateways.first().context("a gateway")?;
        let mut events = Vec::new();
        let mut after = 0;
        loop {
            let url = format!(
                "{}/api/rooms/{room}/history?after={after}&limit=500",
                gateway.node.url()
            );
            let answer = reqwest::Client::new()
                .get(&url)
                .bearer_auth(token)
                .send()
                .await?;
            let page: Value = answer.error_for_status()?.json().await?;
            let frames = page.get("events").and_then(Value::as_array);
            let frames = frames.context("a page of events")?;
            events.extend(frames.iter().map(durable));
            match events.last() {
                Some(last) if page.get("has_more") == Some(&Value::Bool(true)) => after = last.seq,
                Some(_) | None => return Ok(events),
            }
        }
    }

    fn write_calls(&self) -> anyhow::Result<()> {
        let calls = self.installation.ai.calls();
        let arrived = self.installation.ai.arrived();
        ensure!(
            calls.len() as u64 == arrived,
            "the AI server remembers {} of {arrived} calls: let fewer people talk, or faults strike",
            calls.len()
        );
        for call in calls {
            self.pen.note(What::Call(self.read(&call)?))?;
        }
        Ok(())
    }

    fn read(&self, call: &AiCall) -> anyhow::Result<Call> {
        let id = call.id.as_deref().unwrap_or_default();
        let mut parts = id.rsplitn(3, '/');
        let mut next = || {
            parts
                .next()
                .with_context(|| format!("a call's name: {id:?}"))
        };
        let (number, attempt, question) = (next()?.parse()?, next()?.parse()?, next()?.to_owned());
        let since_began = |ns: u64| ns.saturating_sub(self.began_ns) / 1_000;
        Ok(Call {
            question,
            attempt,
            r#try: number,
            began: since_began(call.started_ns),
            ended: call.ended_ns.map(since_began),
        })
    }
}
