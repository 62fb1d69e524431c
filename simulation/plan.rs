//! What strikes when.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// How long people talk and faults strike.
pub const STORM: Duration = Duration::from_secs(20);

/// The first fault finds something under way.
const FIRST: Duration = Duration::from_secs(1);

/// What strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    GatewayKilled,
    GatewayFrozen,
    GatewayCut,
    GatewayDeaf,
    BrokerKilled,
    BrokerFrozen,
    BrokerCut,
    BusFrozen,
    /// All connections of people end.
    Crowd,
    /// Somebody comes with a position of somebody else.
    Newcomer,
}

impl Kind {
    /// What the checker calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GatewayKilled => "gateway-killed",
            Self::GatewayFrozen => "gateway-frozen",
            Self::GatewayCut => "gateway-bus-link-cut",
            Self::GatewayDeaf => "gateway-bus-link-deaf",
            Self::BrokerKilled => "broker-killed",
            Self::BrokerFrozen => "broker-frozen",
            Self::BrokerCut => "broker-bus-link-cut",
            Self::BusFrozen => "bus-frozen",
            Self::Crowd => "crowd",
            Self::Newcomer => "newcomer",
        }
    }
}

/// One fault.
#[derive(Debug, Clone, Copy)]
pub struct Strike {
    pub at: Duration,
    pub kind: Kind,
    /// Which node, where it strikes one: modulo their number.
    pub whom: usize,
    pub lasts: Duration,
}

impl Strike {
    pub fn until(&self) -> Duration {
        self.at + self.lasts
    }
}

/// All that strikes in a run, in order.
pub fn plan(dice: &mut StdRng) -> Vec<Strike> {
    let count = dice.random_range(2..=9);
    let mut plan: Vec<_> = std::iter::repeat_with(|| strike(dice))
        .take(count)
        .collect();
    plan.sort_by_key(|strike| strike.at);
    plan
}

fn strike(dice: &mut StdRng) -> Strike {
    let (kind, longest_ms) = match dice.random_range(0..13) {
        0 => (Kind::GatewayKilled, 2_000),
        1 => (Kind::GatewayFrozen, 5_000),
        2 => (Kind::GatewayCut, 3_000),
        3 => (Kind::GatewayDeaf, 3_000),
        4 | 5 => (Kind::BrokerKilled, 3_000),
        6 | 7 => (Kind::BrokerFrozen, 6_000),
        8 => (Kind::BrokerCut, 5_000),
        9 => (Kind::BusFrozen, 8_000),
        10 => (Kind::Crowd, 1),
        _ => (Kind::Newcomer, 1),
    };
    Strike {
        at: FIRST + (STORM - FIRST).mul_f64(dice.random()),
        kind,
        whom: dice.random_range(0..6),
        lasts: Duration::from_millis(dice.random_range(0..=longest_ms)),
    }
}
