//! Clients who come in, listen, say things and ask questions: all that there is
//! in a load test, but for those who come back.

mod asking;
mod findings;
mod progress;
mod role;
#[cfg(test)]
mod tests;
mod turns;

use std::fmt;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;

use asking::Asking;
pub(crate) use findings::Findings;
pub(crate) use progress::Progress;
use progress::Steps;
pub(crate) use role::{Act, Order, Pace, Rhythm, Role, Setting};

use super::behaviour::{Behaviour, ClientNumber, End, Hands, Turn};
use super::clock::{Nanos, SECOND};
use super::connection::Approach;
use super::dialect::{Delta, Heard, Reply};
use super::numbers::{Arrival, Numbers};
use super::payload::{self, Stamp};
use super::results::Measure;
use super::upgrade;

/// The clients of one thread.
pub(crate) struct Talkers {
    clients: Vec<Client>,
    setting: Arc<Setting>,
    rhythm: Rhythm,
    findings: Findings,
    progress: Arc<Progress>,
    /// Since others were told.
    steps: Steps,
    text: String,
    dice: StdRng,
}

struct Client {
    role: Role,
    /// The [numbers](payload::number_of) of its rooms.
    rooms: Vec<u32>,
    /// Rooms that it does not hear yet.
    joins: usize,
    numbers: Numbers,
    /// Its own next message.
    next: u32,
    is_typing: bool,
    asking: Asking,
    is_gone: bool,
}

impl Client {
    fn is_in(&self) -> bool {
        self.joins == 0 && !self.is_gone
    }
}

impl Talkers {
    pub(crate) fn new(roles: Vec<Role>, setting: Arc<Setting>, progress: Arc<Progress>) -> Self {
        let clients = roles.into_iter().map(|role| Client {
            joins: setting.dialect.joins(&role.who),
            rooms: role
                .who
                .rooms
                .iter()
                .map(|room| payload::number_of(room))
                .collect(),
            role,
            numbers: Numbers::default(),
            next: 0,
            is_typing: false,
            asking: Asking::default(),
            is_gone: false,
        });
        let clients: Vec<_> = clients.collect();
        let seed = clients.first().map_or(0, |client| client.role.opens_at);
        Self {
            clients,
            setting,
            rhythm: Rhythm::default(),
            findings: Findings::default(),
            progress,
            steps: Steps::default(),
            text: String::new(),
            dice: StdRng::seed_from_u64(seed),
        }
    }

    fn on_message(&mut self, client: ClientNumber, stamp: Stamp, now: Nanos) {
        let Some(client) = self.clients.get_mut(client) else {
            return;
        };
        if !client.rooms.contains(&stamp.room) {
            self.findings.counts.misplaced += 1;
            return;
        }
        if client.role.act.sender() == Some(stamp.sender) {
            return;
        }
        match client.numbers.take(stamp.sender, stamp.number) {
            Arrival::InOrder | Arrival::AfterHole => {}
            Arrival::Late => self.findings.counts.reordered += 1,
            Arrival::Again => {
                self.findings.counts.duplicated += 1;
                return;
            }
        }
        self.steps.heard += 1;
        self.findings.counts.delivered += 1;
        self.findings
            .on_heard(self.rhythm.is_delivery(stamp.sent, now));
        if self.rhythm.is_measured(stamp.sent) {
            let took = now.saturating_sub(stamp.sent);
            self.findings.note(Measure::Delivery, took);
        }
    }

    fn on_joined(&mut self, client: ClientNumber, now: Nanos) {
        let Some(client) = self
            .clients
            .get_mut(client)
            .filter(|client| client.joins > 0)
        else {
            return;
        };
        client.joins -= 1;
        if client.joins == 0 {
            let took = now.saturating_sub(client.role.opens_at);
            self.findings.on_connected(took);
            self.progress.on_joined(now);
        }
    }

    fn on_refused(&mut self, number: ClientNumber, code: &str, hands: &mut Hands<'_>) {
        let Some(client) = self.clients.get_mut(number).filter(|client| client.is_in()) else {
            return self.fail(number, &code);
        };
        let was_asking = client.asking.on_refused();
        self.findings.on_error(code);
        if was_asking {
            self.after_reply(number, SECOND, hands);
        }
    }

    fn on_delta(&mut self, client: ClientNumber, delta: Delta, now: Nanos) {
        let Some(client) = self.clients.get_mut(client) else {
            return;
        };
        let due = client.asking.due();
        if let (Some(due), Some(piece)) =
            (due, client.asking.on_delta(delta, now, &self.setting.pace))
        {
            self.findings.on_heard(self.rhythm.is_measured(now));
            self.findings.on_piece(piece, self.rhythm.is_measured(due));
        }
    }

