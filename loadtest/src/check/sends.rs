//! What people sent and what was acknowledged, against what the logs hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::counts;
use super::faults::Loss;
use super::logs::{Kept, Logs};
use super::{Broken, Faults, Verdict, Who};
use crate::ledger::{ClientEvent, ClientNumber, Durable, IfBusy};

/// By what a message is told from others: tenant, user, room, the client's id.
type Name = (String, String, String, String);

/// Tenant, user and room: people have one session in each room.
pub(super) type Session<'a> = (&'a str, &'a str, &'a str);

/// Everything that people sent.
#[derive(Debug, Default)]
pub(super) struct Sends {
    sent: HashMap<Name, Sent>,
    acks: BTreeMap<Name, Vec<Ack>>,
    /// What a client sent last under an id.
    last: HashMap<(ClientNumber, String), Name>,
}

#[derive(Debug)]
struct Sent {
    /// When it was first sent.
    at: u64,
    session: Option<String>,
    text: String,
    asks: bool,
    if_busy: IfBusy,
    /// How often it was sent and not refused: then it may have been stored.
    unrefused: i64,
    /// When it was refused for good, if it was.
    refused: Option<u64>,
    /// To whom it was acknowledged.
    acked_to: BTreeSet<ClientNumber>,
    /// It was refused to somebody to whom it was acknowledged before.
    is_refused_after_ack: bool,
}

#[derive(Debug)]
struct Ack {
    at: u64,
    message: String,
}

/// A message that was sent and is kept.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) message: &'a str,
    /// Whether what its session answers was to end for it.
    pub(super) interrupts: bool,
    /// When it was first acknowledged, if it was.
    pub(super) acked: Option<u64>,
    pub(super) session: Session<'a>,
    pub(super) seq: u64,
}

impl Said<'_> {
    /// Whether it was said earlier in the same session.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.session == other.session && self.seq < other.seq
    }
}

impl Sends {
    /// What is kept of what was sent.
    pub(super) fn said<'a>(&'a self, logs: &'a Logs) -> Vec<Said<'a>> {
        let by_text: HashMap<_, _> = logs
            .events()
            .filter(Kept::is_said)
            .map(|kept| ((kept.tenant, kept.room, &*kept.event.content), kept.event))
            .collect();
        let said = self.sent.iter().filter_map(|(name, sent)| {
            let (tenant, user, room, _) = name;
            let event = by_text.get(&(&**tenant, &**room, &*sent.text))?;
            let acks = self.acks.get(name).into_iter().flatten();
            Some(Said {
                message: &event.message,
                interrupts: sent.interrupts(),
                acked: acks.map(|ack| ack.at).min(),
                session: (tenant, user, room),
                seq: event.seq,
            })
        });
        said.collect()
    }

    /// Whether the AI was asked, by tenant, room and text of what was sent.
    pub(super) fn asks_by_text(&self) -> HashMap<(&str, &str, &str), bool> {
        let sent = self.sent.iter();
        sent.map(|((tenant, _, room, _), sent)| ((&**tenant, &**room, &*sent.text), sent.asks))
            .collect()
    }

    /// When what is kept was first sent, by the server's ids: it may have been
    /// stored since then.
    pub(super) fn sent_at(&self, logs: &Logs) -> HashMap<String, u64> {
        let sent = self.sent.iter().map(|((tenant, _, room, _), sent)| {
            let text = (&**tenant, &**room, &*sent.text);
            (text, sent.at)
        });
        let sent: HashMap<_, _> = sent.collect();
        let said = logs.events().filter(Kept::is_said);
        said.filter_map(|kept| {
            let text = (kept.tenant, kept.room, &*kept.event.content);
            Some((kept.event.message.clone(), *sent.get(&text)?))
        })
        .collect()
    }

