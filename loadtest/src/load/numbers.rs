//! What one client heard of each sender, by the numbers of the messages: so that
//! what is lost, doubled or out of order is noticed where it happens.

use std::ops::Range;

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// As the next one of its sender.
    InOrder,
    /// Before others that were sent earlier.
    AfterHole,
    /// After others that were sent later.
    Late,
    /// Once more.
    Again,
}

/// What one client heard of each sender.
#[derive(Debug, Default)]
pub struct Numbers {
    /// In the order of the senders.
    senders: Vec<Sender>,
}

#[derive(Debug)]
struct Sender {
    sender: u32,
    next: u32,
    /// Numbers below `next` that have not come, in order.
    missing: Vec<Range<u32>>,
}

impl Numbers {
    /// Notes that a message came. The first number of a sender is 0.
    pub fn take(&mut self, sender: u32, number: u32) -> Arrival {
        let place = self.senders.binary_search_by_key(&sender, |of| of.sender);
        let at = place.unwrap_or_else(|at| {
            let new = Sender {
                sender,
                next: 0,
                missing: Vec::new(),
            };
            self.senders.insert(at, new);
            at
        });
        match self.senders.get_mut(at) {
            Some(sender) => sender.take(number),
            None => Arrival::InOrder,
        }
    }

    /// How many messages did not come though later ones did.
    pub fn missing(&self) -> u64 {
        let holes = self.senders.iter().flat_map(|sender| &sender.missing);
        holes.map(|hole| hole.len() as u64).sum()
    }
}

impl Sender {
    fn take(&mut self, number: u32) -> Arrival {
        if number >= self.next {
            let hole = self.next..number;
            self.next = number.saturating_add(1);
            if hole.is_empty() {
                return Arrival::InOrder;
            }
            self.missing.push(hole);
            return Arrival::AfterHole;
        }
        let hole = self.missing.iter().position(|hole| hole.contains(&number));
        let Some(at) = hole else {
            return Arrival::Again;
        };
        let hole = self.missing.remove(at);
        let parts = [hole.start..number, number + 1..hole.end];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        self.missing.splice(at..at, parts);
        Arrival::Late
    }
}

#[cfg(test)]
mod tests {
    use super::Arrival::{AfterHole, Again, InOrder, Late};
    use super::*;

    #[test]
    fn what_is_lost_doubled_or_out_of_order_is_noticed() {
        let mut numbers = Numbers::default();
        for (number, arrival, missing) in [
            (0, InOrder, 0),
            (1, InOrder, 0),
            (1, Again, 0),
            (5, AfterHole, 3),
            (3, Late, 2),
            (3, Again, 2),
            (6, InOrder, 2),
            (4, Late, 1),
            (2, Late, 0),
            (2, Again, 0),
            (0, Again, 0),
            (7, InOrder, 0),
        ] {
            assert_eq!(numbers.take(9, number), arrival, "{number}");
            assert_eq!(numbers.missing(), missing, "{number}");
        }
    }

    #[test]
    fn senders_are_told_apart() {
        let mut numbers = Numbers::default();
        for sender in [5, 1, 9, 1, 5] {
            let is_first = numbers.senders.iter().all(|of| of.sender != sender);
            let number = u32::from(!is_first);
            assert_eq!(numbers.take(sender, number), InOrder, "{sender}");
        }
        assert_eq!(numbers.take(9, 2), AfterHole);
        assert_eq!(numbers.missing(), 1);
    }
}
