//! What waits for one reader, and what one who is slow does not get.

use std::collections::VecDeque;
use std::sync::Arc;

use causerie_shared::ids::MessageId;
use causerie_shared::record::Class;
use causerie_shared::room::RoomKey;

use super::Pushed;
use crate::frame::{FrameKind, OutFrame};

/// What a frame that waits is counted for beyond its bytes, in each queue where it
/// does.
const FRAME_OVERHEAD: usize = 64;

/// What waits for one reader.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: VecDeque<Arc<OutFrame>>,
    /// How many bytes of the first one are on their way. If any are, the rest
    /// has to follow.
    begun: usize,
    bytes: usize,
    lagging: Vec<Lagging>,
}

/// A reply of which text was dropped.
#[derive(Debug)]
struct Lagging {
    room: RoomKey,
    message_id: MessageId,
    /// Whether a snapshot has been asked for.
    asked: bool,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// What waits, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing is dropped of what comes next, whatever it is.
    pub(super) fn drops_nothing(&self) -> bool {
        self.frames.is_empty() && self.lagging.is_empty()
    }

    /// What waits, in order, and how many bytes of the first are on their way.
    pub(super) fn waiting(&self) -> (impl Iterator<Item = &Arc<OutFrame>>, usize) {
        (self.frames.iter(), self.begun)
    }

    /// Whether `frame` is dropped, since the reader is slow.
    pub(super) fn try_drop(&mut self, frame: &OutFrame, bound: usize) -> Option<Pushed> {
        match frame.kind {
            FrameKind::Event(Class::Transient | Class::Start) => {
                (self.bytes > bound / 2).then_some(Pushed::DroppedTransient)
            }
            FrameKind::Event(Class::Delta) | FrameKind::Snapshot => {
                self.drops_text(frame, bound).then_some(Pushed::DroppedText)
            }
            FrameKind::Event(Class::Final) => {
                if let Some(message_id) = frame.message_id() {
                    self.forget(message_id);
                }
                None
            }
            FrameKind::Event(Class::Durable) | FrameKind::Answer | FrameKind::Control(_) => None,
        }
    }

    /// Whether the text in `frame` is dropped; then its reply is marked.
    fn drops_text(&mut self, frame: &OutFrame, bound: usize) -> bool {
        let (Some(room), Some(message_id)) = (&frame.room, frame.message_id()) else {
            return false;
        };
        if self
            .lagging
            .iter()
            .any(|reply| reply.message_id == *message_id)
        {
            return true;
        }
        let is_crowded = self.is_behind(bound) && self.bytes + size_of(frame) > bound / 4 * 3;
        if is_crowded {
            self.lagging.push(Lagging {
                room: room.clone(),
                message_id: message_id.clone(),
                asked: false,
            });
        }
        is_crowded
    }

    /// Lets `frame` wait; whether it is within the bound. Else nothing waits
    /// any more but the rest of what has begun.
    pub(super) fn push(&mut self, frame: &Arc<OutFrame>, bound: usize) -> bool {
        let size = size_of(frame);
        if self.is_behind(bound) && self.bytes + size > bound {
            self.drop_unbegun();
            return false;
        }
        self.bytes += size;
        self.frames.push_back(Arc::clone(frame));
        true
    }

    /// Lets the rest of one write wait: `frames`, of the first of which `begun` bytes are on
    /// their way already. Nothing else waits.
    pub(super) fn push_rest(&mut self, frames: &[Arc<OutFrame>], begun: usize) {
        self.begun = begun;
        self.bytes += frames.iter().map(|frame| size_of(frame)).sum::<usize>();
        self.frames.extend(frames.iter().cloned());
    }

    /// Lets a control frame wait, before all that has not begun. It takes the
    /// place of one of its kind: of several pings the last is answered (RFC
    /// 6455, 5.5.3), so that nobody can make many wait.
    pub(super) fn push_control(&mut self, frame: Arc<OutFrame>) {
        let next = usize::from(self.begun > 0);
        self.bytes += size_of(&frame);
        match self.frames.get_mut(next) {
            Some(before) if before.kind == frame.kind => {
                self.bytes -= size_of(before);
                *before = frame;
            }
            Some(_) | None => self.frames.insert(next, frame),
        }
    }

    /// Drops all of which nothing is on its way.
    pub(super) fn drop_unbegun(&mut self) {
        self.frames.truncate(usize::from(self.begun > 0));
        self.frames.shrink_to_fit();
        self.bytes = self.frames.iter().map(|frame| size_of(frame)).sum();
    }

    /// Takes out the first frame, if with it no more than `max_bytes` are taken.
    pub(super) fn pop(&mut self, taken: usize, max_bytes: usize) -> Option<(Arc<OutFrame>, usize)> {
        let size = size_of(self.frames.front()?);
        if taken > 0 && taken + size > max_bytes {
            return None;
        }
        let frame = self.frames.pop_front()?;
        self.bytes -= size;
        self.give_room_back();
        Some((frame, taken + size))
    }

    /// Notes that `written` bytes more are on their way; `len` tells how many
    /// a frame has there.
    pub(super) fn advance(&mut self, written: usize, len: impl Fn(&OutFrame) -> usize) {
        self.begun += written;
        while let Some(first) = self.frames.front()
            && let Some(beyond) = self.begun.checked_sub(len(first))
        {
            self.begun = beyond;
            self.bytes -= size_of(first);
            self.frames.pop_front();
        }
        self.give_room_back();
    }

    /// What a burst made it grow to is given back.
    fn give_room_back(&mut self) {
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
    }

    /// Whether the reader may be called slow. Another is sent a frame however
    /// large it is, else that could never be sent.
    fn is_behind(&self, bound: usize) -> bool {
        !self.frames.is_empty() && self.bytes >= bound / 4
    }

    /// Ends the dropping of a reply's text.
    pub(super) fn forget(&mut self, message_id: &MessageId) {
        self.lagging.retain(|reply| reply.message_id != *message_id);
    }

    /// Ends the dropping of text in all of a room.
    pub(super) fn forget_room(&mut self, room: &RoomKey) {
        self.lagging.retain(|reply| reply.room != *room);
    }

    /// Whether text was dropped for which no snapshot has been asked.
    pub(super) fn is_owed_text(&self) -> bool {
        self.lagging.iter().any(|reply| !reply.asked)
    }

    /// Replies of which text was dropped, if there is room for them again; each
    /// once.
    pub(super) fn lagging(&mut self, bound: usize) -> Vec<(RoomKey, MessageId)> {
        if self.bytes >= bound / 4 {
            return Vec::new();
        }
        let unasked = self.lagging.iter_mut().filter(|reply| !reply.asked);
        let asked = unasked.map(|reply| {
            reply.asked = true;
            (reply.room.clone(), reply.message_id.clone())
        });
        asked.collect()
    }
}

fn size_of(frame: &OutFrame) -> usize {
    let own = match frame.kind {
        // Nobody else holds it.
        FrameKind::Answer => std::mem::size_of::<OutFrame>(),
        FrameKind::Event(_) | FrameKind::Snapshot | FrameKind::Control(_) => 0,
    };
    frame.size() + FRAME_OVERHEAD + own
}
