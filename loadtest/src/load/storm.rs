//! Many lose their connections at once and come back, with the positions that they
//! had: back is only who has caught up.

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
use crate::check::{Rules, Violation, check};
use crate::ledger::{ClientEvent, ClientNumber, Durable, Entry, Log, What};

use returner::Returner;
pub use tide::Return;
use tide::{Findings, Notes, Tide};

/// The first try to come back follows within this, later ones within twice.
const FIRST_RETRY: Nanos = 250 * MILLISECOND;

/// How often it is looked at how many are back.
const GLANCE: Duration = Duration::from_millis(5);

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

    /// Waits until all are back, and have caught up; also on what `another` client
    /// said in their room.
    ///
    /// # Errors
    /// Somebody has not in time, or is not let in for good.
    pub fn wait_until_back(
        self,
        another: Vec<ClientEvent>,
        patience: Duration,
    ) -> anyhow::Result<Outcome> {
        let clients = self.guests.clients;
        self.wait("back and caught up", clients, patience, Tide::are_back)?;
        let client = ClientNumber::try_from(clients)?;
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

/// What the logs of rooms must hold: all that was acknowledged, as it was sent.
fn logs(tenant: &str, entries: &[Entry]) -> Vec<Log> {
    let mut sent = BTreeMap::new();
    let mut rooms: BTreeMap<&str, BTreeMap<u64, Durable>> = BTreeMap::new();
    for entry in entries {
        let What::Client { client, event } = &entry.what else {
            continue;
        };
        if let ClientEvent::Sent { id, room, text, .. } = event {
            sent.insert((*client, id, room), text);
        } else if let ClientEvent::Acked {
            id,
            message,
            room,
            epoch,
            seq,
        } = event
        {
            let text = sent.get(&(*client, id, room));
            let event = Durable {
                epoch: epoch.clone(),
                seq: *seq,
                kind: "new_message".to_owned(),
                message: message.clone(),
                session: Some(SESSION.to_owned()),
                in_reply_to: None,
                attempt: None,
                finish: None,
                content: text.map_or_else(String::new, |text| (*text).clone()),
            };
            rooms.entry(room).or_default().insert(*seq, event);
        }
    }
    let logs = rooms.into_iter().map(|(room, events)| Log {
        tenant: tenant.to_owned(),
        room: room.to_owned(),
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
        let client = self.clients.get(client)?;
        let door = self.doors.of(client.door())?;
        let opening = client.opening(&self.dialect);
        Some(Approach {
            address: door.target.address,
            source: door.source,
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
            Order::BreakOff => {
                hands.hangs_up = true;
                client.on_away(None, hands.now, &mut self.notes);
                self.come_back(number, 0, hands);
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
