//! Making replies: the verbs of brokers.

use std::time::Duration;

use super::answer::Answer;
use super::args::Args;
use super::script::{ANNOUNCE, CLAIM, FINISH, LEASES, Script, TAKE_OVER, WAITING};
use super::{RedisBus, events, nothing};
use crate::bus::BusError;
use crate::bus::reply::{
    Appended, Beat, Claim, ClaimId, Delta, Ending, Finished, Lease, RunningLease, Takeover, Waiting,
};
use crate::ids::TenantId;
use crate::record::Record;
use crate::room::Partition;

impl RedisBus {
    pub(super) async fn all_waiting(&self) -> Result<Waiting, BusError> {
        let mut waiting = Waiting::default();
        for (partition, mut answer) in self.of_all_partitions(&WAITING).await? {
            let not_ended: u64 = answer.parsed()?;
            waiting.replies += not_ended.saturating_sub(answer.parsed()?);
            for tenant in answer.all(Answer::text)? {
                match TenantId::new(&tenant) {
                    Ok(tenant) => waiting.places.entry(tenant).or_default().push(partition),
                    Err(_) => events::entry_unreadable("tenants", &tenant),
                }
            }
            let oldest = Duration::from_millis(answer.parsed()?);
            waiting.oldest = waiting.oldest.max(oldest);
        }
        Ok(waiting)
    }

    pub(super) async fn running_leases(&self) -> Result<Vec<RunningLease>, BusError> {
        let mut leases = Vec::new();
        for (_, answer) in self.of_all_partitions(&LEASES).await? {
            let beats = answer.rest(|answer| Ok((answer.text()?, answer.text()?)))?;
            leases.extend(beats.into_iter().filter_map(|(id, beat)| {
                let lease = running_lease(&id, &beat);
                if lease.is_none() {
                    events::entry_unreadable("beats", &format!("{id}: {beat}"));
                }
                lease
            }));
        }
        Ok(leases)
    }

    pub(super) async fn claim_next(
        &self,
        partition: Partition,
        tenant: &TenantId,
        id: &ClaimId,
    ) -> Result<Option<Claim>, BusError> {
        let args = Args::default().text(tenant.as_str()).text(id.as_str());
        let answer = self.pool.run(partition, &CLAIM, args).await?;
        answer.map(claim).transpose()
    }

    pub(super) async fn take_lease_over(
        &self,
        seen: &RunningLease,
        id: &ClaimId,
    ) -> Result<Takeover, BusError> {
        let args = lease_args(&seen.lease).number(seen.beats).text(id.as_str());
        let answer = self.run_for(&seen.lease, &TAKE_OVER, args).await?;
        let taken = answer.map(claim).transpose()?;
        Ok(taken.map_or(Takeover::Refused, |claim| Takeover::Taken(claim.into())))
    }

    pub(super) async fn beat_for(&self, lease: &Lease, count: u64) -> Result<Beat, BusError> {
        let args = lease_args(lease).number(count);
        held(self.beating.ask(lease.room.partition(), args).await?)
    }

    pub(super) async fn announce_records(
        &self,
        lease: &Lease,
        records: &[Record],
    ) -> Result<Beat, BusError> {
        let args = lease_args(lease).records(records);
        held(self.run_for(lease, &ANNOUNCE, args).await?)
    }

    pub(super) async fn append_delta(
        &self,
        lease: &Lease,
        delta: &Delta,
    ) -> Result<Appended, BusError> {
        let args = lease_args(lease)
            .number(delta.index)
            .text(&delta.text)
            .record(&delta.record);
        let answer = self.appending.ask(lease.room.partition(), args).await?;
        let mut answer = answer.ok_or_else(|| nothing("append"))?;
        match answer.text()?.as_str() {
            "done" => Ok(Appended::Done {
                cancelled: answer.flag()?,
            }),
            "behind" => Ok(Appended::Behind {
                next: answer.parsed()?,
            }),
            "fenced" => Ok(Appended::Fenced),
            other => Err(answer.unreadable(other)),
        }
    }

    pub(super) async fn finish_reply(
        &self,
        lease: &Lease,
        ending: &Ending,
    ) -> Result<Finished, BusError> {
        let dead_letter = ending.dead_letter.as_deref().map(str::as_bytes);
        let args = with_lease(self.log_args(), lease)
            .number(u8::from(ending.says_cancelled))
            .event(&ending.message)
            .records(&ending.before)
            .records(&ending.after)
            .number(self.retention.max_turns)
            .number(self.retention.max_turn_bytes)
            .list(ending.turn.as_deref().into_iter())
            .list(dead_letter.into_iter());
        let Some(mut answer) = self.run_for(lease, &FINISH, args).await? else {
            return Ok(Finished::Fenced);
        };
        match answer.text()?.as_str() {
            "done" => Ok(Finished::Done),
            "cancelled" => Ok(Finished::Cancelled),
            other => Err(answer.unreadable(other)),
        }
    }

    async fn run_for(
        &self,
        lease: &Lease,
        script: &Script,
        args: Args,
    ) -> Result<Option<Answer>, BusError> {
        self.pool.run(lease.room.partition(), script, args).await
    }
}

fn lease_args(lease: &Lease) -> Args {
    with_lease(Args::default(), lease)
}

fn with_lease(args: Args, lease: &Lease) -> Args {
    args.text(lease.message_id.as_str()).shown(format_args!(
        "{} {}",
        lease.attempt,
        lease.claim.as_str()
    ))
}

fn held(answer: Option<Answer>) -> Result<Beat, BusError> {
    match answer {
        Some(mut answer) => Ok(Beat::Held {
            cancelled: answer.flag()?,
        }),
        None => Ok(Beat::Fenced),
    }
}

fn claim(mut answer: Answer) -> Result<Claim, BusError> {
    let message_id = answer.parsed()?;
    let attempt = answer.parsed()?;
    let begun = answer.parsed()?;
    let claim = answer.parsed()?;
    let room = answer.parsed()?;
    Ok(Claim {
        lease: Lease {
            room,
            message_id,
            attempt,
            claim,
        },
        begun,
        in_reply_to: answer.parsed()?,
        session: answer.parsed()?,
        user: answer.parsed()?,
        task: answer.bytes()?,
        is_first: answer.flag()?,
        cancelled: answer.flag()?,
        waited_ms: answer.parsed()?,
        more_wait: answer.flag()?,
        turns: answer.all(Answer::bytes)?,
    })
}

/// `beats attempt claim room`, as the scripts keep it.
fn running_lease(id: &str, beat: &str) -> Option<RunningLease> {
    let mut words = beat.split(' ');
    let beats = words.next()?.parse().ok()?;
    let attempt = words.next()?.parse().ok()?;
    let claim = words.next()?.parse().ok()?;
    let lease = Lease {
        room: words.next()?.parse().ok()?,
        message_id: id.parse().ok()?,
        attempt,
        claim,
    };
    Some(RunningLease { lease, beats })
}
