//! The storage ends without warning, and comes back with all it had, or less.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causerie_shared::bus::feed::Heard;
use causerie_shared::bus::log::Missed;
use causerie_shared::bus::question::Accepted;
use causerie_shared::bus::reply::{Appended, Beat, Claim, ClaimId, Finished, Takeover};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::position::Position;
use causerie_shared::room::RoomKey;

use crate::ear::Ear;
use crate::patient::Patient;
use crate::scene::*;
use crate::world::Storage;

async fn world<W: Storage>() -> (W, Arc<dyn Bus>) {
    let world = W::new(Retention::default()).await;
    let node = world.node().await;
    (world, Arc::new(Patient { bus: node }))
}

async fn say(bus: &dyn Bus, room: &RoomKey) -> Position {
    let said = for_people(question(room));
    // The answer may have been lost on its way, and the verb tried again.
    let (Accepted::Stored(receipt) | Accepted::Repeat(receipt)) = accept(bus, &said).await else {
        panic!("refused")
    };
    receipt.position
}

pub async fn a_restart_with_all_data_forces_nobody_to_reload<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:project:p1");
    let mut old = say(&*bus, &room).await;
    for _ in 0..2 {
        old = say(&*bus, &room).await;
    }
    let kept = whole_log(&*bus, &room).await;
    world.restart().await;
    let missed_none = missed(&*bus, &room, &old).await;
    assert!(missed_none.expect("lost").is_empty());
    let new = say(&*bus, &room).await;
    assert_eq!(new.seq, 4);
    assert_eq!(missed(&*bus, &room, &at(&old, 1)).await.unwrap(), [2, 3, 4]);
    assert_eq!(missed(&*bus, &room, &old).await.unwrap(), [4]);
    assert_eq!(missed(&*bus, &room, &at(&new, 2)).await.unwrap(), [3, 4]);
    assert_eq!(whole_log(&*bus, &room).await[..3], kept);
}

pub async fn the_last_four_lives_are_remembered<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:project:p1");
    let first = say(&*bus, &room).await;
    let mut lives = vec![first.epoch.clone()];
    while lives.len() <= 5 {
        world.restart().await;
        let position = say(&*bus, &room).await;
        if !lives.contains(&position.epoch) {
            lives.push(position.epoch);
        }
        let is_held = missed(&*bus, &room, &first).await.is_some();
        assert_eq!(is_held, lives.len() <= 5, "{} lives", lives.len());
        let page = bus.read(&room, None, 1).await.unwrap();
        let newest_first = lives.iter().rev().take(5);
        assert!(page.lives.iter().eq(newest_first), "{:?}", page.lives);
    }
}

pub async fn a_lost_tail_is_told<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:project:p1");
    for _ in 0..5 {
        say(&*bus, &room).await;
    }
    world.mark().await;
    for _ in 0..2 {
        say(&*bus, &room).await;
    }
    let lost = say(&*bus, &room).await;
    assert_eq!(lost.seq, 8);
    world.lose_since_mark().await;

    // Whoever saw what is lost is told, before and after its number is taken
    // by something else.
    assert_eq!(missed(&*bus, &room, &lost).await, None);
    for seq in 6..=9 {
        let new = say(&*bus, &room).await;
        assert_eq!(new.seq, seq);
        assert_ne!(new.epoch, lost.epoch);
    }
    for seq in 6..=9 {
        assert_eq!(missed(&*bus, &room, &at(&lost, seq)).await, None, "{seq}");
    }
    // Who saw less goes on.
    assert_eq!(
        missed(&*bus, &room, &at(&lost, 5)).await.unwrap(),
        [6, 7, 8, 9]
    );
    assert_eq!(missed(&*bus, &room, &at(&lost, 3)).await.unwrap().len(), 6);
}

