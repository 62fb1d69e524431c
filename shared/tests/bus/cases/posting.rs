//! What servers publish reaches all, once.

use std::time::Duration;

use causerie_shared::bus::posting::{Posted, PostedEvent, Posting};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::protocol::action::ClientId;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Unplaced};
use causerie_shared::room::RoomKey;
use serde_json::json;

use crate::ear::Ear;
use crate::scene::*;
use crate::world::{World, eventually, two_nodes};

/// An event of a name of its own, to be kept.
pub fn posting(room: &RoomKey, id: &str) -> Posting {
    let header = Header {
        class: Class::Durable,
        event: "order.paid".into(),
        position: None,
        ts: 0,
        reply: None,
        in_reply_to: None,
        excluded: None,
        trace: None,
    };
    let tail = frame::durable_tail_named("order.paid", &room.room, &json!({"ü": "\"\n"}));
    Posting {
        room: room.clone(),
        id: ClientId::new(id).unwrap(),
        dedup_window: Duration::from_secs(600),
        event: PostedEvent::Durable(Unplaced { header, tail }),
    }
}

/// One that is not.
pub fn passing(room: &RoomKey, id: &str) -> Posting {
    Posting {
        event: PostedEvent::Transient(typing(room, 7)),
        ..posting(room, id)
    }
}

async fn post(bus: &dyn Bus, posting: &Posting) -> Posted {
    bus.post(posting).await.unwrap()
}

pub async fn an_event_of_a_server_is_kept_and_heard<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*there, &[&room]).await;
    ask(&*here, &for_people(question(&room))).await;
    let posted = post(&*here, &posting(&room, "o1")).await;
    assert!(!posted.is_repeat);
    assert_eq!(posted.position, Some(head(&*there, &room).await));
    let heard = ear.durable(2).await;
    assert_eq!(
        whole_log(&*there, &room).await,
        [(*heard[0]).clone(), (*heard[1]).clone()]
    );
    let frame = durable_frame(&heard[1]);
    assert_eq!(
        (&frame["seq"], &frame["type"]),
        (&json!(2), &json!("order.paid"))
    );
    assert_eq!(frame["data"], json!({"ü": "\"\n"}));
    let changes = there.changed(room.partition(), 0).await.unwrap();
    assert_eq!(changes.rooms, [(room, posted.position.unwrap())]);
}

pub async fn an_event_that_passes_is_heard_and_not_kept<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*there, &[&room]).await;
    let passed = passing(&room, "o1");
    let once = Posted {
        position: None,
        is_repeat: false,
    };
    assert_eq!(post(&*here, &passed).await, once);
    let again = Posted {
        is_repeat: true,
        ..once
    };
    assert_eq!(post(&*there, &passed).await, again);
    let heard = ear.until_now(&*here, &room).await;
    assert_eq!(heard.len(), 1);
    assert_eq!(*heard[0], typing(&room, 7));
    assert_eq!(head(&*here, &room).await.seq, 0);
}

pub async fn an_event_is_published_once_under_its_id<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room_1 = room("acme:project:p1");
    let first = post(&*here, &posting(&room_1, "o1")).await;
    for repeat in [posting(&room_1, "o1"), passing(&room_1, "o1")] {
        let again = post(&*there, &repeat).await;
        assert!(again.is_repeat);
        assert_eq!(again.position, first.position);
    }
    assert_eq!(whole_log(&*here, &room_1).await.len(), 1);
    // Elsewhere, or under another, it is another.
    for (at, id) in [
        ("acme:project:p1", "o2"),
        ("acme:project:p2", "o1"),
        ("acme:tenant", "o1"),
        ("bolt:project:p1", "o1"),
        ("acme:project:p1", "ü \"\\\n{}:"),
    ] {
        assert!(
            !post(&*here, &posting(&room(at), id)).await.is_repeat,
            "{at} {id}"
        );
    }
    // And a person's is another than a server's.
    ask(&*here, &under_id("o1", for_people(question(&room_1)))).await;
}

pub async fn an_id_of_an_event_is_forgotten_after_its_window<W: World>() {
    let (_world, here, _) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let briefly = Posting {
        dedup_window: Duration::from_millis(300),
        ..posting(&room, "o1")
    };
    assert!(!post(&*here, &briefly).await.is_repeat);
    assert!(post(&*here, &briefly).await.is_repeat);
    let again = eventually(async || {
        let posted = post(&*here, &briefly).await;
        (!posted.is_repeat).then_some(posted)
    })
    .await;
    assert_eq!(again.position.unwrap().seq, 2);
}
