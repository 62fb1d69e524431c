//! API keys.

use super::args::Args;
use super::script::{ADD_KEY, KEY, KEYS, NOTE_KEY_USED, REVOKE_KEY};
use super::{RedisBus, events, nothing};
use crate::api_key::{ApiKey, KeyCard, StoredKey, partition_of_keys};
use crate::bus::BusError;
use crate::ids::{KeyId, TenantId};

impl RedisBus {
    pub(super) async fn store_key(&self, key: &ApiKey) -> Result<bool, BusError> {
        let id = &key.card.id;
        let kept = format!("{} {} {}", key.tenant, key.created_ms, key.card);
        let args = Args::default().text(id.as_str()).text(&kept);
        let answer = self.pool.run(id.partition(), &ADD_KEY, args).await?;
        answer.ok_or_else(|| nothing("add_key"))?.flag()
    }

    pub(super) async fn stored_key(&self, id: &KeyId) -> Result<Option<StoredKey>, BusError> {
        let args = Args::default().text(id.as_str());
        let answer = self.pool.run(id.partition(), &KEY, args).await?;
        let Some(mut answer) = answer else {
            return Ok(None);
        };
        let (kept, used) = (answer.text()?, answer.text()?);
        // What is kept may be a key; nobody is told which.
        let key = read(id, &kept, &used).ok_or_else(|| answer.unreadable("no key"))?;
        Ok(Some(key))
    }

    pub(super) async fn stored_keys(&self, tenant: &TenantId) -> Result<Vec<StoredKey>, BusError> {
        let partition = partition_of_keys(tenant);
        let answer = self.pool.run(partition, &KEYS, Args::default()).await?;
        let answer = answer.ok_or_else(|| nothing("keys"))?;
        let kept = answer.rest(|answer| {
            let mut one = answer.list()?.ok_or_else(|| nothing("keys"))?;
            Ok((one.text()?, one.text()?, one.text()?))
        })?;
        let read = kept.iter().filter_map(|(id, kept, used)| {
            let key = KeyId::new(id).ok().and_then(|id| read(&id, kept, used));
            if key.is_none() {
                events::entry_unreadable("keys", id);
            }
            key
        });
        let mut keys: Vec<_> = read.filter(|stored| stored.key.tenant == *tenant).collect();
        keys.sort_by(|a, b| a.key.card.id.cmp(&b.key.card.id));
        Ok(keys)
    }

    pub(super) async fn note_use_of_key(&self, id: &KeyId, at_ms: u64) -> Result<(), BusError> {
        let args = Args::default().text(id.as_str()).number(at_ms);
        let answer = self.pool.run(id.partition(), &NOTE_KEY_USED, args).await?;
        answer.map(|_| ()).ok_or_else(|| nothing("note_key_used"))
    }

    pub(super) async fn forget_key(&self, id: &KeyId) -> Result<(), BusError> {
        let args = Args::default().text(id.as_str());
        let answer = self.pool.run(id.partition(), &REVOKE_KEY, args).await?;
        answer.map(|_| ()).ok_or_else(|| nothing("revoke_key"))
    }
}

/// `tenant created card`, as it is kept under `id`.
fn read(id: &KeyId, kept: &str, used: &str) -> Option<StoredKey> {
    let (tenant, rest) = kept.split_once(' ')?;
    let (created_ms, card) = rest.split_once(' ')?;
    let key = ApiKey {
        tenant: TenantId::new(tenant).ok()?,
        created_ms: created_ms.parse().ok()?,
        card: card.parse::<KeyCard>().ok().filter(|card| card.id == *id)?,
    };
    Some(StoredKey {
        key,
        used_ms: used.parse().ok(),
    })
}
