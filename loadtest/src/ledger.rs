//! What happened, written down by those to whom it happened.
//!
//! A ledger is a file of JSON lines in the order of time, so that a run of an
//! hour need not fit into memory, and whoever doubts a verdict can read on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

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
    /// The fault that struck last is over, and all parts run again.
    FaultOver,
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
    /// A message was sent, or sent again under the same id.
    Sent {
        /// The client's own id of it. Other users use the same, and so does
        /// the same user in other rooms.
        id: String,
        /// The room that it is for.
        room: String,
        /// What it says.
        text: String,
        /// Whether the AI is asked.
        ai: bool,
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
    /// An `error` came.
    Refused {
        /// Of what, where it says.
        id: Option<String>,
        /// Why.
        code: String,
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
    /// The AI types, or has stopped.
    Typing {
        /// Where.
        room: String,
        /// Whether it does.
        is_typing: bool,
    },
    /// The connection ended.
    Closed {
        /// The close code; none where the socket just ended.
        code: Option<u16>,
        /// The reason given.
        reason: String,
    },
}

/// A durable event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durable {
    /// The life that it belongs to.
    pub epoch: String,
    /// Its place.
    pub seq: u64,
    /// Its `type`.
    pub kind: String,
    /// Its `message_id`.
    pub message: String,
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
    /// How many replies were being streamed when it struck.
    pub streaming: usize,
    /// Whether the plan lets the storage lose its tail, or all it has.
    pub may_lose: bool,
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

/// Writes a ledger. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pen {
    began: Instant,
    file: Arc<Mutex<BufWriter<File>>>,
}

impl Pen {
    /// Begins a ledger in a new file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            began: Instant::now(),
            file: Arc::new(Mutex::new(BufWriter::new(File::create(path)?))),
        })
    }

    /// Microseconds since the run began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Writes down what happens now.
    ///
    /// # Errors
    /// The disk is full, as a rule: then no verdict can be given.
    pub fn note(&self, what: What) -> io::Result<()> {
        // Under the lock, so that the lines are in the order of time.
        let mut file = self.lock();
        write_line(&mut *file, self.now(), what)
    }

    /// Writes down what happened then.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub fn note_at(&self, at: u64, what: What) -> io::Result<()> {
        write_line(&mut *self.lock(), at, what)
    }

    /// Has all that was noted on disk.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub fn flush(&self) -> io::Result<()> {
        self.lock().flush()
    }

    fn lock(&self) -> MutexGuard<'_, BufWriter<File>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_line(file: &mut impl Write, at: u64, what: What) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Entry { at, what })?;
    line.push(b'\n');
    file.write_all(&line)
}

/// Reads a ledger, line by line.
///
/// # Errors
/// The file cannot be read.
pub fn read(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Entry>> + use<>> {
    let lines = BufReader::new(File::open(path)?).lines();
    Ok(lines.map(|line| serde_json::from_str(&line?).map_err(io::Error::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let pen = Pen::new(&path).unwrap();
        let opened = What::Client {
            client: 7,
            event: ClientEvent::Opened,
        };
        let call = What::Call(Call {
            question: "00-q".into(),
            attempt: 1,
            r#try: 2,
            began: 5,
            ended: None,
        });
        pen.note_at(1, opened.clone()).unwrap();
        pen.note_at(2, call.clone()).unwrap();
        pen.flush().unwrap();
        let entries: Vec<_> = read(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            entries,
            [
                Entry {
                    at: 1,
                    what: opened
                },
                Entry { at: 2, what: call }
            ]
        );
    }

    #[test]
    fn lines_are_in_the_order_of_time_whoever_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let pen = Pen::new(&path).unwrap();
        let write = |client| {
            let event = ClientEvent::Opened;
            for _ in 0..2_000 {
                let event = event.clone();
                pen.note(What::Client { client, event }).unwrap();
            }
        };
        std::thread::scope(|scope| {
            for client in 0..8 {
                scope.spawn(move || write(client));
            }
        });
        pen.flush().unwrap();
        let times: Vec<_> = read(&path).unwrap().map(|line| line.unwrap().at).collect();
        assert!(times.is_sorted());
    }
}
