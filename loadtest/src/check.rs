//! Whether a ledger keeps every promise that Causerie makes.
//!
//! The checker knows the protocol and the ledger, and nothing of the programs.
//! Exempt is only what the storage itself lost: where the plan let it lose its
//! tail, or all it had, and those who had seen what is lost were told.
//!
//! - `stream`: what one client saw, in the order in which it came
//! - `rooms`: what was acknowledged and seen, against what the logs hold
//! - `calls`: the calls of the AI server

mod calls;
mod rooms;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::ledger::{ClientEvent, ClientNumber, Entry, Fault, What};

use calls::Calls;
use rooms::Rooms;
use stream::Stream;

/// A promise, by what it is called when it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// A durable event is missing in a client's stream.
    Hole,
    /// A durable event came twice, or out of order.
    Double,
    /// Two events stand at one place, or one event at two.
    TwoOrders,
    /// An event came of a life that nobody had told of.
    UnknownLife,
    /// A client was not given the stream from where it was.
    WrongPlace,
    /// A client was told that something is lost, though nothing can be.
    LostForNoReason,
    /// An acknowledged message is in no log, and nothing excuses that.
    AckedAndGone,
    /// Somebody who had seen what is lost was not told.
    NotTold,
    /// A client has not seen what its room's log holds.
    LeftBehind,
    /// What was said once is stored twice.
    StoredTwice,
    /// A question has no reply.
    Unanswered,
    /// A question has more than one reply.
    AnsweredTwice,
    /// The pieces of a reply do not make its text.
    WrongText,
    /// A piece of a reply came twice.
    PieceTwice,
    /// Something of a reply came after its end.
    AfterTheEnd,
    /// Somebody is shown a reply, or typing, that never ends.
    LeftTyping,
    /// What is one tenant's was shown to another's.
    CrossedTenants,
    /// A message waits for its `ack` in vain.
    Unacked,
    /// Two calls of the AI have the same name.
    CallTwice,
    /// Two calls for one question went on side by side.
    CallsAtOnce,
    /// A reply is not what one call said, or not what the last attempt said.
    FormerAttempt,
    /// The AI was called more often than is configured.
    TooManyTries,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub broken: Broken,
    /// When, in microseconds since the run began.
    pub at: u64,
    /// By what.
    pub says: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at as f64 / 1e6;
        write!(f, "{seconds:.3} s: {:?}: {}", self.broken, self.says)
    }
}

/// What the run was configured to do.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Attempts at a reply, at the most.
    pub attempts: u64,
    /// Calls of the AI within one attempt, at the most.
    pub tries: u64,
    /// How long two attempts at one reply may overlap beyond a fault, in
    /// microseconds: a broker learns of its takeover at its next beat.
    pub takeover_us: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            attempts: 3,
            tries: 3,
            takeover_us: 5_000_000,
        }
    }
}

/// What a checker found.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Broken promises, in the order in which they were found.
    pub violations: Vec<Violation>,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Verdict {
    /// Adds what was found of another run.
    pub fn add(&mut self, other: Self) {
        self.violations.extend(other.violations);
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    fn broken(&mut self, broken: Broken, at: u64, says: impl Into<String>) {
        self.violations.push(Violation {
            broken,
            at,
            says: says.into(),
        });
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

/// Reads a ledger to its end.
pub fn check(entries: impl IntoIterator<Item = Entry>, rules: Rules) -> Verdict {
    let mut checker = Checker::new(rules);
    for entry in entries {
        checker.take(entry);
    }
    checker.finish()
}

/// Takes a ledger in line by line.
#[derive(Debug)]
pub struct Checker {
    verdict: Verdict,
    clients: BTreeMap<ClientNumber, Stream>,
    rooms: Rooms,
    calls: Calls,
    faults: Faults,
}

/// The faults that struck so far.
#[derive(Debug, Default)]
struct Faults(Vec<(u64, Fault)>);

impl Faults {
    /// Whether the storage may have lost something after `since` and up to
    /// `until`.
    fn may_have_lost(&self, since: u64, until: u64) -> bool {
        self.0
            .iter()
            .any(|(at, fault)| fault.may_lose && fault.until >= since && *at <= until)
    }

    /// When the last fault is over that was under way at `at`.
    fn over_at(&self, at: u64) -> u64 {
        let under_way = self
            .0
            .iter()
            .filter(|(began, fault)| (*began..=fault.until).contains(&at));
        under_way.map(|(_, fault)| fault.until).max().unwrap_or(at)
    }
}

impl Checker {
    /// A checker of a run that was configured so.
    pub fn new(rules: Rules) -> Self {
        Self {
            verdict: Verdict::default(),
            clients: BTreeMap::new(),
            rooms: Rooms::default(),
            calls: Calls::new(rules),
            faults: Faults::default(),
        }
    }

    /// Takes in the next line.
    pub fn take(&mut self, Entry { at, what }: Entry) {
        match what {
            What::Client { client, event } => self.on_client(at, client, event),
            What::Call(call) => {
                self.verdict.count("calls of the AI");
                self.calls.take(call);
            }
            What::Fault(fault) => {
                self.verdict.count("faults");
                self.faults.0.push((at, fault));
            }
            What::FaultOver => {
                if let Some((_, fault)) = self.faults.0.last_mut() {
                    fault.until = at;
                }
            }
            What::Log(log) => self.rooms.on_log(at, log, &mut self.verdict),
            What::Round(_) | What::Counted { .. } => {}
        }
    }

    /// What was found, after all lines.
    pub fn finish(mut self) -> Verdict {
        for (client, stream) in &self.clients {
            stream.finish(*client, &self.rooms, &mut self.verdict);
        }
        self.rooms.finish(&self.faults, &mut self.verdict);
        self.calls
            .finish(&self.faults, &self.rooms, &mut self.verdict);
        self.verdict
    }

    fn on_client(&mut self, at: u64, client: ClientNumber, event: ClientEvent) {
        if let ClientEvent::Named { tenant, user } = event {
            let stream = Stream::new(tenant, user);
            self.clients.insert(client, stream);
            return;
        }
        let Some(stream) = self.clients.get_mut(&client) else {
            let says = format!("client {client} is not named before it does something");
            self.verdict.broken(Broken::WrongPlace, at, says);
            return;
        };
        self.rooms
            .on_event(at, client, &stream.tenant, &event, &mut self.verdict);
        let may_be_lost = self.faults.may_have_lost(0, at);
        stream.on_event(at, client, event, may_be_lost, &mut self.verdict);
    }
}
