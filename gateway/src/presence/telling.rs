//! Tells what was touched.

use std::collections::BTreeMap;
use std::future::pending;
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::presence::{Attendance, Attended};
use causerie_shared::bus::{BusError, PROMPT};
use causerie_shared::ids::UserId;
use causerie_shared::protocol::data::Status;
use causerie_shared::room::{Room, RoomKey};
use tokio::task::consume_budget;
use tokio::time::{Instant, sleep_until};

use super::later::Later;
use super::{Leaving, Touched, Whose};
use crate::connection::Connection;
use crate::events;
use crate::gateway::Gateway;

/// Where going to the bus together pays, so much time lies between one telling and the
/// next.
const GATHER: Duration = Duration::from_millis(50);

/// How often, at the most, it is asked anew what users have said to be: it costs as much as
/// if they all came at once, and is missed when Redis comes back.
const LEARN_EVERY: Duration = Duration::from_secs(10);

/// Of how many users it is told at once.
const USERS_A_TELLING: usize = 1_024;

/// Tells what was touched.
#[derive(Debug)]
pub(super) struct Telling {
    gateway: Arc<Gateway>,
    /// When to tell what was touched; none where nothing was.
    due: Option<Instant>,
    /// When something was told last.
    told: Option<Instant>,
    /// Of whom was told last.
    last: Option<Whose>,
    /// When it was asked anew what users have said to be.
    learned: Option<Instant>,
    pub(super) later: Later,
}

