//! What somebody wants to have of what is counted, and under which name that is.

use std::net::IpAddr;

use causerie_shared::api_key::ApiKey;
use causerie_shared::ids::{TenantId, UserId};
use causerie_shared::protocol::error::Scope;

use super::Limits;
use super::counted::Counted;
use crate::identity::Identity;

/// What somebody wants to have of what is theirs.
pub(super) struct Wish {
    pub(super) name: String,
    /// Whose it is, where they are known.
    pub(super) user: Option<(TenantId, UserId)>,
    pub(super) scope: Scope,
    pub(super) whats: Vec<Counted>,
}

impl Wish {
    /// With nothing, whether it is held off.
    pub(super) fn of_address(client: IpAddr, whats: &[Counted]) -> Self {
        Self {
            name: name_of_address(client),
            user: None,
            scope: Scope::Ip,
            whats: whats.to_vec(),
        }
    }

    pub(super) fn of_user(Identity { tenant, user, .. }: &Identity, what: Counted) -> Self {
        Self {
            name: format!("user:{tenant}:{user}"),
            user: Some((tenant.clone(), user.clone())),
            scope: Scope::User,
            whats: vec![what],
        }
    }

    /// What counts of one who says something.
    pub(super) fn of_sender(sender: &Identity) -> Self {
        Self::of_user(sender, said_by(sender))
    }

    /// The protocol knows of no scope of its own for keys: each is one who asks.
    pub(super) fn of_key(key: &ApiKey) -> Self {
        Self {
            name: format!("key:{}", key.card.id),
            user: None,
            scope: Scope::User,
            whats: vec![Counted::KeyRequests],
        }
    }

    /// `None` where no limit is set for any of it.
    pub(super) fn of_tenant(tenant: &TenantId, limits: &Limits, whats: &[Counted]) -> Option<Self> {
        let scope = Scope::Tenant;
        let is_limited = |what: &Counted| limits.rate(*what, scope).is_some();
        // Nothing is allocated where there is none, as with most frames.
        let whats: Vec<_> = whats.iter().copied().filter(is_limited).collect();
        (!whats.is_empty()).then(|| Self {
            name: format!("tenant:{tenant}"),
            user: None,
            scope,
            whats,
        })
    }
}

/// As what a message of `sender` counts.
pub(super) fn said_by(sender: &Identity) -> Counted {
    if sender.is_visitor() {
        Counted::VisitorMessages
    } else {
        Counted::Messages
    }
}

pub(super) fn name_of_address(client: IpAddr) -> String {
    format!("ip:{}", network_of(client))
}

/// What one customer of a provider has: of IPv6 a /64 (RFC 6177), which is as good
/// as one address of IPv4.
pub(super) fn network_of(client: IpAddr) -> IpAddr {
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
    pub(super) fn of_ipv6_the_network_counts() {
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
