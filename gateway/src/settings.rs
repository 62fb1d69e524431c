//! What the gateway's core needs of the configuration.

use std::collections::HashMap;
use std::thread::available_parallelism;
use std::time::Duration;

use causerie_shared::bus::question::QueueCaps;
use causerie_shared::config;
use causerie_shared::ids::{TenantHash, TenantId};

use crate::actions::enclosures::Enclosures;
use crate::address::{Permitted, Proxies};
use crate::filter::Filters;
use crate::hub::Live;
use crate::limits::Limits;
use crate::presence::Presences;
use crate::registry::Caps;
use crate::rollout::Rollout;

/// A write takes some microseconds.
const TURN: usize = 128;

/// The values that the core goes by. Taken anew from the configuration when
/// that changes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The node's name, shown in `ready`.
    pub node: String,
    /// A connection silent for so long is pinged, for twice as long dropped.
    pub heartbeat_interval: Duration,
    /// A connection without an action for so long is closed.
    pub idle_timeout: Duration,
    /// The most connections at once.
    pub caps: Caps,
    /// The largest frame of a client, in bytes.
    pub max_message_bytes: usize,
    /// Whether messages are compressed for clients that offer it.
    pub compression: bool,
    /// The deepest nesting of a client's frame.
    pub max_depth: usize,
    /// The most rooms that one connection may be in.
    pub max_rooms: usize,
    /// The most that waits for one slow reader, in bytes.
    pub outbox_bytes: usize,
    /// How long a message's `id` is remembered.
    pub dedup_window: Duration,
    /// How many questions may wait.
    pub queue: QueueCaps,
    /// Whether a client may send earlier turns along.
    pub client_context: bool,
    /// The most bytes of events that somebody is given who looks at a room's history.
    pub page_bytes: usize,
    /// How much may go along with a message.
    pub enclosures: Enclosures,
    /// Which kinds of events are sent live.
    pub live: Live,
    /// How often one may ask for something.
    pub limits: Limits,
    /// How it is told who is in a room.
    pub presence: Presences,
    /// Whose word counts for the address of a client.
    pub proxies: Proxies,
    /// Who is told to use which transport.
    pub rollout: Rollout,
    /// Whether it is noted who did what.
    pub audit: bool,
    /// The addresses that may come in.
    pub addresses: Permitted,
    /// Among how many tasks the rooms are divided. Fixed while the node runs.
    pub shards: usize,
    /// How many members of a room get something before another room may have its turn;
    /// 1 at least. Fixed while the node runs.
    pub turn: usize,
    /// Words that people may not write, or not unseen.
    pub filters: Filters,
    /// The tenants and their public names.
    pub tenants: HashMap<TenantId, TenantHash>,
}

impl From<&config::Settings> for Settings {
    fn from(settings: &config::Settings) -> Self {
        let config::Websocket {
            heartbeat_interval,
            idle_timeout,
            max_connections,
            max_message_bytes,
            compression,
            max_depth,
            max_rooms,
            outbox_bytes,
            ..
        } = &settings.websocket;
        let limits = &settings.limits;
        let tenants = settings.tenants.iter();
        Self {
            node: settings.node.name.clone(),
            heartbeat_interval: *heartbeat_interval,
            idle_timeout: *idle_timeout,
            caps: Caps {
                of_node: *max_connections,
                of_tenant: limits.connections_per_tenant.unwrap_or(usize::MAX),
                of_user: limits.connections_per_user,
            },
            max_message_bytes: max_message_bytes.bytes(),
            compression: *compression,
            max_depth: *max_depth,
            max_rooms: *max_rooms,
            outbox_bytes: outbox_bytes.bytes(),
            dedup_window: limits.dedup_window,
            queue: QueueCaps {
                session: limits.queued_per_session.into(),
                user: limits.queued_per_user.into(),
                tenant: limits.queued_per_tenant.into(),
            },
            client_context: settings.ai.client_context,
            page_bytes: settings.history.page_bytes.bytes(),
            enclosures: Enclosures {
                metadata_bytes: limits.max_metadata_bytes.bytes(),
                context_bytes: limits.max_context_bytes.bytes(),
            },
            live: Live {
                chat: settings.realtime.chat_broadcasting,
                status: settings.realtime.status_updates,
                memory: settings.realtime.memory_updates,
            },
            limits: limits.into(),
            presence: Presences {
                announced: settings.presence.announce_up_to,
                leave_after: settings.presence.leave_after,
            },
            proxies: (&settings.auth).into(),
            rollout: settings.into(),
            audit: settings.audit.enabled,
            addresses: Permitted::new(&limits.allowed_ips, &limits.blocked_ips),
            shards: one_per_core(),
            turn: TURN,
            filters: settings.into(),
            tenants: tenants
                .map(|tenant| (tenant.id.clone(), tenant.hash.clone()))
                .collect(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "gateway".into(),
            heartbeat_interval: Duration::from_secs(25),
            idle_timeout: Duration::from_secs(30 * 60),
            caps: Caps {
                of_node: 100_000,
                of_tenant: usize::MAX,
                of_user: 100,
            },
            max_message_bytes: 100 << 10,
            compression: true,
            max_depth: 32,
            max_rooms: 100,
            outbox_bytes: 1 << 20,
            dedup_window: Duration::from_secs(24 * 3600),
            queue: QueueCaps {
                session: 20,
                user: 100,
                tenant: 10_000,
            },
            client_context: true,
            page_bytes: 1 << 20,
            enclosures: Enclosures {
                metadata_bytes: 4 << 10,
                context_bytes: 32 << 10,
            },
            live: Live::ALL,
            limits: Limits::default(),
            presence: Presences {
                announced: 100,
                leave_after: Duration::from_secs(2),
            },
            proxies: Proxies::default(),
            rollout: Rollout::default(),
            audit: false,
            addresses: Permitted::default(),
            shards: one_per_core(),
            turn: TURN,
            filters: Filters::default(),
            tenants: HashMap::new(),
        }
    }
}

fn one_per_core() -> usize {
    available_parallelism().map_or(1, usize::from)
}
