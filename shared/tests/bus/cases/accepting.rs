//! What people say is stored once, whole, in one order.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::Retention;
use causerie_shared::bus::question::{Accepted, Question, QueueCaps};
use causerie_shared::bus::reply::{Cancelled, Wake};
use causerie_shared::protocol::action::IfBusy::{Interrupt, Reject};
use causerie_shared::protocol::error::Scope;
use causerie_shared::record::Record;

use crate::ear::{Ear, Hints};
use crate::scene::*;
use crate::world::{World, eventually, two_nodes};

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
    let header = &heard.header;
    assert_eq!(header.position, Some(receipt.position));
    assert_eq!(header.in_reply_to.as_ref(), Some(&question.message_id));
    assert!(header.ts.abs_diff(here.clock().now_ms()) < 5_000);
    let frame = durable_frame(&heard);
    assert_eq!(frame["type"], "new_message");
    assert_eq!(frame["room"], "project:p1");
    assert_eq!(frame["data"]["content"], "Wie geht's? „Gut“ \\ \"so\"\n");
}

pub async fn an_id_is_stored_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let attempts: Vec<_> = (0..50)
        .map(|n| {
            let bus = Arc::clone(if n % 2 == 0 { &here } else { &there });
            // Each gateway gives ids of its own to what it stores.
            let question = under_id("c1", question(&room));
            tokio::spawn(async move { bus.accept(&question).await.unwrap() })
        })
        .collect();
    let mut stored = Vec::new();
    let mut repeats = Vec::new();
    for attempt in attempts {
        match attempt.await.unwrap() {
            Accepted::Stored(receipt) => stored.push(receipt),
            Accepted::Repeat(receipt) => repeats.push(receipt),
            refused @ (Accepted::Busy | Accepted::Full { .. }) => panic!("{refused:?}"),
        }
    }
    assert_eq!((stored.len(), repeats.len()), (1, 49));
    assert!(repeats.iter().all(|repeat| *repeat == stored[0]));
    assert_eq!(whole_log(&*here, &room).await.len(), 1);
    let claimed = claim(&*here, &room).await;
    assert_eq!(Some(claimed.lease.message_id), stored[0].reply);
    assert_eq!(try_claim(&*there, &room).await, None);
}

pub async fn a_repeat_gets_the_first_ones_receipt_whatever_it_says<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let first = under_id("c1", question_in(&room, "s1"));
    assert_eq!(here.receipt(&first).await.unwrap(), None);
    let receipt = ask(&*here, &first).await;
    assert_eq!(accept(&*there, &first).await, repeat(&receipt));

    let other = under_id("c1", for_people(question_in(&room, "s2")));
    assert_eq!(accept(&*there, &other).await, repeat(&receipt));
    let claimed = claim(&*here, &room).await;
    finish(&*here, &claimed, "done").await;
    let rejecting = under_id("c1", if_busy(Reject, question_in(&room, "s1")));
    assert_eq!(accept(&*there, &rejecting).await, repeat(&receipt));
    assert_eq!(there.receipt(&rejecting).await.unwrap(), Some(receipt));
    let another = under_id("c2", rejecting);
    assert_eq!(there.receipt(&another).await.unwrap(), None);
    assert_eq!(seqs(&whole_log(&*here, &room).await), [1, 2]);
}

pub async fn the_same_id_elsewhere_is_another_message<W: World>() {
    let (_world, here, _) = two_nodes::<W>(Retention::default()).await;
    for (user, at) in [
        ("u1", "acme:project:p1"),
        ("u2", "acme:project:p1"),
        ("u1", "acme:project:p2"),
        ("u1", "bolt:project:p1"),
    ] {
        ask(&*here, &under_id("c1", asked_by(user, question(&room(at))))).await;
    }
    // Ids are the clients' own, and may hold what separates others.
    for id in ["ü \"\\\n{}:", "u1:c1", "-"] {
        let odd = under_id(id, question(&room("acme:tenant")));
        let receipt = ask(&*here, &odd).await;
        assert_eq!(accept(&*here, &odd).await, repeat(&receipt));
    }
}

