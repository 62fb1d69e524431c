//! What is deleted is read by nobody any more, and leaves no hole.

use bytes::Bytes;
use causerie_shared::bus::deletion::{Deleted, Deletion, tombstone};
use causerie_shared::bus::log::{HistoryRange, Missed};
use causerie_shared::bus::question::Question;
use causerie_shared::bus::reply::{Cancelled, Claim, Finished, ReplyState};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::record::{Class, Record};
use causerie_shared::room::RoomKey;
use serde_json::json;

use crate::ear::Ear;
use crate::scene::*;
use crate::world::{World, two_nodes};

/// What was said, and is said nowhere else.
const TEXT: &[u8] = b"Wie geht's?";

pub fn deletion(room: &RoomKey, message_id: &MessageId) -> Deletion {
    let mut event = tombstone(&room.room);
    event.header.in_reply_to = Some(message_id.clone());
    Deletion {
        room: room.clone(),
        message_id: message_id.clone(),
        author: None,
        event,
    }
}

pub async fn delete(bus: &dyn Bus, room: &RoomKey, message_id: &MessageId) -> Deleted {
    bus.delete(&deletion(room, message_id)).await.unwrap()
}

/// The same by one who may delete their own alone.
async fn delete_own(bus: &dyn Bus, name: &str, question: &Question) -> Deleted {
    let deletion = Deletion {
        author: Some(user(name)),
        ..deletion(&question.room, &question.message_id)
    };
    bus.delete(&deletion).await.unwrap()
}

/// Says as much in the room.
async fn say(bus: &dyn Bus, room: &RoomKey, count: usize) -> Vec<Question> {
    let mut said = Vec::new();
    for _ in 0..count {
        let question = for_people(question(room));
        ask(bus, &question).await;
        said.push(question);
    }
    said
}

fn done(head: &Position, seq: u64) -> Deleted {
    let position = at(head, seq);
    Deleted::Done { position }
}

fn holds_text(records: &[Record]) -> bool {
    let has_text = |record: &Record| record.encode().windows(TEXT.len()).any(|at| at == TEXT);
    records.iter().any(has_text)
}

/// The `seq`s at which there are tombstones.
fn tombs(records: &[Record]) -> Vec<u64> {
    let tombs = records.iter().filter(|record| {
        let frame = durable_frame(record);
        frame["type"] == "message_deleted" && record.header.in_reply_to.is_none()
    });
    seqs(tombs)
}

pub async fn a_tombstone_takes_the_place_of_what_is_deleted<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*there, &[&room]).await;
    let said = say(&*here, &room, 3).await;
    let before = whole_log(&*here, &room).await;
    let start = head(&*here, &room).await;
    let deleted = delete(&*here, &room, &said[1].message_id).await;
    assert_eq!(deleted, done(&start, 4));

    let heard = ear.durable(4).await;
    let log = whole_log(&*there, &room).await;
    assert_eq!(seqs(&log), [1, 2, 3, 4]);
    assert_eq!([&log[0], &log[2]], [&before[0], &before[2]]);
    assert_eq!(log[3], *heard[3]);
    // At its place, and of its time.
    let (tomb, was) = (&log[1], &before[1]);
    let places = [tomb, was].map(|record| (record.header.position.clone(), record.header.ts));
    assert_eq!(places[0], places[1]);
    let frame = json!({
        "seq": 2, "epoch": start.epoch.as_str(), "ts": tomb.header.ts,
        "type": "message_deleted", "room": "project:p1", "data": {},
    });
    assert_eq!(durable_frame(tomb), frame);
    assert_eq!(tomb.header.class, Class::Durable);
    assert!(holds_text(&before) && holds_text(&log));
    for question in [&said[0], &said[2]] {
        delete(&*there, &room, &question.message_id).await;
    }
    assert!(!holds_text(&whole_log(&*here, &room).await));
    let changes = there.changed(room.partition(), 0).await.unwrap();
    assert_eq!(changes.rooms, [(room, at(&start, 6))]);
}

