//! Protections that can be taken out, one at a time, to show that the checks
//! notice: `./chaos --sabotage`, `./test simulation`.
//!
//! Only with the feature `sabotage`, which no release has: with it only debug builds
//! compile. There `CAUSERIE_SABOTAGE` names the one that is taken out.

#[cfg(all(feature = "sabotage", not(debug_assertions)))]
compile_error!("a release must not do without protections: build it without `sabotage`");

/// A protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// A gateway reads what its feed missed.
    GapRepair,
    /// One who comes back gets what it missed before what is live.
    HandOver,
    /// A message that is sent again is not stored again.
    Dedup,
    /// A broker that lost its lease is refused.
    Fencing,
    /// A question waits for the earlier ones of its session.
    SessionOrder,
    /// A piece of a reply that came before is dropped.
    DeltaIndex,
    /// A broker takes over only from one that has stood still for a while.
    Patience,
}

impl Protection {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::GapRepair,
        Self::HandOver,
        Self::Dedup,
        Self::Fencing,
        Self::SessionOrder,
        Self::DeltaIndex,
        Self::Patience,
    ];

    /// Its name in `CAUSERIE_SABOTAGE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GapRepair => "gap-repair",
            Self::HandOver => "hand-over",
            Self::Dedup => "dedup",
            Self::Fencing => "fencing",
            Self::SessionOrder => "session-order",
            Self::DeltaIndex => "delta-index",
            Self::Patience => "patience",
        }
    }

    /// Whether it was taken out.
    #[cfg(feature = "sabotage")]
    pub fn is_missing(self) -> bool {
        static TAKEN_OUT: std::sync::LazyLock<Option<String>> =
            std::sync::LazyLock::new(|| std::env::var("CAUSERIE_SABOTAGE").ok());
        TAKEN_OUT.as_deref() == Some(self.name())
    }

    /// Whether it was taken out: never in a program that people use.
    #[cfg(not(feature = "sabotage"))]
    pub const fn is_missing(self) -> bool {
        false
    }
}
