//! An ear with a queue behind it: never waits, never grows.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::subscription::Ear;
use crate::record::Record;
use crate::room::RoomKey;

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A live record.
    Record {
        /// The room it was published to.
        room: RoomKey,
        /// The record.
        record: Arc<Record>,
    },
    /// Any room may have missed records: the receiver was too slow, or the bus
    /// told of a gap. The reader looks after every room that it hears.
    Gap,
}

/// Puts what is heard into a feed's bounded receiver.
///
/// The last place in the receiver is kept for [`Heard::Gap`]. Once it is taken
/// nothing more is put in until the reader has taken everything out: the gap is
/// then the last thing that it took, so it looks after its rooms after all that
/// was dropped, and is told of one overflow once.
#[derive(Debug)]
pub struct Feed {
    sender: mpsc::Sender<Heard>,
    overflown: Mutex<bool>,
}

impl Feed {
    /// A feed of which `buffer` records may wait, and its receiver.
    pub fn new(buffer: usize) -> (Self, mpsc::Receiver<Heard>) {
        let (sender, receiver) = mpsc::channel(buffer.max(1) + 1);
        let overflown = Mutex::new(false);
        (Self { sender, overflown }, receiver)
    }

    /// Hands `heard` to the reader, or a gap in its stead.
    pub fn hear(&self, heard: Heard) {
        // Also keeps two publishers from both taking the last place but one.
        let mut overflown = self.lock();
        if *overflown && self.sender.capacity() < self.sender.max_capacity() {
            return;
        }
        let fits = self.sender.capacity() > 1;
        *overflown = !fits;
        // What is left to fail is that the reader has gone.
        let _ = self.sender.try_send(if fits { heard } else { Heard::Gap });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        self.overflown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ear for Feed {
    fn on_record(&self, room: RoomKey, record: Arc<Record>) {
        self.hear(Heard::Record { room, record });
    }

    fn on_gap(&self) {
        self.hear(Heard::Gap);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::record::{Class, Header};

    fn heard(ts: u64) -> Heard {
        let header = Header {
            class: Class::Transient,
            event: "user_typing".into(),
            position: None,
            ts,
            reply: None,
            in_reply_to: None,
            excluded: None,
            trace: None,
        };
        let frame = Bytes::new();
        Heard::Record {
            room: "acme:tenant".parse().unwrap(),
            record: Arc::new(Record { header, frame }),
        }
    }

    #[test]
    fn an_overflow_is_told_once_and_after_all_that_fitted() {
        let (feed, mut receiver) = Feed::new(2);
        (0..9).for_each(|ts| feed.hear(heard(ts)));
        assert_eq!(receiver.try_recv(), Ok(heard(0)));
        feed.hear(heard(9));
        assert_eq!(receiver.try_recv(), Ok(heard(1)));
        assert_eq!(receiver.try_recv(), Ok(Heard::Gap));
        assert!(receiver.try_recv().is_err());
        feed.hear(heard(10));
        assert_eq!(receiver.try_recv(), Ok(heard(10)));
    }
}
