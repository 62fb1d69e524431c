//! Who is served next.
//!
//! Pure logic: what waits where, what runs, and which claim to try next. A
//! *place* is where questions of one tenant wait in one partition; how many
//! wait there only the bus knows. So a place is tried, one claim at a time,
//! until a claim finds nothing, or takes the last.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use causerie_shared::bus::reply::ClaimId;
use causerie_shared::ids::TenantId;
use causerie_shared::room::Partition;
use tokio::time::Instant;

/// How long a place is left alone whose claim the bus did not answer.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// What waits, what runs, and who is next.
#[derive(Debug)]
pub(crate) struct Schedule {
    slots: usize,
    slots_per_tenant: usize,
    running: usize,
    /// Replies that are to be taken over, and wait for a slot.
    takeovers: usize,
    turns: u64,
    tenants: BTreeMap<TenantId, Tenant>,
}

#[derive(Debug, Default)]
struct Tenant {
    running: usize,
    last_turn: u64,
    places: VecDeque<Place>,
}

#[derive(Debug)]
struct Place {
    partition: Partition,
    /// Stays the same until the bus has answered it.
    claim: ClaimId,
    claiming: bool,
    heard_while_claiming: bool,
    retry_at: Option<Instant>,
}

/// A claim to try; it holds a slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Try {
    pub(crate) tenant: TenantId,
    pub(crate) partition: Partition,
    pub(crate) claim: ClaimId,
}

/// What became of a [`Try`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It got a question, and goes on holding its slot.
    Claimed {
        /// Whether something else waits there.
        more_wait: bool,
    },
    /// Nothing waits there.
    Nothing,
    /// The bus did not answer: the same claim must be tried again.
    Unanswered,
}

impl Schedule {
    /// `slots` replies at once, `slots_per_tenant` of them of one tenant.
    pub(crate) fn new(slots: usize, slots_per_tenant: usize) -> Self {
        Self {
            slots,
            slots_per_tenant,
            running: 0,
            takeovers: 0,
            turns: 0,
            tenants: BTreeMap::new(),
        }
    }

    /// Replies that hold a slot, and claims that do.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// How many places something waits in, as far as is known.
    pub(crate) fn places(&self) -> usize {
        self.tenants.values().map(|t| t.places.len()).sum()
    }

    /// Notes that something waits for a claim.
    pub(crate) fn on_waiting(&mut self, tenant: TenantId, partition: Partition) {
        let tenant = self.tenants.entry(tenant).or_default();
        match tenant.place(partition) {
            Some(place) => place.heard_while_claiming = place.claiming,
            None => tenant.places.push_back(Place::new(partition)),
        }
    }

    /// The next claim to try: of the waiting tenant that has the fewest
    /// running, and among those of the one that has not had its turn for
    /// longest.
    pub(crate) fn try_start(&mut self, now: Instant) -> Option<Try> {
        if !self.has_slot() {
            return None;
        }
        let limit = self.slots_per_tenant;
        let (name, tenant) = self
            .tenants
            .iter_mut()
            .filter(|(_, tenant)| tenant.running < limit && tenant.may_claim(now))
            .min_by_key(|(_, tenant)| (tenant.running, tenant.last_turn))?;
        let (partition, claim) = tenant.begin_claim(now)?;
        self.turns += 1;
        self.running += 1;
        tenant.last_turn = self.turns;
        tenant.running += 1;
        Some(Try {
            tenant: name.clone(),
            partition,
            claim,
        })
    }

    /// So many replies are to be taken over: they go before new questions, so
    /// the next slots are theirs.
    pub(crate) fn want_takeovers(&mut self, count: usize) {
        self.takeovers = count;
    }

    /// Whether a new question may have a slot.
    fn has_slot(&self) -> bool {
        self.running + self.takeovers < self.slots
    }

    /// Takes a slot for a reply that is to be taken over. Such a reply was
    /// running already, so the limit of its tenant does not hold it up.
    pub(crate) fn try_occupy(&mut self, tenant: &TenantId) -> bool {
        let free = self.running < self.slots;
        if free {
            self.running += 1;
            self.takeovers = self.takeovers.saturating_sub(1);
            self.tenants.entry(tenant.clone()).or_default().running += 1;
        }
        free
    }

