//! Reading rooms' logs.

use std::collections::BTreeMap;
use std::iter;

use bytes::Bytes;
use futures::future::join_all;

use super::answer::Answer;
use super::script::{HISTORY, READ};
use super::{RedisBus, events, nothing};
use crate::bus::BusError;
use crate::bus::log::{History, HistoryRange, Look, Missed, Page, RunningReply};
use crate::ids::MessageId;
use crate::position::{Epoch, Position};
use crate::protocol::MAX_SEQ;
use crate::record::Record;
use crate::room::RoomKey;

/// How many rooms one script reads, and how many events of each where it reads
/// several: Redis does nothing else meanwhile. Who missed more reads on alone.
const ROOMS_A_SCRIPT: usize = 64;
const EVENTS_OF_EACH: usize = 32;

impl RedisBus {
    pub(super) async fn read_logs(
        &self,
        looks: &[Look],
        limit: usize,
    ) -> Vec<Result<Page, BusError>> {
        let mut by_partition: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (place, look) in looks.iter().enumerate() {
            let of_partition = by_partition.entry(look.room.partition().index());
            of_partition.or_default().push((place, look));
        }
        let together = by_partition
            .values()
            .flat_map(|of| of.chunks(ROOMS_A_SCRIPT));
        let reads = together.map(|some| async move {
            let looks: Vec<_> = some.iter().map(|(_, look)| *look).collect();
            let places = some.iter().map(|(place, _)| *place);
            let pages = self.read_of_one_partition(&looks, limit).await;
            places.zip(pages).collect::<Vec<_>>()
        });
        let mut pages = join_all(reads).await.concat();
        pages.sort_by_key(|(place, _)| *place);
        pages.into_iter().map(|(_, page)| page).collect()
    }

    async fn read_of_one_partition(
        &self,
        looks: &[&Look],
        limit: usize,
    ) -> Vec<Result<Page, BusError>> {
        match self.read_at_once(looks, limit).await {
            Ok(pages) => pages.into_iter().map(Ok).collect(),
            // One of them, which must not take the others with it.
            Err(BusError::Unreadable(_)) if looks.len() > 1 => {
                let alone = looks.iter().map(|look| self.read_log(look, limit));
                join_all(alone).await
            }
            Err(error) => vec![Err(error); looks.len()],
        }
    }

    pub(super) async fn read_log(&self, look: &Look, limit: usize) -> Result<Page, BusError> {
        let page = self.read_at_once(&[look], limit).await?.pop();
        page.ok_or_else(|| nothing("read"))
    }

    /// Reads rooms of one partition with one script.
    async fn read_at_once(&self, looks: &[&Look], limit: usize) -> Result<Vec<Page>, BusError> {
        let Some(first) = looks.first() else {
            return Ok(Vec::new());
        };
        let limit = if looks.len() > 1 {
            limit.min(EVENTS_OF_EACH)
        } else {
            limit
        };
        let args = self
            .log_args()
            .number(self.retention.max_recover)
            .number(self.bounded(limit))
            .number(self.retention.page_bytes)
            .number(looks.len() as u64);
        let args = looks.iter().fold(args, |args, Look { room, after }| {
            let after = after.as_ref();
            args.shown(room)
                .text(after.map_or("", |position| position.epoch.as_str()))
                .number(after.map_or(0, |position| position.seq.min(MAX_SEQ)))
        });
        let partition = first.room.partition();
        let answer = self.pool.run(partition, &READ, args).await?;
        let mut pages = answer.ok_or_else(|| nothing("read"))?;
        let pages = looks.iter().map(|look| page(&mut pages, &look.room));
        pages.collect()
    }

    pub(super) async fn read_history(
        &self,
        room: &RoomKey,
        range: HistoryRange,
        limit: usize,
    ) -> Result<History, BusError> {
        let first = range.after.unwrap_or(0).min(MAX_SEQ) + 1;
        let last = range.before.unwrap_or(MAX_SEQ).clamp(1, MAX_SEQ) - 1;
        let is_forward = range.after.is_some();
        let args = self
            .log_args()
            .shown(room)
            .number(!is_forward)
            .number(first)
            .number(last)
            .number(self.bounded(limit))
            .number(self.retention.page_bytes);
        let answer = self.pool.run(room.partition(), &HISTORY, args).await?;
        let mut answer = answer.ok_or_else(|| nothing("history"))?;
        let epoch = answer.parsed()?;
        let records = answer.all(Answer::bytes)?;
        let mut records: Vec<_> = records.iter().filter_map(|r| readable(room, r)).collect();
        if !is_forward {
            records.reverse();
        }
        Ok(History {
            epoch,
            records,
            has_more: answer.flag()?,
            reached: answer.text()?.parse().ok(),
        })
    }

    /// No log holds more, and Lua could not count it.
    fn bounded(&self, limit: usize) -> u64 {
        self.retention.max_events.min(limit as u64)
    }
}

fn page(answer: &mut Answer, room: &RoomKey) -> Result<Page, BusError> {
    let mut page = answer.list()?.ok_or_else(|| nothing("read"))?;
    let head = position(&mut page)?;
    let lives_before = page.text()?;
    let lives_before = lives_before.split(' ').filter_map(epoch_of);
    let lives = iter::once(head.epoch.clone()).chain(lives_before).collect();
    let missed = match page.list()? {
        Some(records) => {
            let records = records.rest(Answer::bytes)?;
            let readable: Option<_> = records.iter().map(|r| readable(room, r)).collect();
            readable.map_or(Missed::Lost, Missed::Records)
        }
        None => Missed::Lost,
    };
    let mut running = page.all(running_reply)?;
    running.sort_by(|a, b| a.message_id.cmp(&b.message_id));
    Ok(Page {
        head,
        lives,
        missed,
        running,
    })
}

/// The epoch of a life that has ended, as `lives` has it: `epoch:seq`.
fn epoch_of(life: &str) -> Option<Epoch> {
    life.split_once(':')?.0.parse().ok()
}

/// The record, unless it is damaged, or of a version to come.
fn readable(room: &RoomKey, record: &Bytes) -> Option<Record> {
    let read = Record::decode(record);
    read.inspect_err(|error| events::record_unreadable(room, error))
        .ok()
}

pub(super) fn position(answer: &mut Answer) -> Result<Position, BusError> {
    let epoch: Epoch = answer.parsed()?;
    let seq = answer.parsed()?;
    Ok(Position { epoch, seq })
}

fn running_reply(answer: &mut Answer) -> Result<RunningReply, BusError> {
    let mut reply = answer.list()?.ok_or_else(|| nothing("read"))?;
    Ok(RunningReply {
        message_id: reply.parsed::<MessageId>()?,
        session: reply.parsed()?,
        in_reply_to: reply.parsed()?,
        attempt: reply.parsed()?,
        index: reply.parsed::<i64>()? - 1,
        text: reply.text()?,
    })
}
