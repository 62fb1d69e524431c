//! A shard by itself, which is told here what it is told.

use causerie_shared::bus::log::{Missed, Page};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::UserId;
use causerie_testkit::DEADLINE;
use causerie_testkit::recorded::Recorded;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::tidying::{LINGER, TIDIED_A_TURN};
use super::*;
use crate::feed::Feed;
use crate::hub::audience::GATHERED;
use crate::hub::opening::Opener;
use crate::hub::shards::Shards;
use crate::hub::testing::{durable, position};
use crate::hub::{Live, Start, Viewer};
use crate::outbox::Outbox;

mod reading;

const LIFE: &str = "aaaaaaaa";

/// So many of a room get something in one turn.
const TURN: usize = 2;

fn shard() -> Shard {
    let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
    let (shards, _) = Shards::new(1);
    let subscriptions = bus.subscriptions(Arc::new(Feed::new(shards.clone())));
    let tasks = TaskTracker::new();
    let reader = Reader {
        gathered: BTreeMap::new(),
        opener: Opener::start(Arc::clone(&bus), Arc::clone(&subscriptions), &tasks),
        bus,
        subscriptions,
        shard: shards.queues()[0].downgrade(),
        tasks,
        stop: CancellationToken::new(),
    };
    Shard::new(reader, Arc::default(), TURN)
}

fn named(name: &str) -> RoomKey {
    format!("acme:project:{name}").parse().unwrap()
}

type Answer = oneshot::Receiver<Result<Joined, BusError>>;

/// One who comes in, how, and what they are told.
fn join(room: &RoomKey) -> (Arc<Outbox>, Command, Answer) {
    let outbox = Outbox::new(1 << 20);
    let join = Join {
        room: room.clone(),
        outbox: Arc::clone(&outbox),
        viewer: Viewer::Member(UserId::new("u1").unwrap(), Live::ALL),
        start: Start::Head { recovered: true },
        told: Arc::default(),
    };
    let (reply, answer) = oneshot::channel();
    (outbox, Command::Join { join, reply }, answer)
}

/// A room was opened in which nothing has happened yet.
fn opened(room: &RoomKey) -> Command {
    let page = Page {
        head: position(LIFE, 0),
        lives: vec![],
        missed: Missed::Records(vec![]),
        running: vec![],
    };
    Command::Opened {
        room: room.clone(),
        page: Ok(page),
    }
}

/// A room in which nothing has happened yet, with so many in it.
async fn open(shard: &mut Shard, room: &RoomKey, count: usize) -> Vec<Arc<Outbox>> {
    let mut members = Vec::new();
    for _ in 0..count {
        let (member, join, _) = join(room);
        shard.on_command(join).await;
        members.push(member);
    }
    shard.on_command(opened(room)).await;
    while !shard.outgoing.is_empty() {
        shard.proceed_everywhere().await;
    }
    for member in &members {
        assert_eq!(sent_to(member), 1);
    }
    members
}

/// An event of `room`.
fn event(room: &RoomKey, seq: u64) -> Command {
    Command::Record {
        room: room.clone(),
        record: Arc::new(durable(LIFE, seq)),
    }
}

/// How many frames a member was sent since this was last asked.
fn sent_to(member: &Outbox) -> usize {
    let batch = member.next(usize::MAX).now_or_never();
    batch.map_or(0, |batch| batch.frames.len())
}

#[tokio::test]
async fn a_crowd_holds_up_no_other_room() {
    let mut shard = shard();
    let (crowded, quiet) = (named("crowded"), named("quiet"));
    let crowd = open(&mut shard, &crowded, 5 * TURN).await;
    let alone = open(&mut shard, &quiet, 1).await;
    shard.on_command(event(&crowded, 1)).await;
    for seq in 1..=3 {
        // It comes while the crowd is being sent something.
        shard.on_command(event(&quiet, seq)).await;
        shard.proceed_everywhere().await;
        assert_eq!(sent_to(&alone[0]), 1);
        assert_eq!(sent_to(crowd.last().unwrap()), 0);
    }
    let (_, comes, mut answer) = join(&crowded);
    shard.on_command(comes).await;
    while !shard.outgoing.is_empty() {
        assert!(answer.try_recv().is_err());
        shard.proceed_everywhere().await;
    }
    assert!(matches!(answer.try_recv(), Ok(Ok(Joined::Member))));
    assert!(crowd.iter().all(|member| sent_to(member) == 1));
}

