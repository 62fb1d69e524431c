//! API keys.

use std::collections::BTreeMap;

use crate::api_key::{ApiKey, StoredKey};
use crate::ids::{KeyId, TenantId};

/// The API keys of one partition.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<KeyId, StoredKey>);

impl Keys {
    pub(super) fn add(&mut self, key: &ApiKey) -> bool {
        let kept = self.0.entry(key.card.id.clone());
        let kept = kept.or_insert_with(|| StoredKey {
            key: key.clone(),
            used_ms: None,
        });
        kept.key == *key
    }

    pub(super) fn get(&self, id: &KeyId) -> Option<StoredKey> {
        self.0.get(id).cloned()
    }

    pub(super) fn of(&self, tenant: &TenantId) -> Vec<StoredKey> {
        let kept = self.0.values();
        kept.filter(|stored| stored.key.tenant == *tenant)
            .cloned()
            .collect()
    }

    pub(super) fn note_used(&mut self, id: &KeyId, at_ms: u64) {
        if let Some(kept) = self.0.get_mut(id) {
            kept.used_ms = kept.used_ms.max(Some(at_ms));
        }
    }

    pub(super) fn revoke(&mut self, id: &KeyId) {
        self.0.remove(id);
    }
}
