//! Which channels are wanted of a node, and what it was asked: a state machine
//! without a connection.
//!
//! Redis answers in the order in which it was asked. So what it says belongs to
//! what was sent first and is not yet answered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::names;
use super::resp::{Frame, write_command};
use crate::room::Partition;
pub(super) use refusal::{Refusal, Refusals};
use unanswered::{Sent, Unanswered, Wish};
use waiters::Waiters;

mod refusal;
mod unanswered;
mod waiters;

/// How many channels one command takes.
const CHANNELS_A_COMMAND: usize = 1_000;

/// How many channels may be asked for or left without an answer: some ten megabytes.
/// Who asks a Redis that is paused asks again and again, and people leave.
const UNANSWERED: usize = 100_000;

/// What Redis said that is not about subscriptions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Message {
        channel: Bytes,
        message: Bytes,
    },
    Nothing,
    /// It is a replica: what is published elsewhere need not come here.
    Demoted,
    /// It was no answer to what was asked.
    Shifted,
}

/// The channels that are wanted of a node.
#[derive(Debug)]
pub(super) struct Wanted {
    is_clustered: bool,
    is_connected: bool,
    /// Those that were subscribed to once.
    kept: BTreeSet<String>,
    /// Those of them that are to be subscribed to again.
    lost: BTreeSet<String>,
    /// Those that are left, of which Redis does not know yet.
    leaving: Vec<String>,
    /// Those that it is not asked for yet.
    entering: Vec<Wish>,
    waiters: Waiters,
    unanswered: Unanswered,
    /// What is to be sent.
    pub(super) outgoing: BytesMut,
    regained: usize,
    /// Of what was asked for again, how much was refused, and why.
    refused_again: Option<(usize, Refusal)>,
    has_moved: bool,
}

impl Wanted {
    pub(super) fn new(is_clustered: bool) -> Self {
        Self {
            is_clustered,
            is_connected: false,
            kept: BTreeSet::new(),
            lost: BTreeSet::new(),
            leaving: Vec::new(),
            entering: Vec::new(),
            waiters: Waiters::default(),
            unanswered: Unanswered::default(),
            outgoing: BytesMut::new(),
            regained: 0,
            refused_again: None,
            has_moved: false,
        }
    }

    /// Subscribes to what is not subscribed to yet, with the next
    /// [`try_ask`](Self::try_ask). Tells what was refused when all is answered.
    pub(super) fn subscribe(&mut self, channels: Vec<String>, done: oneshot::Sender<Refusals>) {
        let channels = channels.into_iter();
        let left: BTreeSet<_> = channels.filter(|name| !self.kept.contains(name)).collect();
        let mut refused = Refusals::new();
        if self.unanswered.channels() >= UNANSWERED {
            let why = Refusal::Refused("Redis does not answer".to_owned());
            refused.extend(left.iter().map(|name| (name.clone(), why.clone())));
        }
        if left.len() == refused.len() {
            // Who asked may have given up.
            let _ = done.send(refused);
            return;
        }
        let is_connected = self.is_connected;
        let (by, left) = self.waiters.add(left, refused, done);
        if is_connected {
            self.entering.extend(wishes(left, Some(by)));
        }
    }

    /// Unsubscribes, from those too that are not known to be subscribed to: where
    /// Redis did not answer it may have subscribed to them all the same. It is asked
    /// with the next [`try_ask`](Self::try_ask), or before it is asked for others.
    pub(super) fn unsubscribe(&mut self, channels: Vec<String>) {
        self.forget_all(&channels);
        if self.is_connected {
            self.leaving.extend(channels);
        }
    }

    /// Asks Redis for all that was subscribed to and unsubscribed from: a crowd comes
    /// partition by partition, and leaves room by room. False where so much is not
    /// answered that it is not asked: then the connection is to be given up, since all that
    /// was left is still heard over it.
    pub(super) fn try_ask(&mut self) -> bool {
        let is_asked = self.leaving.is_empty() || self.unanswered.channels() < UNANSWERED;
        if is_asked {
            let entering = std::mem::take(&mut self.entering);
            self.ask(entering);
        }
        is_asked
    }

    /// Keeps them no longer, and does not say so.
    pub(super) fn forget_all(&mut self, channels: &[String]) {
        for channel in channels {
            self.forget(channel);
        }
    }

