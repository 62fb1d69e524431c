//! Clients who come in, listen, say things and ask questions: all that there is
//! in a load test, but for those who come back.

mod asking;
mod findings;
mod progress;
mod role;

use std::fmt;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use asking::Asking;
pub(crate) use findings::Findings;
pub(crate) use progress::Progress;
pub(crate) use role::{Act, Order, Pace, Rhythm, Role};

use super::behaviour::{Behaviour, ClientNumber, End, Hands, Turn};
use super::clock::{Nanos, SECOND};
use super::connection::Approach;
use super::dialect::{Delta, Dialect, Heard, Reply, causerie};
use super::numbers::{Arrival, Numbers};
use super::payload::Stamp;
use super::results::Measure;
use super::target::Doors;
use super::upgrade;

/// A server that takes nothing more is not sent more than so many bytes. What is
/// not sent counts as lost.
const LONGEST_BACKLOG: usize = 4 << 20;

/// How long people type before they say something.
const TYPING: Nanos = 2 * SECOND;

/// The clients of one thread.
pub(crate) struct Talkers {
    clients: Vec<Client>,
    setting: Arc<Setting>,
    rhythm: Rhythm,
    findings: Findings,
    progress: Arc<Progress>,
    /// What was heard, and is to be heard, since others were told.
    heard: u64,
    expected: u64,
    text: String,
    dice: StdRng,
}

/// What all clients of a process share.
#[derive(Debug)]
pub(crate) struct Setting {
    /// From where to where.
    pub(crate) doors: Doors,
    /// How they speak.
    pub(crate) dialect: Arc<dyn Dialect>,
    /// Bytes of a load message.
    pub(crate) bytes: usize,
    /// What the AI is expected to do.
    pub(crate) pace: Pace,
}

