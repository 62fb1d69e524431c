//! Who comes back reads on without a hole, or is told that there is one.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::log::{HistoryRange, Look, Missed};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::position::{Epoch, Position};
use causerie_shared::record::{Class, Record};
use causerie_shared::room::RoomKey;

use crate::ear::Ear;
use crate::scene::*;
use crate::world::{World, two_nodes};

/// Says as much in the room, and gives the positions.
async fn say(bus: &dyn Bus, room: &RoomKey, count: usize) -> Vec<Position> {
    let mut positions = Vec::new();
    for _ in 0..count {
        let said = for_people(question(room));
        positions.push(ask(bus, &said).await.position);
    }
    positions
}

pub async fn an_empty_rooms_epoch_stays<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let empty = head(&*here, &room).await;
    assert_eq!(empty.seq, 0);
    assert_eq!(head(&*there, &room).await, empty);
    assert!(missed(&*there, &room, &empty).await.unwrap().is_empty());
    let none = there.history(&room, HistoryRange::default(), 50).await;
    let none = none.unwrap();
    assert_eq!((none.epoch, none.has_more), (empty.epoch.clone(), false));
    assert_eq!(none.records, []);

    assert_eq!(say(&*here, &room, 1).await, [at(&empty, 1)]);
    assert_eq!(missed(&*there, &room, &empty).await.unwrap(), [1]);
    let other = crate::scene::room("acme:project:p2");
    assert_ne!(head(&*here, &other).await.epoch, empty.epoch);
}

pub async fn a_look_without_a_position_holds_no_events<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let positions = say(&*here, &room, 3).await;
    let page = there.read(&room, None, 100).await.unwrap();
    assert_eq!(page.head, positions[2]);
    assert_eq!(page.missed, Missed::Records(Vec::new()));
    assert_eq!(page.running, []);
}

pub async fn pages_go_on_where_the_last_ended<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let positions = say(&*here, &room, 7).await;
    let mut at = at(&positions[0], 0);
    let mut pages = Vec::new();
    loop {
        let page = there.read(&room, Some(&at), 3).await.unwrap();
        assert_eq!(page.head, positions[6]);
        let Missed::Records(records) = page.missed else {
            panic!("lost")
        };
        let Some(last) = records.last() else { break };
        at = last.header.position.clone().unwrap();
        pages.push(seqs(&records));
    }
    assert_eq!(pages, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
}

/// However large one event is, it is read.
pub async fn a_page_ends_where_it_would_be_large<W: World>() {
    let retention = Retention {
        page_bytes: 1,
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    let room = room("acme:project:p1");
    let positions = say(&*here, &room, 4).await;
    let mut position = at(&positions[0], 0);
    for seq in 1..=4 {
        let page = there.read(&room, Some(&position), 100).await.unwrap();
        let Missed::Records(records) = page.missed else {
            panic!("lost")
        };
        assert_eq!(seqs(&records), [seq]);
        position = records[0].header.position.clone().unwrap();
    }
    for (after, before, expected, has_more) in [
        (Some(0), None, 1, true),
        (Some(2), None, 3, true),
        (Some(3), None, 4, false),
        (None, None, 4, true),
        (None, Some(3), 2, true),
        (None, Some(2), 1, false),
    ] {
        let range = HistoryRange { before, after };
        let history = there.history(&room, range, 50).await.unwrap();
        let found = (seqs(&history.records), history.has_more, history.reached);
        assert_eq!(
            found,
            (vec![expected], has_more, Some(expected)),
            "{range:?}"
        );
    }
}

/// In several steps.
pub async fn a_long_log_is_read_whole<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let first = say(&*here, &room, 200).await[0].clone();
    let page = there.read(&room, Some(&at(&first, 0)), 150).await.unwrap();
    let Missed::Records(records) = page.missed else {
        panic!("lost")
    };
    assert_eq!(seqs(&records), (1..=150).collect::<Vec<u64>>());
    let history = there.history(&room, HistoryRange::default(), 150);
    let history = history.await.unwrap();
    assert_eq!(seqs(&history.records), (51..=200).collect::<Vec<u64>>());
    assert_eq!((history.has_more, history.reached), (true, Some(51)));
}

