//! What clients do when it is their turn.

use rand::Rng;

use super::Talkers;
use super::role::Act;
use crate::load::behaviour::{ClientNumber, Hands, Turn};
use crate::load::clock::{Nanos, SECOND};
use crate::load::dialect::causerie;
use crate::load::payload::{self, Stamp};
use crate::load::results::Measure;

/// A server that takes nothing more is not sent more than so many bytes. What is
/// not sent counts as lost.
pub(super) const LONGEST_BACKLOG: usize = 4 << 20;

/// How long people type before they say something.
const TYPING: Nanos = 2 * SECOND;

impl Talkers {
    /// A client has a turn, if it is not over by then.
    fn plan(&mut self, due: Nanos, client: ClientNumber, hands: &mut Hands<'_>) {
        if due < self.rhythm.until {
            self.set_turn(due, client, hands);
        }
    }

    pub(super) fn set_turn(&mut self, due: Nanos, client: ClientNumber, hands: &mut Hands<'_>) {
        self.steps.planned += 1;
        hands.timers.set(due, client, Turn::Act);
    }

    /// The next turn after one that was due then.
    fn turn_after(&mut self, due: Nanos, every: Nanos) -> Nanos {
        if self.rhythm.is_human {
            due + (every as f64 * self.dice.random_range(0.5..1.5)) as Nanos
        } else {
            due + every
        }
    }

    pub(super) fn on_speakers_turn(
        &mut self,
        client: ClientNumber,
        due: Nanos,
        hands: &mut Hands<'_>,
    ) {
        let Some(of) = self.clients.get_mut(client) else {
            return;
        };
        if let Act::Speak { room, .. } = &of.role.act
            && self.rhythm.is_human
            && !of.is_typing
        {
            of.is_typing = true;
            causerie::type_in(room, hands.out);
            return self.plan(due + TYPING, client, hands);
        }
        self.publish(client, due, hands);
        let Some(every) = self.rhythm.speak_every else {
            return;
        };
        // Of which they type for a while.
        let typing = if self.rhythm.is_human { TYPING } else { 0 };
        let next = self.turn_after(due, every.saturating_sub(typing));
        self.plan(next, client, hands);
    }

    pub(super) fn on_askers_turn(
        &mut self,
        client: ClientNumber,
        due: Nanos,
        hands: &mut Hands<'_>,
    ) {
        if let Some(client) = self.clients.get_mut(client).filter(|client| client.is_in()) {
            client.asking.ask(due, &self.setting.pace, hands.out);
            self.findings.counts.questions += 1;
            self.progress.on_asked();
        }
    }

    /// A question is done with, for better or worse; another one comes later.
    pub(super) fn after_reply(
        &mut self,
        client: ClientNumber,
        least_pause: Nanos,
        hands: &mut Hands<'_>,
    ) {
        self.progress.on_answered();
        let pause = self.rhythm.ask_after.max(least_pause);
        let next = self.turn_after(hands.now, pause);
        self.plan(next, client, hands);
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
        } = &client.role.act
        else {
            return;
        };
        let stamp = Stamp {
            sender: *sender,
            number: client.next,
            sent: due,
            room: payload::number_of(room),
        };
        client.next += 1;
        client.is_typing = false;
        let hearers = u64::from(*hearers);
        if self.rhythm.is_measured(due) {
            let late = hands.now.saturating_sub(due);
            self.findings.note(Measure::Send, late);
        }
        self.findings.counts.sent += 1;
        self.findings.counts.expected += hearers;
        self.steps.expected += hearers;
        if self.setting.dialect.acknowledges() {
            self.findings.counts.to_accept += 1;
            self.steps.to_accept += 1;
        }
        if hands.backlog < LONGEST_BACKLOG {
            self.text.clear();
            stamp.write(self.setting.bytes, &mut self.text);
            let dialect = &self.setting.dialect;
            dialect.publish(room, stamp.number, &self.text, hands.out);
        }
    }
}
