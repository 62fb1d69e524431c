//! What a fault excuses.

use crate::ledger::Fault;

/// The faults that struck so far, and when.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(u64, Fault)>);

impl Faults {
    pub(super) fn on_fault(&mut self, at: u64, fault: Fault) {
        self.0.push((at, fault));
    }

    /// The fault that struck last is over.
    pub(super) fn on_over(&mut self, at: u64) {
        if let Some((_, fault)) = self.0.last_mut() {
            fault.until = at;
        }
    }

    /// The storage may have lost something in the fault that struck last.
    pub(super) fn on_unplanned_fail_over(&mut self) {
        if let Some((_, fault)) = self.0.last_mut() {
            fault.may_lose = true;
        }
    }

    /// Whether the storage may have lost something after `since` and up to
    /// `until`.
    pub(super) fn may_have_lost(&self, since: u64, until: u64) -> bool {
        self.during(since, until).any(|fault| fault.may_lose)
    }

    /// Whether anything may have kept a broker from going on then.
    pub(super) fn may_have_stopped_a_broker(&self, since: u64, until: u64) -> bool {
        self.during(since, until).any(stops_brokers)
    }

    /// Whether anything may have kept the AI from answering then.
    pub(super) fn may_have_stopped_the_ai(&self, since: u64, until: u64) -> bool {
        self.during(since, until).any(is_of_the_ai)
    }

    /// When the last fault is over that was under way at `at`.
    pub(super) fn over_at(&self, at: u64) -> u64 {
        let under_way = self.during(at, at);
        under_way.map(|fault| fault.until).max().unwrap_or(at)
    }

    /// By when the AI sees what a broker does within `at_most` of `at`; `again`
    /// is the longest that it takes to find back after a fault.
    pub(super) fn done_by(&self, at: u64, at_most: u64, again: u64) -> u64 {
        let faults = self
            .during(at, at + at_most)
            .filter(|fault| stops_brokers(fault) || is_of_the_ai(fault));
        let over = faults.map(|fault| fault.until).max();
        over.map_or(at + at_most, |over| over + again)
    }

    fn during(&self, since: u64, until: u64) -> impl Iterator<Item = &Fault> {
        let faults = self.0.iter();
        let during = faults.filter(move |(at, fault)| fault.until >= since && *at <= until);
        during.map(|(_, fault)| fault)
    }
}

/// Whether a fault strikes a broker, the storage, or what is between them: all
/// but those that strike only people, gateways or the AI.
fn stops_brokers(fault: &Fault) -> bool {
    let mut targets = fault.target.split(", ");
    let is_elsewhere = |target: &str| target == "people" || target.starts_with("gateway");
    !is_of_the_ai(fault) && !targets.all(is_elsewhere)
}

fn is_of_the_ai(fault: &Fault) -> bool {
    fault.kind.starts_with("ai-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fail_over_excuses_a_loss_only_where_another_followed_it() {
        let mut faults = Faults::default();
        let fault = Fault {
            kind: "sentinel-failover".into(),
            target: "the primary".into(),
            until: 20,
            streaming: 1,
            may_lose: false,
        };
        faults.on_fault(10, fault);
        assert!(!faults.may_have_lost(0, u64::MAX));
        faults.on_unplanned_fail_over();
        assert!(faults.may_have_lost(0, u64::MAX));
        assert!(!faults.may_have_lost(21, u64::MAX));
    }
}
