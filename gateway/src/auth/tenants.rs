//! The tenants that this installation serves.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use causerie_shared::config::{self, Origin};
use causerie_shared::ids::{TenantHash, TenantId};

use crate::address::Permitted;

/// A customer, as far as its callers are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name in tokens.
    pub id: TenantId,
    /// Its public name.
    pub hash: TenantHash,
    /// Whether it takes people without a token.
    pub visitors: bool,
    origins: Vec<Origin>,
    addresses: Permitted,
}

impl Tenant {
    /// Whether pages of `origin` are the tenant's own.
    pub fn owns(&self, origin: &str) -> bool {
        self.origins.iter().any(|own| own.covers(origin))
    }

    /// Whether its people and servers may come from `client`.
    pub fn permits(&self, client: IpAddr) -> bool {
        self.addresses.has(client)
    }
}

/// All tenants.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    by_id: HashMap<TenantId, Arc<Tenant>>,
    by_hash: HashMap<TenantHash, Arc<Tenant>>,
}

impl Tenants {
    pub(super) fn new(settings: &[config::Tenant]) -> Self {
        let mut tenants = Self::default();
        for tenant in settings {
            let tenant = Arc::new(Tenant {
                id: tenant.id.clone(),
                hash: tenant.hash.clone(),
                visitors: tenant.visitors,
                origins: tenant.origins.clone(),
                addresses: Permitted::new(&tenant.allowed_ips, &tenant.blocked_ips),
            });
            tenants.by_id.insert(tenant.id.clone(), Arc::clone(&tenant));
            tenants.by_hash.insert(tenant.hash.clone(), tenant);
        }
        tenants
    }

    pub(super) fn of_id(&self, id: &TenantId) -> Option<&Arc<Tenant>> {
        self.by_id.get(id)
    }

    pub(super) fn of_hash(&self, hash: &TenantHash) -> Option<&Arc<Tenant>> {
        self.by_hash.get(hash)
    }

    pub(super) fn any_owns(&self, origin: &str) -> bool {
        self.by_id.values().any(|tenant| tenant.owns(origin))
    }
}
