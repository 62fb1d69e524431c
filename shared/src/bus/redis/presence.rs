//! Who is in a room.

use std::collections::BTreeMap;
use std::slice::from_ref;
use std::time::Duration;

use futures::future::join_all;

use super::args::Args;
use super::script::{ATTEND, HOSTS, PRESENT, SWEEP};
use super::{RedisBus, events, names, nothing};
use crate::bus::BusError;
use crate::bus::presence::{Attendance, Attended, HostLook, Hosts, Present};
use crate::ids::{RunId, UserId};
use crate::protocol::data::Status;
use crate::room::{Partition, RoomKey};

/// How long somebody waits for what concerns presence: it is told again, or looked at.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much one script notes: Redis does nothing else meanwhile.
const TOGETHER: usize = 64;

/// How many users of a room one script tells.
const PAGE: u32 = 500;

/// Stands where a scan of a hash begins, and where it has ended.
const BEGINNING: &str = "0";

impl RedisBus {
    pub(super) async fn note_attendance(
        &self,
        told: &Attendance,
        announced: u32,
    ) -> Result<Attended, BusError> {
        let noted = self.note(&[told], announced).await?.pop();
        noted.ok_or_else(|| nothing(ATTEND.verb))
    }

    /// Notes them all; in a cluster those of one partition together.
    pub(super) async fn note_attendances(
        &self,
        told: &[Attendance],
        announced: u32,
    ) -> Vec<Result<Attended, BusError>> {
        let is_cluster = self.pool.links.address.is_cluster();
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (place, one) in told.iter().enumerate() {
            let alone = is_cluster.then(|| one.room.partition());
            groups.entry(alone).or_default().push((place, one));
        }
        let noted = groups
            .values()
            .map(|group| self.note_in_turn(group, announced));
        let mut noted = join_all(noted).await.concat();
        noted.sort_by_key(|(place, _)| *place);
        noted.into_iter().map(|(_, one)| one).collect()
    }

    /// So many after the other: what others ask for meanwhile has not to wait for all. Where
    /// Redis takes some of them not, the rest is not asked for.
    async fn note_in_turn(
        &self,
        group: &[(usize, &Attendance)],
        announced: u32,
    ) -> Vec<(usize, Result<Attended, BusError>)> {
        let mut noted = Vec::with_capacity(group.len());
        for some in group.chunks(TOGETHER) {
            let told: Vec<_> = some.iter().map(|(_, one)| *one).collect();
            let answers = match noted.last() {
                Some((_, Err(away @ BusError::Unavailable(_)))) => {
                    vec![Err(away.clone()); told.len()]
                }
                Some(_) | None => self.note_together(&told, announced).await,
            };
            noted.extend(some.iter().map(|(place, _)| *place).zip(answers));
        }
        noted
    }

    async fn note_together(
        &self,
        told: &[&Attendance],
        announced: u32,
    ) -> Vec<Result<Attended, BusError>> {
        match self.note(told, announced).await {
            Ok(noted) => noted.into_iter().map(Ok).collect(),
            // Of one of them, which must not take the others with it.
            Err(BusError::Unreadable(_)) if told.len() > 1 => {
                let alone = told.iter().map(|one| self.note_attendance(one, announced));
                join_all(alone).await
            }
            Err(error) => vec![Err(error); told.len()],
        }
    }

    async fn note(&self, told: &[&Attendance], announced: u32) -> Result<Vec<Attended>, BusError> {
        let partition = told
            .first()
            .map_or(Partition::FIRST, |of| of.room.partition());
        let args = told.iter().fold(Args::default(), |args, one| {
            args.of_one(
                names::prefix(one.room.partition()),
                &args_of(one, announced),
            )
        });
        let noted = self.pool.run_within(PATIENCE, partition, &ATTEND, args);
        let noted = noted.await?.ok_or_else(|| nothing(ATTEND.verb))?;
        let noted = noted.rest(|answer| match answer.list()? {
            Some(mut noted) => Ok(Attended::Noted(status(&noted.text()?))),
            None => Ok(Attended::HostIsGone),
        })?;
        if noted.len() == told.len() {
            Ok(noted)
        } else {
            Err(nothing(ATTEND.verb))
        }
    }

