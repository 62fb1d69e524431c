//! What fred does otherwise than one would expect, a file for each trap: that
//! it does not catch us, and that it does catch fred alone.
//!
//! A test named `fred_alone_…` builds fred without what we do about it. When one
//! fails with a new version of fred, a trap has closed: see `docs/fred.md`.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, ReconnectPolicy};
use fred::types::{Builder, RespVersion};

mod asking;
mod bounds;
mod configuration;
mod replays;

/// What a bus waits for Redis where a test waits for that.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Our shipping client.
pub(super) async fn ours(url: String, timeout: Duration) -> Arc<dyn Bus> {
    let settings = RedisSettings {
        timeout,
        ..RedisSettings::new(url)
    };
    let bus = RedisBus::connect(settings, Retention::default()).await;
    Arc::new(bus.unwrap())
}

/// fred as its documentation builds it, connecting again for ever.
fn alone(url: &str) -> Builder {
    let mut builder = Builder::from_config(Config::from_url(url).unwrap());
    builder.with_config(|config| config.version = RespVersion::RESP3);
    builder.set_policy(ReconnectPolicy::new_constant(0, 50));
    builder
}

async fn connected(builder: &Builder) -> Client {
    let client = builder.build().unwrap();
    client.init().await.unwrap();
    client
}
