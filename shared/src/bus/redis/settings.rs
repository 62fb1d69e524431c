//! How to reach Redis.

use std::time::Duration;

use secrecy::ExposeSecret;

use crate::config;

/// How to reach Redis.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://`, `redis-cluster://` or `redis-sentinel://`, `rediss…://` with
    /// TLS; user, password, database and further nodes as fred reads them.
    pub url: String,
    /// How many connections (to each node) carry commands.
    pub pool: usize,
    /// How long a verb may take, with all that is tried anew.
    pub timeout: Duration,
}

impl RedisSettings {
    /// As configured; `None` where no Redis is.
    pub fn configured(redis: &config::Redis) -> Option<Self> {
        Some(Self {
            url: redis.address()?.expose_secret().to_owned(),
            pool: redis.pool_size,
            timeout: redis.timeout,
        })
    }

    /// The defaults, at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            pool: 4,
            timeout: Duration::from_secs(5),
        }
    }
}

/// Without the URL, which may hold a password.
impl std::fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSettings")
            .field("pool", &self.pool)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
