//! What happened, written down by those to whom it happened.
//!
//! A ledger is a file of JSON lines in the order of time, so that a run of an
//! hour need not fit into memory, and whoever doubts a verdict can read on.

mod pen;
mod reader;
mod whole;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use pen::Pen;
pub use reader::{ReadError, Trouble, read};
pub use whole::read_whole;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds since the run began.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// A client's number within a run.
pub type ClientNumber = u32;

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The first line: what the run is.
    Round(Round),
    /// Something happened to a client.
    Client {
        /// Which.
        client: ClientNumber,
        /// What.
        #[serde(flatten)]
        event: ClientEvent,
    },
    /// The AI server was called.
    Call(Call),
    /// A fault struck.
    Fault(Fault),
    /// Nothing that is stored from now on is lost for the fault that struck last:
    /// another server has taken over, or this one runs again.
    LossOver,
    /// The fault that struck last is over, and all parts run again.
    FaultOver,
    /// Another server of the storage took over, which nobody planned: it may have
    /// been behind.
    UnplannedFailOver {
        /// When all servers had all for the last time before it, and for the first
        /// time again, in microseconds since the run began.
        between: (u64, u64),
    },
    /// Gateways repaired gaps, so many between these times, in microseconds since the
    /// run began.
    GapsRepaired {
        /// From one look at their counters to the next.
        between: (u64, u64),
        /// How many.
        count: u64,
    },
    /// What the log of a room holds after everything.
    Log(Log),
    /// The last line: what the programs themselves counted.
    Counted {
        /// By name.
        counts: BTreeMap<String, u64>,
    },
}

/// What is planned for one installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// What all that is left to chance is made from.
    pub seed: u64,
    /// How many people talk.
    pub people: usize,
    /// What strikes, in order.
    pub faults: Vec<String>,
    /// Of which commit the programs are.
    pub commit: String,
}

/// Something that happened to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum ClientEvent {
    /// It is who it will be for the whole run.
    Named {
        /// Its tenant's id.
        tenant: String,
        /// Its user's id.
        user: String,
        /// The rooms that it wants to hear; none where that is not judged.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rooms: Vec<String>,
    },
    /// It was not let in: the handshake failed.
    NotLetIn {
        /// The HTTP status of the refusal; none where nothing was answered.
        status: Option<u16>,
        /// What the refusal says, or why there is no answer.
        reason: String,
    },
    /// It was let in, and is `ready`.
    Opened,
    /// `subscribed` came.
    Subscribed {
        /// The room.
        room: String,
        /// The life that the room is in.
        epoch: String,
        /// From where its stream goes on.
        seq: u64,
        /// Whether nothing was lost since the position it came back with.
        recovered: bool,
    },
    /// It goes on in a room from a position that it has from somebody else.
    GoesOn {
        /// The room.
        room: String,
        /// The life of the position.
        epoch: String,
        /// The last event that it counts as seen.
        seq: u64,
    },
    /// It reads nothing from now on, whatever comes.
    StopsReading,
    /// It reads again.
    ReadsAgain,
    /// It wants to hear a room no more.
    Leaving {
        /// The room.
        room: String,
    },
    /// `unsubscribed` came.
    Left {
        /// The room.
        room: String,
    },
    /// A message was sent, or sent again under the same id.
    Sent {
        /// The client's own id of it. Other users use the same, and so does
        /// the same user in other rooms.
        id: String,
        /// The room that it is for.
        room: String,
        /// Its session; none where that is not judged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// What it says.
        text: String,
        /// Whether the AI is asked.
        ai: bool,
        /// What to do with it while its session is busy.
        if_busy: IfBusy,
    },
    /// A message was acknowledged.
    Acked {
        /// The client's own id of it.
        id: String,
        /// The server's.
        message: String,
        /// Its room.
        room: String,
        /// The life in which it was stored.
        epoch: String,
        /// Its place.
        seq: u64,
    },
    /// The end of a reply was asked for.
    Cancelling {
        /// The client's own id of that.
        id: String,
        /// The reply, or its question.
        message: String,
    },
    /// That the reply ends was promised.
    Cancelled {
        /// The client's own id of the wish.
        id: String,
        /// The reply.
        reply: String,
    },
    /// An `error` came.
    Refused {
        /// Of what, where it says.
        id: Option<String>,
        /// Why.
        code: String,
        /// Whether it may be sent again.
        can_retry: bool,
    },
    /// A durable event came.
    Durable {
        /// Its room.
        room: String,
        /// The event.
        #[serde(flatten)]
        event: Durable,
    },
    /// A piece of a reply came.
    Delta {
        /// Its room.
        room: String,
        /// The reply.
        message: String,
        /// Which attempt at it.
        attempt: u64,
        /// Which piece.
        index: i64,
        /// The piece.
        text: String,
    },
    /// A reply so far came.
    Snapshot {
        /// Its room.
        room: String,
        /// The reply.
        message: String,
        /// Which attempt at it.
        attempt: u64,
        /// The last piece of it.
        index: i64,
        /// All pieces up to that.
        text: String,
    },
    /// A reply begins again.
    Restart {
        /// Its room.
        room: String,
        /// The reply.
        message: String,
        /// Which attempt begins.
        attempt: u64,
    },
    /// The AI or somebody types, or has stopped.
    Typing {
        /// Where.
        room: String,
        /// Who; none for the AI.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// Whether it does.
        is_typing: bool,
    },
    /// Something came that nobody can read, or that lacks what it must have.
    Unreadable {
        /// In what.
        reason: String,
    },
    /// The connection ended.
    Closed {
        /// The close code; none where the socket just ended.
        code: Option<u16>,
        /// The reason given.
        reason: String,
    },
}

/// What to do with a question while its session is busy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfBusy {
    /// It waits its turn.
    #[default]
    Queue,
    /// It is refused, and never stored.
    Reject,
    /// It ends what the session is answering.
    Interrupt,
}

/// A durable event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Durable {
    /// The life that it belongs to.
    pub epoch: String,
    /// Its place.
    pub seq: u64,
    /// Its `type`.
    pub kind: String,
    /// Its `message_id`.
    pub message: String,
    /// Its `session_id`.
    pub session: Option<String>,
    /// Its `user_id`, if a person said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What it answers, if it does.
    pub in_reply_to: Option<String>,
    /// The attempt that it is of, if it is a reply's end.
    pub attempt: Option<u64>,
    /// How the reply ended, if it is one's end.
    pub finish: Option<String>,
    /// Its text.
    pub content: String,
}

/// One call of the AI server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The question, as the caller named it.
    pub question: String,
    /// The attempt at its reply.
    pub attempt: u64,
    /// The try within that.
    pub r#try: u64,
    /// Which fallback was asked, counted from 1; 0 for the backend that is asked first.
    #[serde(default)]
    pub fallback: u64,
    /// When it began, in microseconds since the run began.
    pub began: u64,
    /// When it ended, if it has.
    pub ended: Option<u64>,
}

/// A fault that struck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its kind.
    pub kind: String,
    /// Whom it struck.
    pub target: String,
    /// When it should be over, in microseconds since the run began.
    pub until: u64,
    /// How many people saw replies being made when it struck, by way of the part
    /// that was struck; of a broker, how many replies it was making.
    pub streaming: usize,
    /// Since when what was stored may be lost with the storage, in microseconds
    /// since the run began; none where nothing may be.
    pub loses_since: Option<u64>,
}

/// What a room's log holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Whose room it is.
    pub tenant: String,
    /// The room.
    pub room: String,
    /// Its events, oldest first.
    pub events: Vec<Durable>,
}
