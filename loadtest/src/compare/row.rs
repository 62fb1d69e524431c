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
    /// 1,000 in a room, 1 KiB at a fixed rate, compressed and not, one node.
    Deflate,
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
            Self::Deflate => "deflate",
        })
    }
}

/// What is asked of a row's subject, beside another or by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// It is so many times as good as another, at the least.
    Better {
        /// Than whom.
        than: Contender,
        /// How many times.
        least: f64,
    },
    /// It takes so many times as much as another, at the most.
    Takes {
        /// Compared with whom.
        than: Contender,
        /// How many times.
        most: f64,
    },
    /// At the highest rate that another bears, its p99 is lower.
    Quicker {
        /// Than whose.
        than: Contender,
    },
    /// The figure of one is so much, at the most.
    AtMost {
        /// Whose.
        of: Contender,
        /// In the figure's unit.
        most: f64,
    },
    /// Nothing is lost, doubled or out of order, in any round.
    Flawless {
        /// Of whom.
        of: Contender,
    },
}

impl Goal {
    /// In whose line of a table it stands.
    pub fn line(self) -> Contender {
        match self {
            Self::Better { than, .. } | Self::Takes { than, .. } | Self::Quicker { than } => than,
            Self::AtMost { of, .. } | Self::Flawless { of } => of,
        }
    }
}

/// Who is compared where nothing is compressed.
const UNCOMPRESSED: [Contender; 4] = [
    Contender::Floor,
    Contender::Causerie,
    Contender::SocketIo,
    Contender::Sockudo,
];

impl Row {
    /// All, in the order in which they are measured.
    pub const ALL: [Self; 8] = [
        Self::InFlight,
        Self::Saturated,
        Self::BigRoom,
        Self::TwoNodes,
        Self::Pairs,
        Self::ColdStart,
        Self::Memory,
        Self::Deflate,
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
            Self::Deflate => "1,000 in a room, 50 messages of 1 KiB a second, compressed",
        }
    }

    /// How many nodes a contender has.
    pub fn nodes(self) -> usize {
        match self {
            Self::InFlight | Self::Saturated | Self::BigRoom | Self::Memory | Self::Deflate => 1,
            Self::TwoNodes | Self::Pairs | Self::ColdStart => 2,
        }
    }

    /// How many clients it has; for pairs, how many of these.
    pub fn clients(self) -> usize {
        match self {
            Self::InFlight | Self::BigRoom | Self::TwoNodes => 5_000,
            Self::Saturated | Self::Pairs | Self::Deflate => 1_000,
            Self::ColdStart => 500,
            Self::Memory => 19_000,
        }
    }

    /// Whether the highest rate is looked for.
    pub fn is_search(self) -> bool {
        match self {
            Self::Saturated | Self::BigRoom | Self::TwoNodes | Self::Pairs => true,
            Self::InFlight | Self::ColdStart | Self::Memory | Self::Deflate => false,
        }
    }

    /// Messages a second at which the first search begins: what all of them bear.
    pub fn first_rate(self) -> f64 {
        match self {
            Self::InFlight | Self::ColdStart | Self::Memory | Self::Deflate => 0.0,
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
            | Self::ColdStart => &UNCOMPRESSED,
            Self::Memory => {
                use Contender::{Causerie, Compressed, SocketIo, Sockudo};
                &[Causerie, Compressed, SocketIo, Sockudo]
            }
            Self::Deflate => &[Contender::Causerie, Contender::Compressed],
        }
    }

    /// Whose goals these are.
    pub fn subject(self) -> Contender {
        match self {
            Self::Deflate => Contender::Compressed,
            Self::InFlight
            | Self::Saturated
            | Self::BigRoom
            | Self::TwoNodes
            | Self::Pairs
            | Self::ColdStart
            | Self::Memory => Contender::Causerie,
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
            Self::Deflate => ("CPU of the servers per delivery, µs", false),
        }
    }

    /// What is asked of its subject.
    pub fn goals(self) -> &'static [Goal] {
        use Contender::{Causerie, Compressed, Floor, SocketIo, Sockudo};
        const fn better(than: Contender, least: f64) -> Goal {
            Goal::Better { than, least }
        }
        const fn takes(than: Contender, most: f64) -> Goal {
            Goal::Takes { than, most }
        }
        const fn quicker(than: Contender) -> Goal {
            Goal::Quicker { than }
        }
        const fn at_most(of: Contender, most: f64) -> Goal {
            Goal::AtMost { of, most }
        }
        match self {
            Self::InFlight => const { &[takes(Floor, 1.3)] },
            Self::Saturated => {
                const {
                    &[
                        better(Floor, 5.0),
                        better(Sockudo, 6.0),
                        better(SocketIo, 8.0),
                    ]
                }
            }
            Self::BigRoom => const { &[better(Sockudo, 1.7), better(SocketIo, 2.0)] },
            Self::TwoNodes => const { &[better(Sockudo, 1.5), better(SocketIo, 1.5)] },
            Self::Pairs => {
                const {
                    &[
                        better(Sockudo, 2.0),
                        better(SocketIo, 2.0),
                        quicker(Sockudo),
                        quicker(SocketIo),
                    ]
                }
            }
            Self::ColdStart => const { &[Goal::Flawless { of: Causerie }] },
            Self::Memory => const { &[at_most(Causerie, 3.5), at_most(Compressed, 12.0)] },
            Self::Deflate => const { &[takes(Causerie, 1.2)] },
        }
    }
}
