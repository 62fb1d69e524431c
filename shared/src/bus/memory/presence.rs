//! Who is in a room.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::part::Part;
use super::users::Users;
use crate::bus::order::room_of;
use crate::bus::presence::{Attendance, Attended, Hosts, Present};
use crate::ids::{RunId, TenantId, UserId};
use crate::protocol::data::{Status, UserJoined, UserLeft, UserStatusChanged};
use crate::protocol::event::Event;
use crate::record::Record;
use crate::room::RoomKey;

/// How long what a user has said to be is kept when they are gone, in milliseconds.
const STATUS_KEPT_MS: u64 = 3_600_000;

/// With so many users one step of taking back ends, as on Redis.
const ENOUGH: usize = 100;

/// Who is where, as far as one partition goes.
#[derive(Default)]
pub(super) struct Presence {
    rooms: BTreeMap<RoomKey, Users>,
    /// In the order in which they came: their names are chance's.
    hosts: Vec<Host>,
    /// What users have said to be, and until when that is kept: as long as they are
    /// there, where it does not say.
    statuses: BTreeMap<RoomKey, (Status, Option<u64>)>,
}

struct Host {
    id: RunId,
    /// `None` where it was taken for dead.
    beats: Option<u64>,
}

impl Presence {
    pub(super) fn in_room(
        &self,
        room: &RoomKey,
        after: Option<&UserId>,
        limit: usize,
    ) -> Vec<Present> {
        let there = self.rooms.get(room);
        there.map_or_else(Vec::new, |there| there.present(after, limit))
    }

    /// All hosts, once `own` is shown to live.
    pub(super) fn hosts(&mut self, own: Option<RunId>) -> Hosts {
        if let Some(host) = own.and_then(|own| self.host(own)) {
            host.beats = host.beats.map(|beats| beats + 1);
        }
        let beats = self.hosts.iter().map(|host| (host.id, host.beats));
        Hosts {
            life: String::new(),
            beats: beats.collect(),
        }
    }

    fn host(&mut self, id: RunId) -> Option<&mut Host> {
        self.hosts.iter_mut().find(|host| host.id == id)
    }

    /// What was told under `host`. It is looked for, since it is seldom asked: in one process
    /// no other gateway dies.
    fn told_by(&self, host: RunId) -> impl Iterator<Item = (&RoomKey, &UserId)> {
        let rooms = self.rooms.iter();
        let users = rooms.flat_map(|(room, there)| there.after(None).map(move |one| (room, one)));
        users
            .filter(move |(_, (_, there))| there.is_at(host))
            .map(|(room, (user, _))| (room, user))
    }

    /// What a user is in their own room. What is kept holds: a gateway may not have heard of
    /// the last. Where that is lost, who joins is what a gateway still knows.
    fn own_status(&mut self, told: &Attendance, joins: bool, now_ms: u64) -> Status {
        let kept = self
            .statuses
            .get(&told.room)
            .filter(|(_, until_ms)| until_ms.is_none_or(|until_ms| now_ms < until_ms));
        let known = told
            .status
            .filter(|status| joins && *status != Status::Online);
        let status = kept.map(|(status, _)| *status).or(known);
        if joins && let Some(status) = status {
            // As long as they are there.
            self.statuses.insert(told.room.clone(), (status, None));
        }
        status.unwrap_or_default()
    }

    /// Forgets what nobody asks for any more.
    pub(super) fn sweep(&mut self, now_ms: u64) {
        self.statuses
            .retain(|_, (_, until_ms)| until_ms.is_none_or(|until_ms| now_ms < until_ms));
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.rooms.len() + self.hosts.len() + self.statuses.len()
    }
}

impl Part {
    pub(super) fn attend(&mut self, told: &Attendance, announced: u32) -> Attended {
        let is_gone = match self.presence.host(told.host) {
            Some(host) => host.beats.is_none(),
            None => !told.is_first,
        };
        if is_gone {
            return Attended::HostIsGone;
        }
        if told.connections == 0 {
            self.note_absence(told.host, &told.room, &told.user, announced);
            return Attended::Noted(Status::Online);
        }
        Attended::Noted(self.note_presence(told, announced))
    }

