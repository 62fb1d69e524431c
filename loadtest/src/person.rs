//! A client that comes back whatever happens, and writes down what it sees.
//!
//! It goes by the protocol alone: keeps its position in each room, sends again
//! under the same id what was not acknowledged, waits as long as it is told to.
//! Nothing is judged here; that is the checker's.

mod mailbox;
mod notes;
mod sayings;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::ledger::{ClientEvent, ClientNumber, Pen, What};
use mailbox::Mailbox;
use notes::Notes;
pub use notes::{State, durable, event_of};
use socket::{Gone, Heard, NotLetIn, Socket};

/// How long a connection may be silent before it is asked for a sign of life,
/// and then before it is given up.
const HEARTBEAT: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// The first try to come back follows within this, so that a crowd spreads.
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// The reason of a connection's end that its client was told to bring about.
pub const DROPPED: &str = "dropped by itself";

const CANNOT_READ: &str = "cannot read";
const CANNOT_SEND: &str = "cannot send";
const HEARTBEAT_LOST: &str = "heartbeat lost";

/// The reasons of the ends that a client brings about though it is served: what it
/// cannot read it writes down beside. That nobody serves it is no such reason.
pub const BY_ITSELF: [&str; 2] = [DROPPED, CANNOT_READ];

/// The longest pause between later tries.
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// Who a client is, and what it does.
#[derive(Debug, Clone)]
pub struct Person {
    /// Its number within the run.
    pub number: ClientNumber,
    /// Its tenant's id.
    pub tenant: String,
    /// Its user's id.
    pub user: String,
    /// Which of its user's devices it is.
    pub device: u32,
    /// What it connects with.
    pub token: String,
    /// The rooms it hears and speaks in, beside `user:me` and `tenant`.
    pub rooms: Vec<String>,
    /// Where gateways, or load balancers before them, listen: `ws://…/ws`.
    pub doors: Arc<[String]>,
    /// The time from one message to the next, on average.
    pub pace: Duration,
}

/// What all are told while the run goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orders {
    /// Say nothing new: what is under way comes to its end.
    pub be_quiet: bool,
    /// Lose the connection, once for each raise of the number.
    pub drop_connection: u64,
    /// Read nothing from the socket, but give signs of life.
    pub stop_reading: bool,
    /// Add much to each message, so that those who do not read fall behind.
    pub write_at_length: bool,
    /// The run is over.
    pub leave: bool,
}

/// How one connection ended, and what comes next.
enum Next {
    /// Back after a pause, which is the longer the more tries have failed.
    Again,
    /// Back after this pause, as was told.
    After(Duration),
    /// Never again.
    Leave,
}

impl Person {
    /// Lives until told to leave. `state` shows others how far it is.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub async fn run(
        self,
        mut orders: watch::Receiver<Orders>,
        state: Arc<State>,
        pen: Pen,
        mut dice: StdRng,
    ) -> std::io::Result<()> {
        let mut notes = Notes::new(self.number, pen, state);
        notes.write(ClientEvent::Named {
            tenant: self.tenant.clone(),
            user: self.user.clone(),
            rooms: self.all_rooms(),
        })?;
        let mut mailbox = Mailbox::new(&self, &mut dice);
        let (mut failures, mut door) = (0, self.any_door(&mut dice));
        loop {
            let next = match Socket::open(&self.url(door, &notes)).await {
                Ok(socket) => {
                    notes.show_door(door);
                    let mut visit = Visit {
                        notes: &mut notes,
                        mailbox: &mut mailbox,
                        orders: &mut orders,
                        dice: &mut dice,
                    };
                    let (next, was_ready) = visit.run(socket).await?;
                    failures = if was_ready { 0 } else { failures + 1 };
                    next
                }
                Err(refused) => {
                    failures += 1;
                    let told = refused.retry_after;
                    notes.not_let_in(refused)?;
                    // In whole seconds: not all that were told so come at once.
                    told.map_or(Next::Again, |told| Next::After(told + pause(0, &mut dice)))
                }
            };
            match next {
                Next::Leave => return Ok(()),
                Next::Again | Next::After(_) if orders.borrow().leave => return Ok(()),
                Next::Again => sleep(pause(failures, &mut dice)).await,
                Next::After(pause) => sleep(pause).await,
            }
            door = self.another_door(door, &mut dice);
        }
    }

    /// Those that it is in without naming them as well.
    fn all_rooms(&self) -> Vec<String> {
        let own = format!("user:{}", self.user);
        let rooms = self.rooms.iter().cloned();
        rooms.chain([own, "tenant".to_owned()]).collect()
    }

    fn any_door(&self, dice: &mut StdRng) -> usize {
        dice.random_range(0..self.doors.len().max(1))
    }

    /// Any but the one that was just tried or lost, where there are others.
    fn another_door(&self, lost: usize, dice: &mut StdRng) -> usize {
        let others = self.doors.len().saturating_sub(1).max(1);
        (lost + 1 + dice.random_range(0..others)) % self.doors.len().max(1)
    }

    fn url(&self, door: usize, notes: &Notes) -> String {
        let door = self.doors.get(door).map_or("", String::as_str);
        let mut url = format!("{door}?token={}", self.token);
        for room in notes.rooms_to_name(&self.rooms) {
            url.push_str("&room=");
            url.push_str(&room);
        }
        url
    }
}

/// One connection.
struct Visit<'a> {
    notes: &'a mut Notes,
    mailbox: &'a mut Mailbox,
    orders: &'a mut watch::Receiver<Orders>,
    dice: &'a mut StdRng,
}