    fn on_reply(&mut self, number: ClientNumber, reply: Reply, hands: &mut Hands<'_>) {
        let Some(client) = self.clients.get_mut(number) else {
            return;
        };
        let (due, pace) = (client.asking.due(), &self.setting.pace);
        if let (Some(due), Some(answered)) = (due, client.asking.on_reply(reply, hands.now, pace)) {
            self.findings
                .on_reply(answered, self.rhythm.is_measured(due));
            self.after_reply(number, 0, hands);
        }
    }

    /// Somebody could not come in.
    fn fail(&self, client: ClientNumber, why: &dyn fmt::Display) {
        let door = self
            .clients
            .get(client)
            .map_or(0, |client| client.role.door);
        let door = self.setting.doors.of(door);
        let url = door.map_or("", |door| &door.target.url);
        self.progress.fail(format!("{url}: {why}"));
    }
}

impl Behaviour for Talkers {
    type Order = Order;
    type Findings = Findings;

    fn clients(&self) -> usize {
        self.clients.len()
    }

    fn on_start(&mut self, hands: &mut Hands<'_>) {
        for (number, client) in self.clients.iter().enumerate() {
            let at = client.role.opens_at;
            hands.timers.set(at, number, Turn::Connect);
        }
    }

    fn approach(&mut self, client: ClientNumber) -> Option<Approach> {
        let client = self.clients.get(client)?;
        let door = self.setting.doors.of(client.role.door)?;
        let opening = self.setting.dialect.opening(&client.role.who);
        Some(Approach {
            address: door.target.address,
            source: door.source,
            tls: door.tls(),
            request: upgrade::request(door.target, &opening, self.setting.deflate),
            deflate: self.setting.deflate,
        })
    }

    fn on_text(&mut self, number: ClientNumber, text: &[u8], hands: &mut Hands<'_>) {
        let Some(client) = self.clients.get_mut(number) else {
            return;
        };
        let dialect = &self.setting.dialect;
        match dialect.on_text(&client.role.who, text, hands.out) {
            Heard::Joined => self.on_joined(number, hands.now),
            Heard::Message(stamp) => self.on_message(number, stamp, hands.now),
            Heard::Accepted(_) => {
                self.findings.counts.accepted += 1;
                self.steps.accepted += 1;
            }
            Heard::Refused(code) => self.on_refused(number, code, hands),
            Heard::Delta(delta) => self.on_delta(number, delta, hands.now),
            Heard::Reply(reply) => self.on_reply(number, reply, hands),
            Heard::Nothing => {}
        }
    }

    fn on_turn(&mut self, client: ClientNumber, due: Nanos, hands: &mut Hands<'_>) {
        self.steps.taken += 1;
        match self.clients.get(client).map(|client| &client.role.act) {
            Some(Act::Speak { .. }) => self.on_speakers_turn(client, due, hands),
            Some(Act::Ask { .. }) => self.on_askers_turn(client, due, hands),
            Some(Act::Listen) | None => {}
        }
    }

    fn on_end(&mut self, number: ClientNumber, end: &End, _hands: &mut Hands<'_>) {
        let Some(client) = self.clients.get_mut(number) else {
            return;
        };
        let was_in = client.is_in();
        client.is_gone = true;
        if was_in {
            self.findings.on_error(&end.to_string());
            self.progress.on_gone();
        } else {
            self.fail(number, end);
        }
    }

    fn on_order(&mut self, order: Order, hands: &mut Hands<'_>) {
        for number in 0..self.clients.len() {
            let Some(act) = self.clients.get(number).map(|client| &client.role.act) else {
                continue;
            };
            match order {
                Order::Begin(rhythm) => {
                    self.rhythm = rhythm;
                    if let Some(due) = rhythm.first_turn(act) {
                        self.set_turn(due, number, hands);
                    }
                }
                Order::SayOne(sender) => {
                    if act.sender() == Some(sender) {
                        self.set_turn(hands.now, number, hands);
                    }
                }
            }
        }
    }

    fn on_read(&mut self, bytes: u64) {
        self.findings.counts.received_bytes += bytes;
    }

    fn on_calm(&mut self) {
        self.progress.on_steps(std::mem::take(&mut self.steps));
    }

    fn findings(&mut self) -> Findings {
        let clients = self.clients.iter();
        let streaming = clients.filter(|of| !of.is_gone && of.asking.is_streaming());
        Findings {
            streaming: streaming.count() as u64,
            ..std::mem::take(&mut self.findings)
        }
    }
}
