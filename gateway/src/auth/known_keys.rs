//! API keys that were looked up a moment ago.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causerie_shared::api_key::ApiKey;
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::ids::KeyId;
use tokio::time::Instant;

use super::events;

/// How long a key is known: one that was revoked holds on no node after a second.
const KNOWN_FOR: Duration = Duration::from_millis(500);

/// How many are known at the most, those that don't exist too: whoever makes some up
/// fills no memory.
const MOST: usize = 10_000;

/// How exactly it is noted when a key was last used, in milliseconds.
const USE_NOTED_EVERY_MS: u64 = 3_600_000;

/// API keys that were looked up a moment ago.
#[derive(Debug, Default)]
pub(super) struct KnownKeys(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    keys: BTreeMap<KeyId, Known>,
    /// When those were let go last that are known no more.
    swept: Option<Instant>,
}

#[derive(Debug, Clone)]
struct Known {
    looked_up: Instant,
    key: Option<Arc<ApiKey>>,
    /// When it was noted last that it is used.
    used_ms: Option<u64>,
}

impl KnownKeys {
    /// The key of that id, as it stood on the bus half a second ago or later.
    pub(super) async fn find(
        &self,
        id: &KeyId,
        bus: &dyn Bus,
    ) -> Result<Option<Arc<ApiKey>>, BusError> {
        let looked_up = Instant::now();
        if let Some(known) = self.lock().keys.get(id)
            && looked_up - known.looked_up < KNOWN_FOR
        {
            return Ok(known.key.clone());
        }
        let stored = bus.key(id).await?;
        let used_ms = stored.as_ref().and_then(|stored| stored.used_ms);
        let key = stored.map(|stored| Arc::new(stored.key));
        let known = Known {
            looked_up,
            key: key.clone(),
            used_ms,
        };
        self.keep(id, known);
        Ok(key)
    }

    /// Notes that a key that was found here is used, by one who has its secret, where that
    /// was not done lately.
    pub(super) async fn note_use(&self, key: &ApiKey, bus: &dyn Bus) {
        let now_ms = bus.clock().now_ms();
        if !self.begin_use(&key.card.id, now_ms) {
            return;
        }
        match bus.note_key_used(&key.card.id, now_ms).await {
            Ok(()) => events::key_in_use(key),
            Err(error) => events::use_of_key_not_noted(&error),
        }
    }

    /// Whether that is to be noted now, which nobody else does then.
    fn begin_use(&self, id: &KeyId, now_ms: u64) -> bool {
        let mut all = self.lock();
        let Some(known) = all.keys.get_mut(id) else {
            return false;
        };
        let is_due = now_ms.saturating_sub(known.used_ms.unwrap_or(0)) >= USE_NOTED_EVERY_MS;
        if is_due {
            known.used_ms = Some(now_ms);
        }
        is_due
    }

    fn keep(&self, id: &KeyId, known: Known) {
        let (mut all, now) = (self.lock(), known.looked_up);
        let is_due = all.swept.is_none_or(|swept| now - swept >= KNOWN_FOR);
        if all.keys.len() >= MOST && is_due {
            all.swept = Some(now);
            all.keys
                .retain(|_, other| now - other.looked_up < KNOWN_FOR);
        }
        if all.keys.len() < MOST || all.keys.contains_key(id) {
            all.keys.insert(id.clone(), known);
        }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::bus::Retention;
    use causerie_shared::bus::memory::MemoryBus;
    use tokio::time::advance;

    use super::*;

    fn key() -> ApiKey {
        let card = format!(
            "ck_16a1b2c3d4e5 scopes=read hash={} name=x",
            "ab".repeat(32)
        );
        ApiKey {
            tenant: "acme".parse().unwrap(),
            created_ms: 1,
            card: card.parse().unwrap(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_forgotten_within_a_second_of_its_revocation() {
        let bus = MemoryBus::new(Retention::default());
        let (known, key) = (KnownKeys::default(), key());
        let id = &key.card.id;
        assert!(known.find(id, &bus).await.unwrap().is_none());
        bus.add_key(&key).await.unwrap();
        advance(KNOWN_FOR).await;
        assert!(known.find(id, &bus).await.unwrap().is_some());

        bus.revoke_key(id).await.unwrap();
        assert!(known.find(id, &bus).await.unwrap().is_some());
        advance(KNOWN_FOR).await;
        assert!(known.find(id, &bus).await.unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_in_use_when_somebody_has_its_secret() {
        let bus = MemoryBus::new(Retention::default());
        let (known, key) = (KnownKeys::default(), key());
        let id = &key.card.id;
        bus.add_key(&key).await.unwrap();
        let used_ms = async || bus.key(id).await.unwrap().unwrap().used_ms;
        assert!(known.find(id, &bus).await.unwrap().is_some());
        assert_eq!(used_ms().await, None);
        known.note_use(&key, &bus).await;
        let noted = used_ms().await;
        assert!(noted.is_some());

        advance(KNOWN_FOR).await;
        assert!(known.find(id, &bus).await.unwrap().is_some());
        known.note_use(&key, &bus).await;
        assert_eq!(used_ms().await, noted);
    }

    #[tokio::test(start_paused = true)]
    async fn ids_that_are_made_up_fill_no_memory() {
        let bus = MemoryBus::new(Retention::default());
        let known = KnownKeys::default();
        for number in 0..2 * MOST {
            let id = KeyId::new(format!("16{number:010x}")).unwrap();
            known.find(&id, &bus).await.unwrap();
        }
        assert_eq!(known.lock().keys.len(), MOST);
        // One that is known stays so, whoever makes up others.
        let first = KeyId::new(format!("16{:010x}", 0)).unwrap();
        let looked_up = |known: &KnownKeys| known.lock().keys[&first].looked_up;
        let before = looked_up(&known);
        known.lock().swept = Some(Instant::now() + KNOWN_FOR);
        advance(KNOWN_FOR).await;
        known.find(&first, &bus).await.unwrap();
        assert!(looked_up(&known) > before);
        advance(KNOWN_FOR).await;
        known.find(&key().card.id, &bus).await.unwrap();
        assert_eq!(known.lock().keys.len(), 1);
    }
}
