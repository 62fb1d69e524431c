//! Key sets that are published at a URL (JWKS): fetched at the start, every
//! few minutes, and when a token names a key that is not known yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use causerie_shared::config::HttpUrl;
use futures::StreamExt;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::events;
use super::key::Key;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 100;

/// Why a set could not be fetched. What was known stays in use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{}", reason(.0))]
    Http(#[from] reqwest::Error),
    #[error("the answer's status is {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer is over {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the answer is not a JSON Web Key Set: {0}")]
    NotAKeySet(#[from] serde_json::Error),
    #[error("the set holds no key for RS256, ES256 or EdDSA")]
    NoKey,
}

/// The innermost reason, without the URL, which may hold a password.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_timeout() {
        "no answer in time".into()
    } else {
        innermost.to_string()
    }
}

/// How often a published key set is fetched.
#[derive(Debug, Clone, Copy)]
pub struct KeySetPace {
    /// In any case.
    pub refresh: Duration,
    /// After the first fetch that failed; then after twice as long each time,
    /// up to `refresh`.
    pub first_retry: Duration,
    /// How long after a fetch no token can cause another by naming a key that
    /// is not in the set.
    pub min_interval: Duration,
}

impl Default for KeySetPace {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(300),
            first_retry: Duration::from_secs(1),
            min_interval: Duration::from_secs(5),
        }
    }
}

/// A published key set.
#[derive(Debug)]
pub(super) struct KeySet {
    url: HttpUrl,
    pace: KeySetPace,
    client: reqwest::Client,
    keys: ArcSwap<Vec<Key>>,
    /// Whether the last fetch failed, or none has ended.
    is_behind: AtomicBool,
    /// The last fetch; locked while one is under way.
    fetched: Mutex<Option<Fetched>>,
}

#[derive(Debug, Clone, Copy)]
struct Fetched {
    ended: Instant,
    succeeded: bool,
}

/// All sets in use, by their URLs: those of one URL are one. Each lives as long as
/// somebody's tokens are checked by it, and not for being known here: it may just be
/// fetched when nobody uses it any more.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySets {
    sets: HashMap<String, Weak<KeySet>>,
    client: Option<reqwest::Client>,
}

impl KeySets {
    /// The set at `url`. It is fetched by [`start`](Self::start).
    pub(super) fn open(
        &mut self,
        url: &HttpUrl,
        pace: KeySetPace,
    ) -> Result<Arc<KeySet>, reqwest::Error> {
        if let Some(known) = self.sets.get(url.as_str()).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.client.insert(client()?).clone(),
        };
        let set = Arc::new(KeySet {
            url: url.clone(),
            pace,
            client,
            keys: ArcSwap::default(),
            is_behind: AtomicBool::new(true),
            fetched: Mutex::new(None),
        });
        let known = Arc::downgrade(&set);
        self.sets.insert(url.as_str().to_owned(), known);
        Ok(set)
    }

    /// Fetches the sets that are new. From then on they look after themselves.
    pub(super) async fn start(&self) {
        let in_use = self.sets.values().filter_map(Weak::upgrade);
        let new = in_use.filter(|set| set.is_new());
        let new = new.map(|set| async move {
            set.fetch_since(None).await;
            tokio::spawn(refresh(Arc::downgrade(&set), set.pace));
        });
        futures::future::join_all(new).await;
    }

    /// Forgets the URLs of sets that nobody uses any more.
    pub(super) fn forget_unused(&mut self) {
        self.sets.retain(|_, set| set.strong_count() > 0);
    }
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::limited(3))
        .user_agent(concat!("causerie/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Fetches a set from time to time, until nobody uses it any more.
async fn refresh(set: Weak<KeySet>, pace: KeySetPace) {
    let mut retry = pace.first_retry;
    let mut is_current = set.upgrade().is_some_and(|set| !set.keys().is_empty());
    loop {
        let pause = if is_current {
            retry = pace.first_retry;
            pace.refresh
        } else {
            let pause = retry;
            retry = (retry * 2).min(pace.refresh);
            pause
        };
        tokio::time::sleep(pause).await;
        let Some(set) = set.upgrade() else { return };
        let asked = Instant::now();
        is_current = set.fetch_since(Some(asked)).await;
    }
}

impl KeySet {
    /// Whether it has never been fetched, and is not just now: that may take long, and
    /// what is in use already need not be waited for.
    fn is_new(&self) -> bool {
        let fetched = self.fetched.try_lock();
        fetched.is_ok_and(|fetched| fetched.is_none())
    }

    pub(super) fn keys(&self) -> Arc<Vec<Key>> {
        self.keys.load_full()
    }

    /// Whether keys may be published that are not among [`keys`](Self::keys), since the last
    /// fetch failed.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Fetches the set if `kid` is unknown, and tells whether it has changed. It
    /// is not fetched again where that was only just now, so that a flood of
    /// made-up names does not become a flood of fetches.
    pub(super) async fn fetch_unknown(&self, kid: &str) -> bool {
        let is_known = |keys: &[Key]| keys.iter().any(|key| key.kid.as_deref() == Some(kid));
        let before = self.keys();
        if is_known(&before) {
            return false;
        }
        let asked = Instant::now();
        self.fetch_since(asked.checked_sub(self.pace.min_interval))
            .await;
        !Arc::ptr_eq(&before, &self.keys())
    }

    /// Fetches the set, unless a fetch ended after `since`, as one does that
    /// was under way. Whether it succeeded.
    async fn fetch_since(&self, since: Option<Instant>) -> bool {
        let mut fetched = self.fetched.lock().await;
        if let (Some(fetched), Some(since)) = (*fetched, since)
            && fetched.ended >= since
        {
            return fetched.succeeded;
        }
        let succeeded = match self.fetch().await {
            Ok(keys) => {
                events::key_set_fetched(&self.url, keys.len());
                self.keys.store(Arc::new(keys));
                true
            }
            Err(error) => {
                events::key_set_failed(&self.url, &error);
                false
            }
        };
        self.is_behind.store(!succeeded, Ordering::Relaxed);
        let ended = Instant::now();
        *fetched = Some(Fetched { ended, succeeded });
        succeeded
    }

    async fn fetch(&self) -> Result<Vec<Key>, FetchError> {
        let response = self.client.get(self.url.as_str()).send().await?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status()));
        }
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk?);
            if body.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
        }
        read_key_set(&body)
    }
}

fn read_key_set(json: &[u8]) -> Result<Vec<Key>, FetchError> {
    #[derive(Deserialize)]
    struct Published {
        keys: Vec<Value>,
    }
    let published: Published = serde_json::from_slice(json)?;
    let keys: Vec<Key> = published
        .keys
        .into_iter()
        .take(MAX_KEYS)
        // A set may hold keys of kinds that we do not know: they do no harm.
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
        .filter_map(|key| Key::from_jwk(&key))
        .collect();
    if keys.is_empty() {
        return Err(FetchError::NoKey);
    }
    Ok(keys)
}