pub async fn a_log_trimmed_below_the_position_is_lost<W: World>() {
    let retention = Retention {
        max_events: 5,
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    let room = room("acme:project:p1");
    let positions = say(&*here, &room, 12).await;
    let oldest = &positions[6];
    assert_eq!(
        missed(&*there, &room, oldest).await.unwrap(),
        [8, 9, 10, 11, 12]
    );
    assert_eq!(missed(&*there, &room, &positions[5]).await, None);
    assert_eq!(missed(&*there, &room, &at(oldest, 0)).await, None);
    assert_eq!(seqs(&whole_log(&*there, &room).await), [8, 9, 10, 11, 12]);
}

const MAX_BYTES: u64 = 40_000;

fn keeping_few_bytes() -> Retention {
    Retention {
        max_bytes: MAX_BYTES,
        ..Retention::default()
    }
}

/// What is kept without a hole, up to `last`: from where on, and how many bytes that are.
async fn kept(bus: &dyn Bus, room: &RoomKey, last: u64) -> (u64, u64) {
    let records = whole_log(bus, room).await;
    let first = last + 1 - records.len() as u64;
    assert_eq!(seqs(&records), (first..=last).collect::<Vec<u64>>());
    let bytes = records.iter().map(|record| record.frame.len() as u64);
    (first, bytes.sum())
}

pub async fn a_log_is_trimmed_where_it_is_large<W: World>() {
    let (_world, here, there) = two_nodes::<W>(keeping_few_bytes()).await;
    let room = room("acme:project:p1");
    let mut last_first = 1;
    for seq in 1..=300 {
        // Of many sizes, the largest larger than an eighth of it all.
        let said = of_length(1 << (seq % 13), for_people(question(&room)));
        let position = ask(&*here, &said).await.position;
        let (first, bytes) = kept(&*there, &room, seq).await;
        assert!(bytes <= MAX_BYTES, "{bytes} after {seq}");
        assert!(first == 1 || bytes > MAX_BYTES / 2, "{bytes} after {seq}");
        // What is gone is lost, and nothing else.
        let before = at(&position, first - 1);
        assert!(missed(&*there, &room, &before).await.is_some());
        if first > last_first {
            let before = at(&position, first - 2);
            assert_eq!(missed(&*there, &room, &before).await, None);
        }
        last_first = first;
    }
    assert!(last_first > 200, "{last_first}");
}

pub async fn of_large_events_the_last_is_kept<W: World>() {
    let (_world, here, there) = two_nodes::<W>(keeping_few_bytes()).await;
    let room = room("acme:project:p1");
    let sizes = [100, 50_000, 50_000, 100, 100];
    // A large one goes as soon as anything follows: both do not fit.
    let firsts = [1, 2, 3, 4, 4];
    for (seq, (letters, expected)) in (1..).zip(sizes.into_iter().zip(firsts)) {
        let said = of_length(letters, for_people(question(&room)));
        ask(&*here, &said).await;
        let (first, _) = kept(&*there, &room, seq).await;
        assert_eq!(first, expected, "after {seq}");
    }
}

pub async fn too_much_in_between_is_lost<W: World>() {
    let retention = Retention {
        max_recover: 5,
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    let room = room("acme:project:p1");
    let positions = say(&*here, &room, 12).await;
    assert_eq!(missed(&*there, &room, &positions[5]).await, None);
    let just = missed(&*there, &room, &positions[6]).await;
    assert_eq!(just.unwrap(), [8, 9, 10, 11, 12]);
    // However little is asked for at once.
    let page = there.read(&room, Some(&positions[5]), 1).await.unwrap();
    assert_eq!(page.missed, Missed::Lost);
}

pub async fn a_position_that_cannot_be_is_lost<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let positions = say(&*here, &room, 3).await;
    let head = &positions[2];
    let unknown = Position {
        epoch: Epoch::generate(),
        seq: 2,
    };
    let before_all = Position {
        seq: 0,
        ..unknown.clone()
    };
    for lost in [unknown, before_all, at(head, 4), at(head, u64::MAX)] {
        let page = there.read(&room, Some(&lost), 100).await.unwrap();
        assert_eq!((page.missed, &page.head), (Missed::Lost, head), "{lost}");
    }
    assert!(missed(&*there, &room, head).await.unwrap().is_empty());
}

pub async fn many_rooms_are_read_as_each_by_itself<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let mut looks = Vec::new();
    for number in 0..300_u64 {
        let room = room(&format!("acme:user:u{number}"));
        // Of each kind some: all missed, a part, the head, lost, unknown, none.
        let mut after = Some(head(&*here, &room).await);
        if number % 3 > 0 {
            let positions = say(&*here, &room, 2).await;
            after = match number % 6 {
                1 => after,
                2 => Some(positions[0].clone()),
                4 => Some(at(&positions[0], 7)),
                _ => None,
            };
        }
        looks.push(Look { room, after });
    }
    let running = looks[7].room.clone();
    let claimed = ask_and_claim(&*here, &question(&running)).await;
    here.append(&claimed.lease, &delta(&claimed, 0, "So far"))
        .await
        .unwrap();

    let pages = there.read_all(&looks, 100).await;
    assert_eq!(pages.len(), looks.len());
    for (look, page) in looks.iter().zip(pages) {
        let alone = there.read(&look.room, look.after.as_ref(), 100).await;
        assert_eq!(page.unwrap(), alone.unwrap(), "{look:?}");
    }
    let page = there.read_all(&looks[7..8], 100).await.remove(0).unwrap();
    assert_eq!(page.running[0].text, "So far");
    assert_eq!(there.read_all(&[], 100).await.len(), 0);
}