    fn note_presence(&mut self, told: &Attendance, announced: u32) -> Status {
        let Attendance {
            host, room, user, ..
        } = told;
        let presence = &mut self.presence;
        if presence.host(*host).is_none() {
            presence.hosts.push(Host {
                id: *host,
                beats: Some(0),
            });
        }
        let there = presence.rooms.get(room);
        let joins = !there.is_some_and(|there| there.has(user));
        let is_own = *room == room_of(&room.tenant, user);
        let said = if is_own {
            Some(presence.own_status(told, joins, self.now_ms))
        } else {
            told.status
        };
        let there = presence.rooms.entry(room.clone()).or_default();
        there.add(user);
        let count = there.len();
        let Some(one) = there.get_mut(user) else {
            return Status::default();
        };
        one.set_connections(*host, told.connections);
        one.name.clone_from(&told.name);
        let was = one.status;
        one.status = said.unwrap_or(one.status);
        let (status, name) = (one.status, one.name.as_deref().map(str::to_owned));
        let is_told = count <= announced as usize;
        // Of who is alone in their own room nobody would hear it.
        let is_alone = is_own && count == 1;
        if joins && is_told && !is_alone {
            let data = UserJoined {
                user_id: user.clone(),
                name,
                status,
            };
            self.tell(room, Event::UserJoined, Some(user), &data);
        } else if !joins && was != status && is_told {
            let data = UserStatusChanged {
                user_id: user.clone(),
                status,
            };
            self.tell(room, Event::UserStatusChanged, None, &data);
        }
        status
    }

    fn note_absence(&mut self, host: RunId, room: &RoomKey, user: &UserId, announced: u32) {
        let presence = &mut self.presence;
        let Some(there) = presence.rooms.get_mut(room) else {
            return;
        };
        let is_own = *room == room_of(&room.tenant, user);
        let is_alone = is_own && there.len() == 1;
        let is_told = there.len() <= announced as usize && !is_alone;
        let has_left = there
            .get_mut(user)
            .is_some_and(|one| one.end_connections(host));
        if !has_left {
            return;
        }
        there.remove(user);
        if there.is_empty() {
            presence.rooms.remove(room);
        }
        if is_own && let Some((_, until_ms)) = presence.statuses.get_mut(room) {
            *until_ms = Some(self.now_ms + STATUS_KEPT_MS);
        }
        if is_told {
            let user_id = user.clone();
            self.tell(room, Event::UserLeft, Some(user), &UserLeft { user_id });
        }
    }

    /// Takes back some of what was told under a host; whether there is more.
    pub(super) fn sweep_host(&mut self, host: RunId, announced: u32) -> bool {
        let Some(dead) = self.presence.host(host) else {
            return false;
        };
        dead.beats = None;
        let told = self.presence.told_by(host).take(ENOUGH + 1);
        let mut some: Vec<_> = told
            .map(|(room, user)| (room.clone(), user.clone()))
            .collect();
        let is_all = some.len() <= ENOUGH;
        some.truncate(ENOUGH);
        for (room, user) in some {
            self.note_absence(host, &room, &user, announced);
        }
        if is_all {
            self.presence.hosts.retain(|of| of.id != host);
        }
        !is_all
    }

    /// Keeps what a user has said to be.
    pub(super) fn keep_status(&mut self, tenant: &TenantId, user: &UserId, status: Status) {
        let room = room_of(tenant, user);
        let presence = &mut self.presence;
        if status == Status::Online {
            presence.statuses.remove(&room);
            return;
        }
        let there = presence.rooms.get(&room);
        let is_there = there.is_some_and(|there| there.has(user));
        let until_ms = (!is_there).then(|| self.now_ms + STATUS_KEPT_MS);
        presence.statuses.insert(room, (status, until_ms));
    }

    fn tell(&self, room: &RoomKey, event: Event, excluded: Option<&UserId>, data: &impl Serialize) {
        let record = Record::transient(event, &room.room, self.now_ms, data);
        let record = match excluded {
            Some(user) => record.hidden_from(user.clone()),
            None => record,
        };
        self.publish(room, &Arc::new(record));
    }
}
