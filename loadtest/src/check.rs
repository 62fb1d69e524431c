//! Whether a ledger keeps every promise that Causerie makes.
//!
//! The checker knows the protocol and the ledger, and nothing of the programs.
//! Exempt is only what the storage itself lost: where the plan let it lose its
//! tail, or all it had, as far back as the fault says, and those who had seen
//! what is lost were told.
//!
//! - `stream`: what one client saw, in the order in which it came
//! - `replies`: the replies that it saw being made
//! - `texts`: what replies say, against what the AI said
//! - `places`: where events stand, as everybody saw it
//! - `sends`: what was sent and acknowledged, against what the logs hold
//! - `endings`: how replies ended
//! - `origins`: whether somebody sent what is stored, and asked what is answered
//! - `losses`: who was told of what the storage lost
//! - `logs`: what the logs hold in the end
//! - `calls`: the calls of the AI server
//! - `turns`: whether the questions of a session had their turns
//! - `cancels`: what was cancelled, and whether that was heeded
//! - `refusals`: what people were refused
//! - `typing`: who was shown typing
//! - `admissions`: whether people got in, and could stay
//! - `faults`: what a fault excuses
//! - `counts`: what is counted of all that
//! - `lines`: at which line of the ledger a promise was broken

mod admissions;
mod broken;
mod calls;
mod cancels;
mod counts;
mod endings;
mod faults;
mod lines;
mod logs;
mod losses;
mod origins;
mod places;
mod refusals;
mod replies;
mod sends;
mod stream;
#[cfg(test)]
mod tests;
mod texts;
mod turns;
mod typing;
mod verdict;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::ledger::{ClientEvent, ClientNumber, Entry, ReadError, What, read_whole};

use admissions::Admissions;
pub use broken::Broken;
use calls::Calls;
use cancels::Cancels;
pub use counts::{Count, LAST_WORDS_WITH_END, RESTARTS_SEEN, SEEN_TO_LAST_WORD};
use faults::Faults;
use lines::Lines;
use logs::Logs;
use losses::Losses;
use places::Places;
use refusals::Refusals;
use sends::Sends;
use stream::Stream;
use typing::Typing;
pub use verdict::{Verdict, Violation};

/// What the run was configured to do.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Attempts at a reply, at the most.
    pub attempts: u64,
    /// Calls of the AI, and of each fallback, within one attempt, at the most.
    pub tries: u64,
    /// Whether another AI is asked where the first one fails before its first word, and
    /// no fault comes between brokers and that.
    pub has_fallback: bool,
    /// How long a broker may take to find back after a fault, in microseconds:
    /// it learns of its takeover at its next beat.
    pub takeover_us: u64,
    /// How long after a fault Redis may still carry out a claim that its broker has
    /// given up, and a broker may learn that it got a reply, in microseconds:
    /// `redis.timeout`, after which a claim is given up.
    pub late_claim_us: u64,
    /// How long a call may seem to go on without a fault once its caller has hung
    /// up, in microseconds: the AI server learns of that when it next writes.
    pub hang_up_us: u64,
    /// How long the AI may go on with a reply whose end was promised, in
    /// microseconds.
    pub abort_us: u64,
    /// How long after a fault at the AI a reply may still fail for it, in
    /// microseconds: a broker waits for what stands still, and then leaves the AI
    /// alone for a while.
    pub ai_recovers_us: u64,
    /// How long it may take to get in where nothing stands in the way, in
    /// microseconds.
    pub let_in_us: u64,
    /// With how many events a client is brought up to date at the most:
    /// `history.max_recover`.
    pub max_recover: u64,
    /// Whether people may read slowly where no fault makes them.
    pub reads_slowly: bool,
    /// Whether people may ask more than is answered: what waits is bounded.
    pub asks_too_much: bool,
}

impl Default for Rules {
    /// Of the installation that `./chaos` starts, whose programs are configured by
    /// them.
    fn default() -> Self {
        Self {
            attempts: 3,
            tries: 3,
            has_fallback: true,
            takeover_us: 5_000_000,
            late_claim_us: 2_000_000,
            hang_up_us: 500_000,
            abort_us: 1_000_000,
            ai_recovers_us: 30_000_000,
            let_in_us: 10_000_000,
            max_recover: 1_000,
            reads_slowly: false,
            asks_too_much: false,
        }
    }
}

/// A client, as a violation names it.
#[derive(Debug, Clone)]
struct Who {
    client: ClientNumber,
    tenant: String,
    user: String,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            client,
            tenant,
            user,
        } = self;
        write!(f, "client {client} ({tenant}/{user})")
    }
}

/// Writes down what is found of one client.
struct Finder<'a> {
    verdict: &'a mut Verdict,
    at: u64,
    who: Arc<Who>,
    /// Where, if it was in a room.
    room: Option<String>,
}

impl Finder<'_> {
    fn broken(&mut self, broken: Broken, says: impl fmt::Display) {
        let says = match &self.room {
            Some(room) => format!("{}: {room}: {says}", self.who),
            None => format!("{}: {says}", self.who),
        };
        self.verdict.broken(broken, self.at, says);
    }

    fn count(&mut self, what: Count) {
        self.verdict.count(what);
    }
}