pub async fn a_look_shows_the_replies_being_made<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let [talking, silent, queued] = ["s1", "s2", "s1"].map(|s| question_in(&room, s));
    for question in [&talking, &silent, &queued] {
        ask(&*here, question).await;
    }
    let elsewhere = question(&crate::scene::room("acme:project:p2"));
    ask_and_claim(&*here, &elsewhere).await;
    let talker = claim(&*here, &room).await;
    claim(&*here, &room).await;
    for (index, text) in [(0, "Grüß "), (1, "Gott, \"Ihr\"")] {
        here.append(&talker.lease, &delta(&talker, index, text))
            .await
            .unwrap();
    }
    let mut running = there.read(&room, None, 0).await.unwrap().running;
    running.sort_by_key(|reply| reply.index);
    let [of_silent, of_talking] = &running[..] else {
        panic!("{running:?}")
    };
    assert_eq!(of_talking.message_id, *reply_of(&talking));
    assert_eq!(of_talking.in_reply_to, talking.message_id);
    assert_eq!(of_talking.session, talking.session);
    assert_eq!((of_talking.attempt, of_talking.index), (1, 1));
    assert_eq!(of_talking.text, "Grüß Gott, \"Ihr\"");
    assert_eq!(of_silent.message_id, *reply_of(&silent));
    assert_eq!((of_silent.attempt, of_silent.index), (1, -1));
    assert_eq!(of_silent.text, "");

    finish(&*here, &talker, "Grüß Gott").await;
    let page = there.read(&room, None, 0).await.unwrap();
    assert_eq!(page.running, std::slice::from_ref(of_silent));
}

pub async fn what_was_read_and_what_is_heard_join<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let start = head(&*here, &room).await;
    let making = {
        let (bus, room) = (Arc::clone(&here), room.clone());
        tokio::spawn(async move {
            let claim = ask_and_claim(&*bus, &question(&room)).await;
            for index in 0..300 {
                let piece = delta(&claim, index, &format!("{index},"));
                bus.append(&claim.lease, &piece).await.unwrap();
                if index % 3 == 0 {
                    ask(&*bus, &for_people(question(&room))).await;
                }
            }
            finish(&*bus, &claim, "whole").await;
        })
    };
    // Comers join all along the way, the last when all is over.
    while !making.is_finished() {
        let mut ear = Ear::open(&*there, &[&room]).await;
        let page = there.read(&room, Some(&start), 1_000).await.unwrap();
        let Missed::Records(mut log) = page.missed else {
            panic!("lost")
        };
        let made = page.running.first();
        let (mut index, mut text) = made.map_or((-1, String::new()), |reply| {
            (reply.index, reply.text.clone())
        });
        while log
            .last()
            .is_none_or(|last| last.header.class != Class::Final)
        {
            let record = ear.record().await;
            let seen = log.last().and_then(|last| last.header.position.as_ref());
            let seen = seen.map_or(0, |position| position.seq);
            match (&record.header.position, &record.header.reply) {
                (Some(position), _) if position.seq > seen => log.push((*record).clone()),
                (None, Some(part)) if part.index > index => {
                    assert_eq!(part.index, index + 1);
                    index = part.index;
                    text.push_str(&format!("{index},"));
                }
                (Some(_) | None, _) => {}
            }
        }
        assert_eq!(seqs(&log), (1..=102).collect::<Vec<_>>());
        if made.is_some() {
            let whole: String = (0..300).map(|index| format!("{index},")).collect();
            assert_eq!(text, whole);
        }
    }
    making.await.unwrap();
}