    /// Notes what became of a claim. Its slot is released separately.
    pub(crate) fn on_tried(
        &mut self,
        tenant: &TenantId,
        partition: Partition,
        tried: Tried,
        now: Instant,
    ) {
        let Some(tenant) = self.tenants.get_mut(tenant) else {
            return;
        };
        let Some(place) = tenant.place(partition) else {
            return;
        };
        place.claiming = false;
        let heard = std::mem::take(&mut place.heard_while_claiming);
        match tried {
            Tried::Unanswered => place.retry_at = Some(now + RETRY_AFTER),
            // What was heard of while the claim was on its way may have come
            // to wait after the bus had looked.
            Tried::Claimed { more_wait } if more_wait || heard => {
                place.claim = ClaimId::generate();
            }
            Tried::Nothing if heard => place.claim = ClaimId::generate(),
            Tried::Claimed { .. } | Tried::Nothing => {
                tenant.places.retain(|place| place.partition != partition)
            }
        }
    }

    /// Gives a slot back.
    pub(crate) fn release(&mut self, name: &TenantId) {
        self.running = self.running.saturating_sub(1);
        if let Some(tenant) = self.tenants.get_mut(name) {
            tenant.running = tenant.running.saturating_sub(1);
            if tenant.running == 0 && tenant.places.is_empty() {
                self.tenants.remove(name);
            }
        }
    }

    /// When the next place that was left alone may be tried again. Without a
    /// slot for it there is nothing to wait for but a slot.
    pub(crate) fn next_retry(&self) -> Option<Instant> {
        let limit = self.slots_per_tenant;
        let tenants = self.tenants.values();
        let places = tenants
            .filter(|tenant| self.has_slot() && tenant.running < limit)
            .flat_map(|tenant| &tenant.places);
        places.filter_map(|place| place.retry_at).min()
    }
}

impl Tenant {
    fn place(&mut self, partition: Partition) -> Option<&mut Place> {
        self.places.iter_mut().find(|p| p.partition == partition)
    }

    fn may_claim(&self, now: Instant) -> bool {
        self.places.iter().any(|place| place.may_claim(now))
    }

    /// Begins a claim in the place that has not been tried for longest.
    fn begin_claim(&mut self, now: Instant) -> Option<(Partition, ClaimId)> {
        let at = self.places.iter().position(|place| place.may_claim(now))?;
        let mut place = self.places.remove(at)?;
        place.claiming = true;
        place.retry_at = None;
        let started = (place.partition, place.claim.clone());
        self.places.push_back(place);
        Some(started)
    }
}

impl Place {
    fn new(partition: Partition) -> Self {
        Self {
            partition,
            claim: ClaimId::generate(),
            claiming: false,
            heard_while_claiming: false,
            retry_at: None,
        }
    }

