//! Replies that are over.

use std::collections::VecDeque;

use causerie_shared::ids::MessageId;
use causerie_shared::record::ReplyPart;

use super::remember;

/// How many of them are remembered.
const LEN: usize = 64;

/// The last replies that are over, so that what is still on its way of them is known to
/// be late.
#[derive(Debug, Default)]
pub(super) struct Ended(VecDeque<End>);

#[derive(Debug)]
struct End {
    message_id: MessageId,
    /// The highest attempt that is known to be over.
    attempt: u32,
    /// Whether the log has its end. Else the bus may have lost that it ran at all, and
    /// runs it again, as a higher attempt.
    is_kept: bool,
}

impl Ended {
    /// Whether `part` is of something that is over.
    pub(super) fn has(&self, part: &ReplyPart) -> bool {
        let is_over = |end: &End| end.is_kept || part.attempt <= end.attempt;
        self.0
            .iter()
            .any(|end| end.message_id == part.message_id && is_over(end))
    }

    /// Notes that a reply is over up to `attempt`, or for good, where the log has its end.
    pub(super) fn note(&mut self, message_id: &MessageId, attempt: u32, is_kept: bool) {
        match self.0.iter_mut().find(|end| end.message_id == *message_id) {
            Some(end) => {
                end.attempt = end.attempt.max(attempt);
                end.is_kept |= is_kept;
            }
            None => {
                let end = End {
                    message_id: message_id.clone(),
                    attempt,
                    is_kept,
                };
                remember(&mut self.0, end, LEN);
            }
        }
    }

    /// Forgets those that are not over after all.
    pub(super) fn forget(&mut self, is_running: impl Fn(&MessageId) -> bool) {
        self.0.retain(|end| !is_running(&end.message_id));
    }

    /// The log may have lost the end of any.
    pub(super) fn doubt_all(&mut self) {
        for end in &mut self.0 {
            end.is_kept = false;
        }
    }
}