struct Client {
    role: Role,
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
            heard: 0,
            expected: 0,
            text: String::new(),
            dice: StdRng::seed_from_u64(seed),
        }
    }

    fn on_message(&mut self, client: ClientNumber, stamp: Stamp, now: Nanos) {
        let Some(client) = self.clients.get_mut(client) else {
            return;
        };
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
        self.heard += 1;
        self.findings.counts.delivered += 1;
        self.findings.on_heard(self.rhythm.is_measured(now));
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

    /// Says something, if the server takes anything at all.
    fn publish(&mut self, client: ClientNumber, due: Nanos, hands: &mut Hands<'_>) {
        let Some(client) = self.clients.get_mut(client).filter(|client| client.is_in()) else {
            return;
        };
        let Act::Speak {
            sender,
            room,
            hearers,
            ..
        } = &client.role.act
        else {
            return;
        };
        let stamp = Stamp {
            sender: *sender,
            number: client.next,
            sent: due,
        };
        client.next += 1;
        client.is_typing = false;
        let hearers = u64::from(*hearers);
        self.findings.counts.sent += 1;
        self.findings.counts.expected += hearers;
        self.expected += hearers;
        if hands.backlog < LONGEST_BACKLOG {
            self.text.clear();
            stamp.write(self.setting.bytes, &mut self.text);
            let dialect = &self.setting.dialect;
            dialect.publish(room, stamp.number, &self.text, hands.out);
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

    /// The next turn after one that was due then.
    fn turn_after(&mut self, due: Nanos, every: Nanos) -> Nanos {
        if self.rhythm.is_human {
            due + (every as f64 * self.dice.random_range(0.5..1.5)) as Nanos
        } else {
            due + every
        }
    }

    fn on_speakers_turn(&mut self, client: ClientNumber, due: Nanos, hands: &mut Hands<'_>) {
        let Some(of) = self.clients.get_mut(client) else {
            return;
        };
        if let Act::Speak { room, .. } = &of.role.act
            && self.rhythm.is_human
            && !of.is_typing
        {
            of.is_typing = true;
            causerie::type_in(room, hands.out);
            return hands.timers.set(due + TYPING, client, Turn::Act);
        }
        self.publish(client, due, hands);
        let Some(every) = self.rhythm.speak_every else {
            return;
        };
        let next = self.turn_after(due, every);
        if next < self.rhythm.until {
            hands.timers.set(next, client, Turn::Act);
        }
    }

    fn on_askers_turn(&mut self, client: ClientNumber, due: Nanos, hands: &mut Hands<'_>) {
        if let Some(client) = self.clients.get_mut(client).filter(|client| client.is_in()) {
            client.asking.ask(due, &self.setting.pace, hands.out);
            self.findings.counts.questions += 1;
            self.progress.on_asked();
        }
    }

    /// A question is done with, for better or worse; another one comes later.
    fn after_reply(&mut self, client: ClientNumber, least_pause: Nanos, hands: &mut Hands<'_>) {
        self.progress.on_answered();
        let pause = self.rhythm.ask_after.max(least_pause);
        let next = self.turn_after(hands.now, pause);
        if next < self.rhythm.until {
            hands.timers.set(next, client, Turn::Act);
        }
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
            request: upgrade::request(door.target, &opening),
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
            Heard::Accepted(_) => self.findings.counts.accepted += 1,
            Heard::Refused(code) => self.on_refused(number, code, hands),
            Heard::Delta(delta) => self.on_delta(number, delta, hands.now),
            Heard::Reply(reply) => self.on_reply(number, reply, hands),
            Heard::Nothing => {}
        }
    }

    fn on_turn(&mut self, client: ClientNumber, due: Nanos, hands: &mut Hands<'_>) {
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
        let (rhythm, only) = match order {
            Order::Begin(rhythm) => (rhythm, None),
            Order::SayOne(sender) => (self.rhythm, Some(sender)),
        };
        self.rhythm = rhythm;
        for (number, client) in self.clients.iter().enumerate() {
            let due = match (only, client.role.act.sender()) {
                (None, _) => rhythm.first_turn(&client.role.act),
                (Some(only), sender) => (sender == Some(only)).then_some(hands.now),
            };
            if let Some(due) = due {
                hands.timers.set(due, number, Turn::Act);
            }
        }
    }

    fn on_read(&mut self, bytes: u64) {
        self.findings.counts.received_bytes += bytes;
    }

    fn on_calm(&mut self) {
        let heard = std::mem::take(&mut self.heard);
        let expected = std::mem::take(&mut self.expected);
        if heard > 0 || expected > 0 {
            self.progress.on_heard(heard, expected);
        }
    }

    fn findings(&mut self) -> Findings {
        std::mem::take(&mut self.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::behaviour::Timers;
    use crate::load::dialect::Causerie;
    use crate::load::dialect::Who;

    const ROOM: &str = "room";

    /// One who speaks each second, and is in.
    fn talkers(until: Nanos) -> Talkers {
        let dialect = Causerie {
            tenant: "demo".to_owned(),
            jwt_secret: "secret".to_owned(),
        };
        let setting = Setting {
            doors: Doors::new(vec!["ws://127.0.0.1:1".parse().unwrap()], Vec::new()).unwrap(),
            dialect: Arc::new(dialect),
            bytes: 64,
            pace: Pace::default(),
        };
        let role = Role {
            who: Who {
                user: "u1".to_owned(),
                rooms: vec![ROOM.into()],
            },
            door: 0,
            opens_at: 0,
            act: Act::Speak {
                sender: 0,
                room: ROOM.into(),
                hearers: 1,
            },
        };
        let mut talkers = Talkers::new(vec![role], Arc::new(setting), Arc::default());
        for _ in 0..3 {
            talkers.on_joined(0, 0);
        }
        talkers.rhythm = Rhythm {
            until,
            speakers: 1,
            speak_every: Some(SECOND),
            ..Rhythm::default()
        };
        talkers
    }

    #[test]
    fn what_is_sent_late_counts_from_when_it_was_due() {
        let mut talkers = talkers(5 * SECOND);
        let (mut out, mut timers) = (Vec::new(), Timers::default());
        timers.set(SECOND, 0, Turn::Act);
        // Its thread was busy for long.
        let now = 9 * SECOND;
        let mut sent = Vec::new();
        while let Some((due, client, _)) = timers.take_due(now) {
            out.clear();
            let mut hands = Hands {
                now,
                out: &mut out,
                backlog: 0,
                hangs_up: false,
                timers: &mut timers,
            };
            talkers.on_turn(client, due, &mut hands);
            sent.push(Stamp::find(&out).unwrap());
        }
        let sent: Vec<_> = sent
            .iter()
            .map(|stamp| (stamp.number, stamp.sent / SECOND))
            .collect();
        assert_eq!(sent, [(0, 1), (1, 2), (2, 3), (3, 4)]);
    }

    #[test]
    fn what_a_server_does_not_take_is_not_heaped_up_and_counts_as_lost() {
        let mut talkers = talkers(SECOND);
        let (mut out, mut timers) = (Vec::new(), Timers::default());
        let mut hands = Hands {
            now: 0,
            out: &mut out,
            backlog: LONGEST_BACKLOG,
            hangs_up: false,
            timers: &mut timers,
        };
        talkers.on_turn(0, 0, &mut hands);
        assert!(out.is_empty());
        assert_eq!(talkers.findings().counts.lost(), 1);
    }
}
