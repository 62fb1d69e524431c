//! Claims, and replies in the making.

use std::collections::HashSet;
use std::sync::Arc;

use causerie_shared::bus::Retention;
use causerie_shared::bus::log::RunningReply;
use causerie_shared::bus::question::Accepted;
use causerie_shared::bus::reply::{
    Appended, Beat, Cancelled, ClaimId, Finished, Lease, ReplyState, ReplyStatus, Waiting, Wake,
};
use causerie_shared::protocol::action::IfBusy;
use causerie_shared::record::Class;
use futures::future::join_all;

use crate::ear::{Ear, Hints};
use crate::scene::*;
use crate::world::{World, two_nodes};

pub async fn a_claim_holds_all_that_a_broker_needs<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let asked = asked_by("u7", question_in(&room, "s1"));
    ask(&*here, &asked).await;
    let first = claim(&*there, &room).await;
    assert_eq!(first.lease.room, room);
    assert_eq!(first.lease.message_id, *reply_of(&asked));
    assert_eq!(first.lease.attempt, 1);
    assert_eq!(first.in_reply_to, asked.message_id);
    assert_eq!((&first.session, &first.user), (&asked.session, &asked.user));
    assert_eq!(first.task, asked.reply.as_ref().unwrap().task);
    assert!(first.turns.is_empty() && first.is_first && !first.cancelled);
    assert!(first.waited_ms < 5_000);
    finish(&*there, &first, "one \u{0}\u{1F600}").await;

    let second = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    assert_eq!(second.turns, ["one \u{0}\u{1F600}"]);
    assert!(!second.is_first);
    let other_session = ask_and_claim(&*here, &question_in(&room, "s2")).await;
    assert!(other_session.turns.is_empty() && other_session.is_first);
}

pub async fn who_waited_longest_is_claimed_first<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let asked = [(); 5].map(|()| question(&room));
    for question in &asked {
        ask(&*here, question).await;
    }
    for (number, question) in asked.iter().enumerate() {
        let claimed = claim(&*there, &room).await;
        assert_eq!(claimed.in_reply_to, question.message_id);
        assert_eq!(claimed.more_wait, number < 4);
    }
    assert_eq!(try_claim(&*here, &room).await, None);
}

pub async fn each_question_is_claimed_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    for _ in 0..20 {
        ask(&*here, &question(&room)).await;
    }
    let claims: Vec<_> = (0..100)
        .map(|n| {
            let bus = Arc::clone(if n % 2 == 0 { &here } else { &there });
            let room = room.clone();
            tokio::spawn(async move { try_claim(&*bus, &room).await })
        })
        .collect();
    let mut claimed = HashSet::new();
    for claim in claims {
        if let Some(claim) = claim.await.unwrap() {
            assert!(claimed.insert(claim.lease));
        }
    }
    assert_eq!(claimed.len(), 20);
}

pub async fn a_claim_repeated_gets_the_same<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    ask(&*here, &question(&room)).await;
    ask(&*here, &question(&room)).await;
    let id = ClaimId::generate();
    let first = here.claim(room.partition(), &room.tenant, &id).await;
    let again = there.claim(room.partition(), &room.tenant, &id).await;
    assert_eq!(first.unwrap(), again.unwrap());
    assert_eq!(here.leases().await.unwrap().len(), 1);
    assert!(try_claim(&*here, &room).await.is_some());
    assert_eq!(try_claim(&*here, &room).await, None);
}

