//! What a fault excuses.

mod kinds;

use crate::ledger::{Call, Fault};
use kinds::{
    ends_connections, freezes_gateways, is_of_doors, is_of_sentinels, is_of_the_ai,
    is_of_the_storage, parts_people, shuts_all_doors, stops_brokers,
};

/// How long an event or an ack may be on its way to people, in microseconds: what
/// they hear so long after the storage had lost it they hear of before.
const UNDER_WAY_US: u64 = 1_000_000;

/// The faults that struck so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Struck>);

#[derive(Debug)]
struct Struck {
    at: u64,
    fault: Fault,
    /// When it had lost all that it loses, where that is known.
    lost_by: Option<u64>,
    /// Nobody planned it.
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
            lost_by: None,
            is_unplanned: false,
        });
    }

    /// What is stored from now on is not lost for the fault that struck last. What
    /// was before is dated by when people heard of it.
    pub(super) fn on_loss_over(&mut self, at: u64) {
        if let Some(struck) = self.0.last_mut() {
            struck.lost_by = Some(at + UNDER_WAY_US);
        }
    }

    /// The fault that struck last is over.
    pub(super) fn on_over(&mut self, at: u64) {
        if let Some(struck) = self.0.last_mut() {
            struck.fault.until = at;
        }
    }

    /// The storage may have lost something between these times, or longer where nodes
    /// could not see the Sentinels that name its successor.
    pub(super) fn on_unplanned_fail_over(&mut self, (since, until): (u64, u64)) {
        let blind = self.0.iter().filter(|struck| {
            is_of_sentinels(&struck.fault) && struck.at <= until && struck.fault.until >= since
        });
        let until = blind.fold(until, |until, struck| until.max(struck.fault.until));
        self.0.push(Struck {
            at: since,
            fault: Fault {
                kind: "unplanned-fail-over".to_owned(),
                target: "the storage".to_owned(),
                until,
                streaming: 0,
                loses_since: Some(since),
            },
            lost_by: None,
            is_unplanned: true,
        });
        // It is written down when it is over, and others have struck meanwhile.
        self.0.sort_by_key(|struck| struck.at);
    }

    /// By what the storage may have lost something that was stored by `at`, and
    /// not long before.
    pub(super) fn loss(&self, at: u64) -> Option<Loss> {
        let loss = self.0.iter().find(|struck| struck.loses(at))?;
        Some(if loss.is_unplanned {
            Loss::Unplanned
        } else {
            Loss::Planned
        })
    }

    /// Whether the storage may have lost up to `until` something that was stored
    /// by `at`, and not long before.
    pub(super) fn may_have_lost(&self, at: u64, until: u64) -> bool {
        let mut struck = self.0.iter().filter(|struck| struck.at <= until);
        struck.any(|struck| struck.loses(at))
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

    /// How often another server than before may have served a room then, at the
    /// most.
    pub(super) fn changes_of_servers(&self, since: u64, until: u64) -> u64 {
        let during = self.during(since, until);
        during.map(Struck::changes_of_servers).sum()
    }

    /// Whether the storage may have lost something that was stored between these
    /// times.
    pub(super) fn may_have_lost_between(&self, since: u64, until: u64) -> bool {
        self.0
            .iter()
            .any(|struck| struck.loses_between(since, until))
    }

    /// Whether anything may have come between people then: all but what strikes only
    /// brokers or the AI.
    pub(super) fn may_have_parted_people(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| parts_people(&struck.fault))
    }

    /// Whether gateways may have been told to end then.
    pub(super) fn may_have_ended_gateways(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| {
            let Fault { kind, target, .. } = &struck.fault;
            kind == "rolling-restart" || kind == "clock-off" && target.starts_with("gateway")
        })
    }

    /// Whether connections of people may have ended then without a word. That some
    /// read nothing ends nobody else's.
    pub(super) fn may_have_ended_connections(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| ends_connections(&struck.fault))
    }

    /// Whether what people read may have come slowly to them then.
    pub(super) fn may_have_spoilt_doors(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| is_of_doors(&struck.fault))
    }

    /// Whether a gateway may have lost the storage then, or its place in a room of
    /// it; what it had asked of it is too late where it stood still.
    pub(super) fn may_have_cut_gateways_off(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| {
            let fault = &struck.fault;
            let is_on_the_way =
                fault.target.starts_with("gateway") && fault.kind.contains("-link-");
            is_of_the_storage(fault)
                || fault.target == "network"
                || is_on_the_way
                || freezes_gateways(fault)
        })
    }

    /// Whether nothing that people said may have come to a gateway then.
    pub(super) fn may_have_silenced_people(&self, since: u64, until: u64) -> bool {
        let mut during = self.during(since, until);
        during.any(|struck| is_of_doors(&struck.fault) || freezes_gateways(&struck.fault))
    }

    /// The longest time between these in which nothing kept people from getting
    /// in at any door.
    pub(super) fn longest_with_open_doors(&self, since: u64, until: u64) -> u64 {
        let shut = self.during(since, until);
        let shut = shut.filter(|struck| shuts_all_doors(&struck.fault));
        let (mut longest, mut open_since) = (0, since);
        for struck in shut {
            longest = longest.max(struck.at.saturating_sub(open_since));
            open_since = open_since.max(struck.fault.until);
        }
        longest.max(until.saturating_sub(open_since))
    }

    /// When the last fault is over that was under way at `at` and hides from the AI
    /// what brokers do.
    pub(super) fn over_at(&self, at: u64) -> u64 {
        let hiding = self.hiding_brokers(at, at);
        hiding.map(|fault| fault.until).max().unwrap_or(at)
    }

    /// By when the AI sees what a broker does within `at_most` of `at`; `again`
    /// is the longest that it takes to find back after a fault.
    pub(super) fn done_by(&self, at: u64, at_most: u64, again: u64) -> u64 {
        let hiding = self.hiding_brokers(at, at + at_most);
        let over = hiding.map(|fault| fault.until).max();
        over.map_or(at + at_most, |over| over + again)
    }

    /// A call as far as it can be ended: one over a connection that died without a
    /// word, of which the AI is never told that nobody listens any more, until then.
    pub(super) fn as_far_as_told(&self, call: Call) -> Call {
        let was_open = |at: u64| at >= call.began && call.ended.is_none_or(|ended| at <= ended);
        let died = self
            .0
            .iter()
            .filter(|struck| struck.fault.kind == "ai-link-half-open" && was_open(struck.at));
        let ended = died.map(|struck| struck.at).min().or(call.ended);
        Call { ended, ..call }
    }

    fn hiding_brokers(&self, since: u64, until: u64) -> impl Iterator<Item = &Fault> {
        let faults = self.during(since, until).map(|struck| &struck.fault);
        faults.filter(|fault| stops_brokers(fault) || is_of_the_ai(fault))
    }

    /// What struck then, but for what nobody may notice: whoever loses sight of the
    /// Sentinels has the servers.
    fn during(&self, since: u64, until: u64) -> impl Iterator<Item = &Struck> {
        let struck = self.0.iter();
        let struck = struck.filter(|struck| !is_of_sentinels(&struck.fault));
        struck.filter(move |struck| struck.fault.until >= since && struck.at <= until)
    }
}

