//! A thread with many clients: one loop, one buffer to read into, no task for
//! each.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::behaviour::{Behaviour, ClientNumber, End, Hands, Timers, Turn};
use super::clock::{self, Nanos, SECOND};
use super::connection::{Connection, Reader};

/// Sockets that are told of at once.
const EVENTS: usize = 1024;

/// Turns that are taken before sockets are looked at again.
const TURNS: usize = 256;

const ORDER: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);

/// What a thread is told.
pub(crate) enum Command<B: Behaviour> {
    /// For its clients.
    Order(B::Order),
    /// Say what was found.
    Report(Sender<B::Findings>),
}

/// A thread's loop.
pub(crate) struct Worker<B: Behaviour> {
    behaviour: B,
    connections: Vec<Option<Connection>>,
    timers: Timers,
    poll: Poll,
    /// Precise to microseconds; `Poll` itself counts in milliseconds.
    timer: TimerFd,
    armed: Option<Nanos>,
    commands: Receiver<Command<B>>,
    reader: Reader,
    out: Vec<u8>,
}

impl<B: Behaviour> Worker<B> {
    /// A thread's loop, and what wakes it when it was given a command.
    pub(crate) fn new(behaviour: B, commands: Receiver<Command<B>>) -> io::Result<(Self, Waker)> {
        let poll = Poll::new()?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
        let fd = timer.as_fd().as_raw_fd();
        poll.registry()
            .register(&mut SourceFd(&fd), TIMER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), ORDER)?;
        let worker = Self {
            connections: (0..behaviour.clients()).map(|_| None).collect(),
            behaviour,
            timers: Timers::default(),
            poll,
            timer,
            armed: None,
            commands,
            reader: Reader::default(),
            out: Vec::new(),
        };
        Ok((worker, waker))
    }

    /// Lives until nobody can give commands any more.
    ///
    /// # Errors
    /// The system refuses what it always grants.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        self.with_hands(None, |behaviour, hands| behaviour.on_start(hands));
        loop {
            let timeout = self.until_next()?;
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                if event.token().0 < self.connections.len() {
                    self.on_event(event);
                }
            }
            self.take_turns();
            if !self.take_commands() {
                return Ok(());
            }
            self.behaviour.on_calm();
        }
    }

    /// Sees to it that the loop goes on when the next turn is due. No longer than
    /// this may sockets be waited for.
    fn until_next(&mut self) -> io::Result<Option<Duration>> {
        let Some(due) = self.timers.next() else {
            return Ok(None);
        };
        if due <= clock::now() {
            return Ok(Some(Duration::ZERO));
        }
        if self.armed != Some(due) {
            let at = Duration::from_nanos(due % SECOND) + Duration::from_secs(due / SECOND);
            let at = Expiration::OneShot(TimeSpec::from_duration(at));
            self.timer.set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            self.armed = Some(due);
        }
        Ok(None)
    }

    fn take_turns(&mut self) {
        let now = clock::now();
        for _ in 0..TURNS {
            let Some((due, client, turn)) = self.timers.take_due(now) else {
                return;
            };
            match turn {
                Turn::Connect => self.connect(client),
                Turn::Act => self.with_hands(Some(client), |behaviour, hands| {
                    behaviour.on_turn(client, due, hands);
                }),
            }
        }
    }

    fn connect(&mut self, client: ClientNumber) {
        let Some(approach) = self.behaviour.approach(client) else {
            return;
        };
        let connection = Connection::begin(approach).and_then(|mut connection| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            registry.register(connection.stream(), Token(client), interest)?;
            Ok(connection)
        });
        match (connection, self.connections.get_mut(client)) {
            (Ok(connection), Some(place)) => *place = Some(connection),
            (Err(error), _) => self.on_end(client, &End::Lost(error)),
            (Ok(_), None) => {}
        }
    }

    fn on_event(&mut self, event: &Event) {
        let client = event.token().0;
        if event.is_writable() {
            let Some(connection) = self.connection(client) else {
                return;
            };
            if let Err(end) = connection.on_writable() {
                return self.on_end(client, &end);
            }
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.on_readable(client, event.is_read_closed());
        }
    }

    fn on_readable(&mut self, client: ClientNumber, is_end_near: bool) {
        let Some(Some(connection)) = self.connections.get_mut(client) else {
            return;
        };
        let (behaviour, timers) = (&mut self.behaviour, &mut self.timers);
        let (now, backlog) = (clock::now(), connection.backlog());
        let mut hangs_up = false;
        self.out.clear();
        let on = |text: &[u8], out: &mut Vec<u8>| {
            if hangs_up {
                return;
            }
            let mut hands = Hands {
                now,
                out,
                backlog,
                hangs_up: false,
                timers: &mut *timers,
            };
            behaviour.on_text(client, text, &mut hands);
            hangs_up = hands.hangs_up;
        };
        let read = connection.on_readable(&mut self.reader, is_end_near, &mut self.out, on);
        self.behaviour.on_read(self.reader.take_bytes());
        self.after(client, hangs_up, read);
    }

    /// Lets the behaviour act, for one client if it is about one.
    fn with_hands(
        &mut self,
        client: Option<ClientNumber>,
        act: impl FnOnce(&mut B, &mut Hands<'_>),
    ) {
        let connection = client.and_then(|client| self.connection(client));
        let backlog = connection.map_or(0, |connection| connection.backlog());
        self.out.clear();
        let mut hands = Hands {
            now: clock::now(),
            out: &mut self.out,
            backlog,
            hangs_up: false,
            timers: &mut self.timers,
        };
        act(&mut self.behaviour, &mut hands);
        let hangs_up = hands.hangs_up;
        if let Some(client) = client {
            self.after(client, hangs_up, Ok(()));
        }
    }

    /// Sends what a client wanted to send, and lets it go if it has ended.
    fn after(&mut self, client: ClientNumber, hangs_up: bool, done: Result<(), End>) {
        let Some(Some(connection)) = self.connections.get_mut(client) else {
            return;
        };
        if hangs_up {
            self.drop_connection(client);
            return;
        }
        let sent = match done {
            Ok(()) if !self.out.is_empty() => connection.send(&self.out),
            done => done,
        };
        if let Err(end) = sent {
            self.on_end(client, &end);
        }
    }

    fn on_end(&mut self, client: ClientNumber, end: &End) {
        self.drop_connection(client);
        self.with_hands(Some(client), |behaviour, hands| {
            behaviour.on_end(client, end, hands);
        });
    }

    fn connection(&mut self, client: ClientNumber) -> Option<&mut Connection> {
        self.connections.get_mut(client)?.as_mut()
    }

    fn drop_connection(&mut self, client: ClientNumber) {
        if let Some(place) = self.connections.get_mut(client) {
            *place = None;
        }
    }

    /// Whether somebody may still give commands.
    fn take_commands(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Order(order)) => {
                    self.with_hands(None, |behaviour, hands| behaviour.on_order(order, hands));
                }
                Ok(Command::Report(to)) => {
                    // Who does not want it any more has gone.
                    let _ = to.send(self.behaviour.findings());
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }
}
