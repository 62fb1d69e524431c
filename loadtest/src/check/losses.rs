//! Whether everybody was told of what the storage lost, and nobody of what it
//! did not lose.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::counts;
use super::logs::Logs;
use super::{Broken, Faults, Rules, Verdict, Who};
use crate::ledger::{ClientEvent, ClientNumber};

/// What clients saw of their rooms, and what they were told of losses.
#[derive(Debug, Default)]
pub(super) struct Losses {
    views: BTreeMap<(ClientNumber, String), View>,
}

/// One client's view of one room.
#[derive(Debug)]
struct View {
    who: Arc<Who>,
    /// The position to come back with.
    epoch: String,
    seq: u64,
    /// In the order in which it came.
    seen: Vec<Seen>,
}

#[derive(Debug)]
enum Seen {
    /// That a message stands somewhere: by its event, or only by its `ack`,
    /// which may come before the telling.
    Message {
        at: u64,
        epoch: String,
        seq: u64,
        message: String,
        by_event: bool,
    },
    /// That something is lost.
    Told(Told),
}

/// `recovered: false`.
#[derive(Debug)]
struct Told {
    at: u64,
    /// The position with which the client came back.
    epoch: String,
    seq: u64,
    /// From where its stream goes on.
    head: u64,
}

impl Losses {
    pub(super) fn on_event(
        &mut self,
        at: u64,
        who: &Arc<Who>,
        event: &ClientEvent,
        verdict: &mut Verdict,
    ) {
        if let ClientEvent::Subscribed {
            room,
            epoch,
            seq,
            recovered,
        } = event
        {
            let view = self.view(who, room);
            let (before, was_at) = (
                std::mem::replace(&mut view.epoch, epoch.clone()),
                std::mem::replace(&mut view.seq, *seq),
            );
            if !recovered {
                verdict.count(counts::TOLD_OF_A_LOSS);
                view.seen.push(Seen::Told(Told {
                    at,
                    epoch: before,
                    seq: was_at,
                    head: *seq,
                }));
            }
        } else if let ClientEvent::Acked {
            message,
            room,
            epoch,
            seq,
            ..
        } = event
        {
            self.view(who, room).see(at, (epoch, *seq), message, false);
        } else if let ClientEvent::Durable { room, event } = event {
            let view = self.view(who, room);
            view.see(at, (&event.epoch, event.seq), &event.message, true);
            view.seq = event.seq;
        }
    }

    pub(super) fn finish(&self, logs: &Logs, faults: &Faults, rules: Rules, verdict: &mut Verdict) {
        let kept = logs.by_message();
        let mut gone = HashSet::new();
        for ((_, room), view) in &self.views {
            let who = format!("{}: {room}", view.who);
            // The first message that is lost and of whose loss it was not told.
            let mut untold = None;
            for seen in &view.seen {
                match seen {
                    Seen::Told(told) => {
                        // A message of their own may be lost that they have heard of by
                        // its `ack` alone.
                        let is_for_a_message = untold.take().is_some();
                        let place = (view.who.tenant.as_str(), room.as_str());
                        if !is_for_a_message && is_for_no_reason(told, place, logs, faults, rules) {
                            let says = format!("{who} was at {}:{}", told.epoch, told.seq);
                            verdict.broken(Broken::LostForNoReason, told.at, says);
                        }
                    }
                    Seen::Message {
                        at,
                        epoch,
                        seq,
                        message,
                        by_event,
                    } if kept.get(message.as_str()).is_none_or(|kept| {
                        (&kept.event.epoch, kept.event.seq) != (epoch, *seq)
                    }) =>
                    {
                        // Gone from there: what a broker had to say again stands
                        // somewhere else, be it at the same `seq` of another life.
                        untold.get_or_insert((*at, *seq, message));
                        // What is only acknowledged is looked for elsewhere.
                        if *by_event && faults.loss(*at).is_none() && gone.insert(message) {
                            let says = format!("{who}: {message} was at {seq}");
                            verdict.broken(Broken::SeenAndGone, *at, says);
                        }
                    }
                    // What is kept behind the place of what is lost was
                    // written after the loss.
                    Seen::Message {
                        at, seq, by_event, ..
                    } if *by_event => {
                        if let Some((_, _, message)) = untold.take_if(|(_, lost, _)| *lost <= *seq)
                        {
                            let says = format!("{who}: {message} is gone, and {seq} came");
                            verdict.broken(Broken::NotTold, *at, says);
                        }
                    }
                    Seen::Message { .. } => {}
                }
            }
            if let Some((at, _, message)) = untold {
                verdict.broken(Broken::NotTold, at, format!("{who}: {message} is gone"));
            }
        }
    }

    fn view(&mut self, who: &Arc<Who>, room: &str) -> &mut View {
        let view = self.views.entry((who.client, room.to_owned()));
        view.or_insert_with(|| View {
            who: Arc::clone(who),
            epoch: String::new(),
            seq: 0,
            seen: Vec::new(),
        })
    }
}

impl View {
    fn see(&mut self, at: u64, (epoch, seq): (&str, u64), message: &str, by_event: bool) {
        self.seen.push(Seen::Message {
            at,
            epoch: epoch.to_owned(),
            seq,
            message: message.to_owned(),
            by_event,
        });
    }
}

/// Whether a client was told of a loss though all it had seen is there, and not
/// too much follows it.
fn is_for_no_reason(
    told: &Told,
    (tenant, room): (&str, &str),
    logs: &Logs,
    faults: &Faults,
    rules: Rules,
) -> bool {
    if told.head > told.seq + rules.max_recover {
        return false;
    }
    let is_there = logs.room(tenant, room).iter().any(|event| {
        // Where a life goes on behind a place nothing of it is lost up to there.
        event.epoch == told.epoch && event.seq >= told.seq
    });
    is_there || !faults.may_have_lost_anything(told.at)
}