    /// The sessions of which the storage lost a question that was to end what
    /// they answered.
    pub(super) fn lost_interruptions(&self, logs: &Logs, faults: &Faults) -> HashSet<Session<'_>> {
        let kept = logs.by_message();
        let is_lost = |ack: &Ack| {
            !kept.contains_key(ack.message.as_str()) && faults.may_have_lost(ack.at, u64::MAX)
        };
        let lost = self.sent.iter().filter(|(name, sent)| {
            let mut acks = self.acks.get(name).into_iter().flatten();
            sent.interrupts() && acks.any(is_lost)
        });
        lost.map(|((tenant, user, room, _), _)| (&**tenant, &**user, &**room))
            .collect()
    }

    pub(super) fn on_event(&mut self, at: u64, who: &Who, event: &ClientEvent) {
        let name = |room: &str, id: &str| {
            let [tenant, user] = [&who.tenant, &who.user].map(Clone::clone);
            (tenant, user, room.to_owned(), id.to_owned())
        };
        match event {
            ClientEvent::Sent {
                id,
                room,
                session,
                text,
                ai,
                if_busy,
            } => {
                let name = name(room, id);
                self.last.insert((who.client, id.clone()), name.clone());
                let sent = self.sent.entry(name).or_insert_with(|| Sent {
                    at,
                    session: session.clone(),
                    text: text.clone(),
                    asks: *ai,
                    if_busy: *if_busy,
                    unrefused: 0,
                    refused: None,
                    acked_to: BTreeSet::new(),
                    is_refused_after_ack: false,
                });
                sent.unrefused += 1;
            }
            ClientEvent::Acked {
                id, message, room, ..
            } => {
                if let Some(sent) = self.sent.get_mut(&name(room, id)) {
                    sent.acked_to.insert(who.client);
                }
                let message = message.clone();
                let acks = self.acks.entry(name(room, id)).or_default();
                acks.push(Ack { at, message });
            }
            ClientEvent::Refused {
                id: Some(id),
                code,
                can_retry,
            } => {
                let name = self.last.get(&(who.client, id.clone()));
                if let Some(sent) = name.and_then(|name| self.sent.get_mut(name)) {
                    sent.on_refused(at, who.client, code, *can_retry);
                }
            }
            ClientEvent::Named { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Leaving { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::NotLetIn { .. }
            | ClientEvent::Opened
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Durable { .. }
            | ClientEvent::Delta { .. }
            | ClientEvent::Snapshot { .. }
            | ClientEvent::Restart { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Unreadable { .. }
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
                    None => match faults.loss(*at) {
                        Some(Loss::Planned) => verdict.count(counts::LOST),
                        Some(Loss::Unplanned) => {
                            verdict.count(counts::LOST_UNPLANNED);
                        }
                        None => verdict.broken(Broken::AckedAndGone, *at, says),
                    },
                }
            }
        }
        answered_once(&asked, logs, verdict);
        self.refused_and_not_stored(logs, verdict);
    }

    fn refused_and_not_stored(&self, logs: &Logs, verdict: &mut Verdict) {
        let texts = logs
            .events()
            .map(|kept| (kept.tenant, &*kept.event.content));
        let texts: HashSet<_> = texts.collect();
        for (name, sent) in &self.sent {
            // One sending of it may be refused, and the next one stored.
            let is_judged = sent.unrefused == 0 || sent.is_refused_after_ack;
            let Some(at) = sent.refused.filter(|_| is_judged) else {
                continue;
            };
            if self.acks.contains_key(name) || texts.contains(&(&*name.0, &*sent.text)) {
                verdict.broken(Broken::RefusedAndStored, at, written(name));
            } else {
                verdict.count(counts::MESSAGES_REFUSED);
            }
        }
    }
}

impl Sent {
    fn interrupts(&self) -> bool {
        self.if_busy == IfBusy::Interrupt && self.asks
    }

    fn on_refused(&mut self, at: u64, client: ClientNumber, code: &str, can_retry: bool) {
        // Whether it was stored is then unknown.
        if matches!(code, "overloaded" | "internal") {
            return;
        }
        self.unrefused -= 1;
        if is_for_good(code, can_retry) {
            self.refused = Some(at);
            self.is_refused_after_ack |= self.acked_to.contains(&client);
        }
    }
}

/// Whether a message that was refused so is not sent again: `conflict` answers
/// one that was not to wait.
pub(super) fn is_for_good(code: &str, can_retry: bool) -> bool {
    !can_retry || code == "conflict"
}

/// Each of these questions, acknowledged at these times, has one reply.
fn answered_once(asked: &BTreeMap<&str, u64>, logs: &Logs, verdict: &mut Verdict) {
    let mut replies: HashMap<&str, Vec<&Durable>> = HashMap::new();
    let kept = logs.by_message();
    let says = |question| kept.get(question).map_or_else(String::new, Kept::written);
    for Kept { event, .. } in logs.events() {
        if let Some(question) = &event.in_reply_to {
            replies.entry(question).or_default().push(event);
        }
    }
    for (question, at) in asked {
        verdict.count(counts::QUESTIONS);
        match replies.get(question).map_or(&[][..], Vec::as_slice) {
            [] => verdict.broken(Broken::Unanswered, *at, says(question)),
            // One that did not come to its end is counted by what that was.
            [reply] if reply.finish.as_deref() == Some("stop") => {
                verdict.count(counts::QUESTIONS_ANSWERED);
            }
            [_] => {}
            [..] => verdict.broken(Broken::AnsweredTwice, *at, says(question)),
        }
    }
}

/// In what the event that stands in the log is not what was sent.
fn otherwise(kept: &Kept<'_>, (tenant, user, room, _): &Name, sent: &Sent) -> Option<String> {
    if (kept.tenant, kept.room) != (tenant, room) {
        return Some(format!("stands in {}:{}", kept.tenant, kept.room));
    }
    let event = kept.event;
    if sent.session.is_some()
        && (event.user.as_ref(), &event.session) != (Some(user), &sent.session)
    {
        let Durable { user, session, .. } = event;
        return Some(format!("is of {user:?} in session {session:?}"));
    }
    let is_so = event.kind == "new_message" && event.content == sent.text;
    (!is_so).then(|| format!("sent {:?}, stored {:?}", sent.text, event.content))
}

fn written((tenant, user, room, id): &Name) -> String {
    format!("{tenant}:{room}, {id} of {user}")
}
