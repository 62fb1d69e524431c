//! A program's connection to Redis: made at its start, watched while it runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::order::REMEMBERED_LONGER;
use super::redis::{RedisBus, RedisSettings};
use super::{Bus, BusError, Retention, events};
use crate::admin::Readiness;
use crate::config::Settings;

/// The part of a program's readiness that this is.
const PART: &str = "redis";

/// From one try to connect, or one look, to the next.
const EVERY: Duration = Duration::from_secs(1);

impl From<&Settings> for Retention {
    fn from(settings: &Settings) -> Self {
        Self {
            max_events: settings.history.max_events,
            max_bytes: settings.history.max_bytes.bytes() as u64,
            max_age: settings.history.max_age,
            max_recover: settings.history.max_recover,
            page_bytes: settings.history.page_bytes.bytes() as u64,
            revocations: settings.auth.revocations_kept + REMEMBERED_LONGER,
            audit_events: settings.audit.max_events,
            audit_age: settings.audit.max_age,
            chronicle_entries: settings.status.history_entries,
            chronicle_age: settings.status.history_age,
            ..Self::default()
        }
    }
}

/// Connects to the Redis of the configuration, once.
///
/// # Errors
/// [`BusError::Unavailable`] where it cannot be reached, or none is configured;
/// [`BusError::Unreadable`] where it is another installation's.
pub async fn try_connect(settings: &Settings) -> Result<RedisBus, BusError> {
    let none = || BusError::Unavailable("redis.url is not set".to_owned());
    let redis = RedisSettings::configured(&settings.redis).ok_or_else(none)?;
    RedisBus::connect(redis, Retention::from(settings)).await
}

/// Tries to connect to the Redis of the configuration, for `--check`: what an operator should
/// change there, one sentence each.
///
/// # Errors
/// As [`try_connect`].
pub async fn check(settings: Arc<Settings>) -> anyhow::Result<Vec<String>> {
    Ok(try_connect(&settings).await?.warnings().to_vec())
}

/// Connects to the Redis of the configuration, however long that takes: a
/// program may be started before its Redis. Meanwhile it is not ready.
///
/// # Errors
/// [`BusError::Unreadable`] where it is another installation's.
pub async fn connect(settings: &Settings, readiness: &Readiness) -> Result<Arc<dyn Bus>, BusError> {
    loop {
        match try_connect(settings).await {
            Ok(bus) => {
                readiness.ready(PART);
                return Ok(Arc::new(bus));
            }
            Err(error @ BusError::Unreadable(_)) => return Err(error),
            Err(error @ BusError::Unavailable(_)) => {
                events::not_connected(&error);
                readiness.not_ready(PART, "Redis cannot be reached");
            }
        }
        sleep(EVERY).await;
    }
}

/// Keeps `readiness` in step with whether the bus answers, for ever.
pub async fn watch(bus: Arc<dyn Bus>, readiness: Readiness) {
    loop {
        match bus.ping().await {
            Ok(took) => {
                events::answers(took);
                readiness.ready(PART);
            }
            Err(_) => readiness.not_ready(PART, "Redis does not answer"),
        }
        sleep(EVERY).await;
    }
}
