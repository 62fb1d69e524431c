//! What is told while the bus is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{BusError, Retention};
use causerie_shared::room::Room;
use causerie_testkit::bus_before_another;

use super::telling::{MOST_FAILED, Telling};
use super::watching::Watching;
use super::{Changes, Leaving, Whose};
use crate::gateway::Gateway;
use crate::settings::Settings;

/// A bus that may be away.
#[derive(Debug)]
struct Away {
    bus: MemoryBus,
    is_away: AtomicBool,
}

bus_before_another!(Away);

impl Away {
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

#[tokio::test]
async fn what_cannot_be_told_is_not_remembered_without_end() {
    let bus = Arc::new(Away {
        bus: MemoryBus::new(Retention::default()),
        is_away: AtomicBool::new(true),
    });
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
        assert!(telling.failed.len() <= MOST_FAILED);
    }
    bus.is_away.store(false, Ordering::Relaxed);
    assert!(!gateway.presence.hosts().has_renewed());
    Watching::new(Arc::clone(&gateway)).look().await;
    assert!(gateway.presence.hosts().has_renewed());
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
