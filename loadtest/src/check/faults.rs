//! What a fault excuses.

use crate::ledger::Fault;

/// The faults that struck so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Struck>);

#[derive(Debug)]
struct Struck {
    at: u64,
    fault: Fault,
    /// Sentinels let one more server take over than was planned.
    is_unplanned: bool,
}

/// By what something may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// By a fault that is there for that.
    Planned,
    /// By a fail-over that nobody planned.
    Unplanned,
}

impl Faults {
    pub(super) fn on_fault(&mut self, at: u64, fault: Fault) {
        self.0.push(Struck {
            at,
            fault,
            is_unplanned: false,
        });
    }

    /// The fault that struck last is over.
    pub(super) fn on_over(&mut self, at: u64) {
        if let Some(struck) = self.0.last_mut() {
            struck.fault.until = at;
        }
    }

    /// The storage may have lost something between these times; or in the fault
    /// that struck last: what the server had stored that took over first.
    pub(super) fn on_unplanned_fail_over(&mut self, between: Option<(u64, u64)>) {
        if let Some((since, until)) = between {
            self.0.push(Struck {
                at: since,
                fault: Fault {
                    kind: "unplanned-fail-over".to_owned(),
                    target: "the storage".to_owned(),
                    until,
                    streaming: 0,
                    loses_since: Some(since),
                },
                is_unplanned: true,
            });
            // It is written down when it is over, and others have struck meanwhile.
            self.0.sort_by_key(|struck| struck.at);
        } else if let Some(struck) = self.0.last_mut() {
            struck.is_unplanned = true;
            struck.fault.loses_since.get_or_insert(struck.at);
        }
    }

    /// By what the storage may have lost something that was stored by `at`, and
    /// not long before.
    pub(super) fn loss(&self, at: u64) -> Option<Loss> {
        let loses = |struck: &&Struck| struck.loses(at);
        let loss = self.during(at, u64::MAX).find(loses)?;
        Some(if loss.is_unplanned {
            Loss::Unplanned
        } else {
            Loss::Planned
        })
    }

    /// Whether the storage may have lost up to `until` something that was stored
    /// by `at`, and not long before.
    pub(super) fn may_have_lost(&self, at: u64, until: u64) -> bool {
        self.during(at, until).any(|struck| struck.loses(at))
    }

    /// Whether the storage may have lost anything up to `until`.
    pub(super) fn may_have_lost_anything(&self, until: u64) -> bool {
        let mut during = self.during(0, until);
        during.any(|struck| struck.fault.loses_since.is_some())
    }

    /// Whether anything may have kept a broker from going on then.
    pub(super) fn may_have_stopped_a_broker(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| stops_brokers(&struck.fault))
    }

    /// Whether anything may have kept the AI from answering then.
    pub(super) fn may_have_stopped_the_ai(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| is_of_the_ai(&struck.fault))
    }

    /// Whether another server than before may have served some room then.
    pub(super) fn may_have_changed_servers(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| is_of_the_storage(&struck.fault))
    }

    /// Whether the storage may have lost something that was stored between these
    /// times.
    pub(super) fn may_have_lost_between(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, u64::MAX);
        during.any(|struck| struck.loses(until))
    }

    /// Whether anything may have kept people from getting in then.
    pub(super) fn may_have_shut_doors(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| shuts_doors(&struck.fault))
    }

    /// Whether a node may have had a wrong clock then.
    pub(super) fn may_have_set_a_clock_wrong(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| struck.fault.kind == "clock-off")
    }

    /// The longest time between these in which nothing kept people from getting
    /// in.
    pub(super) fn longest_with_open_doors(&self, since: u64, until: u64) -> u64 {
        let shut = self.during(since, until);
        let shut = shut.filter(|struck| shuts_doors(&struck.fault));
        let (mut longest, mut open_since) = (0, since);
        for struck in shut {
            longest = longest.max(struck.at.saturating_sub(open_since));
            open_since = open_since.max(struck.fault.until);
        }
        longest.max(until.saturating_sub(open_since))
    }

    /// When the last fault is over that was under way at `at`.
    pub(super) fn over_at(&self, at: u64) -> u64 {
        let under_way = self.during(at, at);
        let until = under_way.map(|struck| struck.fault.until);
        until.max().unwrap_or(at)
    }

    /// By when the AI sees what a broker does within `at_most` of `at`; `again`
    /// is the longest that it takes to find back after a fault.
    pub(super) fn done_by(&self, at: u64, at_most: u64, again: u64) -> u64 {
        let faults = self
            .during(at, at + at_most)
            .map(|struck| &struck.fault)
            .filter(|fault| stops_brokers(fault) || is_of_the_ai(fault));
        let over = faults.map(|fault| fault.until).max();
        over.map_or(at + at_most, |over| over + again)
    }

    fn during(&self, since: u64, until: u64) -> impl Iterator<Item = &Struck> {
        let struck = self.0.iter();
        struck.filter(move |struck| struck.fault.until >= since && struck.at <= until)
    }
}