pub async fn a_lost_room_is_told<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:project:p1");
    world.mark().await;
    let lost = say(&*bus, &room).await;
    world.lose_since_mark().await;
    for _ in 0..2 {
        for seq in [0, 1] {
            let page = bus.read(&room, Some(&at(&lost, seq)), 10).await.unwrap();
            assert_eq!(page.missed, Missed::Lost);
            assert_ne!(page.head.epoch, lost.epoch);
        }
        say(&*bus, &room).await;
    }
}

pub async fn a_restart_in_the_middle_loses_and_doubles_nothing<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:project:p1");
    let start = head(&*bus, &room).await;
    let mut ear = Ear::open(&*bus, &[&room]).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let speakers: Vec<_> = (0..5)
        .map(|_| {
            let (bus, room) = (Arc::clone(&bus), room.clone());
            let is_over = Arc::clone(&is_over);
            tokio::spawn(async move {
                let mut spoken = 0_usize;
                while !is_over.load(Ordering::Relaxed) {
                    say(&*bus, &room).await;
                    spoken += 1;
                }
                spoken
            })
        })
        .collect();
    let maker = {
        let (bus, room) = (Arc::clone(&bus), room.clone());
        let is_over = Arc::clone(&is_over);
        tokio::spawn(async move {
            bus.accept(&question(&room)).await.unwrap();
            let claim = claim(&*bus, &room).await;
            let mut made = 0;
            while !is_over.load(Ordering::Relaxed) {
                let piece = delta(&claim, made, &format!("{made},"));
                let appended = bus.append(&claim.lease, &piece).await.unwrap();
                assert_eq!(appended, Appended::Done { cancelled: false });
                made += 1;
            }
            let running = bus.read(&room, None, 0).await.unwrap().running.remove(0);
            let whole: String = (0..made).map(|index| format!("{index},")).collect();
            assert_eq!(running.text, whole);
            finish(&*bus, &claim, &whole).await;
        })
    };
    ear.durable(50).await;
    world.restart().await;
    for _ in 0..20 {
        say(&*bus, &room).await;
    }
    is_over.store(true, Ordering::Relaxed);
    maker.await.unwrap();
    // The question, its reply, and what was said from here.
    let mut expected = 22;
    for speaker in speakers {
        expected += speaker.await.unwrap();
    }
    let log = whole_log(&*bus, &room).await;
    assert_eq!(seqs(&log), (1..=expected as u64).collect::<Vec<_>>());
    let page = bus.read(&room, Some(&start), 1).await.unwrap();
    assert_eq!(page.running, []);
    // The feed found out too, and goes on.
    while ear.try_next().await.unwrap() != Heard::Gap {}
    let last = say(&*bus, &room).await;
    loop {
        if let Heard::Record { record, .. } = ear.try_next().await.unwrap()
            && record.header.position.as_ref() == Some(&last)
        {
            break;
        }
    }
}

pub async fn a_lease_lives_through_a_restart<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:user:u1");
    let claimed = ask_and_claim(&*bus, &question(&room)).await;
    bus.beat(&claimed.lease, 1).await.unwrap();
    bus.append(&claimed.lease, &delta(&claimed, 0, "before, "))
        .await
        .unwrap();
    world.restart().await;
    let seen = bus.leases().await.unwrap().remove(0);
    assert_eq!((seen.lease, seen.beats), (claimed.lease.clone(), 1));
    let held = bus.beat(&claimed.lease, 2).await.unwrap();
    assert_eq!(held, Beat::Held { cancelled: false });
    bus.append(&claimed.lease, &delta(&claimed, 1, "after"))
        .await
        .unwrap();
    let running = bus.read(&room, None, 0).await.unwrap().running.remove(0);
    assert_eq!(running.text, "before, after");
    finish(&*bus, &claimed, "before, after").await;
}

