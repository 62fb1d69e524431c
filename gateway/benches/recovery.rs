//! What it costs to bring one client up to date from a room's tail:
//! `cargo bench -p causerie-gateway --bench recovery`.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::net::Ipv4Addr;
use std::sync::Arc;

use causerie_gateway::actions::{Caller, perform};
use causerie_gateway::gateway::Gateway;
use causerie_gateway::hub::membership::Membership;
use causerie_gateway::hub::{Live, Viewer};
use causerie_gateway::identity::{Identity, Projects};
use causerie_gateway::outbox::Outbox;
use causerie_gateway::settings::Settings;
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::{TenantId, UserId};
use causerie_shared::position::Position;
use causerie_shared::protocol::action::read_frame;
use causerie_shared::room::RoomKey;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// How many events there are, all of them within the tail.
const EVENTS: u64 = 100;

fn recovery(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let room = Room::open(&runtime);
    let mut group = criterion.benchmark_group("recovery");
    for missed in [0, 1, 10, EVENTS] {
        group.throughput(Throughput::Elements(missed.max(1)));
        group.bench_function(BenchmarkId::new("events missed", missed), |bencher| {
            bencher.iter(|| runtime.block_on(room.come_back(EVENTS - missed)));
        });
    }
    group.finish();
}

struct Room {
    gateway: Arc<Gateway>,
    key: RoomKey,
    last: Position,
    /// Keeps the room open.
    _member: Arc<Membership>,
}

impl Room {
    fn open(runtime: &Runtime) -> Self {
        runtime.block_on(async {
            let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
            let gateway = Gateway::start(bus, Settings::default());
            let key: RoomKey = "acme:project:p1".parse().unwrap();
            let outbox = Outbox::new(16 << 20);
            let member = Arc::new(Membership::new(gateway.hub.clone(), Arc::clone(&outbox)));
            member.join(key.clone(), viewer(), None).await.unwrap();
            let mut last = Value::Null;
            for _ in 0..EVENTS {
                last = say(&gateway).await;
            }
            // All of them, behind `subscribed`.
            let mut seen = 0;
            while seen < EVENTS + 1 {
                seen += outbox.next(usize::MAX).await.frames.len() as u64;
            }
            let last = format!("{}:{}", last["epoch"].as_str().unwrap(), last["seq"]);
            Self {
                gateway,
                key,
                last: last.parse().unwrap(),
                _member: member,
            }
        })
    }

    /// One who has seen all up to `seq`.
    async fn come_back(&self, seq: u64) {
        let outbox = Outbox::new(1 << 20);
        let membership = Membership::new(self.gateway.hub.clone(), Arc::clone(&outbox));
        let position = Position {
            epoch: self.last.epoch.clone(),
            seq,
        };
        let joined = membership.join(self.key.clone(), viewer(), Some(position));
        joined.await.unwrap();
        let frames = outbox.next(usize::MAX).await.frames;
        assert_eq!(frames.len() as u64, 1 + EVENTS - seq);
    }
}

fn viewer() -> Viewer {
    Viewer::Member(UserId::new("u1").unwrap(), Live::ALL)
}

/// Says something; its `ack`.
async fn say(gateway: &Gateway) -> Value {
    let identity = Identity {
        tenant: TenantId::new("acme").unwrap(),
        user: UserId::new("u1").unwrap(),
        name: None,
        projects: Projects::All,
        roles: Box::default(),
        expires_ms: None,
        issued_ms: 0,
    };
    let caller = Caller {
        identity: Arc::new(identity),
        client: Ipv4Addr::LOCALHOST.into(),
        connection: None,
    };
    let message = json!({"user_input": "x".repeat(200), "room": "project:p1", "ai": false});
    let frame = json!({"action": "sendMessage", "data": message}).to_string();
    let frame = read_frame(frame.as_bytes(), 32).unwrap();
    let ack = perform(gateway, &caller, frame).await.unwrap();
    serde_json::from_slice::<Value>(&ack).unwrap()["data"].clone()
}

criterion_group!(benches, recovery);
criterion_main!(benches);
