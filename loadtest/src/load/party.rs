//! Clients who are in, and who conducts them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rand::Rng;

use super::clock::{self, MILLISECOND, Nanos};
use super::crowd::Crowd;
use super::display::Display;
use super::options::Ramp;
use super::record::Record;
use super::results::{Span, unix_ms};
use super::sample::Sampler;
use super::talk::{Act, Findings, Order, Progress, Rhythm, Role, Setting, Talkers};

/// How long clients have to come in, beyond the time for which they are told to
/// come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at whether something went wrong.
const GLANCE: Duration = Duration::from_millis(50);

/// Clients who are in all their rooms. Dropping it sends them away.
pub(crate) struct Party<'a> {
    crowd: Crowd<Talkers>,
    progress: Arc<Progress>,
    clients: u64,
    /// How many hear the first speaker.
    hearers: u64,
    record: Record,
    /// The second of Unix time that goes on.
    second: u64,
    sampler: &'a Sampler,
    display: Display,
    /// When they began to speak, if they have.
    began: Option<Instant>,
}

impl<'a> Party<'a> {
    /// Lets clients come in at the rate that is wanted, and waits until all are in
    /// all their rooms.
    ///
    /// # Errors
    /// Somebody cannot come in, or not in time.
    pub(crate) fn gather(
        setting: &Arc<Setting>,
        mut roles: Vec<Role>,
        ramp: &Ramp,
        sampler: &'a Sampler,
    ) -> anyhow::Result<Self> {
        let (clients, start) = (roles.len(), clock::now());
        for (number, role) in roles.iter_mut().enumerate() {
            role.opens_at = start + ramp.before(number);
        }
        let hearers = roles.iter().find_map(|role| match &role.act {
            Act::Speak { hearers, .. } => Some(u64::from(*hearers)),
            Act::Listen | Act::Ask { .. } => None,
        });
        let progress = Arc::new(Progress::default());
        let threads = usize::from(ramp.threads).min(clients.max(1));
        let mut shares: Vec<Vec<Role>> = vec![Vec::new(); threads];
        for (number, role) in roles.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(number % threads) {
                share.push(role);
            }
        }
        let talkers = shares
            .into_iter()
            .map(|share| Talkers::new(share, setting.clone(), progress.clone()));
        let mut party = Self {
            crowd: Crowd::start(talkers.collect())?,
            progress,
            clients: clients as u64,
            hearers: hearers.unwrap_or(0),
            record: Record::default(),
            second: unix_ms() / 1_000,
            sampler,
            display: Display::default(),
            began: None,
        };
        party.wait_for_all(ramp, start)?;
        Ok(party)
    }

    fn wait_for_all(&mut self, ramp: &Ramp, start: Nanos) -> anyhow::Result<()> {
        let unix_ms_at = |after: Nanos| {
            let since = clock::now().saturating_sub(start);
            (unix_ms() + after / MILLISECOND).saturating_sub(since / MILLISECOND)
        };
        let (from, clients) = (unix_ms_at(0), self.clients);
        self.record.results.plateau = ramp.rest().map(|[begin, end]| Span {
            from: unix_ms_at(begin),
            until: unix_ms_at(end),
        });
        let limit = Duration::from_nanos(ramp.before(clients as usize)) + PATIENCE;
        self.display.begin("clients in", clients);
        let are_in = self.wait(limit, |progress| progress.joined() >= clients)?;
        ensure!(
            are_in,
            "only {} of {clients} clients are in all their rooms after {} s",
            self.progress.joined(),
            limit.as_secs()
        );
        let took = self.progress.last_joined_at().saturating_sub(start);
        self.record.results.connecting = ramp.rest().is_none().then_some(Span {
            from,
            until: from + took / MILLISECOND,
        });
        Ok(())
    }

    /// Lets them speak and ask, and writes down what comes of it. `go_on_until`
    /// returns at the time that it is given; then `patience` is had with what is
    /// still to come.
    ///
    /// # Errors
    /// As `go_on_until`, or a thread has ended.
    pub(crate) fn measure(
        &mut self,
        rhythm: Rhythm,
        patience: Duration,
        go_on_until: impl Fn(&mut Self, Nanos) -> anyhow::Result<()>,
    ) -> anyhow::Result<Record> {
        self.crowd.order(&Order::Begin(rhythm))?;
        let duration = Duration::from_nanos(rhythm.until - rhythm.from).as_secs();
        self.display.begin("seconds", duration);
        self.began = Some(Instant::now());
        go_on_until(self, rhythm.measured_from)?;
        self.sampler.look();
        let from = unix_ms();
        go_on_until(self, rhythm.until)?;
        let until = unix_ms();
        self.sampler.look();
        self.drain(patience)?;
        let mut record = self.take_record()?;
        record.set_stretch(from, until);
        record.results.counts.connections = self.clients;
        Ok(record)
    }

    /// Lets the first speaker say one thing; whether it is heard by all within
    /// `limit`.
    ///
    /// # Errors
    /// A thread has ended.
    pub(crate) fn say_one(&mut self, limit: Duration) -> anyhow::Result<bool> {
        let heard = self.progress.heard() + self.hearers;
        self.progress.wake_me_at(heard);
        self.crowd.order(&Order::SayOne(0))?;
        self.wait(limit, |progress| progress.heard() >= heard)
    }

    /// Waits until `time`.
    ///
    /// # Errors
    /// A thread has ended.
    pub(crate) fn wait_until(&mut self, time: Nanos) -> anyhow::Result<()> {
        self.wait_for(Duration::from_nanos(time.saturating_sub(clock::now())))
    }

    /// Waits for so long.
    ///
    /// # Errors
    /// A thread has ended.
    pub(crate) fn wait_for(&mut self, rest: Duration) -> anyhow::Result<()> {
        self.wait(rest, |_| false)?;
        Ok(())
    }

    /// Waits until all that was said is heard, and all that was asked is answered,
    /// but no longer than `limit`.
    ///
    /// # Errors
    /// A thread has ended.
    fn drain(&mut self, limit: Duration) -> anyhow::Result<()> {
        self.wait(limit, Progress::is_drained)?;
        Ok(())
    }

    /// Gives what was written down since the last time.
    ///
    /// # Errors
    /// A thread has ended.
    pub(crate) fn take_record(&mut self) -> anyhow::Result<Record> {
        self.write_down()?;
        Ok(std::mem::take(&mut self.record))
    }

    /// Waits until `is_done`; whether it was in time. Meanwhile it is written down
    /// what clients find.
    fn wait(
        &mut self,
        limit: Duration,
        is_done: impl Fn(&Progress) -> bool,
    ) -> anyhow::Result<bool> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(failure) = self.progress.failure() {
                bail!("{failure}");
            }
            let now = unix_ms();
            if now / 1_000 != self.second {
                self.write_down()?;
            }
            if is_done(&self.progress) {
                return Ok(true);
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(false);
            }
            let next_second = Duration::from_millis(1_000 - now % 1_000);
            std::thread::park_timeout(rest.min(GLANCE).min(next_second));
        }
    }

    /// Writes down what was found in the second that went on.
    fn write_down(&mut self) -> anyhow::Result<()> {
        let mut all = Findings::default();
        for findings in self.crowd.findings()? {
            all.add(findings);
        }
        let connections = self.progress.joined() - self.progress.gone();
        let done = self.began.map(|began| began.elapsed().as_secs());
        let note = match all.heard {
            0 => String::new(),
            heard => format!("{heard} deliveries in the last second"),
        };
        self.display.show(done.unwrap_or(connections), &note);
        self.record.take(self.second, all, connections)?;
        self.second = unix_ms() / 1_000;
        Ok(())
    }
}

/// A name that no other run has, so that nothing of an earlier one is heard.
pub(crate) fn name_of_run() -> String {
    format!("{:06x}", rand::rng().random_range(0..1_u32 << 24))
}

/// A client in these rooms. Its number within the run tells it from all others.
pub(crate) fn client(run: &str, number: usize, rooms: Vec<Arc<str>>, act: Act) -> Role {
    Role {
        who: super::dialect::Who {
            user: format!("load-{run}-{number}"),
            rooms,
        },
        door: number,
        opens_at: 0,
        act,
    }
}
