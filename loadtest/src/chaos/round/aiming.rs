//! Whom a fault strikes, and whether a reply is being made there.

use tokio::time::{Instant, sleep};

use super::Round;
use crate::chaos::crowd::{Handle, LOOK_EVERY};
use crate::chaos::fault::Kind;
use crate::chaos::strike::{Aim, Struck};

/// One person in so many comes to another gateway where nobody is at the one that is
/// to be struck, and the next time their neighbours: of a room's people every fourth of
/// all may be none.
const MOVES_ONE_IN: usize = 4;

impl Round {
    /// The aim of a fault, by its number.
    pub(super) fn aim(&self, number: u64) -> anyhow::Result<Aim> {
        let at = &self.installation;
        // Dice of its own, rolled once: whom it strikes depends on no other fault, and
        // not on how long replies are waited for.
        let dice = self.seed.wrapping_add(number);
        Aim::new(dice, at.gateways.len(), at.brokers.len())
    }

    /// Waits until replies are being made where `kind` strikes, or until `deadline`.
    /// How many are, or how many people see them.
    pub(super) async fn streaming_by(&self, deadline: Instant, aim: &Aim, kind: Kind) -> usize {
        let parts = aim.on_the_way(kind, &self.installation);
        let mut movers = (0..MOVES_ONE_IN).cycle();
        loop {
            let streaming = self.streaming_at(&parts).await;
            if streaming > 0 || Instant::now() > deadline {
                return streaming;
            }
            if self.is_nobody_at(&parts) {
                self.let_some_move(&mut movers);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// How many people see a reply being made who are at all these parts, or how many
    /// replies a broker among them is making, whichever is less.
    async fn streaming_at(&self, parts: &[Struck]) -> usize {
        let is_there = |person: &&Handle| parts.iter().all(|part| person.reads_at(part));
        let mut fewest = self.crowd.people.iter().filter(is_there).count();
        for part in parts {
            if let Struck::Broker(number) = part {
                let made = match self.installation.brokers.get(*number) {
                    Some(broker) => broker.replies_being_made().await,
                    None => 0,
                };
                fewest = fewest.min(made);
            }
        }
        fewest
    }

    /// Whether nobody is where a reply could be seen: who lost a connection to a gateway
    /// stays at the one that was found then.
    fn is_nobody_at(&self, parts: &[Struck]) -> bool {
        let is_there = |person: &Handle| parts.iter().all(|part| person.is_at(part));
        !self.crowd.people.iter().any(is_there)
    }

    /// Some come to other gateways, as when people come and go all the time: those who
    /// are next.
    fn let_some_move(&self, next: &mut impl Iterator<Item = usize>) {
        // The last ones may be on their way still.
        if self
            .crowd
            .people
            .iter()
            .all(|person| person.state.is_open())
        {
            let movers = self
                .crowd
                .people
                .iter()
                .skip(next.next().unwrap_or_default());
            for person in movers.step_by(MOVES_ONE_IN) {
                person.order(|orders| orders.drop_connection += 1);
            }
        }
    }
}

impl Handle {
    fn is_at(&self, part: &Struck) -> bool {
        match part {
            Struck::Gateway(number) => self.state.door() == *number,
            Struck::Room(room) => {
                self.seat.tenant == room.tenant.as_str()
                    && format!("project:{}", self.seat.project) == room.room.to_string()
            }
            // People everywhere are.
            Struck::Broker(_) | Struck::All(_) => true,
        }
    }

    /// Whether this person is there, and sees a reply being made by way of it. Of which
    /// broker nobody can see: that is asked itself.
    fn reads_at(&self, part: &Struck) -> bool {
        let reads = match part {
            Struck::Gateway(_) | Struck::All(_) => self.state.streaming() > 0,
            Struck::Room(room) => self.state.streaming_in().contains(&room.room.to_string()),
            Struck::Broker(_) => true,
        };
        reads && self.is_at(part)
    }
}
