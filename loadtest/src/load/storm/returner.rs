//! One of those who lose their connection and come back.

use std::collections::BTreeMap;
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
    /// `epoch:seq` of each room, from where it comes back.
    positions: BTreeMap<String, String>,
    /// Messages of its own that are not acknowledged yet.
    unacked: u32,
    /// What it says when it is asked to.
    speech: u32,
    /// What it misses in the shared room.
    missed: u32,
}

#[derive(Debug, Clone, Copy)]
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

#[derive(Debug, Clone, Copy)]
struct Absence {
    since: Nanos,
    failures: u32,
    opened: Option<Nanos>,
    joined: usize,
    /// Messages of its own room that came.
    own: u32,
    /// And of the shared room.
    shared: u32,
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
            positions: BTreeMap::new(),
            unacked: 0,
            speech: if place == 0 { *missed } else { 0 },
            missed: *missed,
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

    pub(super) fn opening(&self, dialect: &Causerie) -> Opening {
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
        let Stage::Away(absence) = self.stage else {
            return None;
        };
        let Absence {
            failures,
            opened,
            joined,
            own,
            shared,
            ..
        } = absence;
        let (user, missed) = (&self.who.user, self.missed);
        let connected = if opened.is_some() {
            "connected"
        } else {
            "not connected"
        };
        Some(format!(
            "{user} is {connected} after {failures} failed tries, has joined {joined} of {ROOMS} rooms, \
             and has {own} of 1 message of its own and {shared} of {missed} of its room"
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
        match (&event, self.stage) {
            (ClientEvent::Refused { code, .. }, _) => {
                notes.tide.fail(format!("refused: {code}"));
            }
            (ClientEvent::Unreadable { reason }, _) => {
                notes.tide.fail(format!("unreadable: {reason}"));
            }
            (ClientEvent::Acked { .. }, stage) => self.on_acked(stage, notes),
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
            (ClientEvent::Durable { room, event }, Stage::Back) => self.reached(room, event),
            (_, Stage::Away(absence)) => self.on_returning(&event, absence, hands.now, notes),
            (_, Stage::Coming | Stage::In | Stage::Back) => {}
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
    }

    fn reached(&mut self, room: &str, event: &Durable) {
        let Durable { epoch, seq, .. } = event;
        self.positions
            .insert(room.to_owned(), format!("{epoch}:{seq}"));
    }

    fn on_acked(&mut self, stage: Stage, notes: &Notes) {
        self.unacked = self.unacked.saturating_sub(1);
        let tide = match stage {
            Stage::Coming => &notes.tide.are_in,
            Stage::In => &notes.tide.have_spoken,
            Stage::Away(_) | Stage::Back => return,
        };
        if self.unacked == 0 {
            self.stage = Stage::In;
            tide.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn on_returning(
        &mut self,
        event: &ClientEvent,
        mut absence: Absence,
        now: Nanos,
        notes: &mut Notes,
    ) {
        let own = self.own_room();
        if let ClientEvent::Opened = event {
            absence.opened = Some(now);
        } else if let ClientEvent::Subscribed {
            room, recovered, ..
        } = event
        {
            absence.joined += 1;
            if !recovered {
                let user = &self.who.user;
                notes
                    .tide
                    .fail(format!("{user} was told that something of {room} is lost"));
            }
        } else if let ClientEvent::Durable { room, event } = event {
            let heard = if *room == own {
                &mut absence.own
            } else {
                &mut absence.shared
            };
            *heard += 1;
            self.reached(room, event);
        }
        self.stage = Stage::Away(absence);
        let opened = absence.opened.filter(|_| {
            absence.joined == ROOMS && absence.own > 0 && absence.shared >= self.missed
        });
        if let Some(opened) = opened {
            self.stage = Stage::Back;
            let since = |at: Nanos| Duration::from_nanos(at.saturating_sub(absence.since));
            notes.findings.returns.push(Return {
                opened: since(opened),
                caught_up: since(now),
                at: now,
                failures: absence.failures,
            });
            notes.tide.are_back.fetch_add(1, Ordering::Relaxed);
        }
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
        let absence = match self.stage {
            // What came of what it missed has come.
            Stage::Away(absence) => Absence {
                failures: absence.failures + 1,
                opened: None,
                joined: 0,
                ..absence
            },
            Stage::Coming | Stage::In | Stage::Back => Absence {
                since: now,
                failures: 0,
                opened: None,
                joined: 0,
                own: 0,
                shared: 0,
            },
        };
        self.stage = Stage::Away(absence);
        absence.failures
    }

    /// Whether it may come back after such an end.
    pub(super) fn may_come_back(&self, end: &End) -> bool {
        match (end, self.stage) {
            (_, Stage::Coming) | (End::Invalid(_) | End::NotCompressed, _) => false,
            (End::Refused { status, .. }, _) => *status == 429 || *status >= 500,
            (End::Closed(_) | End::Lost(_), _) => true,
        }
    }
}
