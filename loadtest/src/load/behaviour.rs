//! What clients do, and what they make of what they hear.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::Nanos;
use super::connection::Approach;
pub(crate) use super::connection::End;

/// The number of a client within its thread.
pub(crate) type ClientNumber = usize;

/// What the clients of one thread do. Nothing here may wait: all of them live on
/// that thread.
pub(crate) trait Behaviour: Send + 'static {
    /// What they are told while they live.
    type Order: Send + 'static;
    /// What is to be known of them.
    type Findings: Send + 'static;

    /// How many they are.
    fn clients(&self) -> usize;

    /// The thread begins: `hands` let clients connect when it is their time.
    fn on_start(&mut self, hands: &mut Hands<'_>);

    /// How this client connects now.
    fn approach(&mut self, client: ClientNumber) -> Option<Approach>;

    /// A text came for a client.
    fn on_text(&mut self, client: ClientNumber, text: &[u8], hands: &mut Hands<'_>);

    /// It is a client's turn, as it was wished for.
    fn on_turn(&mut self, client: ClientNumber, due: Nanos, hands: &mut Hands<'_>);

    /// A client has no connection any more, or did not get one.
    fn on_end(&mut self, client: ClientNumber, end: &End, hands: &mut Hands<'_>);

    /// Somebody gave an order.
    fn on_order(&mut self, order: Self::Order, hands: &mut Hands<'_>);

    /// So many bytes were read from sockets.
    fn on_read(&mut self, bytes: u64);

    /// All that had come has been seen to, for now.
    fn on_calm(&mut self);

    /// Gives what was found since it was asked last.
    fn findings(&mut self) -> Self::Findings;
}

/// What a client can do at the moment.
pub(crate) struct Hands<'a> {
    /// The time at which what it acts upon came.
    pub(crate) now: Nanos,
    /// Frames to send, where there is a connection.
    pub(crate) out: &'a mut Vec<u8>,
    /// Bytes that its socket has not taken yet.
    pub(crate) backlog: usize,
    /// Set, its connection is dropped without a word.
    pub(crate) hangs_up: bool,
    pub(crate) timers: &'a mut Timers,
}

/// What comes when it is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// A client connects.
    Connect,
    /// [`Behaviour::on_turn`]
    Act,
}

/// What is to come.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Nanos, ClientNumber, Turn)>>);

impl Timers {
    pub(crate) fn set(&mut self, due: Nanos, client: ClientNumber, turn: Turn) {
        self.0.push(Reverse((due, client, turn)));
    }

    /// When something is to be done next.
    pub(crate) fn next(&self) -> Option<Nanos> {
        self.0.peek().map(|Reverse((due, _, _))| *due)
    }

    /// What was to be done by `now`, the earliest first.
    pub(crate) fn take_due(&mut self, now: Nanos) -> Option<(Nanos, ClientNumber, Turn)> {
        let is_due = self.next().is_some_and(|due| due <= now);
        is_due
            .then(|| self.0.pop())
            .flatten()
            .map(|Reverse(turn)| turn)
    }
}
