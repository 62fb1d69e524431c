//! One of those who lose their connection and come back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::tide::{Notes, Return};
use super::{Guests, SESSION};
use crate::ledger::{ClientEvent, ClientNumber, Durable, IfBusy};
use crate::load::behaviour::{End, Hands};
use crate::load::clock::Nanos;
use crate::load::dialect::causerie::name_of;
use crate::load::dialect::{Causerie, Opening, Who};
use crate::load::frame;
use crate::person::event_of;

/// The rooms that each is in: its own, the tenant's, the shared one.
const ROOMS: usize = 3;

/// One of those who lose their connection and come back.
#[derive(Debug)]
pub(super) struct Returner {
    number: ClientNumber,
    who: Who,
    opens_at: Nanos,
    /// It goes to the next target each time.
    door: usize,
    stage: Stage,
    /// It has no connection, and will try to get one.
    is_about_to_come: bool,
    /// `epoch:seq` of each room, from where it comes back.
    positions: BTreeMap<String, String>,
    /// Messages of its own that are not acknowledged yet.
    unacked: u32,
    /// What it says when it is asked to.
    speech: u32,
    /// What it misses in the shared room.
    missed: u32,
    heard: Heard,
}

/// What came of what it missed, over all its connections.
#[derive(Debug, Default)]
struct Heard {
    /// Messages of its own room.
    own: u32,
    /// And of the shared room.
    shared: u32,
}

#[derive(Debug)]
enum Stage {
    /// It comes in for the first time.
    Coming,
    /// It is there, and notes nothing of what it hears: as if that were lost on
    /// its way.
    In,
    Away(Absence),
    /// It is there again, and notes all.
    Back,
}

#[derive(Debug)]
struct Absence {
    since: Nanos,
    failures: u32,
    opened: Option<Nanos>,
    joined: BTreeSet<String>,
}

impl Returner {
    pub(super) fn new(number: usize, guests: &Guests, opens_at: Nanos) -> Self {
        let Guests {
            room_size,
            name,
            missed,
            are_together,
            ..
        } = guests;
        let (room, place) = (number / room_size, number % room_size);
        Self {
            number: number as ClientNumber,
            who: Who {
                user: format!("{name}-{number}"),
                rooms: vec![format!("{name}-{room}").into()],
            },
            opens_at,
            door: if *are_together { 0 } else { number },
            stage: Stage::Coming,
            is_about_to_come: true,
            positions: BTreeMap::new(),
            unacked: 0,
            speech: if place == 0 { *missed } else { 0 },
            missed: *missed,
            heard: Heard::default(),
        }
    }

    /// Writes down who it is.
    pub(super) fn introduce(&self, tenant: &str, now: Nanos, notes: &mut Notes) {
        let named = ClientEvent::Named {
            tenant: tenant.to_owned(),
            user: self.who.user.clone(),
            rooms: self.who.rooms.iter().map(|room| name_of(room)).collect(),
        };
        notes.write(self.number, named, now);
    }

    pub(super) fn opens_at(&self) -> Nanos {
        self.opens_at
    }

    pub(super) fn door(&self) -> usize {
        self.door
    }

    /// Whether a try to come back is still before it.
    pub(super) fn is_about_to_come(&self) -> bool {
        self.is_about_to_come
    }

    /// It tries to get a connection now.
    pub(super) fn open(&mut self, dialect: &Causerie) -> Opening {
        self.is_about_to_come = false;
        let rooms: Vec<String> = if self.positions.is_empty() {
            self.who.rooms.iter().map(|room| name_of(room)).collect()
        } else {
            let positions = self.positions.iter();
            positions
                .map(|(room, position)| format!("{room}@{position}"))
                .collect()
        };
        dialect.opening_of(&self.who, rooms)
    }

    /// Says in the shared room what all are to miss.
    pub(super) fn speak(&mut self, hands: &mut Hands<'_>, notes: &mut Notes) {
        let Some(room) = self.who.rooms.first().map(|room| name_of(room)) else {
            return;
        };
        for number in 0..self.speech {
            self.say(&format!("missed-{number}"), &room, hands, notes);
        }
    }

    fn say(&mut self, id: &str, room: &str, hands: &mut Hands<'_>, notes: &mut Notes) {
        // No two messages of a run say the same: so one that is stored twice is seen.
        let text = format!("{} says {id}", self.who.user);
        let data = json!({
            "user_input": text, "ai": false, "room": room, "session_id": SESSION,
        });
        let action = json!({"action": "sendMessage", "id": id, "data": data});
        frame::write_text(action.to_string().as_bytes(), hands.out);
        self.unacked += 1;
        let sent = ClientEvent::Sent {
            id: id.to_owned(),
            room: room.to_owned(),
            session: Some(SESSION.to_owned()),
            text,
            ai: false,
            if_busy: IfBusy::Queue,
        };
        notes.write(self.number, sent, hands.now);
    }

    /// What it lacks to be back, if it is not.
    pub(super) fn lacks(&self) -> Option<String> {
        let Stage::Away(absence) = &self.stage else {
            return None;
        };
        let connected = if absence.opened.is_some() {
            "connected"
        } else if self.is_about_to_come {
            "about to connect"
        } else {
            "not answered"
        };
        let (failures, joined) = (absence.failures, absence.joined.len());
        let (Heard { own, shared }, missed) = (&self.heard, self.missed);
        Some(format!(
            "{connected} after {failures} failed tries, in {joined} of {ROOMS} rooms, with {own} of 1 \
             message to itself and {shared} of {missed} of its room"
        ))
    }