pub async fn waiting_names_tenants_and_partitions<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    assert_eq!(there.waiting().await.unwrap(), Waiting::default());
    let [acme, other, bolt] = ["acme:project:p1", "acme:project:p2", "bolt:project:p1"].map(room);
    for room in [&acme, &acme, &other, &bolt] {
        ask(&*here, &question(room)).await;
    }
    let waiting = there.waiting().await.unwrap();
    assert_eq!(waiting.replies, 4);
    // Of which time goes by.
    while there.waiting().await.unwrap().oldest <= waiting.oldest {}
    let mut waiting = waiting.places;
    let mut of_acme = waiting.remove(&acme.tenant).unwrap();
    of_acme.sort_unstable();
    let mut expected = [acme.partition(), other.partition()];
    expected.sort_unstable();
    assert_eq!(of_acme, expected);
    assert_eq!(waiting.remove(&bolt.tenant).unwrap(), [bolt.partition()]);
    assert!(waiting.is_empty());

    claim(&*here, &bolt).await;
    claim(&*here, &acme).await;
    let waiting = there.waiting().await.unwrap();
    assert_eq!(
        (waiting.places[&acme.tenant].len(), waiting.replies),
        (2, 2)
    );
    claim(&*here, &acme).await;
    claim(&*here, &other).await;
    assert_eq!(there.waiting().await.unwrap(), Waiting::default());
}

pub async fn deltas_are_taken_in_order_and_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let claimed = ask_and_claim(&*here, &question(&room)).await;
    let mut ear = Ear::open(&*there, &[&room]).await;
    let done = Appended::Done { cancelled: false };
    for (index, text, expected) in [
        (1, "early", Appended::Behind { next: 0 }),
        (0, "a", done),
        (0, "a", done),
        (1, "b", done),
        (3, "early", Appended::Behind { next: 2 }),
        (0, "a", done),
        (2, "", done),
        (3, "d", done),
    ] {
        let delta = delta(&claimed, index, text);
        let appended = here.append(&claimed.lease, &delta).await.unwrap();
        assert_eq!(appended, expected, "{index}");
    }
    let heard = ear.until_now(&*here, &room).await;
    let expected = [(0, "a"), (1, "b"), (2, ""), (3, "d")]
        .map(|(index, text)| Arc::new(delta(&claimed, index, text).record));
    assert_eq!(heard, expected);
    let made = there.read(&room, None, 0).await.unwrap().running.remove(0);
    assert_eq!((made.index, made.text.as_str()), (3, "abd"));
}

pub async fn of_many_who_ask_at_once_each_is_answered<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let rooms: Vec<_> = (0..100)
        .map(|number| room(&format!("acme:project:p{number}")))
        .collect();
    let mut claims = Vec::new();
    for room in &rooms {
        claims.push(ask_and_claim(&*here, &question(room)).await);
    }
    let asked = claims.iter().zip(&rooms).map(async |(claim, room)| {
        let stranger = Lease {
            claim: ClaimId::generate(),
            ..claim.lease.clone()
        };
        let [first, again, late] = [0, 0, 7].map(|index| delta(claim, index, "a"));
        let said = for_people(question(room));
        let answers = tokio::join!(
            here.append(&claim.lease, &first),
            here.append(&claim.lease, &again),
            here.append(&claim.lease, &late),
            here.append(&stranger, &first),
            here.beat(&claim.lease, 1),
            here.beat(&stranger, 1),
            here.accept(&said),
        );
        let done = Appended::Done { cancelled: false };
        assert_eq!([answers.0.unwrap(), answers.1.unwrap()], [done; 2]);
        assert_eq!(answers.2.unwrap(), Appended::Behind { next: 1 });
        assert_eq!(answers.3.unwrap(), Appended::Fenced);
        assert_eq!(answers.4.unwrap(), Beat::Held { cancelled: false });
        assert_eq!(answers.5.unwrap(), Beat::Fenced);
        let Accepted::Stored(receipt) = answers.6.unwrap() else {
            panic!("not stored")
        };
        assert_eq!(receipt.message_id, said.message_id);
        assert_eq!(receipt.position.seq, 2);
    });
    join_all(asked).await;
    for claim in &claims {
        let status = there.reply(&claim.lease.message_id).await.unwrap().unwrap();
        assert_eq!((status.reply.text.as_str(), status.reply.index), ("a", 0));
    }
    for lease in there.leases().await.unwrap() {
        assert_eq!(lease.beats, 1);
    }
}