pub async fn history_is_read_in_both_directions<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let epoch = &say(&*here, &room, 10).await[0].epoch;
    let none: Vec<u64> = Vec::new();
    for (after, before, limit, expected, has_more) in [
        (None, None, 50, (1..=10).collect(), false),
        (None, None, 10, (1..=10).collect(), false),
        (None, None, 3, vec![8, 9, 10], true),
        (None, Some(8), 3, vec![5, 6, 7], true),
        (None, Some(4), 3, vec![1, 2, 3], false),
        (None, Some(1), 3, none.clone(), false),
        (None, Some(0), 3, none.clone(), false),
        (None, Some(99), 2, vec![9, 10], true),
        (Some(0), None, 3, vec![1, 2, 3], true),
        (Some(7), None, 3, vec![8, 9, 10], false),
        (Some(6), None, 3, vec![7, 8, 9], true),
        (Some(10), None, 3, none.clone(), false),
        (Some(u64::MAX), None, 3, none.clone(), false),
        (Some(2), Some(6), 10, vec![3, 4, 5], false),
        (Some(2), Some(6), 2, vec![3, 4], true),
        (Some(6), Some(2), 2, none.clone(), false),
    ] {
        let range = HistoryRange { before, after };
        let history = there.history(&room, range, limit).await.unwrap();
        let found = (seqs(&history.records), history.has_more);
        let last = if after.is_some() {
            expected.last()
        } else {
            expected.first()
        };
        assert_eq!(history.reached, last.copied(), "{range:?} {limit}");
        assert_eq!(found, (expected, has_more), "{range:?} {limit}");
        assert_eq!(history.epoch, *epoch);
    }
    let all = whole_log(&*there, &room).await;
    assert!(all.iter().all(|record| durable_frame(record).is_object()));
}

pub async fn changed_rooms_are_found<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let rooms = ["acme:project:p1", "acme:project:p2", "bolt:user:u1"].map(room);
    let start = there.changed(rooms[1].partition(), 0).await.unwrap();
    assert_eq!(start.rooms, []);
    assert!(start.now_ms.abs_diff(here.clock().now_ms()) < 5_000);

    let mut heads = Vec::new();
    for room in &rooms {
        heads.push((room.clone(), say(&*here, room, 2).await.remove(1)));
    }
    let claimed = ask_and_claim(&*here, &question(&rooms[0])).await;
    finish(&*here, &claimed, "an end is a change too").await;
    heads[0].1.seq += 2;
    here.publish(&rooms[2], &typing(&rooms[2], 1))
        .await
        .unwrap();

    let found = async |room: &RoomKey, since_ms| {
        let changes = there.changed(room.partition(), since_ms).await;
        changes.unwrap().rooms
    };
    for (room, head) in rooms.iter().zip(heads.chunks(1)) {
        assert_eq!(found(room, start.now_ms).await, head);
    }
    // At or after: a change of this very millisecond is not passed over.
    let log = whole_log(&*here, &rooms[1]).await;
    let last_ms = log.last().map(|record: &Record| record.header.ts).unwrap();
    assert_eq!(found(&rooms[1], last_ms).await, heads[1..2]);
    assert_eq!(found(&rooms[1], last_ms + 1).await, []);
}

pub async fn an_unchanged_room_goes_in_time<W: World>() {
    let retention = Retention {
        max_age: Duration::from_millis(500),
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    let room = room("acme:project:p1");
    let old = say(&*here, &room, 3).await.remove(2);
    crate::world::eventually(async || {
        let log = whole_log(&*there, &room).await;
        log.is_empty().then_some(())
    })
    .await;
    // Numbers that begin again do so under another name.
    let new = say(&*here, &room, 3).await.remove(2);
    let is_told = missed(&*there, &room, &old).await.is_none();
    assert!(new.seq > old.seq || is_told, "{old} {new}");
}
