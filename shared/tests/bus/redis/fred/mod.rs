//! What fred does otherwise than one would expect, a file for each trap: that
//! it does not catch us, and that it does catch fred alone.
//!
//! A test named `fred_alone_…` builds fred without what we do about it. When one
//! fails with a new version of fred, a trap has closed: see `docs/fred.md`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::room::RoomKey;
use causerie_testkit::redis_cluster::RedisCluster;
use fred::clients::{Client, SubscriberClient};
use fred::interfaces::ClientLike;
use fred::types::config::{Config, ReconnectPolicy};
use fred::types::{Builder, RespVersion};

use crate::ear::Ear;
use crate::scene::*;

mod bounds;
mod configuration;
mod half_open;
mod moved_slots;
mod receivers;
mod replays;
mod resubscribing;
mod shifted_answers;
mod slots;

/// What a bus waits for Redis where a test waits for that.
const PATIENCE: Duration = Duration::from_millis(500);

/// Our shipping client.
async fn ours(url: String, timeout: Duration) -> Arc<dyn Bus> {
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

/// With fred's own means to subscribe again.
async fn subscriber(builder: &Builder) -> SubscriberClient {
    let client = builder.build_subscriber_client().unwrap();
    client.init().await.unwrap();
    client.manage_subscriptions();
    client
}

fn rooms(count: usize) -> Vec<RoomKey> {
    (0..count)
        .map(|number| room(&format!("acme:project:p{number}")))
        .collect()
}

/// The channel on which a room's records are published.
fn channel_of(room: &RoomKey) -> String {
    format!("causerie:{{p{}}}:room:{room}", room.partition())
}

/// The ear, which hears `rooms`, hears all that is published there.
async fn hears_all(ear: &mut Ear, publisher: &dyn Bus, rooms: &[RoomKey]) {
    for room in rooms {
        publisher.publish(room, &typing(room, 1)).await.unwrap();
    }
    let mut unheard: BTreeSet<_> = rooms.iter().cloned().collect();
    while !unheard.is_empty() {
        unheard.remove(&ear.record_after_gaps().await.0);
    }
}

/// Moves a room's partition to another node.
async fn migrate(cluster: &RedisCluster, room: &RoomKey) {
    let slot = cluster.slot_of(&channel_of(room)).await;
    let owner = cluster.owner(0, slot).await;
    cluster.migrate_slot(slot, (owner + 1) % 3).await;
}
