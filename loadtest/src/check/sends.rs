//! What people sent and what was acknowledged, against what the logs hold.

use std::collections::{BTreeMap, HashMap};

use super::logs::{Kept, Logs};
use super::{Broken, Faults, Verdict};
use crate::ledger::ClientEvent;

/// By what a message is told from others: tenant, user, room, the client's id.
type Name = (String, String, String, String);

/// Everything that people sent.
#[derive(Debug, Default)]
pub(super) struct Sends {
    sent: HashMap<Name, Sent>,
    acks: BTreeMap<Name, Vec<Ack>>,
}

#[derive(Debug)]
struct Sent {
    text: String,
    asks: bool,
}

#[derive(Debug)]
struct Ack {
    at: u64,
    message: String,
}

impl Sends {
    pub(super) fn on_event(&mut self, at: u64, tenant: &str, user: &str, event: &ClientEvent) {
        let name = |room: &str, id: &str| {
            let [tenant, user] = [tenant, user].map(str::to_owned);
            (tenant, user, room.to_owned(), id.to_owned())
        };
        match event {
            ClientEvent::Sent { id, room, text, ai } => {
                let sent = Sent {
                    text: text.clone(),
                    asks: *ai,
                };
                self.sent.insert(name(room, id), sent);
            }
            ClientEvent::Acked {
                id, message, room, ..
            } => {
                let message = message.clone();
                let acks = self.acks.entry(name(room, id)).or_default();
                acks.push(Ack { at, message });
            }
            ClientEvent::Named { .. }
            | ClientEvent::Opened
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Durable { .. }
            | ClientEvent::Delta { .. }
            | ClientEvent::Snapshot { .. }
            | ClientEvent::Restart { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Closed { .. } => {}
        }
    }

    pub(super) fn finish(&self, logs: &Logs, faults: &Faults, verdict: &mut Verdict) {
        let kept = logs.by_message();
        let mut named: HashMap<&str, &Name> = HashMap::new();
        let mut asked: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, acks) in &self.acks {
            for Ack { at, message } in acks {
                let says = format!("{message} in {}", written(name));
                if *named.entry(message).or_insert(name) != name {
                    verdict.broken(Broken::AckedAsAnother, *at, says);
                    continue;
                }
                let Some(sent) = self.sent.get(name) else {
                    verdict.broken(Broken::StoredOtherwise, *at, says + ": was not sent there");
                    continue;
                };
                match kept.get(message.as_str()) {
                    Some(kept) => {
                        if let Some(other) = otherwise(kept, name, sent) {
                            let says = format!("{says}: {other}");
                            verdict.broken(Broken::StoredOtherwise, *at, says);
                        }
                        if sent.asks {
                            asked.entry(message).or_insert(*at);
                        }
                    }
                    None if faults.may_have_lost(*at, u64::MAX) => {
                        verdict.count("messages lost with the storage");
                    }
                    None => verdict.broken(Broken::AckedAndGone, *at, says),
                }
            }
        }
        answered_once(&asked, logs, verdict);
    }
}

/// Each of these questions, acknowledged at these times, has one reply.
fn answered_once(asked: &BTreeMap<&str, u64>, logs: &Logs, verdict: &mut Verdict) {
    let mut replies: HashMap<&str, u32> = HashMap::new();
    for Kept { event, .. } in logs.events() {
        if let Some(question) = &event.in_reply_to {
            *replies.entry(question).or_default() += 1;
        }
    }
    for (question, at) in asked {
        match replies.get(question).copied().unwrap_or(0) {
            0 => verdict.broken(Broken::Unanswered, *at, *question),
            1 => verdict.count("questions answered"),
            _ => verdict.broken(Broken::AnsweredTwice, *at, *question),
        }
    }
}

/// In what the event that stands in the log is not what was sent.
fn otherwise(kept: &Kept<'_>, (tenant, _, room, _): &Name, sent: &Sent) -> Option<String> {
    if (kept.tenant, kept.room) != (tenant, room) {
        return Some(format!("stands in {}:{}", kept.tenant, kept.room));
    }
    let event = kept.event;
    let is_so = event.kind == "new_message" && event.content == sent.text;
    (!is_so).then(|| format!("sent {:?}, stored {:?}", sent.text, event.content))
}

fn written((tenant, user, room, id): &Name) -> String {
    format!("{tenant}:{room}, {id} of {user}")
}