#[tokio::test]
async fn a_crowd_that_comes_in_holds_up_no_other_room() {
    let mut shard = shard();
    let (crowded, quiet) = (named("crowded"), named("quiet"));
    let alone = open(&mut shard, &quiet, 1).await;
    let mut crowd = Vec::new();
    for _ in 0..5 * TURN {
        let (member, comes, answer) = join(&crowded);
        shard.on_command(comes).await;
        crowd.push((member, answer));
    }
    shard.on_command(opened(&crowded)).await;
    // What is said meanwhile all of the crowd hear live, since they came before it.
    shard.on_command(event(&crowded, 1)).await;
    let (mut inside, mut seq) = (0, 0);
    while !shard.outgoing.is_empty() {
        let is_in = |(_, answer): &mut (_, Answer)| answer.try_recv().is_ok();
        let came_in = crowd
            .iter_mut()
            .filter_map(|one| is_in(one).then_some(()))
            .count();
        assert!(came_in <= TURN, "{came_in} in one turn");
        inside += came_in;
        seq += 1;
        shard.on_command(event(&quiet, seq)).await;
        shard.proceed_everywhere().await;
        assert_eq!(sent_to(&alone[0]), 1);
    }
    assert!(inside >= 4 * TURN, "{inside}");
    assert!(crowd.iter().all(|(member, _)| sent_to(member) == 2));
}

#[tokio::test(start_paused = true)]
async fn rooms_that_nobody_hears_go_and_others_have_their_turn_meanwhile() {
    const ROOMS: usize = 20 * FEW_ROOMS;
    let mut shard = shard();
    for number in 0..ROOMS {
        let room = named(&format!("p{number}"));
        let [member] = <[_; 1]>::try_from(open(&mut shard, &room, 1).await).unwrap();
        let (done, _) = oneshot::channel();
        let outbox = member.id();
        let leave = Command::Leave { room, outbox, done };
        shard.on_command(leave).await;
    }
    let (still, _here) = (named("still"), open(&mut shard, &named("still"), 1).await);
    assert!(!shard.aging.contains(&still) && shard.aging.len() == ROOMS);
    for _ in 0..2 {
        shard.begin_tidying();
        let mut turns = 0;
        while shard.tidying.is_some() {
            shard.tidy_some().await;
            turns += 1;
        }
        assert!(turns >= ROOMS / TIDIED_A_TURN);
        tokio::time::advance(LINGER).await;
    }
    let grown = shard.rooms.capacity();
    for number in 0..ROOMS {
        let room = named(&format!("p{number}"));
        shard.on_command(Command::Unsubscribed { room }).await;
    }
    assert_eq!((shard.rooms.len(), shard.aging.len()), (1, 0));
    assert!(shard.rooms.capacity() <= grown / 4);
}

#[tokio::test]
async fn what_waits_for_a_crowd_is_bounded() {
    let recorded = Recorded::here();
    let mut shard = shard();
    let room = named("crowded");
    let _crowd = open(&mut shard, &room, 3 * TURN).await;
    let (sender, mut queue) = mpsc::channel(2 * WAITING);
    for seq in 1..=2 * WAITING as u64 {
        sender.try_send(event(&room, seq)).unwrap();
    }
    let mut commands = Vec::new();
    // As if the first event never came to an end.
    for _ in 0..100 {
        assert!(shard.receive(&mut queue, &mut commands).await);
        for command in commands.drain(..) {
            shard.on_command(command).await;
        }
    }
    assert!(!shard.rooms[&room].takes_records());
    assert_eq!(shard.waiting(), WAITING);
    assert_eq!(queue.len(), WAITING - GATHERED);
    recorded.metric_rises("causerie_shard_stalls_total");
}

/// Gives all rooms a turn, notes the numbers of the events that each of a crowd was
/// sent, and holds the room to a turn's share.
async fn turn(shard: &mut Shard, crowd: &[Arc<Outbox>], seen: &mut [Vec<u64>]) {
    shard.proceed_everywhere().await;
    let mut served = 0;
    for (member, seen) in crowd.iter().zip(seen) {
        if let Some(batch) = member.next(usize::MAX).now_or_never() {
            let positions = batch.frames.iter().map(|frame| &frame.position);
            seen.extend(positions.map(|position| position.as_ref().unwrap().seq));
            served += 1;
        }
    }
    assert!(served <= TURN, "{served} in one turn");
}

