//! What is told later.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use causerie_shared::bus::presence::Attendance;
use causerie_shared::room::{Partition, Room, RoomKey};
use tokio::time::Instant;

use super::hosts::Hosts;
use super::{Leaving, Presence, Whose};
use crate::events;
use crate::seldom::Seldom;

/// When what the bus did not take is told again.
const RETRY: Duration = Duration::from_secs(1);

/// When what the bus took, but not at once, is told once more: an earlier copy may have been
/// on its way still, over a link that was given up, and have come after it. By then it has
/// come or never will, as a rule: links are given up after four seconds.
const ONCE_MORE: Duration = Duration::from_secs(10);

/// How much that the bus did not take is remembered. Beyond, it is told anew who is here, and
/// the others take back what was told before. So much is told once more, too.
pub(super) const MOST_FAILED: usize = 16_384;

/// Whom to look at again, in which room, and when; the soonest first.
type Queue = VecDeque<(Instant, Whose, Room)>;

/// Who is looked at again.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// Who may have left.
    leaving: Queue,
    /// What the bus did not take.
    pub(super) failed: Queue,
    /// What it did not take, and may yet.
    unsure: BTreeSet<(Whose, Room)>,
    /// What it took after that.
    once_more: Queue,
    lines: Seldom,
}

impl Later {
    /// When somebody is looked at again.
    pub(super) fn due(&self) -> Option<Instant> {
        let queues = [&self.leaving, &self.failed, &self.once_more];
        let soonest = queues.into_iter().filter_map(VecDeque::front);
        soonest.map(|(due, _, _)| *due).min()
    }

    /// Touches those whose time has come.
    pub(super) fn touch_due(&mut self, now: Instant, presence: &Presence) {
        self.put_off_silent(now, &presence.hosts());
        let mut changes = presence.lock();
        let queues = [
            (&mut self.leaving, Leaving::Over),
            (&mut self.failed, Leaving::Perhaps),
            (&mut self.once_more, Leaving::Perhaps),
        ];
        for (queue, leaving) in queues {
            while queue.front().is_some_and(|(due, _, _)| *due <= now)
                && let Some((_, whose, room)) = queue.pop_front()
            {
                changes.touch(&whose, [room], leaving);
            }
        }
    }

    /// Looks then whether somebody has come back.
    pub(super) fn leave_at(&mut self, due: Instant, whose: Whose, room: Room) {
        self.leaving.push_back((due, whose, room));
    }

    /// Looks again soon at what the bus did not take, or may take yet. Where too much waits
    /// for that, all of the partition is told anew once it answers; of one that does, what it
    /// would not take is forgotten.
    pub(super) fn put_off(&mut self, told: &Attendance, is_unsure: bool, hosts: &mut Hosts) {
        let partition = told.room.partition();
        if hosts.has_given_up(partition) {
            return;
        }
        let (whose, room) = of(told);
        if is_unsure && self.unsure.len() < MOST_FAILED {
            self.unsure.insert((whose.clone(), room.clone()));
        }
        if self.failed.len() < MOST_FAILED {
            let due = Instant::now() + RETRY;
            return self.failed.push_back((due, whose, room));
        }
        if !hosts.is_silent(partition) {
            return;
        }
        hosts.give_up(partition);
        events::presence_given_up(&self.lines);
        // What is told then goes by another name.
        self.unsure
            .retain(|(whose, room)| partition_of(whose, room) != partition);
        self.failed
            .retain(|(_, whose, room)| partition_of(whose, room) != partition);
    }

    /// Lets wait on what would not be taken now either.
    fn put_off_silent(&mut self, now: Instant, hosts: &Hosts) {
        if self.failed.front().is_none_or(|(due, _, _)| *due > now) {
            return;
        }
        for (due, whose, room) in &mut self.failed {
            if *due <= now && hosts.is_silent(partition_of(whose, room)) {
                *due = now + RETRY;
            }
        }
        self.failed
            .make_contiguous()
            .sort_by_key(|(due, _, _)| *due);
    }

    /// The bus took it: at once, or so late that it may have been asked twice.
    pub(super) fn on_taken(&mut self, told: &Attendance, is_prompt: bool) {
        if is_prompt && self.unsure.is_empty() {
            return;
        }
        let one = of(told);
        let is_unsure = self.unsure.remove(&one) || !is_prompt;
        if is_unsure && self.once_more.len() < MOST_FAILED {
            let (whose, room) = one;
            let due = Instant::now() + ONCE_MORE;
            self.once_more.push_back((due, whose, room));
        }
    }

    /// The bus takes nothing any more under the name by which it was told.
    pub(super) fn on_gone(&mut self, told: &Attendance) {
        self.unsure.remove(&of(told));
    }
}

fn of(told: &Attendance) -> (Whose, Room) {
    let whose = (told.room.tenant.clone(), told.user.clone());
    (whose, told.room.room.clone())
}

fn partition_of((tenant, _): &Whose, room: &Room) -> Partition {
    RoomKey::new(tenant.clone(), room.clone()).partition()
}