impl Visit<'_> {
    /// Stays until the connection ends; how it goes on, and whether it was
    /// ever ready.
    async fn run(&mut self, mut socket: Socket) -> std::io::Result<(Next, bool)> {
        self.orders.mark_unchanged();
        let dropped = self.orders.borrow().drop_connection;
        let mut was_ready = false;
        let mut heard_at = Instant::now();
        let mut pinged_at = None;
        loop {
            let orders = *self.orders.borrow();
            if orders.leave {
                return Ok((Next::Leave, was_ready));
            }
            if orders.drop_connection != dropped {
                drop(socket);
                self.notes.closed(None, DROPPED)?;
                return Ok((Next::Again, was_ready));
            }
            self.notes.reads(!orders.stop_reading)?;
            let speaks_at = self.mailbox.due(orders.be_quiet).filter(|_| was_ready);
            let patience_ends = pinged_at.map_or(heard_at + HEARTBEAT, |at| at + PATIENCE);
            tokio::select! {
                // Whoever stood still themselves find first what came meanwhile, and
                // only then that nothing came in time.
                biased;
                changed = self.orders.changed() => {
                    if changed.is_err() {
                        return Ok((Next::Leave, was_ready));
                    }
                    // It may have been told not to read for a while.
                    heard_at = Instant::now();
                    pinged_at = None;
                }
                heard = socket.next(), if !orders.stop_reading => {
                    heard_at = Instant::now();
                    pinged_at = None;
                    match heard {
                        Heard::Frame(frame) => {
                            let is_ready = self.on_frame(&frame)?;
                            if is_ready {
                                was_ready = true;
                                self.mailbox.send_all_again();
                            }
                        }
                        Heard::Nothing => {}
                        Heard::Unreadable(reason) => {
                            self.notes.write(ClientEvent::Unreadable { reason })?;
                            self.notes.closed(None, CANNOT_READ)?;
                            return Ok((Next::Again, was_ready));
                        }
                        Heard::End(gone) => {
                            // An overloaded node is left alone for longer each time.
                            let was_ready = was_ready && gone.code != Some(1013);
                            return Ok((self.on_end(&gone)?, was_ready));
                        }
                    }
                }
                () = until(speaks_at) => {
                    let letter = self.mailbox.next(
                        &self.notes.running(),
                        orders.write_at_length,
                        self.dice,
                    );
                    if let Some(letter) = letter {
                        if let Some(sent) = letter.sent() {
                            self.notes.write(sent)?;
                        }
                        let frame = letter.frame(orders.write_at_length);
                        if !socket.send(frame, PATIENCE).await {
                            self.notes.closed(None, CANNOT_SEND)?;
                            return Ok((Next::Again, was_ready));
                        }
                    }
                }
                () = sleep_until(patience_ends) => {
                    let ping = json!({"action": "ping"});
                    let is_lost = pinged_at.is_some() || !socket.send(ping, PATIENCE).await;
                    if is_lost {
                        self.notes.closed(None, HEARTBEAT_LOST)?;
                        return Ok((Next::Again, was_ready));
                    }
                    // Who does not read cannot tell whether it is answered.
                    heard_at = Instant::now();
                    pinged_at = (!orders.stop_reading).then_some(heard_at);
                }
            }
        }
    }

    /// Takes in a frame; whether it is `ready`.
    fn on_frame(&mut self, frame: &Value) -> std::io::Result<bool> {
        let is_ready = frame["type"] == "ready";
        if frame["type"] == "ack" {
            let data = &frame["data"];
            let (room, message) = (&data["room"], &data["message_id"]);
            self.mailbox.on_ack(&frame["id"], room, message);
        } else if frame["type"] == "error" {
            self.mailbox.on_error(frame);
        }
        self.notes.on_frame(frame)?;
        self.notes.show_unacked(self.mailbox.unacked());
        Ok(is_ready)
    }

    fn on_end(&mut self, gone: &Gone) -> std::io::Result<Next> {
        self.notes.closed(gone.code, &gone.reason)?;
        Ok(match gone.code {
            Some(4500..=4999) => Next::Leave,
            Some(1012) => Next::After(told_to_wait(&gone.reason)),
            _ => Next::Again,
        })
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The pause before the next try, after so many that failed.
fn pause(failures: u32, dice: &mut StdRng) -> Duration {
    let longest = (FIRST_RETRY * 2_u32.pow(failures.min(4))).min(LONGEST_RETRY);
    longest.mul_f64(dice.random())
}

/// `reconnect after=MS`
fn told_to_wait(reason: &str) -> Duration {
    let ms = reason.rsplit_once('=').and_then(|(_, ms)| ms.parse().ok());
    ms.map_or(FIRST_RETRY, Duration::from_millis)
}

impl Notes {
    fn not_let_in(&mut self, refused: NotLetIn) -> std::io::Result<()> {
        let NotLetIn {
            status,
            reason,
            is_unreadable,
            retry_after: _,
        } = refused;
        if is_unreadable {
            let reason = reason.clone();
            self.write(ClientEvent::Unreadable { reason })?;
        }
        self.write(ClientEvent::NotLetIn { status, reason })
    }

    fn closed(&mut self, code: Option<u16>, reason: &str) -> std::io::Result<()> {
        self.write(ClientEvent::Closed {
            code,
            reason: reason.to_owned(),
        })
    }
}

/// An entry of a client.
pub(crate) fn of_client(client: ClientNumber, event: ClientEvent) -> What {
    What::Client { client, event }
}
