//! How a figure compares to that of a floor or of a peer.

use serde::{Deserialize, Serialize};

/// A figure, and the same figure of something else, in runs that took turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What the figure says, with its unit.
    pub figure: String,
    /// What it is compared to.
    pub against: String,
    /// Ours and the other one, run by run.
    pub pairs: Vec<[f64; 2]>,
}