pub async fn an_id_is_forgotten_after_its_window<W: World>() {
    let (_world, here, _) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let said = || Question {
        dedup_window: Duration::from_millis(300),
        ..under_id("c1", for_people(question(&room)))
    };
    let receipt = ask(&*here, &said()).await;
    assert_eq!(accept(&*here, &said()).await, repeat(&receipt));
    let again = eventually(async || match accept(&*here, &said()).await {
        Accepted::Stored(receipt) => Some(receipt),
        Accepted::Repeat(_) => None,
        refused @ (Accepted::Busy | Accepted::Full { .. }) => panic!("{refused:?}"),
    })
    .await;
    assert_eq!(again.position.seq, 2);
}

pub async fn people_among_themselves_ask_nobody<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let said = for_people(question_in(&room, "s1"));
    assert_eq!(ask(&*here, &said).await.reply, None);
    assert_eq!(here.reply(&said.message_id).await.unwrap(), None);
    assert!(there.waiting().await.unwrap().places.is_empty());
    assert_eq!(try_claim(&*there, &room).await, None);
    // Nor does it make the session busy.
    ask(&*here, &if_busy(Reject, question_in(&room, "s1"))).await;
}

pub async fn a_hundred_publishers_make_one_order<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ears = [
        Ear::open(&*here, &[&room]).await,
        Ear::open(&*there, &[&room]).await,
    ];
    let publishers: Vec<_> = (0..100)
        .map(|n| {
            let bus = Arc::clone(if n % 2 == 0 { &here } else { &there });
            let said = for_people(question(&room));
            tokio::spawn(async move { ask(&*bus, &said).await.position })
        })
        .collect();
    let mut positions = Vec::new();
    for publisher in publishers {
        positions.push(publisher.await.unwrap());
    }
    positions.sort_by_key(|position| position.seq);
    let log = whole_log(&*here, &room).await;
    let in_log = |record: &Record| record.header.position.clone();
    assert!(log.iter().map(in_log).eq(positions.into_iter().map(Some)));
    assert_eq!(seqs(&log), (1..=100).collect::<Vec<_>>());
    log.iter().for_each(|record| drop(durable_frame(record)));
    for ear in &mut ears {
        let heard = ear.durable(100).await;
        assert!(heard.iter().map(|record| &**record).eq(&log));
    }
}

pub async fn if_busy_queue_waits_its_turn<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let questions = [(); 3].map(|()| question_in(&room, "s1"));
    for question in &questions {
        ask(&*here, question).await;
    }
    let other = question_in(&room, "s2");
    ask(&*here, &other).await;

    let mut claimed = claim(&*there, &room).await;
    assert_eq!(claimed.lease.message_id, *reply_of(&questions[0]));
    // Another session waits for nobody.
    let in_other = claim(&*there, &room).await;
    assert_eq!(in_other.lease.message_id, *reply_of(&other));
    for next in &questions[1..] {
        assert_eq!(try_claim(&*there, &room).await, None);
        finish(&*there, &claimed, "done").await;
        claimed = claim(&*here, &room).await;
        assert_eq!(claimed.lease.message_id, *reply_of(next));
    }
}

pub async fn if_busy_reject_stores_nothing<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let rejecting = if_busy(Reject, question_in(&room, "s1"));
    ask(&*here, &question_in(&room, "s1")).await;
    assert_eq!(accept(&*there, &rejecting).await, Accepted::Busy);
    let claimed = claim(&*here, &room).await;
    assert_eq!(accept(&*there, &rejecting).await, Accepted::Busy);
    assert_eq!(there.reply(reply_of(&rejecting)).await.unwrap(), None);
    assert_eq!(head(&*here, &room).await.seq, 1);
    finish(&*here, &claimed, "done").await;
    ask(&*there, &rejecting).await;
}

pub async fn if_busy_interrupt_ends_the_others<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let [running, second, third] = [(); 3].map(|()| question_in(&room, "s1"));
    for question in [&running, &second, &third] {
        ask(&*here, question).await;
    }
    let elsewhere = question_in(&room, "s2");
    ask(&*here, &elsewhere).await;
    let claimed = claim(&*here, &room).await;
    assert_eq!(claimed.lease.message_id, *reply_of(&running));

    let interrupting = if_busy(Interrupt, question_in(&room, "s1"));
    ask(&*there, &interrupting).await;
    let log = whole_log(&*here, &room).await;
    let ended: Vec<_> = log[4..6].iter().map(ended_reply).collect();
    let expected = [reply_of(&second), reply_of(&third)];
    assert_eq!(
        ended,
        expected.map(|id| (id.to_string(), "cancelled".into()))
    );
    assert_eq!(durable_frame(&log[6])["type"], "new_message");
    assert_eq!(log.len(), 7);

    assert!(is_cancelled(&*here, &claimed.lease).await);
    finish(&*here, &claimed, "so far").await;
    let next = [claim(&*here, &room).await, claim(&*here, &room).await];
    let next = next.map(|claim| claim.lease.message_id);
    assert!(next.contains(reply_of(&interrupting)) && next.contains(reply_of(&elsewhere)));
}

