//! A hub whose one shard is played by the test.

use std::net::Ipv4Addr;

use causerie_shared::bus::Retention;
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::ids::UserId;
use causerie_shared::protocol::action::read_frame;
use tokio::sync::mpsc;

use super::*;
use crate::actions::{Caller, perform};
use crate::frame::OutFrame;
use crate::gateway::Gateway;
use crate::hub::membership::Membership;
use crate::hub::shard::PAGE;
use crate::hub::testing::{delta, room};
use crate::identity::Identity;
use crate::outbox::Pushed;

/// Says so much in the room, and gives the position before it.
async fn say(gateway: &Gateway, count: usize) -> Position {
    let identity = Identity::plain("u1");
    let caller = Caller {
        identity: Arc::new(identity),
        client: Ipv4Addr::LOCALHOST.into(),
        connection: None,
    };
    let message = br#"{"action":"sendMessage","user_input":"x","room":"project:p1","ai":false}"#;
    for _ in 0..count {
        let message = read_frame(message, 16).unwrap();
        perform(gateway, &caller, message).await.unwrap();
    }
    let page = gateway.bus.read(&room(), None, 0).await.unwrap();
    Position {
        seq: 0,
        ..page.head
    }
}

/// A hub, and what its shard is told.
fn hub_on(bus: Arc<dyn Bus>) -> (Hub, mpsc::Receiver<Command>) {
    let (shards, mut queues) = Shards::new(1);
    let hub = Hub(Arc::new(Shared {
        bus,
        shards,
        runtime: Handle::current(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    }));
    (hub, queues.remove(0))
}

fn viewer() -> Viewer {
    Viewer::Member(UserId::new("u1").unwrap(), Live::ALL)
}

/// Else its frames would be looked at one by one for the rest of its life.
#[tokio::test]
async fn who_could_not_join_anew_lacks_no_text_of_the_room() {
    let (hub, mut queue) = hub_on(Arc::new(MemoryBus::new(Retention::default())));
    let outbox = Outbox::new(1 << 10);
    let text = OutFrame::event(&room(), &delta(1, 1, 0, &"x".repeat(100)));
    while outbox.push(&text) != Pushed::DroppedText {}
    outbox.next(usize::MAX).await;
    assert_eq!(outbox.push(&text), Pushed::DroppedText);
    let membership = Membership::new(hub, Arc::clone(&outbox));
    let refuse = async {
        let Some(Command::Join { reply, .. }) = queue.recv().await else {
            panic!("the shard was not asked to let anybody in");
        };
        let away = BusError::Unavailable("away".into());
        reply.send(Err(away)).unwrap();
    };
    let (joined, ()) = tokio::join!(membership.join(room(), viewer(), None), refuse);
    assert!(matches!(joined, Err(NotJoined::Bus(_))));
    assert_eq!(outbox.push(&text), Pushed::Queued);
}

#[tokio::test]
async fn a_shard_is_not_asked_for_each_page_that_is_read() {
    const PAGES: usize = 5;
    let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
    let gateway = Gateway::start(Arc::clone(&bus), Settings::default());
    let start = say(&gateway, PAGES * PAGE).await;
    let (hub, mut queue) = hub_on(bus);
    let join = Join {
        room: room(),
        outbox: Outbox::new(1 << 20),
        viewer: viewer(),
        start: Start::Asked(start),
        told: Arc::default(),
    };
    let outbox = Arc::clone(&join.outbox);
    let joining = tokio::spawn(async move { hub.join(join).await });
    let mut starts = Vec::new();
    for joined in [Joined::Behind, Joined::Member] {
        let Some(Command::Join { join, reply }) = queue.recv().await else {
            panic!("the shard was not asked to let anybody in");
        };
        starts.push(join.start);
        reply.send(Ok(joined)).unwrap();
    }
    joining.await.unwrap().unwrap();
    assert!(matches!(starts[0], Start::Asked(_)));
    assert!(matches!(starts[1], Start::Reached { is_head: true, .. }));
    let sent = outbox.next(usize::MAX).await.frames.len();
    assert_eq!(sent, 1 + PAGES * PAGE);
}

/// Else it would wait for ever for a room that nobody lets it into.
#[tokio::test]
async fn who_is_not_answered_by_a_shard_is_sent_away_to_come_back() {
    let (hub, mut queue) = hub_on(Arc::new(MemoryBus::new(Retention::default())));
    let outbox = Outbox::new(1 << 10);
    let membership = Membership::new(hub, Arc::clone(&outbox));
    let ignore = async { drop(queue.recv().await) };
    tokio::join!(membership.join_at_last(room(), viewer(), None), ignore);
    let closed = outbox.next(usize::MAX).await.close.unwrap();
    assert_eq!(closed.code, CloseCode::LostPlace);
}

/// The shard may have heard of what a bus that lags does not give yet.
#[tokio::test(start_paused = true)]
async fn a_bus_that_gives_nothing_new_is_asked_again_after_a_pause() {
    let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
    let gateway = Gateway::start(Arc::clone(&bus), Settings::default());
    let start = say(&gateway, 1).await;
    let (hub, mut queue) = hub_on(bus);
    let join = Join {
        room: room(),
        outbox: Outbox::new(1 << 20),
        viewer: viewer(),
        start: Start::Asked(start),
        told: Arc::default(),
    };
    let joining = tokio::spawn(async move { hub.join(join).await });
    let begin = tokio::time::Instant::now();
    let mut asked = Vec::new();
    for joined in [
        Joined::Behind,
        Joined::Behind,
        Joined::Behind,
        Joined::Member,
    ] {
        let Some(Command::Join { reply, .. }) = queue.recv().await else {
            panic!("the shard was not asked to let anybody in");
        };
        asked.push(begin.elapsed());
        reply.send(Ok(joined)).unwrap();
    }
    joining.await.unwrap().unwrap();
    assert_eq!(asked[0], asked[1], "what was missed was read at once");
    assert!(asked[2] > asked[1] && asked[3] > asked[2], "{asked:?}");
}
