//! How many connections of this node each user and each tenant has.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;

use causerie_shared::ids::{TenantId, UserId};

use super::{Caps, NoSlot};
use crate::events;
use crate::identity::Identity;

/// Counts connections by whose they are.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    hasher: RandomState,
    users: HashMap<UserKey, OfUser>,
    tenants: HashMap<TenantId, usize>,
}

/// Stands for a user: a hash of their name, which would take more room. Two that
/// share one, of which there are none to be expected, would count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct UserKey(NonZeroU64);

#[derive(Debug)]
struct OfUser {
    count: usize,
    tenant: TenantId,
}

impl Crowds {
    /// Counts one more of `whose`, if there may be.
    pub(super) fn try_enter(&mut self, whose: &Identity, caps: &Caps) -> Result<UserKey, NoSlot> {
        let key = self.key_of(&whose.tenant, &whose.user);
        if self
            .users
            .get(&key)
            .is_some_and(|user| user.count >= caps.of_user)
        {
            return Err(NoSlot::TooManyOfUser);
        }
        let of_tenant = self.tenants.get(&whose.tenant);
        if of_tenant.is_some_and(|count| *count >= caps.of_tenant) {
            return Err(NoSlot::TooManyOfTenant);
        }
        let user = self.users.entry(key).or_insert_with(|| OfUser {
            count: 0,
            tenant: whose.tenant.clone(),
        });
        if user.count == 0 {
            events::user_came();
        }
        user.count += 1;
        let of_tenant = self.tenants.entry(whose.tenant.clone()).or_default();
        *of_tenant += 1;
        events::connections_of_tenant(&whose.tenant, *of_tenant);
        Ok(key)
    }

    /// What stands for a user.
    pub(super) fn key_of(&self, tenant: &TenantId, user: &UserId) -> UserKey {
        let hash = self.hasher.hash_one((tenant, user));
        UserKey(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN))
    }

    /// Counts one less.
    pub(super) fn leave(&mut self, key: UserKey) {
        let Some(user) = self.users.get_mut(&key) else {
            return;
        };
        user.count -= 1;
        if let Some(count) = self.tenants.get_mut(&user.tenant) {
            *count -= 1;
            events::connections_of_tenant(&user.tenant, *count);
            if *count == 0 {
                self.tenants.remove(&user.tenant);
            }
        }
        if user.count == 0 {
            events::user_left();
            self.users.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tenants.is_empty()
    }
}
