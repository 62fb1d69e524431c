//! Many lose their connections at once and come back, with the positions that they
//! had: back is only who has caught up.

mod logs;
mod returner;
mod tide;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::behaviour::{self, Behaviour, End, Hands, Turn};
use super::clock::{self, MILLISECOND, Nanos};
use super::connection::Approach;
use super::crowd::Crowd;
use super::dialect::Causerie;
use super::options::Ramp;
use super::target::Doors;
use super::upgrade;
use crate::chaos::fault::Kind;
use crate::check::{Rules, Violation, check};
use crate::ledger::{ClientEvent, ClientNumber, Entry, Fault, What};
use crate::person::DROPPED;

use logs::logs;
use returner::Returner;
pub use tide::Return;
use tide::{Findings, Notes, Tide};

/// The first try to come back follows within this, later ones within twice.
const FIRST_RETRY: Nanos = 250 * MILLISECOND;

/// How often it is looked at how many are back.
const GLANCE: Duration = Duration::from_millis(5);

/// So many kinds of what somebody lacks are told of.
const TOLD: usize = 3;

/// The session of all that is said in a storm.
pub const SESSION: &str = "storm";

/// Who comes, and what there is to catch up on.
#[derive(Debug, Clone)]
pub struct Guests {
    /// How many, each a user of its own.
    pub clients: usize,
    /// How many share a room.
    pub room_size: usize,
    /// What rooms and users are called, before their number.
    pub name: String,
    /// Messages in each such room that they miss, and are to catch up on.
    pub missed: u32,
    /// Whether all come to the first target, and then to the second; else they are
    /// spread over all.
    pub are_together: bool,
    /// The pauses before they come back are drawn from this.
    pub seed: u64,
}

/// Clients who are in. Each has said something to itself, and has not noted it: so
/// it misses that at least.
pub struct Storm {
    crowd: Crowd<Returners>,
    tide: Arc<Tide>,
    guests: Guests,
    tenant: String,
    /// When the ledger begins.
    start: Nanos,
    /// What strikes, of the ledger.
    faults: Vec<Entry>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// How each came back.
    pub returns: Vec<Return>,
    /// Promises that were broken, as the ledger of all of it shows.
    pub violations: Vec<Violation>,
}

impl Storm {
    /// Lets all come in.
    ///
    /// # Errors
    /// Somebody cannot.
    pub fn gather(
        doors: &Doors,
        dialect: &Causerie,
        guests: Guests,
        ramp: &Ramp,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let (clients, start) = (guests.clients, clock::now());
        let threads = usize::from(ramp.threads).min(clients.max(1));
        let tide = Arc::new(Tide::default());
        let returners = (0..threads).map(|thread| {
            let numbers = (thread..clients).step_by(threads);
            let clients = numbers.map(|number| {
                let opens_at = start + ramp.before(number);
                Returner::new(number, &guests, opens_at)
            });
            Returners {
                clients: clients.collect(),
                doors: doors.clone(),
                dialect: dialect.clone(),
                deflate: ramp.deflate,
                order: None,
                notes: Notes {
                    start,
                    tide: tide.clone(),
                    findings: Findings::default(),
                },
                dice: StdRng::seed_from_u64(guests.seed ^ ((thread as u64) << 32)),
            }
        });
        let storm = Self {
            crowd: Crowd::start(returners.collect())?,
            tide,
            guests,
            tenant: dialect.tenant.clone(),
            start,
            faults: Vec::new(),
        };
        let planned = Duration::from_nanos(ramp.before(clients));
        storm.wait("in", clients, planned + patience, Tide::are_in)?;
        Ok(storm)
    }

    /// Has one in each room say what is to be missed there. All hear it, and none
    /// notes it.
    ///
    /// # Errors
    /// It is not said in time.
    pub fn say_what_is_missed(&self, patience: Duration) -> anyhow::Result<()> {
        self.crowd.order(&Order::Speak)?;
        let rooms = self.guests.clients.div_ceil(self.guests.room_size);
        self.wait("heard in their rooms", rooms, patience, Tide::have_spoken)
    }

    /// All hang up at once, and come back each to its next target.
    ///
    /// # Errors
    /// A thread has ended.
    pub fn break_off(&self) -> anyhow::Result<()> {
        self.crowd.order(&Order::BreakOff)
    }

    /// Writes down what strikes now, and how long clients may take to notice.
    pub fn note_fault(&mut self, kind: Kind, target: &str, lasts: Duration) {
        let at = clock::now().saturating_sub(self.start) / 1_000;
        let fault = Fault {
            kind: kind.name().to_owned(),
            target: target.to_owned(),
            until: at + lasts.as_micros() as u64,
            streaming: 0,
            loses_since: None,
        };
        let what = What::Fault(fault);
        self.faults.push(Entry { at, what });
    }

    /// Waits until all are back, and have caught up.
    ///
    /// # Errors
    /// Somebody has not in time, or is not let in for good.
    pub fn wait_until_back(&self, patience: Duration) -> anyhow::Result<()> {
        let clients = self.guests.clients;
        let waited = self.wait("back and caught up", clients, patience, Tide::are_back);
        waited.map_err(|error| match self.who_lacks_what() {
            Some(who) => error.context(who),
            None => error,
        })
    }