#[tokio::test]
async fn what_comes_amid_an_event_for_a_crowd_goes_out_in_turns_as_well() {
    let mut shard = shard();
    let room = named("crowded");
    let crowd = open(&mut shard, &room, 4 * TURN).await;
    let mut seen = vec![Vec::new(); crowd.len()];
    shard.on_command(event(&room, 1)).await;
    turn(&mut shard, &crowd, &mut seen).await;
    shard.on_command(event(&room, 2)).await;
    let (done, mut left) = oneshot::channel();
    let leave = Command::Leave {
        room: room.clone(),
        outbox: crowd[0].id(),
        done,
    };
    shard.on_command(leave).await;
    shard.on_command(event(&room, 3)).await;
    while !shard.outgoing.is_empty() {
        let was_sent = seen.iter().all(|seen| seen.ends_with(&[2]));
        assert_eq!(left.try_recv().is_ok(), was_sent);
        turn(&mut shard, &crowd, &mut seen).await;
    }
    assert_eq!(seen[0], [1, 2]);
    assert!(seen[1..].iter().all(|seen| *seen == [1, 2, 3]));
}

/// How often something is sent to all of a crowd into which so many come, one after
/// each event that waits.
async fn passes_where_come(joiners: usize) -> usize {
    let mut shard = shard();
    let room = named("crowded");
    let crowd = open(&mut shard, &room, 4 * TURN).await;
    shard.on_command(event(&room, 1)).await;
    shard.proceed_everywhere().await;
    let mut came = Vec::new();
    for seq in 2..=50 {
        if came.len() < joiners {
            let (member, join, _) = join(&room);
            shard.on_command(join).await;
            came.push(member);
        }
        shard.on_command(event(&room, seq)).await;
    }
    let (mut passes, mut sent) = (0, 0);
    while !shard.outgoing.is_empty() {
        let frames = sent_to(&crowd[0]);
        passes += usize::from(frames > 0);
        sent += frames;
        shard.proceed_everywhere().await;
    }
    assert_eq!(sent, 50);
    assert!(came.iter().all(|member| sent_to(member) > 0));
    passes
}

#[tokio::test]
async fn events_for_a_crowd_go_out_together_however_many_come_in() {
    let passes = passes_where_come(0).await;
    for joiners in [1, 10, 49] {
        assert!(passes_where_come(joiners).await <= passes + 1);
    }
}

#[tokio::test]
async fn a_room_has_one_turn_at_a_time() {
    let mut shard = shard();
    let room = named("small");
    let _members = open(&mut shard, &room, 1).await;
    for seq in 1..=3 {
        shard.on_command(event(&room, seq)).await;
        let (_, join, _) = join(&room);
        shard.on_command(join).await;
    }
    assert_eq!(shard.outgoing, [room]);
}

/// What a member is sent next: of so many durable events, and `subscribed`, the
/// numbers.
async fn seqs_to(member: &Outbox, last: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.last() != Some(&last) {
        let batch = timeout(DEADLINE, member.next(usize::MAX)).await.unwrap();
        let frames = batch.frames.iter();
        seqs.extend(frames.map(|frame| frame.position.as_ref().unwrap().seq));
    }
    seqs
}

#[tokio::test]
async fn who_comes_into_a_crowd_that_never_rests_comes_in_and_misses_nothing() {
    const LAST: u64 = 2_000;
    let mut shard = shard();
    let room = named("crowded");
    let crowd = open(&mut shard, &room, 3 * TURN).await;
    let (sender, queue) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let running = tokio::spawn(shard.run(queue, stop.clone()));
    let mut came = Vec::new();
    for seq in 1..=LAST {
        sender.send(event(&room, seq)).await.unwrap();
        if seq % 100 == 50 {
            let (member, join, answer) = join(&room);
            sender.send(join).await.unwrap();
            came.push((member, answer));
        }
    }
    for member in &crowd {
        assert_eq!(seqs_to(member, LAST).await, (1..=LAST).collect::<Vec<_>>());
    }
    for (member, answer) in came {
        assert!(matches!(answer.await.unwrap(), Ok(Joined::Member)));
        let seqs = seqs_to(&member, LAST).await;
        assert_eq!(seqs, (seqs[0]..=LAST).collect::<Vec<_>>());
    }
    stop.cancel();
    running.await.unwrap();
}
