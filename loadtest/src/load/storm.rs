//! Many lose their connections at once and come back, with the positions that they
//! had: back is only who has caught up.

mod returner;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::behaviour::{Behaviour, ClientNumber, End, Hands, Turn};
use super::clock::{self, MILLISECOND, Nanos};
use super::connection::Approach;
use super::crowd::Crowd;
use super::dialect::Causerie;
use super::options::Ramp;
use super::target::Doors;
use super::upgrade;
use crate::check::{Rules, Violation, check};
use crate::ledger::{ClientEvent, Durable, Entry, Log, What};

pub use returner::Return;
use returner::{Findings, Notes, Returner, Tide};

/// The first try to come back follows within this, later ones within twice.
const FIRST_RETRY: Nanos = 250 * MILLISECOND;

/// How often it is looked at how many are back.
const GLANCE: Duration = Duration::from_millis(5);

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
}

/// Clients who are in. Each has said something to itself, and has not noted it: so
/// it misses that at least.
pub struct Storm {
    crowd: Crowd<Returners>,
    tide: Arc<Tide>,
    guests: Guests,
    tenant: String,
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
                order: None,
                notes: Notes {
                    start,
                    tide: tide.clone(),
                    findings: Findings::default(),
                },
                dice: StdRng::seed_from_u64(thread as u64),
            }
        });
        let storm = Self {
            crowd: Crowd::start(returners.collect())?,
            tide,
            guests,
            tenant: dialect.tenant.clone(),
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

    /// Waits until all are back, and have caught up; also on what `others` said in
    /// their rooms, as it was acknowledged.
    ///
    /// # Errors
    /// Somebody has not in time, or is not let in for good.
    pub fn wait_until_back(
        self,
        others: Vec<ClientEvent>,
        patience: Duration,
    ) -> anyhow::Result<Outcome> {
        let clients = self.guests.clients;
        self.wait("back and caught up", clients, patience, Tide::are_back)?;
        let (mut returns, mut entries, mut acked) = (Vec::new(), Vec::new(), others);
        for findings in self.crowd.findings()? {
            returns.extend(findings.returns);
            entries.extend(findings.entries);
            acked.extend(findings.acked);
        }
        entries.sort_by_key(|entry| entry.at);
        let at = entries.last().map_or(0, |entry| entry.at);
        let logs = logs(&self.tenant, acked).into_iter();
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

/// The logs of rooms, by what was acknowledged: all that was said in them.
fn logs(tenant: &str, acked: Vec<ClientEvent>) -> Vec<Log> {
    let mut rooms: BTreeMap<String, BTreeMap<u64, Durable>> = BTreeMap::new();
    for event in acked {
        if let ClientEvent::Acked {
            message,
            room,
            epoch,
            seq,
            ..
        } = event
        {
            let event = Durable {
                epoch,
                seq,
                kind: "new_message".to_owned(),
                // All say the same, and each means something else.
                content: message.clone(),
                message,
                session: None,
                in_reply_to: None,
                attempt: None,
                finish: None,
            };
            rooms.entry(room).or_default().insert(seq, event);
        }
    }
    let logs = rooms.into_iter().map(|(room, events)| Log {
        tenant: tenant.to_owned(),
        room,
        events: events.into_values().collect(),
    });
    logs.collect()
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
    order: Option<Order>,
    notes: Notes,
    dice: StdRng,
}

impl Returners {
    /// It comes back soon, but not at the same moment as all others.
    fn come_back(&mut self, client: ClientNumber, failures: u32, hands: &mut Hands<'_>) {
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

    fn approach(&mut self, client: ClientNumber) -> Option<Approach> {
        let client = self.clients.get(client)?;
        let door = self.doors.of(client.door())?;
        let opening = client.opening(&self.dialect);
        Some(Approach {
            address: door.target.address,
            source: door.source,
            request: upgrade::request(door.target, &opening),
        })
    }

    fn on_text(&mut self, client: ClientNumber, text: &[u8], hands: &mut Hands<'_>) {
        if let Some(client) = self.clients.get_mut(client) {
            client.on_text(text, hands, &mut self.notes);
        }
    }

    fn on_turn(&mut self, number: ClientNumber, _due: Nanos, hands: &mut Hands<'_>) {
        let (Some(client), Some(order)) = (self.clients.get_mut(number), self.order) else {
            return;
        };
        match order {
            Order::Speak => client.speak(hands),
            Order::BreakOff => {
                hands.hangs_up = true;
                client.on_away(None, hands.now, &mut self.notes);
                self.come_back(number, 0, hands);
            }
        }
    }

    fn on_end(&mut self, number: ClientNumber, end: &End, hands: &mut Hands<'_>) {
        let Some(client) = self.clients.get_mut(number) else {
            return;
        };
        if client.may_come_back(end) {
            let code = match end {
                End::Closed(code) => *code,
                End::Refused { .. } | End::Lost(_) | End::Invalid(_) => None,
            };
            let failures = client.on_away(code, hands.now, &mut self.notes);
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
        std::mem::take(&mut self.notes.findings)
    }
}
