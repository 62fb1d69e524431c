//! Who talks, where, and how often.

use std::time::Duration;

use causerie_testkit::cluster::{Cluster, TENANTS};
use causerie_testkit::token::Token;

/// People of one tenant who share a project, about.
const PEOPLE_OF_A_PROJECT: usize = 10;

/// The least time from one message of a person to the next, on average.
const PACE: Duration = Duration::from_secs(5);

/// How long people may come in: longer than any round.
const ADMITTED_FOR: Duration = Duration::from_secs(24 * 3_600);

/// What all people say in a second, at the most: beyond that each says less, so
/// that one machine can carry many.
const MESSAGES_A_SECOND: u32 = 30;

/// Projects that every tenant has, however few people there are.
pub(super) const PROJECTS: [&str; 2] = ["p1", "p2"];

/// A person's place in a run.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    /// The tenant's id.
    pub(super) tenant: &'static str,
    /// The user's id.
    pub(super) user: String,
    /// Which of the user's two devices.
    pub(super) device: u32,
    /// The project whose room the person is in.
    pub(super) project: String,
    /// The time from one message to the next, on average.
    pub(super) pace: Duration,
}

/// The places of so many people.
pub(super) fn seats(people: usize) -> impl Iterator<Item = Seat> {
    let projects = projects(people);
    let pace = u32::try_from(people).map_or(PACE, |people| {
        PACE.max(Duration::from_secs(1) * people / MESSAGES_A_SECOND)
    });
    let places = (0..people).zip(TENANTS.into_iter().cycle());
    places.map(move |(number, tenant)| {
        let within = number / TENANTS.len();
        Seat {
            tenant,
            user: format!("u{}", within / 2),
            device: u32::from(within % 2 == 1),
            // Both devices of a user are in one room, where their repeats meet.
            project: project(within / 2 % projects),
            pace,
        }
    })
}

/// How many projects each tenant has.
fn projects(people: usize) -> usize {
    people
        .div_ceil(TENANTS.len() * PEOPLE_OF_A_PROJECT)
        .max(PROJECTS.len())
}

fn project(number: usize) -> String {
    format!("p{}", number + 1)
}

impl Seat {
    /// What the person connects with.
    pub(super) fn token(&self) -> String {
        let token = Token::of(self.tenant, &self.user).project(&self.project);
        let token = token.valid_for(ADMITTED_FOR);
        token.sign(&Cluster::secret(self.tenant))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn rooms_and_pace_grow_with_the_people() {
        for (people, pace) in [(60, 5.0), (500, 500.0 / 30.0)] {
            let mut rooms = BTreeMap::<_, usize>::new();
            let mut devices = BTreeMap::<_, usize>::new();
            for seat in seats(people) {
                *rooms.entry((seat.tenant, seat.project)).or_default() += 1;
                *devices.entry((seat.tenant, seat.user)).or_default() += 1;
                assert!((seat.pace.as_secs_f64() - pace).abs() < 0.1, "{people}");
            }
            let sizes = (rooms.values().min(), rooms.values().max());
            assert!(sizes >= (Some(&8), Some(&10)) && sizes <= (Some(&10), Some(&11)));
            assert!(devices.values().all(|devices| *devices <= 2), "{people}");
        }
    }
}
