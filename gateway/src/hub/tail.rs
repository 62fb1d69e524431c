//! A room's recent events, from which most recoveries are served: a thousand
//! returning clients must not mean a thousand reads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::deletion::tombstone;
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::protocol::event::Event;
use causerie_shared::record::Class;
use tokio::time::Instant;

use crate::frame::{FrameKind, OutFrame};

/// How many events are kept.
const LEN: usize = 128;

/// How many bytes of frames are kept. A node has a room for each of its users,
/// so this counts ten thousand times; what is older is read from the log.
const BYTES: usize = 64 << 10;

/// How long events are kept. Who was away for longer is hardly one of a crowd.
const KEPT: Duration = Duration::from_secs(120);

/// The last durable events of a room, without a hole, up to its head.
#[derive(Debug, Default)]
pub(super) struct Tail {
    events: VecDeque<Recent>,
    bytes: usize,
    /// The position before the first of them.
    start: Option<Position>,
}

#[derive(Debug)]
struct Recent {
    frame: Arc<OutFrame>,
    /// When it was published, by the bus's clock, in milliseconds since 1970.
    ts: u64,
    /// Since when it is kept.
    since: Instant,
}

impl Tail {
    /// Forgets all, and goes on from `head`.
    pub(super) fn restart(&mut self, head: Position) {
        *self = Self {
            start: Some(head),
            ..Self::default()
        };
    }

    /// Takes the event that follows the last one, which was published at `ts`. If it
    /// tells that a message was deleted, the text of that is forgotten.
    pub(super) fn push(&mut self, frame: Arc<OutFrame>, ts: u64) {
        if let Some(deleted) = deleted_by(&frame) {
            self.bury(deleted);
        }
        self.bytes += frame.size();
        let since = Instant::now();
        self.events.push_back(Recent { frame, ts, since });
        self.drop_while(|tail, _| tail.events.len() > LEN || tail.bytes > BYTES);
    }

    /// Puts a tombstone in the place of a message, as the log has it.
    fn bury(&mut self, message_id: &MessageId) {
        let mut events = self.events.iter_mut();
        if let Some(Recent { frame, ts, .. }) = events.find(|recent| recent.is(message_id))
            && let (Some(room), Some(position)) = (&frame.room, &frame.position)
        {
            let tombstone = tombstone(&room.room).place(position.clone(), *ts);
            let tombstone = OutFrame::event(room, &tombstone);
            self.bytes = self.bytes - frame.size() + tombstone.size();
            *frame = tombstone;
        }
    }

    /// Whether it keeps no event.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Drops what was kept for long enough by `now`.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.drop_while(|_, oldest| now.saturating_duration_since(oldest.since) > KEPT);
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
    }

    /// Drops the oldest events as long as that is called for.
    fn drop_while(&mut self, is_due: impl Fn(&Self, &Recent) -> bool) {
        while self
            .events
            .front()
            .is_some_and(|oldest| is_due(self, oldest))
            && let Some(Recent { frame, .. }) = self.events.pop_front()
        {
            self.bytes -= frame.size();
            self.start.clone_from(&frame.position);
        }
    }

    /// The events after `position`; `None` where the tail does not reach back
    /// to it, or cannot judge it. A position of an older life, or one ahead of
    /// the head, only the bus can judge.
    pub(super) fn after(&self, position: &Position) -> Option<Vec<Arc<OutFrame>>> {
        let first = if self.start.as_ref() == Some(position) {
            0
        } else {
            let is_it = |event: &Recent| event.frame.position.as_ref() == Some(position);
            self.events.iter().rposition(is_it)? + 1
        };
        let missed = self.events.iter().skip(first);
        Some(missed.map(|event| Arc::clone(&event.frame)).collect())
    }
}

impl Recent {
    /// Whether it is what a person said under this id, or the reply of that id.
    fn is(&self, message_id: &MessageId) -> bool {
        let OutFrame { kind, reply, .. } = &*self.frame;
        if *kind == FrameKind::Event(Class::Final) {
            return reply
                .as_ref()
                .is_some_and(|part| part.message_id == *message_id);
        }
        self.frame.event == Event::NewMessage.name()
            && self.frame.sight.question() == Some(message_id)
    }
}