/// Judges a ledger that was kept.
///
/// # Errors
/// It is not whole, or something in it is unknown: see [`read_whole`].
pub fn judge(ledger: &Path, rules: Rules) -> Result<Verdict, ReadError> {
    let mut checker = Checker::new(rules);
    for entry in read_whole(ledger)? {
        checker.take(entry?);
    }
    Ok(checker.finish())
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
    rules: Rules,
    verdict: Verdict,
    clients: BTreeMap<ClientNumber, Stream>,
    places: Places,
    sends: Sends,
    losses: Losses,
    logs: Logs,
    calls: Calls,
    cancels: Cancels,
    refusals: Refusals,
    typing: Typing,
    admissions: Admissions,
    faults: Faults,
    lines: Lines,
}

impl Checker {
    /// A checker of a run that was configured so.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            verdict: Verdict::default(),
            clients: BTreeMap::new(),
            places: Places::default(),
            sends: Sends::default(),
            losses: Losses::default(),
            logs: Logs::default(),
            calls: Calls::default(),
            cancels: Cancels::default(),
            refusals: Refusals::default(),
            typing: Typing::default(),
            admissions: Admissions::default(),
            faults: Faults::default(),
            lines: Lines::default(),
        }
    }

    /// Takes in the next line.
    pub fn take(&mut self, entry: Entry) {
        self.lines.take(&entry);
        let Entry { at, what } = entry;
        match what {
            What::Client { client, event } => self.on_client(at, client, event),
            What::Call(call) => {
                self.verdict.count(counts::CALLS);
                // To fallbacks all networks are good.
                self.calls.take(match call.fallback {
                    0 => self.faults.as_far_as_told(call),
                    _ => call,
                });
            }
            What::Fault(fault) => {
                self.verdict.count(counts::FAULTS);
                self.faults.on_fault(at, fault);
            }
            What::LossOver => self.faults.on_loss_over(at),
            What::FaultOver => self.faults.on_over(at),
            What::UnplannedFailOver { between } => {
                self.verdict.count(counts::UNPLANNED);
                self.faults.on_unplanned_fail_over(between);
            }
            What::Log(log) => {
                self.places.on_log(at, &log, &mut self.verdict);
                self.logs.take(at, log);
            }
            What::Round(_) | What::GapsRepaired { .. } | What::Counted { .. } => {}
        }
        self.lines.name_last(&mut self.verdict);
    }

    /// What was found, after all lines.
    pub fn finish(mut self) -> Verdict {
        for stream in self.clients.values() {
            stream.finish(&self.logs, &self.places, &mut self.verdict);
        }
        turns::finish(
            &self.logs,
            &self.calls,
            &self.faults,
            self.rules,
            &mut self.verdict,
        );
        self.logs.finish(&self.calls, &mut self.verdict);
        self.places.finish(&mut self.verdict);
        self.calls.on_sent(self.sends.sent_at(&self.logs));
        origins::check(
            &self.sends,
            &self.logs,
            &self.calls,
            &self.faults,
            &mut self.verdict,
        );
        endings::check(
            &self.logs,
            &self.calls,
            &self.faults,
            self.rules,
            &mut self.verdict,
        );
        self.sends
            .finish(&self.logs, &self.faults, &mut self.verdict);
        self.losses
            .finish(&self.logs, &self.faults, self.rules, &mut self.verdict);
        let replaced = self.clients.values().flat_map(Stream::replaced);
        texts::check(
            replaced,
            &self.logs,
            &self.calls,
            &self.faults,
            &mut self.verdict,
        );
        self.calls
            .finish(&self.logs, &self.faults, self.rules, &mut self.verdict);
        self.refusals
            .finish(&self.faults, self.rules, &mut self.verdict);
        self.typing.finish(&self.faults, &mut self.verdict);
        self.admissions
            .finish(&self.faults, self.rules, &mut self.verdict);
        self.cancels.finish(
            (&self.logs, &self.sends, &self.calls),
            &self.faults,
            self.rules,
            &mut self.verdict,
        );
        self.lines.name_rest(&mut self.verdict);
        self.verdict
    }

    fn on_client(&mut self, at: u64, client: ClientNumber, event: ClientEvent) {
        if let ClientEvent::Named {
            tenant,
            user,
            rooms,
        } = event
        {
            self.verdict.count(counts::PEOPLE);
            let who = Who {
                client,
                tenant,
                user,
            };
            self.clients.insert(client, Stream::new(who, rooms));
            return;
        }
        let Some(stream) = self.clients.get_mut(&client) else {
            let says = format!("client {client} is not named before it does something");
            self.verdict.broken(Broken::WrongPlace, at, says);
            return;
        };
        let who = Arc::clone(&stream.who);
        self.verdict.count_event(&event);
        self.places.on_event(at, &who, &event, &mut self.verdict);
        self.losses.on_event(at, &who, &event, &mut self.verdict);
        self.calls.on_event(at, &event);
        self.cancels.on_event(at, &who, &event);
        self.refusals.on_event(at, &who, &event);
        self.typing.on_event(at, &who, &event, &mut self.verdict);
        self.admissions.on_event(at, &who, &event);
        self.sends.on_event(at, &who, &event);
        stream.on_event(at, event, &mut self.verdict);
    }
}
