//! Which channels are wanted of a node, and what it was asked: a state machine
//! without a connection.
//!
//! Redis answers in the order in which it was asked. So what it says belongs to
//! what was sent first and is not yet answered.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::names;
use super::resp::{Frame, write_command};
use crate::room::Partition;

/// How many channels one command takes.
const AT_ONCE: usize = 1_000;

/// How many commands may be unanswered. Who asks a Redis that is paused asks again
/// and again.
const UNANSWERED: usize = 10_000;

/// Why a channel is not subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another node serves it, or none just now.
    Moved(String),
    Refused(String),
}

/// What was refused, by channel.
pub(super) type Refusals = HashMap<String, Refusal>;

/// What Redis said that is not about subscriptions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Message {
        channel: Bytes,
        message: Bytes,
    },
    Nothing,
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
    asked: BTreeMap<u64, Asked>,
    last_asked: u64,
    /// What was sent and is not yet answered.
    sent: VecDeque<Sent>,
    /// What is to be sent.
    pub(super) outgoing: BytesMut,
    regained: usize,
    /// Of what was asked for again, how much was refused, and why.
    refused_again: Option<(usize, Refusal)>,
    has_moved: bool,
}

/// What somebody waits for.
#[derive(Debug)]
struct Asked {
    left: BTreeSet<String>,
    refused: Refusals,
    done: oneshot::Sender<Refusals>,
}

#[derive(Debug)]
enum Sent {
    Subscribe {
        channels: VecDeque<String>,
        /// Who asked; nobody where it is done again.
        by: Option<u64>,
    },
    Unsubscribe(VecDeque<String>),
    Ping,
}

impl Wanted {
    pub(super) fn new(is_clustered: bool) -> Self {
        Self {
            is_clustered,
            is_connected: false,
            kept: BTreeSet::new(),
            lost: BTreeSet::new(),
            asked: BTreeMap::new(),
            last_asked: 0,
            sent: VecDeque::new(),
            outgoing: BytesMut::new(),
            regained: 0,
            refused_again: None,
            has_moved: false,
        }
    }

    /// Subscribes to what is not subscribed to yet. Tells what was refused when
    /// all is answered.
    pub(super) fn subscribe(&mut self, channels: Vec<String>, done: oneshot::Sender<Refusals>) {
        let channels = channels.into_iter();
        let left: BTreeSet<_> = channels.filter(|name| !self.kept.contains(name)).collect();
        let mut refused = Refusals::new();
        if self.sent.len() >= UNANSWERED {
            let why = Refusal::Refused("Redis does not answer".to_owned());
            refused.extend(left.iter().map(|name| (name.clone(), why.clone())));
        }
        if left.len() == refused.len() {
            // Who asked may have given up.
            let _ = done.send(refused);
            return;
        }
        self.last_asked += 1;
        let by = self.last_asked;
        self.ask(left.iter().cloned().collect(), Some(by));
        let asked = Asked {
            left,
            refused,
            done,
        };
        self.asked.insert(by, asked);
    }

    /// Unsubscribes, from those too that are not known to be subscribed to: where
    /// Redis did not answer it may have subscribed to them all the same.
    pub(super) fn unsubscribe(&mut self, channels: Vec<String>) {
        self.forget_all(&channels);
        if self.is_connected {
            for some in together(self.is_clustered, channels) {
                self.send("SUNSUBSCRIBE", &some);
                self.sent.push_back(Sent::Unsubscribe(some.into()));
            }
        }
    }

    /// Keeps them no longer, and does not say so.
    pub(super) fn forget_all(&mut self, channels: &[String]) {
        for channel in channels {
            self.forget(channel);
        }
    }

    /// Lets go of the channels that other nodes serve now; which these are.
    pub(super) fn release(&mut self, is_elsewhere: impl Fn(Partition) -> bool) -> Vec<String> {
        let is_elsewhere =
            |name: &&String| names::partition_of_channel(name).is_some_and(&is_elsewhere);
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
        if !self.is_asking_again() {
            self.ask(self.lost.iter().cloned().collect(), None);
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
            self.asked.retain(|_, asked| !asked.done.is_closed());
        }
    }

    pub(super) fn ping(&mut self) {
        self.send("PING", &[]);
        self.sent.push_back(Sent::Ping);
    }

    /// There is a new connection, which knows of no channel.
    pub(super) fn on_connected(&mut self) {
        self.on_disconnected();
        self.forget_given_up();
        self.is_connected = true;
        self.lost = self.kept.clone();
        let asked = self.asked.iter().map(|(by, asked)| {
            let left = asked.left.iter().cloned();
            (*by, left.collect())
        });
        for (by, left) in asked.collect::<Vec<_>>() {
            self.ask(left, Some(by));
        }
        self.try_again();
    }

    /// The connection is gone, and with it what was sent.
    pub(super) fn on_disconnected(&mut self) {
        self.is_connected = false;
        self.sent.clear();
        self.outgoing.clear();
    }

    pub(super) fn on_frame(&mut self, frame: Frame) -> Said {
        match frame {
            Frame::Push(parts) => return self.on_push(parts),
            Frame::Error(error) => match self.sent.pop_front() {
                Some(Sent::Subscribe { channels, by }) => self.on_refused(channels, by, &error),
                // What is refused was not subscribed to.
                Some(Sent::Unsubscribe(_) | Sent::Ping) => {}
                None => return Said::Shifted,
            },
            Frame::Nil | Frame::Number(_) | Frame::Text(_) | Frame::List(_) => {
                let Some(Sent::Ping) = self.sent.pop_front() else {
                    return Said::Shifted;
                };
            }
        }
        Said::Nothing
    }