impl Struck {
    fn loses(&self, at: u64) -> bool {
        self.fault.loses_since.is_some_and(|since| since <= at)
    }
}

/// Whether a fault strikes a broker, the storage, or what is between them: all
/// but those that strike only people, gateways or the AI.
fn stops_brokers(fault: &Fault) -> bool {
    let mut targets = fault.target.split(", ");
    let is_elsewhere = |target: &str| target == "people" || target.starts_with("gateway");
    !is_of_the_ai(fault) && !targets.all(is_elsewhere)
}

/// Whether a fault strikes people, gateways, the storage, or what is between them:
/// all but those that strike only brokers or the AI.
fn shuts_doors(fault: &Fault) -> bool {
    let mut targets = fault.target.split(", ");
    !is_of_the_ai(fault) && !targets.all(|target| target.starts_with("broker"))
}

fn is_of_the_ai(fault: &Fault) -> bool {
    fault.kind.starts_with("ai-")
}

/// Whether it strikes what rooms are kept in: Redis, its primary, the master or
/// the slot of a room.
fn is_of_the_storage(fault: &Fault) -> bool {
    fault.target == "redis" || fault.target.starts_with("the ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::struck;

    #[test]
    fn a_fail_over_excuses_a_loss_only_where_another_followed_it() {
        let mut faults = Faults::default();
        faults.on_fault(10, struck("sentinel-failover", "the primary", 20));
        assert_eq!(faults.loss(15), None);
        faults.on_unplanned_fail_over(None);
        assert_eq!(faults.loss(15), Some(Loss::Unplanned));
        assert!(faults.may_have_lost(15, u64::MAX));
        // What was there before it all servers have.
        assert!(!faults.may_have_lost(9, u64::MAX));
        assert!(!faults.may_have_lost(21, u64::MAX));
    }

    #[test]
    fn an_unplanned_fail_over_excuses_what_not_all_servers_had() {
        let mut faults = Faults::default();
        faults.on_unplanned_fail_over(Some((10, 20)));
        assert_eq!(faults.loss(9), None);
        assert_eq!(faults.loss(10), Some(Loss::Unplanned));
        assert_eq!(faults.loss(20), Some(Loss::Unplanned));
        assert_eq!(faults.loss(21), None);
        assert!(faults.may_have_changed_servers(15, 15));
        assert!(faults.may_have_stopped_a_broker(15, 15));
    }

    #[test]
    fn a_loss_reaches_as_far_back_as_its_fault_says() {
        let mut faults = Faults::default();
        let fault = Fault {
            loses_since: Some(7),
            ..struck("redis-truncated", "redis", 20)
        };
        faults.on_fault(10, fault);
        assert_eq!(faults.loss(6), None);
        assert_eq!(faults.loss(7), Some(Loss::Planned));
        assert_eq!(faults.loss(20), Some(Loss::Planned));
        assert_eq!(faults.loss(21), None);
        // It is lost when the fault strikes, and not before.
        assert!(!faults.may_have_lost(7, 9));
        assert!(faults.may_have_lost(7, 10));
    }
}