pub async fn if_busy_interrupt_of_an_unclaimed_question<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    ask(&*here, &question_in(&room, "s1")).await;
    let interrupting = if_busy(Interrupt, question_in(&room, "s1"));
    ask(&*there, &interrupting).await;
    assert_eq!(seqs(&whole_log(&*here, &room).await), [1, 2, 3]);
    let claimed = claim(&*here, &room).await;
    assert_eq!(claimed.lease.message_id, *reply_of(&interrupting));
    assert!(!claimed.cancelled);
    assert_eq!(try_claim(&*here, &room).await, None);
}

pub async fn caps_name_what_is_full<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let caps = QueueCaps {
        session: 2,
        user: 3,
        tenant: 4,
    };
    let capped = |user: &str, session: &str| {
        let question = asked_by(user, question_in(&room, session));
        with_caps(caps, question)
    };
    let full = |scope, limit| Accepted::Full { scope, limit };
    ask(&*here, &capped("u1", "s1")).await;
    ask(&*there, &capped("u1", "s1")).await;
    let in_session = capped("u1", "s1");
    assert_eq!(accept(&*there, &in_session).await, full(Scope::User, 2));
    ask(&*here, &capped("u1", "s2")).await;
    let of_user = capped("u1", "s3");
    assert_eq!(accept(&*here, &of_user).await, full(Scope::User, 3));
    ask(&*there, &capped("u2", "s4")).await;
    let of_tenant = capped("u3", "s5");
    assert_eq!(accept(&*here, &of_tenant).await, full(Scope::Tenant, 4));
    assert_eq!(head(&*here, &room).await.seq, 4);
    assert_eq!(here.reply(reply_of(&of_tenant)).await.unwrap(), None);

    // One that runs counts too, until it has ended.
    let claimed = claim(&*here, &room).await;
    assert_eq!(accept(&*here, &of_tenant).await, full(Scope::Tenant, 4));
    finish(&*here, &claimed, "done").await;
    ask(&*here, &of_tenant).await;
    assert_eq!(accept(&*here, &of_user).await, full(Scope::Tenant, 4));
}

pub async fn an_interruption_makes_room_under_the_caps<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let caps = QueueCaps {
        session: 2,
        user: 2,
        tenant: 2,
    };
    let capped = || with_caps(caps, question_in(&room, "s1"));
    let [running, waiting] = [capped(), capped()];
    ask(&*here, &running).await;
    ask(&*here, &waiting).await;
    claim(&*here, &room).await;
    ask(&*there, &if_busy(Interrupt, capped())).await;
    // Where there is no room all the same, nothing is ended.
    let tight = QueueCaps { session: 1, ..caps };
    let tight = with_caps(tight, if_busy(Interrupt, capped()));
    let full = Accepted::Full {
        scope: Scope::User,
        limit: 1,
    };
    assert_eq!(accept(&*there, &tight).await, full);
    assert_eq!(head(&*here, &room).await.seq, 4);
}

pub async fn hints_tell_what_became_runnable<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let mut hints = Hints::open(&*there).await;
    let [first, second] = [(); 2].map(|()| question_in(&room, "s1"));
    let runnable = Wake::Runnable {
        partition: room.partition(),
        tenant: room.tenant.clone(),
    };
    ask(&*here, &first).await;
    assert_eq!(hints.next().await, runnable);
    // The second is not, as long as the first runs.
    ask(&*here, &second).await;
    let claimed = claim(&*there, &room).await;
    let id = &claimed.lease.message_id;
    assert_eq!(here.cancel(&room, id).await.unwrap(), Cancelled::Flagged);
    assert_eq!(hints.next().await, Wake::Cancelled(id.clone()));
    finish(&*there, &claimed, "done").await;
    assert_eq!(hints.next().await, runnable);
}