pub async fn a_log_with_tombstones_is_read_without_a_hole<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let said = say(&*here, &room, 7).await;
    // The first ones too: the log goes back to its beginning all the same.
    for at in [0, 1, 4, 6] {
        delete(&*here, &room, &said[at].message_id).await;
    }
    let start = head(&*here, &room).await;
    for after in 0..=11 {
        let expected: Vec<_> = (after + 1..=11).collect();
        let read = missed(&*there, &room, &at(&start, after)).await;
        assert_eq!(read, Some(expected), "after {after}");
        let page = there
            .read(&room, Some(&at(&start, after)), 2)
            .await
            .unwrap();
        let Missed::Records(records) = page.missed else {
            panic!("lost after {after}")
        };
        let expected: Vec<_> = (after + 1..=11).take(2).collect();
        assert_eq!(seqs(&records), expected);
    }
    assert_eq!(tombs(&whole_log(&*there, &room).await), [1, 2, 5, 7]);
    for (before, after, limit, expected, has_more) in [
        (None, None, 3, vec![9, 10, 11], true),
        (Some(8), None, 3, vec![5, 6, 7], true),
        (Some(3), None, 2, vec![1, 2], false),
        (Some(3), None, 1, vec![2], true),
        (Some(2), None, 5, vec![1], false),
        (Some(1), None, 5, vec![], false),
        (None, Some(0), 3, vec![1, 2, 3], true),
        (None, Some(4), 3, vec![5, 6, 7], true),
        (Some(6), Some(4), 3, vec![5], false),
        (None, Some(8), 3, vec![9, 10, 11], false),
    ] {
        let range = HistoryRange { before, after };
        let history = there.history(&room, range, limit).await.unwrap();
        assert_eq!(seqs(&history.records), expected, "{range:?}");
        assert_eq!(history.has_more, has_more, "{range:?}");
        let reached = if after.is_some() {
            expected.last()
        } else {
            expected.first()
        };
        assert_eq!(history.reached.as_ref(), reached, "{range:?}");
    }
}

pub async fn tombstones_go_with_the_log<W: World>() {
    let retention = Retention {
        max_events: 5,
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    let room = room("acme:project:p1");
    let mut said = say(&*here, &room, 5).await;
    for at in [0, 2] {
        delete(&*here, &room, &said[at].message_id).await;
    }
    // 3 and what follows: 1, though deleted later than 2 was said, is gone.
    let start = head(&*here, &room).await;
    assert_eq!(seqs(&whole_log(&*there, &room).await), [3, 4, 5, 6, 7]);
    assert_eq!(tombs(&whole_log(&*there, &room).await), [3]);
    assert_eq!(missed(&*there, &room, &at(&start, 1)).await, None);
    assert!(missed(&*there, &room, &at(&start, 2)).await.is_some());
    // Nobody can delete what the log holds no more.
    for at in [0, 1] {
        let unknown = delete(&*here, &room, &said[at].message_id).await;
        assert_eq!(unknown, Deleted::Unknown);
    }
    said.extend(say(&*here, &room, 5).await);
    assert_eq!(seqs(&whole_log(&*there, &room).await), [8, 9, 10, 11, 12]);
    for question in said.iter().skip(5) {
        delete(&*here, &room, &question.message_id).await;
    }
    let log = whole_log(&*there, &room).await;
    assert_eq!(seqs(&log), [13, 14, 15, 16, 17]);
    assert!(tombs(&log).is_empty());
}

pub async fn a_message_is_deleted_once_and_by_who_may<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let place = room("acme:project:p1");
    for question in [
        asked_by("u1", for_people(question(&place))),
        asked_by("u1", question(&place)),
    ] {
        let receipt = ask(&*here, &question).await;
        assert_eq!(
            delete_own(&*there, "u2", &question).await,
            Deleted::NotTheirs
        );
        for elsewhere in ["acme:project:p2", "bolt:project:p1"] {
            let unknown = delete(&*there, &room(elsewhere), &question.message_id).await;
            assert_eq!(unknown, Deleted::Unknown, "{elsewhere}");
        }
        let no_message = MessageId::generate(place.partition());
        assert_eq!(delete(&*there, &place, &no_message).await, Deleted::Unknown);
        assert_eq!(head(&*here, &place).await, receipt.position);

        let deleted = delete_own(&*there, "u1", &question).await;
        assert!(matches!(deleted, Deleted::Done { .. }), "{deleted:?}");
        let after = head(&*here, &place).await;
        assert_eq!(delete_own(&*here, "u1", &question).await, Deleted::Repeat);
        assert_eq!(
            delete_own(&*here, "u2", &question).await,
            Deleted::NotTheirs
        );
        let repeat = delete(&*here, &place, &question.message_id).await;
        assert_eq!(repeat, Deleted::Repeat);
        assert_eq!(head(&*here, &place).await, after);
    }
}

