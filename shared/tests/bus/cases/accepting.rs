//! What people say is stored once, whole, in one order.

use std::sync::Arc;

use causerie_shared::bus::Retention;
use causerie_shared::bus::question::{Accepted, Question};

use crate::ear::Ear;
use crate::scene::*;
use crate::world::{World, two_nodes};

pub async fn a_message_is_stored_and_heard<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*there, &[&room]).await;
    let question = question(&room);

    let receipt = ask(&*here, &question).await;
    assert_eq!(receipt.message_id, question.message_id);
    assert_eq!(receipt.session, question.session);
    assert_eq!(receipt.reply.as_ref(), Some(reply_of(&question)));
    assert_eq!(receipt.position.seq, 1);

    let (heard_in, heard) = ear.next().await;
    assert_eq!(heard_in, room);
    assert_eq!(whole_log(&*there, &room).await, [(*heard).clone()]);
    assert_eq!(heard.header.position, Some(receipt.position));
    assert_eq!(
        heard.header.in_reply_to.as_ref(),
        Some(&question.message_id)
    );
    assert!(heard.header.ts.abs_diff(here.clock().now_ms()) < 5_000);
    let frame = durable_frame(&heard);
    assert_eq!(frame["type"], "new_message");
    assert_eq!(frame["room"], "project:p1");
    assert_eq!(frame["data"]["content"], "Wie geht's? „Gut“ \\ \"so\"\n");
}

pub async fn an_id_is_stored_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let attempts = (0..50).map(|n| {
        let bus = Arc::clone(if n % 2 == 0 { &here } else { &there });
        // Each gateway gives ids of its own to what it stores.
        let question = Question {
            client_id: client_id("c1"),
            ..question(&room)
        };
        tokio::spawn(async move { bus.accept(&question).await.unwrap() })
    });
    let mut stored = Vec::new();
    let mut repeats = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Accepted::Stored(receipt) => stored.push(receipt),
            Accepted::Repeat(receipt) => repeats.push(receipt),
            other => panic!("refused: {other:?}"),
        }
    }
    assert_eq!((stored.len(), repeats.len()), (1, 49));
    assert!(repeats.iter().all(|repeat| *repeat == stored[0]));
    assert_eq!(whole_log(&*here, &room).await.len(), 1);
    assert_eq!(
        Some(claim(&*here, &room).await.lease.message_id),
        stored[0].reply
    );
    assert_eq!(try_claim(&*there, &room).await, None);
}
