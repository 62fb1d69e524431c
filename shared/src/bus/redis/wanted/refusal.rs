//! What Redis does not subscribe to.

use std::collections::HashMap;

/// Why a channel is not subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bus::redis) enum Refusal {
    /// Another node serves it, or none just now.
    Moved(String),
    Refused(String),
}

/// What was refused, by channel.
pub(in crate::bus::redis) type Refusals = HashMap<String, Refusal>;

impl Refusal {
    pub(super) fn of(error: &str) -> Self {
        let is_about_nodes = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"]
            .iter()
            .any(|word| error.starts_with(word));
        if is_about_nodes {
            Self::Moved(error.to_owned())
        } else {
            Self::Refused(error.to_owned())
        }
    }

    /// In Redis's words.
    pub(in crate::bus::redis) fn text(&self) -> &str {
        match self {
            Self::Moved(text) | Self::Refused(text) => text,
        }
    }
}
