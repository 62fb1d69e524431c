//! What Redis was asked and has not answered yet, in that order.

use std::collections::VecDeque;

/// A channel to subscribe to.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) channel: String,
    /// Who asked; nobody where it is done again.
    pub(super) by: Option<u64>,
}

impl AsRef<str> for Wish {
    fn as_ref(&self) -> &str {
        &self.channel
    }
}

/// A command.
#[derive(Debug)]
pub(super) enum Sent {
    /// All for somebody, or all again, never both.
    Subscribe(VecDeque<Wish>),
    Unsubscribe(VecDeque<String>),
    Role,
}

#[derive(Debug, Default)]
pub(super) struct Unanswered {
    sent: VecDeque<Sent>,
    /// How many channels these name: a command may name one or a thousand. Those that
    /// are asked for again are not counted: they are never more than are kept.
    channels: usize,
}

impl Unanswered {
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(super) fn push(&mut self, sent: Sent) {
        self.channels += sent.channels();
        self.sent.push_back(sent);
    }

    pub(super) fn first(&self) -> Option<&Sent> {
        self.sent.front()
    }

    /// The first command is answered as a whole.
    pub(super) fn pop(&mut self) -> Option<Sent> {
        let sent = self.sent.pop_front()?;
        self.channels -= sent.channels();
        Some(sent)
    }

    /// The next channel that is to be confirmed, where the first command subscribes.
    pub(super) fn pop_wish(&mut self) -> Option<Wish> {
        let Some(Sent::Subscribe(wishes)) = self.sent.front_mut() else {
            return None;
        };
        let wish = wishes.pop_front()?;
        self.channels -= usize::from(wish.by.is_some());
        if wishes.is_empty() {
            self.sent.pop_front();
        }
        Some(wish)
    }

    /// Whether this is the next channel that is to be left; it is no more then.
    pub(super) fn pop_left(&mut self, channel: &[u8]) -> bool {
        let Some(Sent::Unsubscribe(channels)) = self.sent.front_mut() else {
            return false;
        };
        let is_next = |name: &String| name.as_bytes() == channel;
        if !channels.front().is_some_and(is_next) {
            return false;
        }
        channels.pop_front();
        self.channels -= 1;
        if channels.is_empty() {
            self.sent.pop_front();
        }
        true
    }

    pub(super) fn is_asking_again(&self) -> bool {
        let is_again = |sent: &Sent| match sent {
            Sent::Subscribe(wishes) => wishes.front().is_some_and(|wish| wish.by.is_none()),
            Sent::Unsubscribe(_) | Sent::Role => false,
        };
        self.sent.iter().any(is_again)
    }
}

impl Sent {
    fn channels(&self) -> usize {
        match self {
            Self::Subscribe(wishes) => wishes.iter().filter(|wish| wish.by.is_some()).count(),
            Self::Unsubscribe(channels) => channels.len(),
            Self::Role => 0,
        }
    }
}