pub async fn an_announcement_is_heard_while_the_lease_holds<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let claimed = ask_and_claim(&*here, &question(&room)).await;
    let mut ear = Ear::open(&*there, &[&room]).await;
    let records = [typing(&room, 1), typing(&room, 2)];
    let held = Beat::Held { cancelled: false };
    assert_eq!(here.announce(&claimed.lease, &records).await.unwrap(), held);
    let heard = ear.until_now(&*here, &room).await;
    assert_eq!(heard, records.map(Arc::new));
    finish(&*here, &claimed, "done").await;
    ear.durable(1).await;
    let late = here.announce(&claimed.lease, &[typing(&room, 3)]).await;
    assert_eq!(late.unwrap(), Beat::Fenced);
    let after = ear.until_now(&*here, &room).await;
    assert!(after.iter().all(|record| record.header.ts != 3));
}

pub async fn an_ending_is_whole_and_happens_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let claimed = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    let mut ear = Ear::open(&*there, &[&room]).await;
    let ending = ending(&claimed, "the end");
    for bus in [&here, &there] {
        let finished = bus.finish(&claimed.lease, &ending).await.unwrap();
        assert_eq!(finished, Finished::Done);
    }
    let heard = ear.until_now(&*here, &room).await;
    let [before, message, after] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!(**before, ending.before[0]);
    assert_eq!(**after, ending.after[0]);
    let position = at(&head(&*here, &room).await, 2);
    let expected = ending.message.place(position, message.header.ts);
    assert_eq!(**message, expected);
    assert_eq!(durable_frame(message)["data"]["content"], "the end");
    assert_eq!(seqs(&whole_log(&*here, &room).await), [1, 2]);
    assert!(here.leases().await.unwrap().is_empty());
    // The turn was kept once too.
    let next = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    assert_eq!(next.turns, ["the end"]);
}

pub async fn nothing_more_comes_of_a_reply_that_ended<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let claimed = ask_and_claim(&*here, &question(&room)).await;
    let lease = &claimed.lease;
    let seen = here.leases().await.unwrap().remove(0);
    finish(&*here, &claimed, "the end").await;
    let appended = there.append(lease, &delta(&claimed, 0, "more")).await;
    assert_eq!(appended.unwrap(), Appended::Fenced);
    assert_eq!(there.beat(lease, 1).await.unwrap(), Beat::Fenced);
    assert_eq!(take_over(&*there, &seen).await, None);
    let mut later = claimed.clone();
    later.lease.attempt = 2;
    let finished = there.finish(&later.lease, &ending(&later, "x")).await;
    assert_eq!(finished.unwrap(), Finished::Fenced);
    assert_eq!(seqs(&whole_log(&*here, &room).await), [1, 2]);
}

pub async fn a_lease_that_never_was_is_fenced<W: World>() {
    let (_world, here, _) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let waiting = question(&room);
    let mut claimed = ask_and_claim(&*here, &question(&room)).await;
    ask(&*here, &waiting).await;
    claimed.lease.message_id = reply_of(&waiting).clone();
    for attempt in [0, 1] {
        claimed.lease.attempt = attempt;
        assert_eq!(here.beat(&claimed.lease, 1).await.unwrap(), Beat::Fenced);
        let ended = here.finish(&claimed.lease, &ending(&claimed, "x")).await;
        assert_eq!(ended.unwrap(), Finished::Fenced);
    }
    let unknown = question(&room);
    claimed.lease.message_id = reply_of(&unknown).clone();
    let appended = here.append(&claimed.lease, &delta(&claimed, 0, "x")).await;
    assert_eq!(appended.unwrap(), Appended::Fenced);
    let cancelled = here.cancel(&room, reply_of(&unknown)).await;
    assert_eq!(cancelled.unwrap(), Cancelled::NotRunning);
    assert_eq!(here.reply(reply_of(&unknown)).await.unwrap(), None);
}