impl Struck {
    /// How often another server than before may serve a room for it: a slot that
    /// moves comes back, too.
    fn changes_of_servers(&self) -> u64 {
        match self.fault.kind.as_str() {
            // It stands still, and goes on.
            "redis-paused" => 0,
            "slot-migrated" => 2,
            _ => u64::from(is_of_the_storage(&self.fault)),
        }
    }

    fn loses(&self, at: u64) -> bool {
        self.loses_between(at, at)
    }

    fn loses_between(&self, since: u64, until: u64) -> bool {
        let lost_by = self.lost_by.unwrap_or(self.fault.until);
        let loses_since = self.fault.loses_since;
        loses_since.is_some_and(|loses_since| loses_since <= until) && lost_by >= since
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::struck;

    #[test]
    fn an_unplanned_fail_over_excuses_what_not_all_servers_had() {
        let mut faults = Faults::default();
        faults.on_fault(5, struck("sentinel-failover", "the primary", 30));
        assert_eq!(faults.loss(15), None);
        faults.on_unplanned_fail_over((10, 20));
        assert_eq!(faults.loss(9), None);
        assert_eq!(faults.loss(10), Some(Loss::Unplanned));
        assert_eq!(faults.loss(20), Some(Loss::Unplanned));
        assert_eq!(faults.loss(21), None);
        assert_eq!(faults.changes_of_servers(15, 15), 2);
        assert!(faults.may_have_stopped_a_broker(15, 15));
    }

    #[test]
    fn each_fault_puts_another_server_in_place_as_often_as_it_can() {
        let changes = |kind, target| {
            let mut faults = Faults::default();
            faults.on_fault(10, struck(kind, target, 20));
            faults.changes_of_servers(15, 30)
        };
        assert_eq!(changes("redis-paused", "redis"), 0);
        assert_eq!(changes("broker-killed", "broker-1"), 0);
        assert_eq!(changes("redis-restarted", "redis"), 1);
        assert_eq!(changes("sentinel-failover", "the primary"), 1);
        assert_eq!(changes("slot-migrated", "the slot of r"), 2);
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
        // Once another server has taken over nothing more is lost.
        faults.on_loss_over(15);
        faults.on_over(20);
        // But for what is under way to people by then.
        let last = 15 + UNDER_WAY_US;
        assert_eq!(faults.loss(last), Some(Loss::Planned));
        assert_eq!(faults.loss(last + 1), None);
        assert!(faults.may_have_lost_between(last, last + 2));
        assert!(!faults.may_have_lost_between(last + 1, last + 2));
        // It is lost when the fault strikes, and not before.
        assert!(!faults.may_have_lost(7, 9));
        assert!(faults.may_have_lost(7, 10));
    }
}
