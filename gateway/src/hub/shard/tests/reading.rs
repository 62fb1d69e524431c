//! Gaps, and what is read because of them.

use super::*;
use crate::hub::testing::start;

#[tokio::test]
async fn a_gap_in_one_room_holds_up_no_other() {
    let mut shard = shard();
    let rooms = [named("missed"), named("whole")];
    let missed = open(&mut shard, &rooms[0], 1).await;
    let whole = open(&mut shard, &rooms[1], 1).await;
    let rooms_missed = Some([rooms[0].clone()].into());
    shard
        .on_command(Command::Gap {
            rooms: rooms_missed,
        })
        .await;
    for room in &rooms {
        shard.on_command(event(room, 1)).await;
    }
    shard.proceed_everywhere().await;
    assert_eq!((sent_to(&missed[0]), sent_to(&whole[0])), (0, 1));
}

/// A room in which an event was missed, and one who came while it is read.
async fn being_read(shard: &mut Shard, room: &RoomKey) -> (Arc<Outbox>, Answer) {
    shard.on_command(Command::Gap { rooms: None }).await;
    let (newcomer, comes, answer) = join(room);
    shard.on_command(comes).await;
    (newcomer, answer)
}

/// What was read of `room`: one event.
fn read(room: &RoomKey, seq: u64) -> Command {
    let page = Page {
        head: position(LIFE, seq),
        lives: vec![],
        missed: Missed::Records(vec![durable(LIFE, seq)]),
        running: vec![],
    };
    Command::Read {
        room: room.clone(),
        page: Ok(page),
    }
}

#[tokio::test]
async fn who_came_while_a_crowd_was_read_comes_in_however_much_is_heard() {
    let mut shard = shard();
    let room = named("crowded");
    let _crowd = open(&mut shard, &room, 4 * TURN).await;
    let (_newcomer, mut answer) = being_read(&mut shard, &room).await;
    shard.on_command(read(&room, 1)).await;
    for seq in 2..100 {
        shard.on_command(event(&room, seq)).await;
        shard.proceed_everywhere().await;
    }
    assert!(matches!(answer.try_recv(), Ok(Ok(Joined::Member))));
}

#[tokio::test]
async fn a_crowd_that_is_read_with_success_is_read_at_once_the_next_time() {
    let mut shard = shard();
    let room = named("crowded");
    let _crowd = open(&mut shard, &room, 4 * TURN).await;
    for seq in 1..10 {
        shard.on_command(Command::Gap { rooms: None }).await;
        let tries: Vec<_> = shard
            .reader
            .gathered
            .keys()
            .map(|(_, tries)| *tries)
            .collect();
        assert_eq!(tries, [0]);
        shard.reader.gathered.clear();
        // Never does all that is sent come to an end.
        shard.on_command(read(&room, 2 * seq - 1)).await;
        shard.on_command(event(&room, 2 * seq)).await;
        while shard.waiting.contains_key(&room) {
            shard.proceed_everywhere().await;
        }
    }
}

#[tokio::test]
async fn what_is_read_for_a_crowd_goes_out_in_turns_as_well() {
    let mut shard = shard();
    let room = named("crowded");
    let crowd = open(&mut shard, &room, 4 * TURN).await;
    let mut seen = vec![Vec::new(); crowd.len()];
    shard.on_command(event(&room, 1)).await;
    turn(&mut shard, &crowd, &mut seen).await;
    shard.on_command(Command::Gap { rooms: None }).await;
    let page = Page {
        head: position(LIFE, 3),
        lives: vec![],
        missed: Missed::Records((2..=3).map(|seq| durable(LIFE, seq)).collect()),
        running: vec![],
    };
    let read = Command::Read {
        room: room.clone(),
        page: Ok(page),
    };
    shard.on_command(read).await;
    let (newcomer, join, mut answer) = join(&room);
    shard.on_command(join).await;
    let head = Command::Head {
        room: room.clone(),
        head: position(LIFE, 5),
    };
    shard.on_command(head).await;
    shard.reader.gathered.clear();
    while !shard.outgoing.is_empty() {
        assert!(answer.try_recv().is_err());
        turn(&mut shard, &crowd, &mut seen).await;
    }
    assert!(seen.iter().all(|seen| *seen == [1, 2, 3]));
    assert!(matches!(answer.try_recv(), Ok(Ok(Joined::Member))));
    assert_eq!(sent_to(&newcomer), 1);
    // Of what the head told of, nothing was heard.
    assert_eq!(shard.reader.gathered.len(), 1);
}

/// The connection was replaced, and with it perhaps the master: of what is asked for
/// the log may have lost what the old one told.
#[tokio::test]
async fn what_was_heard_before_a_gap_is_not_told_after_it() {
    let mut shard = shard();
    let room = named("crowded");
    let crowd = open(&mut shard, &room, 4 * TURN).await;
    shard.on_command(event(&room, 1)).await;
    shard.proceed_everywhere().await;
    let (done, _left) = oneshot::channel();
    let leave = Command::Leave {
        room: room.clone(),
        outbox: crowd[0].id(),
        done,
    };
    shard.on_command(leave).await;
    let begins = Command::Record {
        room: room.clone(),
        record: Arc::new(start(1, 1)),
    };
    shard.on_command(begins).await;
    shard.on_command(Command::Gap { rooms: None }).await;
    let page = Page {
        head: position(LIFE, 1),
        lives: vec![],
        missed: Missed::Records(vec![]),
        running: vec![],
    };
    let read = Command::Read {
        room: room.clone(),
        page: Ok(page),
    };
    shard.on_command(read).await;
    while !shard.outgoing.is_empty() {
        shard.proceed_everywhere().await;
    }
    assert!(crowd.iter().all(|member| sent_to(member) == 1));
    assert!(shard.waiting.is_empty());
}
