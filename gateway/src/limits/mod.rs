//! How often one may ask for something.

pub(crate) mod across;
pub(crate) mod counted;
pub(crate) mod events;
pub(crate) mod floods;
pub(crate) mod held;
mod pace;
pub(crate) mod sparing;
mod violations;
mod wish;

use std::net::IpAddr;
use std::time::Duration;

use causerie_shared::config::{self, Cidr};
use causerie_shared::protocol::error::Scope;
use causerie_shared::rate::Rate;

use counted::Counted;
use floods::Way;

use crate::audit::{Note, What};
use crate::connection::Connection;
use crate::gateway::Gateway;
pub(crate) use pace::{Pace, TooFast};

/// How many of its users' tokens a tenant may revoke: all gateways remember each for as long as
/// tokens hold (`auth.revocations_kept`), and each that starts learns all of them.
const REVOCATIONS: Rate = Rate::an_hour(10_000);

/// What the limits are now.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections from one address.
    pub connections_of_address: Rate,
    /// Connections of one user.
    pub connections_of_user: Rate,
    /// New visitors from one address.
    pub visitors: Rate,
    /// Messages of one connection.
    pub messages: Rate,
    /// Messages of one user, wherever they come in.
    pub messages_of_user: Rate,
    /// Messages of one visitor, wherever they come in.
    pub messages_of_visitor: Rate,
    /// Times that one connection says that its user types.
    pub typing: Rate,
    /// All that one connection asks for.
    pub requests: Rate,
    /// All that the people of one tenant ask for, where that is limited; and as much again
    /// for its servers, and those who rule it.
    pub requests_of_tenant: Option<Rate>,
    /// What is asked for with one API key.
    pub requests_of_key: Rate,
    /// Questions to the AI of all visitors of one tenant.
    pub visitor_questions: Rate,
    /// How often one connection may ask again too soon.
    pub violations: u32,
    /// How long its address is held off then.
    pub hold_off: Duration,
    /// Addresses to which none of these apply.
    pub exempt: Vec<Cidr>,
}

impl Limits {
    /// Whether they apply to those who come from `client`.
    pub fn hold_for(&self, client: IpAddr) -> bool {
        !self.exempt.iter().any(|network| network.contains(client))
    }

    /// How often there may be `what` in `scope`; `None` where that has no limit.
    fn rate(&self, what: Counted, scope: Scope) -> Option<Rate> {
        Some(match what {
            Counted::Connections if scope == Scope::User => self.connections_of_user,
            Counted::Connections => self.connections_of_address,
            Counted::Visitors => self.visitors,
            Counted::Requests if scope == Scope::Tenant => return self.requests_of_tenant,
            Counted::RulerRequests => return self.requests_of_tenant,
            Counted::Requests => self.requests,
            Counted::KeyRequests => self.requests_of_key,
            Counted::Messages if scope == Scope::User => self.messages_of_user,
            Counted::Messages => self.messages,
            Counted::VisitorMessages => self.messages_of_visitor,
            Counted::VisitorQuestions => self.visitor_questions,
            Counted::Typing => self.typing,
            Counted::Revocations => REVOCATIONS,
        })
    }
}

/// Lets nobody in for a while from where `abuser` came, who is sent away.
pub(crate) fn hold_off(gateway: &Gateway, abuser: &Connection) {
    events::sent_away(abuser, gateway.settings().limits.hold_off);
    gateway.note(|| Note::over(What::Abuse, abuser));
    across::hold_off(gateway, abuser.client, Way::WebSocket);
}

impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        let of_connection = limits.messages_per_minute_per_connection;
        let of_user = limits.messages_per_minute_per_user;
        let of_visitor = limits.messages_per_minute_per_visitor;
        Self {
            connections_of_address: Rate::a_minute(limits.connections_per_minute_per_ip),
            connections_of_user: Rate::a_minute(limits.connections_per_minute_per_user),
            visitors: Rate::a_minute(limits.visitors_per_minute_per_ip),
            hold_off: limits.hold_off,
            messages: Rate::a_minute(of_connection),
            messages_of_user: Rate::a_minute(of_user.unwrap_or(of_connection.saturating_mul(2))),
            messages_of_visitor: Rate::a_minute(of_visitor.unwrap_or(of_connection)),
            typing: Rate::a_minute(limits.typing_per_minute),
            requests: Rate::a_second(limits.requests_per_second, limits.burst),
            requests_of_tenant: limits.requests_per_second_per_tenant.map(|a_second| {
                let burst = limits
                    .burst_per_tenant
                    .unwrap_or(a_second.saturating_mul(2));
                Rate::a_second(a_second, burst)
            }),
            requests_of_key: Rate::a_second(
                limits.requests_per_second_per_key,
                limits.burst_per_key,
            ),
            visitor_questions: Rate::an_hour(limits.visitor_questions_per_hour),
            violations: limits.violations_before_close,
            exempt: limits.exempt.clone(),
        }
    }
}

impl Default for Limits {
    /// As `causerie` has them.
    fn default() -> Self {
        Self {
            connections_of_address: Rate::a_minute(10),
            connections_of_user: Rate::a_minute(60),
            visitors: Rate::a_minute(5),
            hold_off: Duration::from_secs(60),
            messages: Rate::a_minute(60),
            messages_of_user: Rate::a_minute(120),
            messages_of_visitor: Rate::a_minute(60),
            typing: Rate::a_minute(120),
            requests: Rate::a_second(50, 100),
            requests_of_tenant: None,
            requests_of_key: Rate::a_second(200, 400),
            visitor_questions: Rate::an_hour(10_000),
            violations: 20,
            exempt: Cidr::LOOPBACK.to_vec(),
        }
    }
}