/// Ends a reply, with a turn as brokers make it.
async fn finish_with_turn(bus: &dyn Bus, claim: &Claim, said: &str) {
    let turn = json!({
        "question_id": claim.in_reply_to, "question": said,
        "reply_id": claim.lease.message_id, "reply": "so",
    });
    let mut ending = ending(claim, "so");
    ending.turn = Some(Bytes::from(turn.to_string()));
    let finished = bus.finish(&claim.lease, &ending).await.unwrap();
    assert_eq!(finished, Finished::Done);
}

pub async fn what_is_deleted_leaves_the_context<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let questions = [(); 4].map(|()| question_in(&room, "s1"));
    // One that speaks of the first, in quotes too.
    let about = format!("what is \"{}\"?", questions[0].message_id);
    for (question, said) in questions.iter().zip(["one", &about, "three", "four"]) {
        let claim = ask_and_claim(&*here, question).await;
        finish_with_turn(&*here, &claim, said).await;
    }
    let turns = async || {
        let claim = ask_and_claim(&*there, &question_in(&room, "s1")).await;
        finish(&*there, &claim, "silent").await;
        let text = |turn: &Bytes| String::from_utf8(turn.to_vec()).unwrap();
        let turns: Vec<_> = claim.turns.iter().map(text).collect();
        turns
            .into_iter()
            .filter(|turn| turn != "silent")
            .collect::<Vec<_>>()
    };
    assert_eq!(turns().await.len(), 4);
    delete(&*here, &room, &questions[0].message_id).await;
    let left = turns().await;
    assert_eq!(left.len(), 3);
    assert!(left[0].contains("what is"), "{left:?}");
    // A reply as well: the question alone would lead the model astray.
    let reply = reply_of(&questions[2]);
    assert!(matches!(
        delete(&*here, &room, reply).await,
        Deleted::Done { .. }
    ));
    let left = turns().await;
    assert_eq!(left.len(), 2);
    assert!(left[1].contains("four"), "{left:?}");
    assert_eq!(delete(&*there, &room, reply).await, Deleted::Repeat);
    let status = there.reply(reply).await.unwrap().unwrap();
    assert_eq!(status.state, ReplyState::Done { message: None });
    // No reply is anybody's own.
    let others = Deletion {
        author: Some(user("u1")),
        ..deletion(&room, reply_of(&questions[3]))
    };
    assert_eq!(there.delete(&others).await.unwrap(), Deleted::NotTheirs);
}

pub async fn a_question_that_waits_is_cancelled_when_it_is_deleted<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let mut ear = Ear::open(&*there, &[&room]).await;
    let [first, second] = [(); 2].map(|()| question_in(&room, "s1"));
    ask(&*here, &first).await;
    ask(&*here, &second).await;
    delete(&*there, &room, &first.message_id).await;
    let heard = ear.durable(4).await;
    assert_eq!(heard[2].header.event, "message_deleted");
    let (reply, reason) = ended_reply(&heard[3]);
    assert_eq!(
        (reply.as_str(), &*reason),
        (reply_of(&first).as_str(), "cancelled")
    );
    // The next one goes, as if that had been cancelled.
    let claimed = claim(&*here, &room).await;
    assert_eq!(claimed.in_reply_to, second.message_id);
    assert_eq!(try_claim(&*here, &room).await, None);
}

pub async fn a_reply_that_is_made_ends_when_its_question_is_deleted<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let question = question_in(&room, "s1");
    let claimed = ask_and_claim(&*here, &question).await;
    here.append(&claimed.lease, &delta(&claimed, 0, "so"))
        .await
        .unwrap();
    // What is not whole yet is no message.
    let reply = reply_of(&question);
    assert_eq!(delete(&*there, &room, reply).await, Deleted::Unknown);
    delete(&*there, &room, &question.message_id).await;
    assert!(is_cancelled(&*here, &claimed.lease).await);
    assert_eq!(
        there.cancel(&room, reply).await.unwrap(),
        Cancelled::Flagged
    );
    // Who takes it over is not told what was asked.
    let seen = here.leases().await.unwrap().remove(0);
    let taken = take_over(&*there, &seen).await.unwrap();
    assert!(taken.cancelled && taken.task.is_empty(), "{taken:?}");
    finish(&*there, &taken, "too late").await;
    // And nothing of it comes back into the context.
    let next = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    assert!(next.turns.is_empty(), "{:?}", next.turns);
    assert!(!next.is_first);
}