impl Telling {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            due: None,
            told: None,
            last: None,
            learned: None,
            later: Later::default(),
        }
    }

    /// Tells what is touched, for ever.
    pub(super) async fn run(mut self) {
        let presence = self.gateway.presence.clone();
        loop {
            tokio::select! {
                biased;
                () = self.until_due() => self.tell().await,
                () = presence.0.changed.notified() => self.note_touched(),
            }
        }
    }

    /// Something was touched.
    fn note_touched(&mut self) {
        let now = Instant::now();
        let next = match self.told {
            Some(told) if self.gateway.bus.rewards_company() => told + GATHER,
            Some(_) | None => now,
        };
        self.tell_at(next.max(now));
    }

    fn tell_at(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |sooner| sooner.min(due)));
    }

    /// All may have to be told anew somewhere.
    fn note_renewed(&mut self) {
        let has_renewed = self.gateway.presence.hosts().has_renewed();
        if has_renewed {
            self.note_touched();
        }
    }

    /// Waits until something is to be told.
    async fn until_due(&self) {
        match self.later.due().into_iter().chain(self.due).min() {
            Some(due) => sleep_until(due).await,
            None => pending().await,
        }
    }

    /// Tells what is due: first of users' own rooms, where it is known what they have said
    /// to be.
    pub(super) async fn tell(&mut self) {
        let now = Instant::now();
        (self.due, self.told) = (None, Some(now));
        let has_missed_statuses = self.take_missed_statuses(now);
        self.touch_unknown(has_missed_statuses).await;
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (whose, touched) in self.take(now) {
            let here = self.gateway.here(&whose);
            for (room, leaving) in touched {
                let is_own = is_own(&room, &whose.1);
                if let Some(one) = self.attendance(&whose, room, leaving, &here, now) {
                    if is_own { &mut own } else { &mut others }.push(one);
                }
            }
            if here.is_empty() {
                self.gateway.presence.lock().statuses.remove(&whose);
            }
            consume_budget().await;
        }
        self.send(own).await;
        for one in &mut others {
            one.status = self.status_of(&(one.room.tenant.clone(), one.user.clone()));
        }
        self.send(others).await;
    }

    /// What was touched and is due, of so many users at the most; the rest is due next.
    fn take(&mut self, now: Instant) -> BTreeMap<Whose, Touched> {
        let presence = self.gateway.presence.clone();
        self.later.touch_due(now, &presence);
        let mut changes = presence.lock();
        let mut taken = BTreeMap::new();
        while taken.len() < USERS_A_TELLING
            && let Some((whose, touched)) = changes.take_after(self.last.as_ref())
        {
            self.last = Some(whose.clone());
            taken.insert(whose, touched);
        }
        if !changes.touched.is_empty() {
            drop(changes);
            self.note_touched();
        }
        taken
    }

    /// What is told of a user in a room; nothing yet of one who may come back.
    fn attendance(
        &mut self,
        whose: &Whose,
        room: Room,
        leaving: Leaving,
        here: &[Arc<Connection>],
        now: Instant,
    ) -> Option<Attendance> {
        let is_there = |connection: &&Arc<Connection>| connection.is_in(&room);
        let connections = here.iter().filter(is_there).count();
        match (connections, leaving) {
            (0, Leaving::Perhaps) => {
                let due = now + self.gateway.settings().presence.leave_after;
                self.later.leave_at(due, whose.clone(), room);
                return None;
            }
            (1.., Leaving::Over) => return None,
            (0, Leaving::Over | Leaving::ForGood) | (1.., Leaving::Perhaps | Leaving::ForGood) => {}
        }
        let (tenant, user) = whose.clone();
        let room = RoomKey::new(tenant, room);
        let mut hosts = self.gateway.presence.hosts();
        let name = hosts.of(room.partition());
        Some(Attendance {
            host: name.id,
            is_first: !name.is_known,
            connections: u32::try_from(connections).unwrap_or(u32::MAX),
            name: newest_name(here),
            status: self.status_of(whose),
            room,
            user,
        })
    }

    fn status_of(&self, whose: &Whose) -> Option<Status> {
        self.gateway.presence.lock().statuses.get(whose).copied()
    }

    async fn send(&mut self, told: Vec<Attendance>) {
        let told = self.without_silent(told);
        if told.is_empty() {
            return;
        }
        let announced = self.gateway.settings().presence.announced;
        let asked = Instant::now();
        let answers = self.gateway.bus.attend_all(&told, announced).await;
        let is_prompt = asked.elapsed() < PROMPT;
        events::presence_told(told.len());
        for (told, answer) in told.into_iter().zip(answers) {
            match answer {
                Ok(Attended::Noted(status)) => {
                    self.later.on_taken(&told, is_prompt);
                    self.on_noted(&told, status);
                }
                Ok(Attended::HostIsGone) => {
                    self.later.on_gone(&told);
                    self.on_gone(&told);
                }
                Err(error) => {
                    events::presence_untold(&error);
                    let is_unsure = matches!(error, BusError::Unavailable(_));
                    let mut hosts = self.gateway.presence.hosts();
                    if is_unsure {
                        hosts.note_silent(told.room.partition());
                    }
                    self.later.put_off(&told, is_unsure, &mut hosts);
                }
            }
        }
        self.note_renewed();
    }

    /// Puts off what is of partitions that would not take it.
    fn without_silent(&mut self, told: Vec<Attendance>) -> Vec<Attendance> {
        let mut hosts = self.gateway.presence.hosts();
        let is_silent = |one: &Attendance| hosts.is_silent(one.room.partition());
        let (silent, told): (Vec<_>, _) = told.into_iter().partition(is_silent);
        for one in silent {
            self.later.put_off(&one, false, &mut hosts);
        }
        told
    }

    fn on_noted(&mut self, told: &Attendance, status: Status) {
        if told.connections == 0 {
            return;
        }
        let mut hosts = self.gateway.presence.hosts();
        let name = hosts.of(told.room.partition());
        name.is_known |= name.id == told.host;
        drop(hosts);
        if !is_own(&told.room.room, &told.user) {
            return;
        }
        // Said elsewhere, or before, or not heard here: it holds for the other rooms too.
        // Unless more was heard meanwhile.
        let whose = (told.room.tenant.clone(), told.user.clone());
        let known = self.status_of(&whose);
        if known == told.status && known.unwrap_or_default() != status {
            self.gateway.note_status(&whose.0, &whose.1, status);
        }
    }

    fn on_gone(&mut self, told: &Attendance) {
        let partition = told.room.partition();
        let mut hosts = self.gateway.presence.hosts();
        if hosts.of(partition).id == told.host {
            events::host_lost(partition);
            hosts.renew(partition);
        }
    }

    /// Whether more may have been said than was heard, and it is time to ask.
    fn take_missed_statuses(&mut self, now: Instant) -> bool {
        if !self.gateway.presence.lock().has_missed_statuses {
            return false;
        }
        match self.learned.map(|learned| learned + LEARN_EVERY) {
            Some(next) if now < next => {
                self.tell_at(next);
                false
            }
            Some(_) | None => {
                self.learned = Some(now);
                take(&mut self.gateway.presence.lock().has_missed_statuses)
            }
        }
    }

    /// Touches all who are here where all is to be told anew; and in their own rooms, where it
    /// is known what they have said to be, if that may have been missed.
    async fn touch_unknown(&self, has_missed: bool) {
        let renewed = self.gateway.presence.hosts().take_renewed();
        let mut last = None;
        while has_missed || !renewed.is_empty() {
            let connections = self.gateway.registry.next_after(last);
            let Some(furthest) = connections.last() else {
                return;
            };
            last = Some(furthest.outbox.id());
            for connection in &connections {
                let identity = connection.identity();
                let is_unknown = |key: &RoomKey| {
                    renewed.contains(&key.partition())
                        || has_missed && is_own(&key.room, &identity.user)
                };
                let rooms = connection.room_keys().into_iter().filter(is_unknown);
                let rooms: Vec<_> = rooms.map(|key| key.room).collect();
                let presence = &self.gateway.presence;
                if !rooms.is_empty() {
                    presence.touch(&identity, rooms, Leaving::Perhaps);
                }
            }
            consume_budget().await;
        }
    }
}

/// The name in the newest of a user's tokens.
fn newest_name(here: &[Arc<Connection>]) -> Option<Box<str>> {
    let newest = here.iter().max_by_key(|one| one.identity().issued_ms)?;
    newest.identity().name.clone()
}

/// Whether a room is the user's own.
fn is_own(room: &Room, user: &UserId) -> bool {
    matches!(room, Room::User(whose) if whose == user)
}
