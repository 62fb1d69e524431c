//! Looks at many partitions, again and again, though nothing happens: in a cluster
//! with a script for each, else with one for all.

use std::slice::from_ref;
use std::time::Duration;

use futures::future::join_all;

use super::answer::Answer;
use super::args::Args;
use super::log::position;
use super::script::{CHANGED, Script};
use super::{RedisBus, events, names, nothing};
use crate::bus::BusError;
use crate::bus::log::Changes;
use crate::position::Position;
use crate::room::{Partition, RoomKey};

/// How long a look may take.
const LOOK: Duration = Duration::from_secs(1);

impl RedisBus {
    /// What a script tells of all partitions; of those that answer in time, and in
    /// which there is something. One that moves, or whose node is away, holds up
    /// none of the others.
    pub(super) async fn of_all_partitions(
        &self,
        script: &Script,
    ) -> Result<Vec<(Partition, Answer)>, BusError> {
        let none = Args::default();
        let found = self.of_partitions_that_answer(script, &none).await;
        found.map(|(found, _)| found)
    }

    /// The same of a script that takes arguments for each, with an error of those that
    /// did not answer, if any.
    pub(super) async fn of_partitions_that_answer(
        &self,
        script: &Script,
        of_each: &Args,
    ) -> Result<(Vec<(Partition, Answer)>, Option<BusError>), BusError> {
        let all: Vec<_> = Partition::all().collect();
        let looks = self.pool.together(&all);
        let looks = looks.map(|some| self.look_at_all(script, some, of_each));
        let (mut found, mut failed) = (None, None);
        for look in join_all(looks).await.into_iter().flatten() {
            match look {
                Ok(answers) => found.get_or_insert_with(Vec::new).extend(answers),
                Err(error) => failed = Some(error),
            }
        }
        match (found, failed) {
            (None, Some(error)) => Err(error),
            (found, failed) => Ok((found.unwrap_or_default(), failed)),
        }
    }

    async fn look_at_all(
        &self,
        script: &Script,
        partitions: &[Partition],
        of_each: &Args,
    ) -> Vec<Result<Vec<(Partition, Answer)>, BusError>> {
        match self.look_at(script, partitions, of_each).await {
            // Of one of them, which must not take the others with it.
            Err(BusError::Unreadable(_)) if partitions.len() > 1 => {
                let alone = partitions.iter().map(from_ref);
                join_all(alone.map(|one| self.look_at(script, one, of_each))).await
            }
            look => vec![look],
        }
    }

    async fn look_at(
        &self,
        script: &Script,
        partitions: &[Partition],
        of_each: &Args,
    ) -> Result<Vec<(Partition, Answer)>, BusError> {
        let prefixes = partitions.iter().copied().map(names::prefix);
        let args = prefixes.fold(Args::default(), |args, prefix| args.of_one(prefix, of_each));
        let answers = self.look(script, partitions.first(), args).await?;
        let answers = answers.rest(Answer::list)?;
        let of_partitions = partitions.iter().zip(answers);
        let of_partitions = of_partitions.map(|(partition, answer)| Some((*partition, answer?)));
        Ok(of_partitions.flatten().collect())
    }

    /// The changes of partitions, of each since a time. They are in the order of
    /// `looks`.
    pub(super) async fn read_changes(
        &self,
        looks: &[(Partition, u64)],
    ) -> Vec<Result<Changes, BusError>> {
        let together = self.pool.together(looks);
        let together = together.map(|some| self.read_changes_together(some));
        join_all(together).await.into_iter().flatten().collect()
    }

    async fn read_changes_together(
        &self,
        looks: &[(Partition, u64)],
    ) -> Vec<Result<Changes, BusError>> {
        let mut all = Vec::with_capacity(looks.len());
        while let Some(left) = looks.get(all.len()..).filter(|left| !left.is_empty()) {
            match self.changes_of_first(left).await {
                Ok(some) => all.extend(some.into_iter().map(Ok)),
                // Of one of them, which must not take the others with it.
                Err(BusError::Unreadable(_)) if left.len() > 1 => {
                    let alone = left.iter().map(from_ref);
                    let alone = join_all(alone.map(|one| self.changes_of_first(one))).await;
                    all.extend(alone.into_iter().map(|one| {
                        let one = one?.into_iter().next();
                        one.ok_or_else(|| nothing("changed"))
                    }));
                }
                Err(error) => all.resize(looks.len(), Err(error)),
            }
        }
        all
    }

    /// The changes of some of the partitions, from the first on: of all unless
    /// there are very many.
    async fn changes_of_first(&self, looks: &[(Partition, u64)]) -> Result<Vec<Changes>, BusError> {
        let args = looks
            .iter()
            .fold(self.log_args(), |args, (partition, since_ms)| {
                let since = Args::default().number(*since_ms);
                args.of_one(names::prefix(*partition), &since)
            });
        let first = looks.first().map(|(partition, _)| partition);
        let mut answer = self.look(&CHANGED, first, args).await?;
        let now_ms = answer.parsed()?;
        let of_each = answer.rest(Answer::list)?;
        if of_each.is_empty() {
            let rooms = Vec::new();
            return Ok(vec![Changes { now_ms, rooms }; looks.len()]);
        }
        let changes = of_each.into_iter().map_while(|rooms| {
            let rooms = rooms?.rest(change);
            Some(rooms.map(|rooms| Changes {
                now_ms,
                rooms: rooms.into_iter().flatten().collect(),
            }))
        });
        let changes = changes.collect::<Result<Vec<_>, _>>()?;
        if changes.is_empty() || changes.len() > looks.len() {
            return Err(nothing("changed"));
        }
        Ok(changes)
    }

    async fn look(
        &self,
        script: &Script,
        at: Option<&Partition>,
        args: Args,
    ) -> Result<Answer, BusError> {
        let at = at.copied().unwrap_or(Partition::FIRST);
        let answer = self.pool.run_within(LOOK, at, script, args).await?;
        answer.ok_or_else(|| nothing(script.verb))
    }
}

/// A room, and its head; none where that cannot be read, which hides no other.
fn change(answer: &mut Answer) -> Result<Option<(RoomKey, Position)>, BusError> {
    let mut change = answer.list()?.ok_or_else(|| nothing("changed"))?;
    let room = change.text()?;
    let read = room.parse().ok().zip(position(&mut change).ok());
    if read.is_none() {
        events::entry_unreadable("changed", &room);
    }
    Ok(read)
}