/// The message of which `frame` tells that it was deleted.
fn deleted_by(frame: &OutFrame) -> Option<&MessageId> {
    let tells = frame.event == Event::MessageDeleted.name();
    frame.sight.question().filter(|_| tells)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::hub::testing::{durable, ended, message_id, position, room};

    fn event(seq: u64) -> Arc<OutFrame> {
        OutFrame::event(&room(), &durable("aaaaaaaa", seq))
    }

    fn sized(seq: u64, bytes: usize) -> Arc<OutFrame> {
        let mut record = durable("aaaaaaaa", seq);
        record.frame = vec![b' '; bytes].into();
        OutFrame::event(&room(), &record)
    }

    fn tail(count: u64) -> Tail {
        let mut tail = Tail::default();
        tail.restart(position("aaaaaaaa", 10));
        for seq in 11..11 + count {
            tail.push(event(seq), 1);
        }
        tail
    }

    #[test]
    fn reaches_back_to_where_it_began() {
        let tail = tail(3);
        let seqs = |seq| {
            let after = tail.after(&position("aaaaaaaa", seq))?;
            Some(
                after
                    .iter()
                    .map(|frame| frame.position.as_ref().unwrap().seq)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(seqs(10), Some(vec![11, 12, 13]));
        assert_eq!(seqs(12), Some(vec![13]));
        assert_eq!(seqs(13), Some(vec![]));
        assert_eq!(seqs(9), None);
        assert_eq!(seqs(14), None);
    }

    #[test]
    fn does_not_judge_another_life() {
        assert!(tail(3).after(&position("bbbbbbbb", 12)).is_none());
    }

    #[test]
    fn forgets_the_oldest() {
        let tail = tail(LEN as u64 + 2);
        assert!(tail.after(&position("aaaaaaaa", 11)).is_none());
        assert_eq!(tail.after(&position("aaaaaaaa", 12)).unwrap().len(), LEN);
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_what_happened_long_ago() {
        let mut tail = tail(2);
        advance(KEPT).await;
        tail.push(event(13), 1);
        tail.tidy(Instant::now());
        assert_eq!(tail.after(&position("aaaaaaaa", 10)).unwrap().len(), 3);
        advance(Duration::from_millis(1)).await;
        tail.tidy(Instant::now());
        assert!(tail.after(&position("aaaaaaaa", 11)).is_none());
        assert_eq!(tail.after(&position("aaaaaaaa", 12)).unwrap().len(), 1);
        advance(KEPT).await;
        tail.tidy(Instant::now());
        assert_eq!((tail.bytes, tail.events.capacity()), (0, 0));
        // Who has seen all is served nonetheless.
        assert!(tail.after(&position("aaaaaaaa", 13)).unwrap().is_empty());
    }

    #[test]
    fn keeps_no_more_bytes_than_its_bound() {
        let mut tail = tail(0);
        for seq in 11..=14 {
            tail.push(sized(seq, BYTES / 2), 1);
        }
        assert!(tail.after(&position("aaaaaaaa", 11)).is_none());
        assert_eq!(tail.after(&position("aaaaaaaa", 12)).unwrap().len(), 2);
        tail.push(sized(15, BYTES + 1), 1);
        assert!(tail.after(&position("aaaaaaaa", 14)).is_none());
        assert!(tail.after(&position("aaaaaaaa", 15)).unwrap().is_empty());
    }

    /// A person's message, or that one was deleted.
    fn about(event: Event, seq: u64, number: u32) -> Arc<OutFrame> {
        let mut record = durable("aaaaaaaa", seq);
        record.header.event = event.name().into();
        record.header.in_reply_to = Some(message_id(number));
        OutFrame::event(&room(), &record)
    }

    #[test]
    fn what_is_deleted_leaves_a_tombstone() {
        let mut tail = tail(0);
        tail.push(about(Event::NewMessage, 11, 101), 7);
        tail.push(OutFrame::event(&room(), &ended("aaaaaaaa", 12, 1)), 8);
        tail.push(about(Event::NewMessage, 13, 102), 9);
        let kept = |tail: &Tail| {
            let events = tail.after(&position("aaaaaaaa", 10)).unwrap();
            events
                .iter()
                .map(|frame| frame.json().to_owned())
                .collect::<Vec<_>>()
        };
        let before = kept(&tail);
        // What a reply answers is another message than the reply.
        tail.push(about(Event::MessageDeleted, 14, 101), 10);
        let tomb = |seq: u64, ts: u64| {
            format!(
                r#"{{"seq":{seq},"epoch":"aaaaaaaa","ts":{ts},"type":"message_deleted","room":"project:p1","data":{{}}}}"#
            )
        };
        assert_eq!(
            kept(&tail)[..3],
            [tomb(11, 7), before[1].clone(), before[2].clone()]
        );
        tail.push(about(Event::MessageDeleted, 15, 1), 11);
        tail.push(about(Event::MessageDeleted, 16, 103), 12);
        assert_eq!(
            kept(&tail)[..3],
            [tomb(11, 7), tomb(12, 8), before[2].clone()]
        );
        let size: usize = tail.events.iter().map(|recent| recent.frame.size()).sum();
        assert_eq!(tail.bytes, size);
    }
}