    /// How much of what was lost is heard again, since this was last asked; nothing
    /// while some of it is not answered.
    pub(super) fn take_regained(&mut self) -> usize {
        if self.is_asking_again() {
            return 0;
        }
        std::mem::take(&mut self.regained)
    }

    /// How much of what was lost was refused, and why, since this was last asked.
    pub(super) fn take_refused(&mut self) -> Option<(usize, Refusal)> {
        if self.is_asking_again() {
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
        let Some(Sent::Subscribe { channels, by }) = self.sent.front_mut() else {
            return Said::Shifted;
        };
        let Some(confirmed) = channels.pop_front() else {
            return Said::Shifted;
        };
        if confirmed.as_bytes() != channel {
            return Said::Shifted;
        }
        let (by, is_all) = (*by, channels.is_empty());
        if is_all {
            self.sent.pop_front();
        }
        match by {
            None => self.regained += usize::from(self.lost.remove(&confirmed)),
            Some(by) => self.settle(by, confirmed, None),
        }
        Said::Nothing
    }

    fn on_unsubscribed(&mut self, channel: &[u8]) {
        if let Some(Sent::Unsubscribe(channels)) = self.sent.front_mut()
            && channels
                .front()
                .is_some_and(|name| name.as_bytes() == channel)
        {
            channels.pop_front();
            if channels.is_empty() {
                self.sent.pop_front();
            }
            return;
        }
        let name = String::from_utf8_lossy(channel).into_owned();
        if self.kept.contains(&name) {
            // Nobody asked for that: its partition is another node's now.
            self.lost.insert(name);
            self.has_moved = true;
        }
    }

    fn on_refused(&mut self, channels: VecDeque<String>, by: Option<u64>, error: &str) {
        let refusal = Refusal::of(error);
        // A partition moves as a whole; else one of them may be refused, and none
        // of the others.
        let has_moved = matches!(refusal, Refusal::Moved(_));
        if channels.len() > 1 && !has_moved {
            for channel in channels {
                self.ask(vec![channel], by);
            }
            return;
        }
        self.has_moved |= has_moved;
        let Some(by) = by else {
            let count = self.refused_again.as_ref().map_or(0, |(count, _)| *count);
            self.refused_again = Some((count + channels.len(), refusal));
            return;
        };
        for channel in channels {
            self.settle(by, channel, Some(refusal.clone()));
        }
    }

    /// Notes what became of a channel, and tells who asked if it was the last.
    fn settle(&mut self, by: u64, channel: String, refusal: Option<Refusal>) {
        let Some(asked) = self.asked.get_mut(&by) else {
            return;
        };
        // It may have been unsubscribed from meanwhile.
        if asked.left.remove(&channel) {
            match refusal {
                Some(refusal) => {
                    asked.refused.insert(channel, refusal);
                }
                None => {
                    self.kept.insert(channel);
                }
            }
        }
        self.tell_if_done(by);
    }

    fn tell_if_done(&mut self, by: u64) {
        let is_done = |asked: &Asked| asked.left.is_empty();
        if self.asked.get(&by).is_some_and(is_done)
            && let Some(Asked { refused, done, .. }) = self.asked.remove(&by)
        {
            let _ = done.send(refused);
        }
    }

    fn forget(&mut self, channel: &str) {
        self.kept.remove(channel);
        self.lost.remove(channel);
        let by = self.asked.iter_mut();
        let by = by.filter_map(|(by, asked)| asked.left.remove(channel).then_some(*by));
        for by in by.collect::<Vec<_>>() {
            self.tell_if_done(by);
        }
    }

    fn ask(&mut self, channels: Vec<String>, by: Option<u64>) {
        if !self.is_connected {
            return;
        }
        for some in together(self.is_clustered, channels) {
            self.send("SSUBSCRIBE", &some);
            self.sent.push_back(Sent::Subscribe {
                channels: some.into(),
                by,
            });
        }
    }

    fn is_asking_again(&self) -> bool {
        let is_again = |sent: &Sent| matches!(sent, Sent::Subscribe { by: None, .. });
        self.sent.iter().any(is_again)
    }

    fn send(&mut self, command: &str, channels: &[String]) {
        let mut parts = vec![command.as_bytes()];
        parts.extend(channels.iter().map(String::as_bytes));
        write_command(&mut self.outgoing, parts.into_iter());
    }
}

impl Refusal {
    fn of(error: &str) -> Self {
        let is_about_nodes = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"]
            .iter()
            .any(|word| error.starts_with(word));
        if is_about_nodes {
            Self::Moved(error.to_owned())
        } else {
            Self::Refused(error.to_owned())
        }
    }

    /// In Redis's words.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Moved(text) | Self::Refused(text) => text,
        }
    }
}

/// What one command takes: in a cluster channels of one partition, else any.
fn together(is_clustered: bool, channels: Vec<String>) -> Vec<Vec<String>> {
    let mut by_partition: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for channel in channels {
        let partition = names::partition_of_channel(&channel).filter(|_| is_clustered);
        let of_partition = by_partition.entry(partition.map_or(0, Partition::index));
        of_partition.or_default().push(channel);
    }
    let chunks = by_partition.values().flat_map(|all| all.chunks(AT_ONCE));
    chunks.map(<[String]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
