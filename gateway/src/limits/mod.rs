//! How often one may ask for something.

pub(crate) mod events;
mod pace;

use std::net::IpAddr;

use causerie_shared::config::{self, Cidr};
use causerie_shared::rate::Rate;

pub(crate) use pace::{Pace, TooFast};

/// What the limits are now.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Messages of one connection.
    pub messages: Rate,
    /// Times that one connection says that its user types.
    pub typing: Rate,
    /// All that one connection asks for.
    pub requests: Rate,
    /// How often one connection may ask again too soon.
    pub violations: u32,
    /// Addresses to which none of these apply.
    pub exempt: Vec<Cidr>,
}

impl Limits {
    /// Whether they apply to those who come from `client`.
    pub fn hold_for(&self, client: IpAddr) -> bool {
        !self.exempt.iter().any(|network| network.contains(client))
    }
}

impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        Self {
            messages: Rate::a_minute(limits.messages_per_minute_per_connection),
            typing: Rate::a_minute(limits.typing_per_minute),
            requests: Rate::a_second(limits.requests_per_second, limits.burst),
            violations: limits.violations_before_close,
            exempt: limits.exempt.clone(),
        }
    }
}

impl Default for Limits {
    /// As `causerie` has them.
    fn default() -> Self {
        Self {
            messages: Rate::a_minute(60),
            typing: Rate::a_minute(120),
            requests: Rate::a_second(50, 100),
            violations: 20,
            exempt: Cidr::LOOPBACK.to_vec(),
        }
    }
}