pub async fn lost_deltas_are_asked_for_again<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:user:u1");
    let claimed = ask_and_claim(&*bus, &question(&room)).await;
    let append = async |index, text| {
        let delta = delta(&claimed, index, text);
        bus.append(&claimed.lease, &delta).await.unwrap()
    };
    append(0, "a").await;
    world.mark().await;
    append(1, "b").await;
    append(2, "c").await;
    world.lose_since_mark().await;
    assert_eq!(append(3, "d").await, Appended::Behind { next: 1 });
    for (index, text) in [(1, "b"), (2, "c"), (3, "d")] {
        let appended = append(index, text).await;
        assert_eq!(appended, Appended::Done { cancelled: false });
    }
    let running = bus.read(&room, None, 0).await.unwrap().running.remove(0);
    assert_eq!(running.text, "abcd");
}

pub async fn a_lost_claim_is_fenced_and_made_again<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:user:u1");
    ask(&*bus, &question(&room)).await;
    world.mark().await;
    let lost = claim(&*bus, &room).await;
    world.lose_since_mark().await;
    assert_eq!(bus.beat(&lost.lease, 1).await.unwrap(), Beat::Fenced);
    assert!(
        bus.waiting()
            .await
            .unwrap()
            .places
            .contains_key(&room.tenant)
    );
    let again = claim(&*bus, &room).await;
    assert_eq!(again.in_reply_to, lost.in_reply_to);
    // People may have read what was said in the lost one.
    assert!(again.lease.attempt > lost.lease.attempt);
    let appended = bus.append(&lost.lease, &delta(&lost, 0, "lost")).await;
    assert_eq!(appended.unwrap(), Appended::Fenced);
    assert_eq!(bus.beat(&lost.lease, 2).await.unwrap(), Beat::Fenced);
    finish(&*bus, &again, "done").await;
    let ended = bus.finish(&lost.lease, &ending(&lost, "lost")).await;
    assert_eq!(ended.unwrap(), Finished::Fenced);
    assert_eq!(seqs(&whole_log(&*bus, &room).await), [1, 2]);
}

pub async fn a_lost_takeover_is_made_again_as_another<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:user:u1");
    ask_and_claim(&*bus, &question(&room)).await;
    world.mark().await;
    let lost = take_over_one(&*bus).await;
    world.lose_since_mark().await;
    assert_eq!(bus.beat(&lost.lease, 1).await.unwrap(), Beat::Fenced);
    let again = take_over_one(&*bus).await;
    assert!(again.lease.attempt > lost.lease.attempt);
    assert_eq!(bus.beat(&lost.lease, 2).await.unwrap(), Beat::Fenced);
    // Numbers are passed over only where something may be lost.
    let next = take_over_one(&*bus).await;
    assert_eq!(next.lease.attempt, again.lease.attempt + 1);
}

async fn take_over_one(bus: &dyn Bus) -> Claim {
    let dead = bus.leases().await.unwrap().remove(0);
    let taken = bus.take_over(&dead, &ClaimId::generate()).await.unwrap();
    let Takeover::Taken(claim) = taken else {
        panic!("{dead:?} was refused")
    };
    *claim
}

pub async fn a_lost_ending_is_made_again<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:user:u1");
    let claimed = ask_and_claim(&*bus, &question(&room)).await;
    world.mark().await;
    finish(&*bus, &claimed, "done").await;
    world.lose_since_mark().await;
    assert_eq!(seqs(&whole_log(&*bus, &room).await), [1]);
    finish(&*bus, &claimed, "done").await;
    assert_eq!(seqs(&whole_log(&*bus, &room).await), [1, 2]);
    assert!(bus.leases().await.unwrap().is_empty());
}

pub async fn hints_and_changes_come_again_after_a_restart<W: Storage>() {
    let (mut world, bus) = world::<W>().await;
    let room = room("acme:user:u1");
    let mut hints = crate::ear::Hints::open(&*bus).await;
    // The storage's own time: a node's may be a little ahead of it.
    let before = bus.changed(room.partition(), 0).await.unwrap().now_ms;
    let said = say(&*bus, &room).await;
    world.restart().await;
    hints.come_again(&*bus).await;
    let changed = bus.changed(room.partition(), before).await.unwrap();
    let expected = Position {
        epoch: changed.rooms[0].1.epoch.clone(),
        ..said
    };
    assert_eq!(changed.rooms, [(room, expected)]);
}
