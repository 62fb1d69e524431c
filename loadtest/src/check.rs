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
//! - `faults`: what a fault excuses

mod calls;
mod cancels;
mod endings;
mod faults;
mod logs;
mod losses;
mod origins;
mod places;
mod replies;
mod sends;
mod stream;
#[cfg(test)]
mod tests;
mod texts;
mod turns;

use std::collections::BTreeMap;
use std::fmt;

use crate::ledger::{ClientEvent, ClientNumber, Entry, What};

use calls::Calls;
use cancels::Cancels;
use faults::Faults;
use logs::Logs;
use losses::Losses;
use places::Places;
use sends::Sends;
use stream::Stream;

/// What is counted of replies that came to people piece by piece to their end.
pub const SEEN_TO_LAST_WORD: &str = "replies seen to their last word";

/// How often people were told that a reply begins anew.
pub const RESTARTS_SEEN: &str = "restarts seen";

/// What is counted of replies whose last pieces came to people only with the
/// whole.
pub const LAST_WORDS_WITH_END: &str = "replies whose last words came with their end";

/// A promise, by what it is called when it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// A durable event is missing in a client's stream.
    Hole,
    /// A durable event came twice, or out of order.
    Double,
    /// Two events stand at one place, or one event at two.
    TwoOrders,
    /// An event says one thing to one, and another to another, or in the log.
    TwoContents,
    /// An event came of a life that nobody had told of.
    UnknownLife,
    /// A client was not given the stream from where it was.
    WrongPlace,
    /// A client was told that something is lost, though nothing can be.
    LostForNoReason,
    /// An acknowledged message is in no log, and nothing excuses that.
    AckedAndGone,
    /// What somebody saw of a room is not in its log, and nothing excuses that.
    SeenAndGone,
    /// What was acknowledged was not sent so: it stands in the log with another
    /// text, or in another room.
    StoredOtherwise,
    /// What was refused for good is in the log all the same.
    RefusedAndStored,
    /// Two messages were acknowledged as one.
    AckedAsAnother,
    /// Somebody who had seen what is lost was not told.
    NotTold,
    /// A client has not seen what its room's log holds.
    LeftBehind,
    /// What was said once is stored twice.
    StoredTwice,
    /// A message stands in a log that nobody sent.
    NeverSent,
    /// The AI was called, or replied, for what nobody asked it.
    NeverAsked,
    /// A question has no reply.
    Unanswered,
    /// A question has more than one reply.
    AnsweredTwice,
    /// A reply failed, or was cut, and nothing explains that.
    Failed,
    /// A question of a session was answered before an earlier one was, or beside
    /// it.
    OutOfTurn,
    /// The pieces of a reply do not make its text, or that is not what the AI
    /// said in one call for its question.
    WrongText,
    /// A piece of a reply came twice.
    PieceTwice,
    /// A piece of a reply came to who lacks what is before it.
    PieceMissing,
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
    /// A reply is what a former attempt said, though another had taken over.
    FormerAttempt,
    /// The AI was called more often than is configured.
    TooManyTries,
    /// The AI was called again though nothing had gone wrong, or though its
    /// question was answered.
    NeedlessCall,
    /// The AI was called for what was cancelled before, or went on with it.
    CalledAfterCancel,
    /// A reply was cancelled that nobody wanted to end.
    CancelledByNobody,
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
    /// In which round, counted from 1, where there are several.
    pub round: Option<usize>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at as f64 / 1e6;
        write!(f, "{seconds:.3} s: {:?}: {}", self.broken, self.says)?;
        match self.round {
            Some(round) => write!(f, " (round {round})"),
            None => Ok(()),
        }
    }
}

/// What the run was configured to do.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Attempts at a reply, at the most.
    pub attempts: u64,
    /// Calls of the AI within one attempt, at the most.
    pub tries: u64,
    /// How long a broker may take to find back after a fault, in microseconds:
    /// it learns of its takeover at its next beat.
    pub takeover_us: u64,
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
    /// With how many events a client is brought up to date at the most:
    /// `history.max_recover`.
    pub max_recover: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            attempts: 3,
            tries: 3,
            takeover_us: 5_000_000,
            hang_up_us: 500_000,
            abort_us: 1_000_000,
            ai_recovers_us: 30_000_000,
            max_recover: 1_000,
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
    /// Adds what was found in a round, which is named in what breaks a promise.
    pub fn add(&mut self, round: usize, other: Self) {
        let violations = other.violations.into_iter();
        self.violations
            .extend(violations.map(|violation| Violation {
                round: Some(round),
                ..violation
            }));
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    fn broken(&mut self, broken: Broken, at: u64, says: impl Into<String>) {
        self.violations.push(Violation {
            broken,
            at,
            says: says.into(),
            round: None,
        });
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn count_event(&mut self, event: &ClientEvent) {
        self.count(match event {
            ClientEvent::Opened => "connections",
            ClientEvent::Acked { .. } => "messages acknowledged",
            ClientEvent::Refused { .. } => "errors answered",
            ClientEvent::Durable { .. } => "durable events seen",
            ClientEvent::Delta { .. } => "pieces of replies seen",
            ClientEvent::Snapshot { .. } => "snapshots seen",
            ClientEvent::Restart { .. } => RESTARTS_SEEN,
            ClientEvent::Cancelling { .. } => "replies to be cancelled",
            ClientEvent::Named { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Sent { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Closed { .. } => return,
        });
    }
}

/// Writes down what is found of one client.
struct Finder<'a> {
    verdict: &'a mut Verdict,
    at: u64,
    client: ClientNumber,
}

impl Finder<'_> {
    fn broken(&mut self, broken: Broken, says: impl fmt::Display) {
        let says = format!("client {}: {says}", self.client);
        self.verdict.broken(broken, self.at, says);
    }

    fn count(&mut self, what: &'static str) {
        self.verdict.count(what);
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
    rules: Rules,
    verdict: Verdict,
    clients: BTreeMap<ClientNumber, Stream>,
    places: Places,
    sends: Sends,
    losses: Losses,
    logs: Logs,
    calls: Calls,
    cancels: Cancels,
    faults: Faults,
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
                self.faults.on_fault(at, fault);
            }
            What::FaultOver => self.faults.on_over(at),
            What::UnplannedFailOver { between } => {
                self.verdict.count("fail-overs that nobody planned");
                self.faults.on_unplanned_fail_over(between);
            }
            What::Log(log) => {
                self.places.on_log(at, &log, &mut self.verdict);
                self.logs.take(log);
            }
            What::Round(_) | What::Counted { .. } => {}
        }
    }

    /// What was found, after all lines.
    pub fn finish(mut self) -> Verdict {
        for (client, stream) in &self.clients {
            stream.finish(*client, &self.logs, &self.places, &mut self.verdict);
        }
        turns::finish(
            &self.logs,
            &self.calls,
            &self.faults,
            self.rules,
            &mut self.verdict,
        );
        self.logs.finish(&mut self.verdict);
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
            .finish(&self.faults, self.rules, &mut self.verdict);
        self.cancels.finish(
            (&self.logs, &self.sends, &self.calls),
            &self.faults,
            self.rules,
            &mut self.verdict,
        );
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
        self.verdict.count_event(&event);
        self.places
            .on_event(at, client, &stream.tenant, &event, &mut self.verdict);
        self.losses
            .on_event(at, client, &stream.tenant, &event, &mut self.verdict);
        self.calls.on_event(at, &event);
        self.cancels.on_event(at, &event);
        self.sends
            .on_event(at, client, (&stream.tenant, &stream.user), &event);
        stream.on_event(at, client, event, &mut self.verdict);
    }
}
