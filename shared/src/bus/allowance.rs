//! How often somebody may do something, counted over all nodes together.

use std::time::Duration;

use crate::rate::Rate;

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// What it is: a word that names it in the storage.
    pub what: &'static str,
    /// How often. Nodes that do not agree each go by their own.
    pub rate: Rate,
}

/// What somebody is told who wants to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// They may.
    Granted,
    /// It would be too often.
    Spent {
        /// The place of what is spent among what was asked for; the first, where
        /// it is several.
        which: usize,
        /// How long until there is one again.
        wait: Duration,
    },
    /// They are given nothing for so long.
    HeldOff(Duration),
}