pub async fn context_keeps_the_last_turns<W: World>() {
    let retention = Retention {
        max_turns: 3,
        ..Retention::default()
    };
    let (_world, here, _) = two_nodes::<W>(retention).await;
    let room = room("acme:user:u1");
    for turn in ["1", "2", "3", "4", "5"] {
        let claimed = ask_and_claim(&*here, &question_in(&room, "s1")).await;
        finish(&*here, &claimed, turn).await;
    }
    // One that says nothing for the context leaves it as it is.
    let silent = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    let mut ending = ending(&silent, "failed");
    ending.turn = None;
    ending.dead_letter = Some("tried three times".into());
    here.finish(&silent.lease, &ending).await.unwrap();
    let claimed = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    assert_eq!(claimed.turns, ["3", "4", "5"]);
}

pub async fn context_keeps_so_many_bytes<W: World>() {
    let retention = Retention {
        max_turn_bytes: 10,
        ..Retention::default()
    };
    let (_world, here, _) = two_nodes::<W>(retention).await;
    let room = room("acme:user:u1");
    let long = "longer than all that";
    for (turn, kept) in [
        ("12345", &["12345"] as &[_]),
        ("67890", &["12345", "67890"]),
        ("a", &["67890", "a"]),
        (long, &[long]),
        ("b", &["b"]),
    ] {
        let claimed = ask_and_claim(&*here, &question_in(&room, "s1")).await;
        finish(&*here, &claimed, turn).await;
        let next = ask_and_claim(&*here, &question_in(&room, "s1")).await;
        assert_eq!(next.turns, kept);
        let mut ending = ending(&next, "");
        ending.turn = None;
        here.finish(&next.lease, &ending).await.unwrap();
    }
}

pub async fn what_waits_is_cancelled_at_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let questions = [(); 3].map(|()| question_in(&room, "s1"));
    for question in &questions {
        ask(&*here, question).await;
    }
    let mut ear = Ear::open(&*there, &[&room]).await;
    // One that could be claimed, and one behind another.
    for (n, question) in [(0, &questions[0]), (1, &questions[2])] {
        let reply = reply_of(question);
        let cancelled = there.cancel(&room, reply).await.unwrap();
        assert_eq!(cancelled, Cancelled::Finished);
        let record = ear.record().await;
        let awaited = question.reply.as_ref().unwrap();
        let position = at(&head(&*here, &room).await, 4 + n);
        let expected = awaited.cancelled.place(position, record.header.ts);
        assert_eq!(*record, expected);
        assert_eq!(
            ended_reply(&record),
            (reply.to_string(), "cancelled".into())
        );
        let again = here.cancel(&room, reply).await.unwrap();
        assert_eq!(again, Cancelled::Finished);
    }
    assert_eq!(seqs(&whole_log(&*here, &room).await), [1, 2, 3, 4, 5]);
    let claimed = claim(&*here, &room).await;
    assert_eq!(claimed.lease.message_id, *reply_of(&questions[1]));
    assert!(claimed.is_first, "no broker has finished one");
    finish(&*here, &claimed, "done").await;
    assert_eq!(try_claim(&*here, &room).await, None);
    ask(&*here, &if_busy(IfBusy::Reject, question_in(&room, "s1"))).await;
}

