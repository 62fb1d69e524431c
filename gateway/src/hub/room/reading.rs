//! What a room does with what was read of it.

use causerie_shared::bus::BusError;
use causerie_shared::bus::log::{Missed, Page};
use causerie_shared::position::{Epoch, Position};
use causerie_shared::record::Record;
use causerie_shared::sabotage::Protection;

use super::{Need, Phase, Room, deliver};
use crate::events;
use crate::frame::OutFrame;
use crate::hub::audience::Audience;
use crate::hub::order::{Hole, Order};
use crate::hub::tail::Tail;

/// How often in a row a room is read that cannot be understood.
const UNREADABLE_TRIES: u32 = 5;

impl Room {
    /// Takes what was read when the room began to be heard.
    pub(in crate::hub) fn on_opened(&mut self, opened: Result<Page, BusError>) -> Option<Need> {
        match opened {
            Ok(page) => {
                self.begin_at(&page);
                self.settle_without_a_past()
            }
            Err(error) => {
                self.turn_away(&error);
                // It may be subscribed to all the same.
                Some(self.begin_closing())
            }
        }
    }

    /// Takes what was read because something was missed.
    pub(in crate::hub) fn on_page(&mut self, page: Result<Page, BusError>) -> Option<Need> {
        match page {
            Ok(page) => self.go_on(&page),
            Err(error) => {
                self.turn_away(&error);
                self.unreadable_reads = match error {
                    BusError::Unreadable(_) => self.unreadable_reads + 1,
                    BusError::Unavailable(_) => 0,
                };
                if self.unreadable_reads >= UNREADABLE_TRIES {
                    Some(self.give_up(&error))
                } else {
                    self.read_on()
                }
            }
        }
    }

    /// Sends all away whose room cannot be read until somebody mends it.
    fn give_up(&mut self, error: &BusError) -> Need {
        events::room_given_up(&self.audience.room, error);
        self.audience.send_away();
        self.begin_closing()
    }

    fn go_on(&mut self, page: &Page) -> Option<Need> {
        self.unreadable_reads = 0;
        let order = self.order.as_mut()?;
        match &page.missed {
            Missed::Records(records) => {
                for record in records {
                    catch_up(&mut self.audience, order, &mut self.tail, record, page);
                }
                if order.head().seq < page.head.seq && !records.is_empty() {
                    let after = order.head().clone();
                    return Some(Need::Read { after, tries: 0 });
                }
                if order.advance(&page.head) {
                    self.tail.restart(page.head.clone());
                    let running = order.replies();
                    self.audience
                        .tell_position(&page.head, true, Vec::new(), running);
                }
            }
            Missed::Lost => {
                order.advance(&page.head);
                order.forget_replies();
                self.tail.restart(page.head.clone());
                let running = order.replies();
                self.audience
                    .tell_position(&page.head, false, Vec::new(), running);
            }
        }
        for message_id in order.adopt(&page.running) {
            if let Some(reply) = order.reply(&message_id) {
                self.audience.send_snapshot(&message_id, reply);
            }
        }
        events::room_repaired(&self.audience.room, page);
        match page.missed {
            Missed::Records(_) => self.settle(),
            Missed::Lost => self.settle_without_a_past(),
        }
    }

    /// Reads the room on, since something of it was missed.
    pub(super) fn repair(&mut self, hole: Hole) -> Option<Need> {
        if Protection::GapRepair.is_missing() {
            return None;
        }
        events::gap_found(&self.audience.room, hole);
        self.phase = Phase::Repairing;
        self.read_on()
    }

    fn read_on(&mut self) -> Option<Need> {
        let order = self.order.as_mut()?;
        for record in self.held.iter() {
            order.doubt(record);
        }
        self.held.note_read();
        let tries = self.vain_reads;
        self.vain_reads += 1;
        self.was_read = true;
        Some(Need::Read {
            after: order.head().clone(),
            tries,
        })
    }

    /// Begins to deliver at the head that was read. What was read before it
    /// serves those who ask for that.
    fn begin_at(&mut self, page: &Page) {
        let mut order = Order::new(page.head.clone());
        order.adopt(&page.running);
        self.order = Some(order);
        self.tail.restart(page.head.clone());
        if let (Missed::Records(records), Some(asked)) = (&page.missed, self.asked.take())
            && records
                .last()
                .is_some_and(|last| last.header.position.as_ref() == Some(&page.head))
        {
            self.tail.restart(*asked);
            for record in records {
                let frame = OutFrame::event(&self.audience.room, record);
                self.tail.push(frame, record.header.ts);
            }
        }
    }

    /// Goes live at a head before which nothing was read: what was heard of a
    /// reply that does not run may be of one that had ended by then, or of one
    /// that began since. One more read tells.
    fn settle_without_a_past(&mut self) -> Option<Need> {
        self.end_replies_whose_end_was_read();
        let order = self.order.as_ref()?;
        let is_unknown = |record| order.unknown_reply(record).is_some();
        let holds_of_unknown = self.held.iter().any(is_unknown);
        if holds_of_unknown && let Some(need) = self.repair(Hole::Reply) {
            return Some(need);
        }
        self.settle()
    }

    /// Goes live after a read: judges what waited. Then those are let in who
    /// waited.
    fn settle(&mut self) -> Option<Need> {
        self.phase = Phase::Live;
        if self.held.take_overflown() {
            // At once: the longer the wait, the more would overflow again.
            self.vain_reads = 0;
            return self.repair(Hole::Feed);
        }
        self.end_replies_whose_end_was_read();
        while let Some((record, was_before_read)) = self.held.pop() {
            let need = if was_before_read {
                self.judge_after_read(record)
            } else {
                self.judge(record)
            };
            if need.is_some() {
                return need;
            }
        }
        // It has helped, whenever those who wait come in.
        self.vain_reads = 0;
        let told = self.told.take()?;
        self.look_for(&told)
    }

    /// What is still on its way of a reply that ended before the read is late.
    fn end_replies_whose_end_was_read(&mut self) {
        let Some(order) = &mut self.order else {
            return;
        };
        for Record { header, .. } in self.held.iter() {
            order.note_end(header);
        }
    }
}

/// Delivers an event that was read, if it was not delivered before. The first
/// of a new life follows a `subscribed` that tells of it.
fn catch_up(
    audience: &mut Audience,
    order: &mut Order,
    tail: &mut Tail,
    record: &Record,
    page: &Page,
) {
    let Some(position) = &record.header.position else {
        return;
    };
    if position.seq <= order.head().seq {
        return;
    }
    if position.epoch != order.head().epoch {
        let before = Position {
            epoch: position.epoch.clone(),
            seq: position.seq - 1,
        };
        order.advance(&before);
        let later = lives_after(&position.epoch, page);
        audience.tell_position(&before, true, later, order.replies());
    }
    order.advance(position);
    order.note_end(&record.header);
    deliver(audience, tail, record);
}

/// The lives that have begun since this one, as far as was read.
fn lives_after(epoch: &Epoch, page: &Page) -> Vec<Epoch> {
    let later = page.lives.iter().take_while(|life| *life != epoch);
    later.cloned().collect()
}