    fn may_claim(&self, now: Instant) -> bool {
        !self.claiming && self.retry_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORE: Tried = Tried::Claimed { more_wait: true };

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    fn partition(number: usize) -> Partition {
        Partition::all().nth(number).unwrap()
    }

    /// A schedule in which each of `waiting` has questions in two partitions.
    fn schedule(slots: usize, per_tenant: usize, waiting: &[&str]) -> Schedule {
        let mut schedule = Schedule::new(slots, per_tenant);
        for name in waiting {
            schedule.on_waiting(tenant(name), partition(0));
            schedule.on_waiting(tenant(name), partition(1));
        }
        schedule
    }

    /// Starts a claim, and lets it get a question.
    fn claim(schedule: &mut Schedule) -> Option<String> {
        let now = Instant::now();
        let next = schedule.try_start(now)?;
        schedule.on_tried(&next.tenant, next.partition, MORE, now);
        Some(next.tenant.to_string())
    }

    #[test]
    fn slots_are_shared_evenly_however_long_a_queue_is() {
        let mut schedule = schedule(6, 6, &["a"]);
        let first: Vec<_> = (0..3).filter_map(|_| claim(&mut schedule)).collect();
        assert_eq!(first, ["a", "a", "a"]);
        schedule.on_waiting(tenant("b"), partition(7));
        let then: Vec<_> = std::iter::from_fn(|| claim(&mut schedule)).collect();
        assert_eq!(then, ["b", "b", "b"]);
    }

    #[test]
    fn equals_take_turns() {
        let mut schedule = schedule(1, 1, &["a", "b", "c"]);
        let mut served = Vec::new();
        for _ in 0..6 {
            let name = claim(&mut schedule).unwrap();
            schedule.release(&tenant(&name));
            served.push(name);
        }
        assert_eq!(served[..3], served[3..]);
        served.truncate(3);
        served.sort();
        assert_eq!(served, ["a", "b", "c"]);
    }

    #[test]
    fn a_tenant_at_its_limit_waits_and_others_do_not() {
        let mut schedule = schedule(4, 1, &["a", "b"]);
        let mut served: Vec<_> = std::iter::from_fn(|| claim(&mut schedule)).collect();
        served.sort();
        assert_eq!(served, ["a", "b"]);
        schedule.release(&tenant("b"));
        assert_eq!(claim(&mut schedule).as_deref(), Some("b"));
    }

    #[test]
    fn a_place_is_claimed_once_at_a_time_and_left_when_empty() {
        let now = Instant::now();
        let mut schedule = Schedule::new(9, 9);
        schedule.on_waiting(tenant("a"), partition(0));
        let first = schedule.try_start(now).unwrap();
        assert_eq!(schedule.try_start(now), None);
        schedule.on_tried(&first.tenant, first.partition, MORE, now);
        let second = schedule.try_start(now).unwrap();
        assert_ne!(first.claim, second.claim);
        schedule.on_tried(&second.tenant, second.partition, Tried::Nothing, now);
        schedule.release(&second.tenant);
        assert_eq!(schedule.try_start(now), None);
        schedule.release(&first.tenant);
        assert_eq!((schedule.running(), schedule.tenants.len()), (0, 0));
    }

    #[test]
    fn a_place_is_left_with_the_last_that_waits_there() {
        let now = Instant::now();
        let last = Tried::Claimed { more_wait: false };
        let mut schedule = Schedule::new(9, 9);
        schedule.on_waiting(tenant("a"), partition(0));
        let first = schedule.try_start(now).unwrap();
        // It may have come to wait after the bus had looked.
        schedule.on_waiting(tenant("a"), partition(0));
        schedule.on_tried(&first.tenant, first.partition, last, now);
        let second = schedule.try_start(now).unwrap();
        schedule.on_tried(&second.tenant, second.partition, last, now);
        assert_eq!(schedule.try_start(now), None);
        schedule.on_waiting(tenant("a"), partition(0));
        assert!(schedule.try_start(now).is_some());
    }

    #[test]
    fn a_hint_during_a_claim_that_finds_nothing_is_not_lost() {
        let now = Instant::now();
        let mut schedule = Schedule::new(1, 1);
        schedule.on_waiting(tenant("a"), partition(0));
        let first = schedule.try_start(now).unwrap();
        schedule.on_waiting(tenant("a"), partition(0));
        schedule.on_tried(&first.tenant, first.partition, Tried::Nothing, now);
        schedule.release(&first.tenant);
        assert!(schedule.try_start(now).is_some());
    }

    #[test]
    fn an_unanswered_claim_is_repeated_after_a_pause_and_holds_no_slot() {
        let now = Instant::now();
        let mut schedule = schedule(1, 1, &["a"]);
        let lost = schedule.try_start(now).unwrap();
        schedule.on_tried(&lost.tenant, lost.partition, Tried::Unanswered, now);
        schedule.release(&lost.tenant);
        assert_eq!(schedule.next_retry(), Some(now + RETRY_AFTER));

        let other = schedule.try_start(now).unwrap();
        assert_ne!(other.partition, lost.partition);
        schedule.on_tried(&other.tenant, other.partition, Tried::Nothing, now);
        schedule.release(&other.tenant);

        assert_eq!(schedule.try_start(now), None);
        assert_eq!(schedule.try_start(now + RETRY_AFTER), Some(lost));
    }

    #[test]
    fn a_takeover_takes_a_slot_even_of_a_tenant_at_its_limit() {
        let mut schedule = schedule(2, 1, &["a"]);
        assert_eq!(claim(&mut schedule).as_deref(), Some("a"));
        assert!(schedule.try_occupy(&tenant("a")));
        assert!(!schedule.try_occupy(&tenant("b")));
        schedule.release(&tenant("a"));
        assert_eq!(claim(&mut schedule), None);
        assert!(schedule.try_occupy(&tenant("b")));
    }

    #[test]
    fn the_next_slots_are_for_takeovers() {
        let mut schedule = schedule(2, 2, &["a"]);
        assert_eq!(claim(&mut schedule).as_deref(), Some("a"));
        schedule.want_takeovers(2);
        assert_eq!(claim(&mut schedule), None);
        assert!(schedule.try_occupy(&tenant("b")));
        // One of them still waits: what is given back is not for a question.
        schedule.release(&tenant("a"));
        assert_eq!(claim(&mut schedule), None);
        assert!(schedule.try_occupy(&tenant("b")));
        schedule.release(&tenant("b"));
        assert_eq!(claim(&mut schedule).as_deref(), Some("a"));
    }

    #[test]
    fn without_a_slot_no_retry_is_waited_for() {
        let now = Instant::now();
        let mut schedule = schedule(1, 1, &["a", "b"]);
        let lost = schedule.try_start(now).unwrap();
        schedule.on_tried(&lost.tenant, lost.partition, Tried::Unanswered, now);
        schedule.release(&lost.tenant);
        assert_eq!(schedule.next_retry(), Some(now + RETRY_AFTER));
        assert!(schedule.try_start(now).is_some());
        assert_eq!(schedule.next_retry(), None);
    }
}