    /// What its own room is called.
    fn own_room(&self) -> String {
        format!("user:{}", self.who.user)
    }

    pub(super) fn on_text(&mut self, text: &[u8], hands: &mut Hands<'_>, notes: &mut Notes) {
        let Ok(frame) = serde_json::from_slice::<Value>(text) else {
            return notes.tide.fail("a frame is no JSON".to_owned());
        };
        let Some(event) = event_of(&frame) else {
            return;
        };
        match (&event, &mut self.stage) {
            (ClientEvent::Refused { code, .. }, _) => {
                notes.tide.fail(format!("refused: {code}"));
            }
            (ClientEvent::Unreadable { reason }, _) => {
                notes.tide.fail(format!("unreadable: {reason}"));
            }
            (ClientEvent::Acked { .. }, _) => self.on_acked(notes),
            (ClientEvent::Durable { .. }, Stage::Coming | Stage::In) => return,
            (
                ClientEvent::Subscribed {
                    room, epoch, seq, ..
                },
                Stage::Coming,
            ) => {
                self.positions
                    .insert(room.clone(), format!("{epoch}:{seq}"));
                if self.positions.len() == ROOMS {
                    self.say("to-myself", &self.own_room(), hands, notes);
                }
            }
            (ClientEvent::Durable { room, event }, Stage::Away(_) | Stage::Back) => {
                self.hear(room, event);
            }
            (ClientEvent::Opened, Stage::Away(absence)) => absence.opened = Some(hands.now),
            (
                ClientEvent::Subscribed {
                    room, recovered, ..
                },
                Stage::Away(absence),
            ) => {
                absence.joined.insert(room.clone());
                if !recovered {
                    let user = &self.who.user;
                    notes
                        .tide
                        .fail(format!("{user} was told that something of {room} is lost"));
                }
            }
            (_, Stage::Coming | Stage::In | Stage::Away(_) | Stage::Back) => {}
        }
        let is_checked = matches!(
            event,
            ClientEvent::Opened
                | ClientEvent::Subscribed { .. }
                | ClientEvent::Durable { .. }
                | ClientEvent::Acked { .. }
        );
        if is_checked {
            notes.write(self.number, event, hands.now);
        }
        self.come_back_if_caught_up(hands.now, notes);
    }

    fn hear(&mut self, room: &str, event: &Durable) {
        let heard = if room == self.own_room() {
            &mut self.heard.own
        } else {
            &mut self.heard.shared
        };
        *heard += 1;
        let Durable { epoch, seq, .. } = event;
        self.positions
            .insert(room.to_owned(), format!("{epoch}:{seq}"));
    }

    fn on_acked(&mut self, notes: &Notes) {
        self.unacked = self.unacked.saturating_sub(1);
        let tide = match self.stage {
            Stage::Coming => &notes.tide.are_in,
            Stage::In => &notes.tide.have_spoken,
            Stage::Away(_) | Stage::Back => return,
        };
        if self.unacked == 0 {
            self.stage = Stage::In;
            tide.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn come_back_if_caught_up(&mut self, now: Nanos, notes: &mut Notes) {
        let Stage::Away(absence) = &self.stage else {
            return;
        };
        let has_all =
            absence.joined.len() == ROOMS && self.heard.own > 0 && self.heard.shared >= self.missed;
        let Some(opened) = absence.opened.filter(|_| has_all) else {
            return;
        };
        let since = |at: Nanos| Duration::from_nanos(at.saturating_sub(absence.since));
        notes.findings.returns.push(Return {
            opened: since(opened),
            caught_up: since(now),
            at: now,
            failures: absence.failures,
        });
        notes.tide.are_back.fetch_add(1, Ordering::Relaxed);
        self.stage = Stage::Back;
    }

    /// It has no connection any more, for this reason, and is to come back to its next
    /// target; how many tries have failed.
    pub(super) fn on_away(
        &mut self,
        code: Option<u16>,
        reason: String,
        now: Nanos,
        notes: &mut Notes,
    ) -> u32 {
        notes.write(self.number, ClientEvent::Closed { code, reason }, now);
        self.door += 1;
        self.is_about_to_come = true;
        let (since, failures) = match &self.stage {
            Stage::Away(absence) => (absence.since, absence.failures + 1),
            Stage::Back => {
                notes.tide.are_back.fetch_sub(1, Ordering::Relaxed);
                (now, 0)
            }
            Stage::Coming | Stage::In => (now, 0),
        };
        self.stage = Stage::Away(Absence {
            since,
            failures,
            opened: None,
            joined: BTreeSet::new(),
        });
        failures
    }

    /// Whether it may come back after such an end.
    pub(super) fn may_come_back(&self, end: &End) -> bool {
        match (end, &self.stage) {
            (_, Stage::Coming) | (End::Invalid(_) | End::NotCompressed, _) => false,
            (End::Refused { status, .. }, _) => *status == 429 || *status >= 500,
            (End::Closed(_) | End::Lost(_), _) => true,
        }
    }
}
