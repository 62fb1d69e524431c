//! What is told while the bus is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::presence::Attendance;
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::ids::RunId;
use causerie_shared::room::{Room, RoomKey};
use causerie_testkit::bus_before_another;
use tokio::time::{Instant, sleep};

use super::hosts::Hosts;
use super::later::{Later, MOST_FAILED};
use super::telling::Telling;
use super::watching::Watching;
use super::{Changes, Leaving, Presence, Whose};
use crate::connection::{Connection, Transport};
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::outbox::Outbox;
use crate::settings::Settings;

/// A bus that may be away.
#[derive(Debug)]
struct Away {
    bus: MemoryBus,
    is_away: AtomicBool,
}

bus_before_another!(Away);

impl Away {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            bus: MemoryBus::new(Retention::default()),
            is_away: AtomicBool::new(false),
        })
    }

    fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// How many users are in the room.
    async fn present(&self, room: &RoomKey) -> usize {
        self.bus.present(room, None, 100).await.unwrap().len()
    }

    async fn pass<T, F>(&self, call: impl Fn() -> F) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, BusError>>,
    {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(BusError::Unavailable("it is away".into()));
        }
        call().await
    }
}

fn visitor(number: usize) -> Whose {
    let tenant = "acme".parse().unwrap();
    (tenant, format!("u{number:08}").parse().unwrap())
}

fn connection(gateway: &Gateway, identity: Identity) -> Arc<Connection> {
    let connection = Connection::new(
        gateway,
        Arc::new(identity),
        std::net::Ipv4Addr::LOCALHOST.into(),
        Transport::WebSocket,
        Outbox::new(1 << 20),
        &Settings::default(),
    );
    let connection = Arc::new(connection);
    gateway.registry.add(&connection);
    connection
}

/// What is told under `host` of one who is in the room.
fn here(host: RunId, room: &RoomKey, who: &str) -> Attendance {
    Attendance {
        host,
        is_first: false,
        room: room.clone(),
        user: who.parse().unwrap(),
        connections: 1,
        name: None,
        status: None,
    }
}

/// The clock stands still wherever something is left to do.
#[tokio::test(start_paused = true)]
async fn what_comes_after_what_was_told_later_does_not_last() {
    let bus = Away::new();
    let gateway = Gateway::start(bus.clone(), Settings::default());
    let somebody = connection(&gateway, Identity::plain("u1"));
    somebody.join(&Room::Tenant, None).await.unwrap();
    let touch = |who: &str, leaving| {
        let presence = &gateway.presence;
        presence.touch(&Identity::plain(who), [Room::Tenant], leaving);
    };
    touch("u1", Leaving::Perhaps);
    sleep(Duration::from_secs(1)).await;
    let tenant: RoomKey = "acme:tenant".parse().unwrap();
    assert_eq!(bus.present(&tenant).await, 1);

    bus.set_away(true);
    touch("u2", Leaving::ForGood);
    sleep(Duration::from_secs(1)).await;
    bus.set_away(false);
    sleep(Duration::from_secs(5)).await;
    // What was told while it was away was that they are here.
    let host = gateway.presence.hosts().of(tenant.partition()).id;
    let late = here(host, &tenant, "u2");
    bus.bus.attend(&late, 0).await.unwrap();
    assert_eq!(bus.present(&tenant).await, 2);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(bus.present(&tenant).await, 1);
}

#[tokio::test]
async fn who_joins_room_after_room_is_told_of_once_in_their_own() {
    let gateway = Gateway::start(Away::new(), Settings::default());
    let somebody = connection(&gateway, Identity::plain("u1"));
    let own: Room = "user:u1".parse().unwrap();
    let projects: [Room; 2] = ["project:p1", "project:p2"].map(|room| room.parse().unwrap());
    for room in projects.iter().chain([&own]) {
        somebody.join(room, None).await.unwrap();
    }
    // Of this one nobody tells anything.
    let presence = Presence::default();
    let joined = presence.joined_by(&somebody);
    let [first, second] = projects;
    for (room, expected) in [(&first, vec![&first, &own]), (&second, vec![&second])] {
        joined(room.clone());
        let touched = std::mem::take(&mut presence.lock().touched);
        let touched: Vec<_> = touched.values().flat_map(|of| of.keys()).collect();
        assert_eq!(touched.len(), expected.len(), "{touched:?}");
        assert!(
            expected.iter().all(|room| touched.contains(room)),
            "{touched:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_seldom_what_users_have_said_to_be() {
    let gateway = Gateway::start(Away::new(), Settings::default());
    let presence = gateway.presence.clone();
    let until_learned = async || {
        let began = Instant::now();
        presence.note_missed_statuses();
        while presence.lock().has_missed_statuses {
            sleep(Duration::from_millis(1)).await;
        }
        began.elapsed()
    };
    assert!(until_learned().await < Duration::from_secs(1));
    for _ in 0..2 {
        let took = until_learned().await;
        assert!(took > Duration::from_secs(9), "{took:?}");
        assert!(took < Duration::from_secs(11), "{took:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_told_is_not_remembered_without_end() {
    let bus = Away::new();
    bus.set_away(true);
    let gateway = Gateway::start(bus.clone(), Settings::default());
    // Nobody else is to tell anything.
    gateway.stop().await;
    let mut telling = Telling::new(Arc::clone(&gateway));
    for number in 0..2 * MOST_FAILED {
        let whose = visitor(number);
        let own = Room::User(whose.1.clone());
        let mut changes = gateway.presence.lock();
        changes.touch(&whose, [own], Leaving::ForGood);
    }
    while !gateway.presence.lock().touched.is_empty() {
        telling.tell().await;
        assert!(telling.later.failed.len() <= MOST_FAILED);
    }
    bus.set_away(false);
    assert!(!gateway.presence.hosts().has_renewed());
    Watching::new(Arc::clone(&gateway)).look().await;
    assert!(gateway.presence.hosts().has_renewed());
}

#[test]
fn a_partition_that_answers_is_not_told_anew_for_what_it_does_not_take() {
    let (mut later, mut hosts) = (Later::default(), Hosts::default());
    let tenant: RoomKey = "acme:tenant".parse().unwrap();
    let one = here(RunId::generate(), &tenant, "u1");
    for _ in 0..=MOST_FAILED {
        later.put_off(&one, false, &mut hosts);
    }
    assert_eq!(later.failed.len(), MOST_FAILED);
    assert!(!hosts.has_given_up(tenant.partition()));
}

#[test]
fn all_get_their_turn() {
    let mut changes = Changes::default();
    let [first, second] = [1, 2].map(visitor);
    let mut last = None;
    for whose in [&first, &second, &first, &second] {
        for one in [&first, &second] {
            changes.touch(one, [Room::Tenant], Leaving::Perhaps);
        }
        let (taken, _) = changes.take_after(last.as_ref()).unwrap();
        assert_eq!(taken, *whose);
        last = Some(taken);
    }
}