pub async fn what_runs_is_flagged_and_its_broker_told<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut hints = Hints::open(&*here).await;
    ask(&*here, &question(&room)).await;
    assert!(matches!(hints.next().await, Wake::Runnable { .. }));
    let id = ClaimId::generate();
    let claim = || here.claim(room.partition(), &room.tenant, &id);
    let claimed = claim().await.unwrap().unwrap();
    let lease = &claimed.lease;
    let held = here.beat(lease, 1).await.unwrap();
    assert_eq!(held, Beat::Held { cancelled: false });
    for _ in 0..2 {
        let flagged = there.cancel(&room, &lease.message_id).await.unwrap();
        assert_eq!(flagged, Cancelled::Flagged);
        assert_eq!(
            hints.next().await,
            Wake::Cancelled(lease.message_id.clone())
        );
    }
    let held = Beat::Held { cancelled: true };
    assert_eq!(here.beat(lease, 2).await.unwrap(), held);
    assert_eq!(here.announce(lease, &[]).await.unwrap(), held);
    let appended = here.append(lease, &delta(&claimed, 0, "a")).await;
    assert_eq!(appended.unwrap(), Appended::Done { cancelled: true });
    assert!(claim().await.unwrap().unwrap().cancelled);
    // Whatever was said meanwhile, it ends as was promised.
    let mut ending = ending(&claimed, "a");
    let refused = here.finish(lease, &ending).await.unwrap();
    assert_eq!(refused, Finished::Cancelled);
    assert_eq!(seqs(&whole_log(&*here, &room).await), [1]);
    ending.says_cancelled = true;
    // Who tries again was perhaps not told.
    for _ in 0..2 {
        let ended = here.finish(lease, &ending).await.unwrap();
        assert_eq!(ended, Finished::Done);
        assert_eq!(seqs(&whole_log(&*here, &room).await), [1, 2]);
    }
    let late = there.cancel(&room, &lease.message_id).await.unwrap();
    assert_eq!(late, Cancelled::NotRunning);
}

pub async fn a_reply_is_found_by_both_ids_in_each_state<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let asked = question_in(&room, "s1");
    let status = async || {
        let by_reply = there.reply(reply_of(&asked)).await.unwrap();
        let by_question = there.reply(&asked.message_id).await.unwrap();
        assert_eq!(by_reply, by_question);
        by_reply
    };
    let expected = |attempt, index, text: &str, state| {
        let reply = RunningReply {
            message_id: reply_of(&asked).clone(),
            session: asked.session.clone(),
            in_reply_to: asked.message_id.clone(),
            attempt,
            index,
            text: text.into(),
        };
        let room = room.clone();
        Some(ReplyStatus { room, reply, state })
    };
    assert_eq!(status().await, None);
    ask(&*here, &asked).await;
    assert_eq!(status().await, expected(0, -1, "", ReplyState::Queued));
    let claimed = claim(&*here, &room).await;
    assert_eq!(status().await, expected(1, -1, "", ReplyState::Running));
    here.append(&claimed.lease, &delta(&claimed, 0, "so"))
        .await
        .unwrap();
    assert_eq!(status().await, expected(1, 0, "so", ReplyState::Running));
    finish(&*here, &claimed, "so it is").await;
    let message = whole_log(&*here, &room).await.pop();
    assert!(
        message
            .as_ref()
            .is_some_and(|record| record.header.class == Class::Final)
    );
    assert_eq!(
        status().await,
        expected(1, -1, "", ReplyState::Done { message })
    );

    let cancelled = question_in(&room, "s1");
    ask(&*here, &cancelled).await;
    here.cancel(&room, reply_of(&cancelled)).await.unwrap();
    let message = whole_log(&*here, &room).await.pop();
    let status = there.reply(&cancelled.message_id).await.unwrap().unwrap();
    assert_eq!(status.state, ReplyState::Done { message });
    assert_eq!(status.reply.attempt, 0);
}

pub async fn a_reply_outlives_its_message_in_the_log<W: World>() {
    let retention = Retention {
        max_events: 3,
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    let room = room("acme:project:p1");
    let asked = question(&room);
    let claimed = ask_and_claim(&*here, &asked).await;
    finish(&*here, &claimed, "gone soon").await;
    for _ in 0..3 {
        ask(&*here, &for_people(question(&room))).await;
    }
    let status = there.reply(&asked.message_id).await.unwrap().unwrap();
    assert_eq!(status.state, ReplyState::Done { message: None });
    let again = there
        .finish(&claimed.lease, &ending(&claimed, "again"))
        .await;
    assert_eq!(again.unwrap(), Finished::Done);
    assert_eq!(head(&*here, &room).await.seq, 5);
}
