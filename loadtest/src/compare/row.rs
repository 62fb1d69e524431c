//! What is measured of each contender, and what Causerie is to be better by.

use std::fmt;

use clap::ValueEnum;

use super::contender::Contender;

/// One thing that is measured of each contender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Row {
    /// 5,000 in a room, one message in flight, one node.
    InFlight,
    /// 1,000 in a room, as much as one node bears.
    Saturated,
    /// 5,000 in a room, as much as one node bears.
    BigRoom,
    /// 5,000 in a room on two nodes over Redis, as much as they bear.
    TwoNodes,
    /// A thousand rooms of two on two nodes over Redis, as much as they bear.
    Pairs,
    /// 500 in a room on two nodes over Redis that have just been started.
    ColdStart,
    /// Idle connections of one node.
    Memory,
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::InFlight => "in-flight",
            Self::Saturated => "saturated",
            Self::BigRoom => "big-room",
            Self::TwoNodes => "two-nodes",
            Self::Pairs => "pairs",
            Self::ColdStart => "cold-start",
            Self::Memory => "memory",
        })
    }
}

/// By how much Causerie is to be better than another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// Than whom.
    pub than: Contender,
    /// How many times.
    pub times: f64,
}

impl Row {
    /// All, in the order in which they are measured.
    pub const ALL: [Self; 7] = [
        Self::InFlight,
        Self::Saturated,
        Self::BigRoom,
        Self::TwoNodes,
        Self::Pairs,
        Self::ColdStart,
        Self::Memory,
    ];

    /// What is measured, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::InFlight => "5,000 in a room, one message in flight",
            Self::Saturated => "1,000 in a room, saturated",
            Self::BigRoom => "5,000 in a room, saturated",
            Self::TwoNodes => "5,000 in a room on two nodes over Redis, saturated",
            Self::Pairs => "1,000 rooms of two on two nodes over Redis, saturated",
            Self::ColdStart => {
                "500 in a room on two nodes over Redis, from the first second after a cold start"
            }
            Self::Memory => "an idle connection more, from 5,000 to 19,000",
        }
    }

    /// How many nodes a contender has.
    pub fn nodes(self) -> usize {
        match self {
            Self::InFlight | Self::Saturated | Self::BigRoom | Self::Memory => 1,
            Self::TwoNodes | Self::Pairs | Self::ColdStart => 2,
        }
    }

    /// How many clients it has; for pairs, how many of these.
    pub fn clients(self) -> usize {
        match self {
            Self::InFlight | Self::BigRoom | Self::TwoNodes => 5_000,
            Self::Saturated | Self::Pairs => 1_000,
            Self::ColdStart => 500,
            Self::Memory => 19_000,
        }
    }

    /// Whether the highest rate is looked for.
    pub fn is_search(self) -> bool {
        match self {
            Self::Saturated | Self::BigRoom | Self::TwoNodes | Self::Pairs => true,
            Self::InFlight | Self::ColdStart | Self::Memory => false,
        }
    }

    /// Messages a second at which the first search begins: what all of them bear.
    pub fn first_rate(self) -> f64 {
        match self {
            Self::InFlight | Self::ColdStart | Self::Memory => 0.0,
            Self::BigRoom | Self::TwoNodes => 4.0,
            Self::Saturated => 20.0,
            Self::Pairs => 2_000.0,
        }
    }

    /// Who is measured: a floor keeps nothing of whom it serves.
    pub fn contenders(self) -> &'static [Contender] {
        match self {
            Self::InFlight
            | Self::Saturated
            | Self::BigRoom
            | Self::TwoNodes
            | Self::Pairs
            | Self::ColdStart => &Contender::ALL,
            Self::Memory => &[Contender::Causerie, Contender::SocketIo, Contender::Sockudo],
        }
    }

    /// The name of the figure that is compared, and whether more of it is better.
    pub fn figure(self) -> (&'static str, bool) {
        match self {
            Self::InFlight
            | Self::Saturated
            | Self::BigRoom
            | Self::TwoNodes
            | Self::Pairs
            | Self::ColdStart => ("deliveries per CPU second of the servers", true),
            Self::Memory => ("memory of the servers for each connection, KiB", false),
        }
    }

    /// By how much Causerie is to be better.
    pub fn goals(self) -> &'static [Goal] {
        use Contender::{Floor, SocketIo, Sockudo};
        const fn goal(than: Contender, times: f64) -> Goal {
            Goal { than, times }
        }
        match self {
            // 1.3 times what a bare send costs.
            Self::InFlight => const { &[goal(Floor, 1.0 / 1.3)] },
            Self::Saturated => {
                const { &[goal(Floor, 5.0), goal(Sockudo, 6.0), goal(SocketIo, 8.0)] }
            }
            Self::BigRoom => const { &[goal(Sockudo, 1.7), goal(SocketIo, 2.0)] },
            Self::TwoNodes => const { &[goal(Sockudo, 1.5), goal(SocketIo, 1.5)] },
            Self::Pairs => const { &[goal(Sockudo, 2.0), goal(SocketIo, 2.0)] },
            Self::ColdStart | Self::Memory => &[],
        }
    }

    /// How much of the figure Causerie may have at the most.
    pub fn most(self) -> Option<f64> {
        (self == Self::Memory).then_some(3.5)
    }
}