    /// What those lack who are not back, and how many of them: what most lack first.
    fn who_lacks_what(&self) -> Option<String> {
        let mut lacking = BTreeMap::<String, usize>::new();
        for lacks in self
            .crowd
            .findings()
            .ok()?
            .into_iter()
            .flat_map(|of| of.absent)
        {
            *lacking.entry(lacks).or_default() += 1;
        }
        let mut lacking: Vec<_> = lacking.into_iter().collect();
        lacking.sort_by_key(|(_, clients)| std::cmp::Reverse(*clients));
        let told = lacking.iter().take(TOLD);
        let told: Vec<_> = told
            .map(|(lacks, clients)| format!("{clients} are {lacks}"))
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// All leave. What they saw is checked, and what `another` client said in their
    /// room: with many clients that takes longer than their return.
    ///
    /// # Errors
    /// A thread has ended.
    pub fn end(self, another: Vec<ClientEvent>) -> anyhow::Result<Outcome> {
        let client = ClientNumber::try_from(self.guests.clients)?;
        let entry = |event| Entry {
            at: 0,
            what: What::Client { client, event },
        };
        let mut entries: Vec<_> = another.into_iter().map(entry).collect();
        let mut returns = Vec::new();
        for findings in self.crowd.findings()? {
            returns.extend(findings.returns);
            entries.extend(findings.entries);
        }
        entries.extend(self.faults);
        entries.sort_by_key(|entry| entry.at);
        let at = entries.last().map_or(0, |entry| entry.at);
        let logs = logs(&self.tenant, &entries).into_iter();
        entries.extend(logs.map(|log| Entry {
            at,
            what: What::Log(log),
        }));
        let violations = check(entries, Rules::default()).violations;
        Ok(Outcome {
            returns,
            violations,
        })
    }

    fn wait(
        &self,
        what: &str,
        all: usize,
        patience: Duration,
        count: impl Fn(&Tide) -> usize,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(failure) = self.tide.failure() {
                bail!("{failure}");
            }
            let are = count(&self.tide);
            if are >= all {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "only {are} of {all} clients are {what} after {} s",
                patience.as_secs()
            );
            std::thread::sleep(GLANCE);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Speak,
    BreakOff,
}

/// The clients of one thread.
struct Returners {
    clients: Vec<Returner>,
    doors: Doors,
    dialect: Causerie,
    deflate: bool,
    order: Option<Order>,
    notes: Notes,
    dice: StdRng,
}

impl Returners {
    /// It comes back soon, but not at the same moment as all others.
    fn come_back(&mut self, client: behaviour::ClientNumber, failures: u32, hands: &mut Hands<'_>) {
        let longest = FIRST_RETRY * Nanos::from(failures + 1).min(2);
        let pause = self.dice.random_range(0..longest);
        hands.timers.set(hands.now + pause, client, Turn::Connect);
    }
}

impl Behaviour for Returners {
    type Order = Order;
    type Findings = Findings;

    fn clients(&self) -> usize {
        self.clients.len()
    }

    fn on_start(&mut self, hands: &mut Hands<'_>) {
        for (number, client) in self.clients.iter().enumerate() {
            client.introduce(&self.dialect.tenant, hands.now, &mut self.notes);
            hands.timers.set(client.opens_at(), number, Turn::Connect);
        }
    }

    fn approach(&mut self, client: behaviour::ClientNumber) -> Option<Approach> {
        let client = self.clients.get_mut(client)?;
        let door = self.doors.of(client.door())?;
        let opening = client.open(&self.dialect);
        Some(Approach {
            address: door.target.address,
            source: door.source,
            tls: door.tls(),
            request: upgrade::request(door.target, &opening, self.deflate),
            deflate: self.deflate,
        })
    }

    fn on_text(&mut self, client: behaviour::ClientNumber, text: &[u8], hands: &mut Hands<'_>) {
        if let Some(client) = self.clients.get_mut(client) {
            client.on_text(text, hands, &mut self.notes);
        }
    }

    fn on_turn(&mut self, number: behaviour::ClientNumber, _due: Nanos, hands: &mut Hands<'_>) {
        let (Some(client), Some(order)) = (self.clients.get_mut(number), self.order) else {
            return;
        };
        match order {
            Order::Speak => client.speak(hands, &mut self.notes),
            // It comes back already.
            Order::BreakOff if client.is_about_to_come() => {}
            Order::BreakOff => {
                hands.hangs_up = true;
                let reason = DROPPED.to_owned();
                let failures = client.on_away(None, reason, hands.now, &mut self.notes);
                self.come_back(number, failures, hands);
            }
        }
    }

    fn on_end(&mut self, number: behaviour::ClientNumber, end: &End, hands: &mut Hands<'_>) {
        let Some(client) = self.clients.get_mut(number) else {
            return;
        };
        if client.may_come_back(end) {
            let code = match end {
                End::Closed(code) => *code,
                End::Refused { .. } | End::NotCompressed | End::Lost(_) | End::Invalid(_) => None,
            };
            let failures = client.on_away(code, end.to_string(), hands.now, &mut self.notes);
            self.come_back(number, failures, hands);
        } else {
            let door = self.doors.of(client.door());
            let url = door.map_or("", |door| &door.target.url);
            self.notes.tide.fail(format!("{url}: {end}"));
        }
    }

    fn on_order(&mut self, order: Order, hands: &mut Hands<'_>) {
        self.order = Some(order);
        for number in 0..self.clients.len() {
            hands.timers.set(hands.now, number, Turn::Act);
        }
    }

    fn on_read(&mut self, _bytes: u64) {}

    fn on_calm(&mut self) {}

    fn findings(&mut self) -> Findings {
        Findings {
            absent: self.clients.iter().filter_map(Returner::lacks).collect(),
            ..std::mem::take(&mut self.notes.findings)
        }
    }
}
