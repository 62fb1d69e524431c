//! What is counted over all nodes together: of an address, and of a user.
//!
//! Whoever has a token that is believed counts as its user, wherever they come
//! from; whoever has none counts as their address, of IPv6 as its /64. Where the
//! bus does not answer everybody is let through: nobody is to be kept out because
//! nobody counts.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::allowance::{Allowance, Taken};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use futures::future::join;

use super::counted::{Counted, too_many};
use super::{Limits, events};
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::seldom::Seldom;

/// Counts over all nodes together.
#[derive(Debug)]
pub(crate) struct Across {
    gateway: Arc<Gateway>,
    uncounted: Seldom,
}

/// Who is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whom<'a> {
    /// One whose token was believed.
    User(&'a Identity),
    /// One who shall become a visitor.
    NewVisitor,
    /// Anybody else.
    Address,
}

impl Across {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            uncounted: Seldom::default(),
        }
    }

    /// Whether one who comes from `client` may have `what` now.
    ///
    /// # Errors
    /// `rate_limited`, with when to come again.
    pub(crate) async fn check(
        &self,
        what: Counted,
        client: IpAddr,
        whom: Whom<'_>,
    ) -> Result<(), ProtocolError> {
        let limits = self.gateway.settings().limits.clone();
        if !limits.hold_for(client) {
            return Ok(());
        }
        let address = name_of_address(client);
        match whom {
            Whom::User(identity) => {
                let user = name_of_user(identity);
                // Side by side: they may be counted by different servers.
                let (of_address, of_user) = join(
                    self.take(&limits, &address, Scope::Ip, &[]),
                    self.take(&limits, &user, Scope::User, &[what]),
                )
                .await;
                of_address.and(of_user)
            }
            Whom::NewVisitor => {
                let both = [what, Counted::Visitors];
                self.take(&limits, &address, Scope::Ip, &both).await
            }
            Whom::Address => self.take(&limits, &address, Scope::Ip, &[what]).await,
        }
    }

    async fn take(
        &self,
        limits: &Limits,
        name: &str,
        scope: Scope,
        whats: &[Counted],
    ) -> Result<(), ProtocolError> {
        let rates = whats.iter().map(|what| (*what, limits.rate(*what, scope)));
        let rates: Vec<_> = rates.collect();
        let allowances = rates.iter().map(|(what, rate)| Allowance {
            what: what.name(),
            rate: *rate,
        });
        let allowances: Vec<_> = allowances.collect();
        match self.gateway.bus.take(name, &allowances).await {
            Ok(Taken::Granted) => Ok(()),
            Ok(Taken::HeldOff(time)) => {
                events::turned_away();
                Err(held_off(time))
            }
            Ok(Taken::Spent { which, wait }) => match rates.get(which) {
                Some((what, rate)) => {
                    events::asked_too_often(*what, scope);
                    Err(too_many(*what, scope, rate, wait))
                }
                None => Ok(()),
            },
            Err(error) => {
                events::uncounted(&error, &self.uncounted);
                Ok(())
            }
        }
    }
}

/// Lets nobody in for a while who comes from `client`.
pub(crate) async fn hold_off(bus: Arc<dyn Bus>, client: IpAddr, time: Duration) {
    let held: Result<(), BusError> = bus.hold_off(&name_of_address(client), time).await;
    if let Err(error) = held {
        events::not_held_off(&error);
    }
}

fn held_off(time: Duration) -> ProtocolError {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let content = format!(
        "Somebody at your address broke the limits again and again: come back in {} s.",
        ms.div_ceil(1_000)
    );
    let mut error = ProtocolError::new(ErrorCode::RateLimited, content).with_retry_after_ms(ms);
    error.scope = Some(Scope::Ip);
    error
}

fn name_of_user(identity: &Identity) -> String {
    format!("user:{}:{}", identity.tenant, identity.user)
}

fn name_of_address(client: IpAddr) -> String {
    format!("ip:{}", network_of(client))
}

/// What one customer of a provider has: of IPv6 a /64 (RFC 6177), which is as good
/// as one address of IPv4.
fn network_of(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ipv6_the_network_counts() {
        for (client, name) in [
            ("192.0.2.7", "ip:192.0.2.7"),
            ("2001:db8:0:1:2:3:4:5", "ip:2001:db8:0:1::"),
            ("2001:db8:0:1:ffff::", "ip:2001:db8:0:1::"),
            ("2001:db8:0:2::", "ip:2001:db8:0:2::"),
        ] {
            assert_eq!(name_of_address(client.parse().unwrap()), name);
        }
    }
}
