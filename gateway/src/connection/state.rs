//! How far a connection has come, for metrics.

use super::Connection;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its first rooms are not all joined.
    Joining,
    /// They are.
    Joined,
    /// It is being closed: it gets what waits, and the reason. A drain closes all.
    Closing,
}

impl State {
    pub(crate) const ALL: [Self; 3] = [Self::Joining, Self::Joined, Self::Closing];

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Joined => "joined",
            Self::Closing => "closing",
        }
    }
}

impl Connection {
    /// How far it has come.
    pub(crate) fn state(&self) -> State {
        if self.outbox.is_closed() {
            State::Closing
        } else if self.has_joined_first_rooms() {
            State::Joined
        } else {
            State::Joining
        }
    }
}