    /// Page by page, so that a room with very many holds up nobody. All are looked at, since
    /// Redis knows no order of them, but no more are kept than are wanted.
    pub(super) async fn present_in(
        &self,
        room: &RoomKey,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Present>, BusError> {
        let mut present = BTreeMap::new();
        let mut cursor = BEGINNING.to_owned();
        loop {
            let args = Args::default().shown(room).text(&cursor).number(PAGE);
            let page = self.pool.run(room.partition(), &PRESENT, args).await?;
            let mut page = page.ok_or_else(|| nothing(PRESENT.verb))?;
            cursor = page.text()?;
            for (user, kept) in page.rest(|answer| Ok((answer.text()?, answer.text()?)))? {
                match read_present(&user, &kept) {
                    Some(one) if after.is_some_and(|after| one.user <= *after) => {}
                    // One may be told twice.
                    Some(one) => _ = present.insert(one.user.clone(), one),
                    None => events::entry_unreadable("who", &user),
                }
                if present.len() > limit {
                    present.pop_last();
                }
            }
            if cursor == BEGINNING {
                return Ok(present.into_values().collect());
            }
        }
    }

    pub(super) async fn hosts_seen(&self, looks: &[HostLook]) -> Vec<Result<Hosts, BusError>> {
        let together = self.pool.together(looks);
        let looks = together.map(|some| async move {
            match self.hosts_of(some).await {
                Ok(hosts) => hosts.into_iter().map(Ok).collect(),
                // Of one of them, which must not take the others with it.
                Err(BusError::Unreadable(_)) if some.len() > 1 => {
                    join_all(some.iter().map(|one| self.hosts_of_one(one))).await
                }
                Err(error) => vec![Err(error); some.len()],
            }
        });
        join_all(looks).await.into_iter().flatten().collect()
    }

    pub(super) async fn hosts_of_one(&self, look: &HostLook) -> Result<Hosts, BusError> {
        let hosts = self.hosts_of(from_ref(look)).await?.pop();
        hosts.ok_or_else(|| nothing(HOSTS.verb))
    }

    async fn hosts_of(&self, looks: &[HostLook]) -> Result<Vec<Hosts>, BusError> {
        let args = looks.iter().fold(Args::default(), |args, look| {
            let own = look.own.map(|own| own.to_string());
            let own = Args::default().text(own.as_deref().unwrap_or_default());
            args.of_one(names::prefix(look.partition), &own)
        });
        let first = looks
            .first()
            .map_or(Partition::FIRST, |look| look.partition);
        let answer = self.pool.run_within(PATIENCE, first, &HOSTS, args).await?;
        let mut answer = answer.ok_or_else(|| nothing(HOSTS.verb))?;
        let life = answer.text()?;
        let of_each = answer.rest(|answer| {
            let hosts = answer.list()?.ok_or_else(|| nothing(HOSTS.verb))?;
            hosts.rest(|answer| Ok((answer.text()?, answer.text()?)))
        })?;
        if of_each.is_empty() {
            let beats = Vec::new();
            return Ok(vec![Hosts { life, beats }; looks.len()]);
        }
        if of_each.len() != looks.len() {
            return Err(nothing(HOSTS.verb));
        }
        let hosts = of_each.into_iter().map(|hosts| Hosts {
            life: life.clone(),
            beats: hosts.iter().filter_map(beats).collect(),
        });
        Ok(hosts.collect())
    }

    /// Whether there is more.
    pub(super) async fn sweep_some_of(
        &self,
        partition: Partition,
        host: RunId,
        announced: u32,
    ) -> Result<bool, BusError> {
        let args = Args::default().shown(host).number(announced);
        let more = self.pool.run_within(PATIENCE, partition, &SWEEP, args);
        let mut more = more.await?.ok_or_else(|| nothing(SWEEP.verb))?;
        more.flag()
    }
}

fn args_of(told: &Attendance, announced: u32) -> Args {
    // A text always has a form in JSON.
    let name = told.name.as_ref();
    let name = name.and_then(|name| serde_json::to_string(name).ok());
    Args::default()
        .shown(told.host)
        .number(u8::from(told.is_first))
        .shown(&told.room)
        .text(told.user.as_str())
        .number(told.connections)
        .text(name.as_deref().unwrap_or("null"))
        .text(told.status.map_or("", Status::as_str))
        .number(announced)
}

/// One that only a later version knows counts as none.
fn status(text: &str) -> Status {
    Status::named(text).unwrap_or_default()
}

/// `connections status name`, as the scripts keep it; the name in JSON.
fn read_present(user: &str, kept: &str) -> Option<Present> {
    let (connections, kept) = kept.split_once(' ')?;
    let (said, name) = kept.split_once(' ')?;
    Some(Present {
        user: UserId::new(user).ok()?,
        name: serde_json::from_str(name).ok()?,
        status: status(said),
        connections: connections.parse().ok()?,
    })
}

fn beats((host, beats): &(String, String)) -> Option<(RunId, Option<u64>)> {
    let read = host.parse().ok().map(|host| (host, beats.parse().ok()));
    if read.is_none() {
        events::entry_unreadable("hosts", host);
    }
    read
}