    /// Lets go of the channels that other nodes serve now; which these are. Who waits
    /// for others of them is told to ask there: a node that is gone never answers, and
    /// one that is a replica now subscribes to what it soon hears no more.
    pub(super) fn release(&mut self, is_elsewhere: impl Fn(Partition) -> bool) -> Vec<String> {
        let is_elsewhere =
            |name: &&String| names::partition_of_channel(name).is_some_and(&is_elsewhere);
        let moved = Refusal::Moved("another node serves it now".to_owned());
        self.waiters.refuse_all(is_elsewhere, &moved);
        let released: Vec<_> = self.kept.iter().filter(is_elsewhere).cloned().collect();
        self.forget_all(&released);
        released
    }

    /// Takes over channels that another node served, however often that is tried.
    pub(super) fn adopt(&mut self, channels: Vec<String>) {
        self.lost.extend(channels.iter().cloned());
        self.kept.extend(channels);
        self.try_again();
    }

    /// Asks again for what is lost, unless it was asked and not answered.
    pub(super) fn try_again(&mut self) {
        if !self.unanswered.is_asking_again() {
            self.ask(wishes(&self.lost, None).collect());
        }
    }

    /// Whether anything is to be subscribed to again.
    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Forgets who asked in vain: they ask again, and while there is no connection
    /// they would be more and more.
    pub(super) fn forget_given_up(&mut self) {
        if !self.is_connected {
            self.waiters.forget_given_up();
        }
    }

    /// Asks whether it lives, and whether it is a replica by now: where nodes change, that is
    /// learnt elsewhere, and this asks as well as any other command whether it lives.
    pub(super) fn ask_role(&mut self) {
        self.send::<String>("ROLE", &[]);
        self.unanswered.push(Sent::Role);
    }

    /// There is a new connection, which knows of no channel.
    pub(super) fn on_connected(&mut self) {
        self.on_disconnected();
        self.forget_given_up();
        self.is_connected = true;
        self.lost = self.kept.clone();
        let left = self.waiters.left();
        let asked = left.flat_map(|(by, left)| wishes(left, Some(by)));
        let asked = asked.collect();
        self.ask(asked);
        self.try_again();
    }

    /// The connection is gone, and with it what was sent.
    pub(super) fn on_disconnected(&mut self) {
        self.is_connected = false;
        self.leaving.clear();
        self.entering.clear();
        self.unanswered = Unanswered::default();
        self.outgoing.clear();
    }

    pub(super) fn on_frame(&mut self, frame: Frame) -> Said {
        match frame {
            Frame::Push(parts) => return self.on_push(parts),
            Frame::Error(error) => match self.unanswered.pop() {
                Some(Sent::Subscribe(wishes)) => self.on_refused(wishes, &error),
                // What is refused was not subscribed to; who refuses to say what it is lives.
                Some(Sent::Unsubscribe(_) | Sent::Role) => {}
                None => return Said::Shifted,
            },
            Frame::List(_) if matches!(self.unanswered.first(), Some(Sent::Role)) => {
                self.unanswered.pop();
                if frame.is_of_replica() {
                    return Said::Demoted;
                }
            }
            Frame::Nil | Frame::Number(_) | Frame::Text(_) | Frame::List(_) => {
                return Said::Shifted;
            }
        }
        Said::Nothing
    }

    /// How much of what was lost is heard again, since this was last asked; nothing
    /// while some of it is not answered.
    pub(super) fn take_regained(&mut self) -> usize {
        if self.unanswered.is_asking_again() {
            return 0;
        }
        std::mem::take(&mut self.regained)
    }

    /// How much of what was lost was refused, and why, since this was last asked.
    pub(super) fn take_refused(&mut self) -> Option<(usize, Refusal)> {
        if self.unanswered.is_asking_again() {
            return None;
        }
        self.refused_again.take()
    }

