//! Tokens that were revoked, as this node knows it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use causerie_shared::bus::order::Revocation;
use causerie_shared::ids::{TenantId, UserId};

use crate::identity::Identity;

type ByUser = BTreeMap<(TenantId, UserId), u64>;

/// Until when users' tokens are revoked, in milliseconds since 1970. Every node knows
/// all, so that to let somebody in asks nobody.
#[derive(Debug, Default)]
pub struct Revoked(Mutex<ByUser>);

impl Revoked {
    /// Notes a revocation; whether it says more than was known.
    pub fn note(&self, revocation: &Revocation) -> bool {
        let user = (revocation.tenant.clone(), revocation.user.clone());
        let mut by_user = self.lock();
        let known = by_user.entry(user).or_default();
        let is_new = revocation.until_ms > *known;
        *known = revocation.until_ms.max(*known);
        is_new
    }

    /// Forgets what no token can be younger than.
    pub(crate) fn forget(&self, before_ms: u64) {
        self.lock().retain(|_, until_ms| *until_ms >= before_ms);
    }

    /// Whether `identity` came with a token that was revoked. One that does not say when
    /// it was made was made before.
    pub fn has(&self, identity: &Identity) -> bool {
        let by_user = self.lock();
        if by_user.is_empty() {
            return false;
        }
        let user = (identity.tenant.clone(), identity.user.clone());
        let until_ms = by_user.get(&user);
        until_ms.is_some_and(|until_ms| identity.issued_ms <= *until_ms)
    }

    fn lock(&self) -> MutexGuard<'_, ByUser> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_later_holds() {
        let revoked = Revoked::default();
        let of = |issued_ms| Identity {
            issued_ms,
            ..Identity::plain("u1")
        };
        let until = |until_ms| Revocation {
            tenant: of(0).tenant,
            user: of(0).user,
            until_ms,
        };
        assert!(!revoked.has(&of(0)));
        assert!(revoked.note(&until(50)));
        assert!(!revoked.note(&until(50)) && !revoked.note(&until(40)));
        assert!(revoked.has(&of(0)) && revoked.has(&of(50)) && !revoked.has(&of(51)));
        assert!(!revoked.has(&Identity::plain("u2")));
        revoked.forget(50);
        assert!(revoked.has(&of(50)));
        revoked.forget(51);
        assert!(!revoked.has(&of(50)));
    }
}