    /// Whether Redis said that something is another node's, since this was last
    /// asked.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    fn on_push(&mut self, parts: Vec<Frame>) -> Said {
        let mut parts = parts.into_iter();
        let mut next = || parts.next();
        let (Some(kind), Some(Frame::Text(channel))) = (next(), next()) else {
            return Said::Nothing;
        };
        match kind.as_str() {
            Some("smessage") => match next() {
                Some(Frame::Text(message)) => Said::Message { channel, message },
                _ => Said::Shifted,
            },
            Some("ssubscribe") => self.on_subscribed(&channel),
            Some("sunsubscribe") => {
                self.on_unsubscribed(&channel);
                Said::Nothing
            }
            _ => Said::Nothing,
        }
    }

    fn on_subscribed(&mut self, channel: &[u8]) -> Said {
        let Some(confirmed) = self.unanswered.pop_wish() else {
            return Said::Shifted;
        };
        if confirmed.channel.as_bytes() != channel {
            return Said::Shifted;
        }
        match confirmed.by {
            None => self.regained += usize::from(self.lost.remove(&confirmed.channel)),
            Some(by) => {
                // It may have been unsubscribed from meanwhile.
                if self.waiters.confirm(by, &confirmed.channel) {
                    self.kept.insert(confirmed.channel);
                }
            }
        }
        Said::Nothing
    }

    fn on_unsubscribed(&mut self, channel: &[u8]) {
        if self.unanswered.pop_left(channel) {
            return;
        }
        let name = String::from_utf8_lossy(channel).into_owned();
        if self.kept.contains(&name) {
            // Nobody asked for that: its partition is another node's now.
            self.lost.insert(name);
            self.has_moved = true;
        }
    }

    fn on_refused(&mut self, wishes: VecDeque<Wish>, error: &str) {
        let refusal = Refusal::of(error);
        // A partition moves as a whole; else one of them may be refused, and none
        // of the others.
        let has_moved = matches!(refusal, Refusal::Moved(_));
        if wishes.len() > 1 && !has_moved {
            for wish in wishes {
                self.ask(vec![wish]);
            }
            return;
        }
        self.has_moved |= has_moved;
        for Wish { channel, by } in wishes {
            let refusal = refusal.clone();
            if let Some(by) = by {
                self.waiters.refuse(by, channel, refusal);
            } else {
                let count = self.refused_again.as_ref().map_or(0, |(count, _)| *count);
                self.refused_again = Some((count + 1, refusal));
            }
        }
    }

    fn forget(&mut self, channel: &str) {
        self.kept.remove(channel);
        self.lost.remove(channel);
        self.waiters.forget(channel);
    }

    fn ask(&mut self, mut wishes: Vec<Wish>) {
        if !self.is_connected {
            return;
        }
        self.leave();
        wishes.retain(|wish| self.is_awaited(wish));
        for some in together(self.is_clustered, wishes) {
            self.send("SSUBSCRIBE", &some);
            self.unanswered.push(Sent::Subscribe(some.into()));
        }
    }

    fn leave(&mut self) {
        for some in together(self.is_clustered, std::mem::take(&mut self.leaving)) {
            self.send("SUNSUBSCRIBE", &some);
            self.unanswered.push(Sent::Unsubscribe(some.into()));
        }
    }

    /// Whether it was not left meanwhile, and is not answered.
    fn is_awaited(&self, Wish { channel, by }: &Wish) -> bool {
        let asked = by.map_or(Some(&self.lost), |by| self.waiters.left_of(by));
        asked.is_some_and(|asked| asked.contains(channel))
    }

    fn send<T: AsRef<str>>(&mut self, command: &str, channels: &[T]) {
        let mut parts = vec![command.as_bytes()];
        parts.extend(channels.iter().map(|channel| channel.as_ref().as_bytes()));
        write_command(&mut self.outgoing, parts.into_iter());
    }
}

fn wishes(channels: &BTreeSet<String>, by: Option<u64>) -> impl Iterator<Item = Wish> {
    let channels = channels.iter().cloned();
    channels.map(move |channel| Wish { channel, by })
}

/// What one command takes: in a cluster channels of one partition, else any.
fn together<T: AsRef<str> + Clone>(is_clustered: bool, channels: Vec<T>) -> Vec<Vec<T>> {
    let mut by_partition: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for channel in channels {
        let partition = names::partition_of_channel(channel.as_ref()).filter(|_| is_clustered);
        let of_partition = by_partition.entry(partition.map_or(0, Partition::index));
        of_partition.or_default().push(channel);
    }
    let chunks = by_partition
        .values()
        .flat_map(|all| all.chunks(CHANNELS_A_COMMAND));
    chunks.map(<[T]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
