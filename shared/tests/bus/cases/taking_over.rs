//! A broker that died loses its replies to one other, and never gets them back.

use std::sync::Arc;

use causerie_shared::bus::reply::{
    Appended, Beat, Cancelled, ClaimId, Finished, Lease, RunningLease, Takeover,
};
use causerie_shared::bus::{Bus, Retention};

use crate::ear::Ear;
use crate::scene::*;
use crate::world::{World, two_nodes};

/// The lease that is held, which is the only one.
async fn seen(bus: &dyn Bus) -> RunningLease {
    let mut leases = bus.leases().await.unwrap();
    assert_eq!(leases.len(), 1, "{leases:?}");
    leases.remove(0)
}

pub async fn leases_show_their_beats<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    assert_eq!(there.leases().await.unwrap(), []);
    let [one, two] = ["acme:project:p1", "bolt:user:u1"].map(room);
    let claims = [
        ask_and_claim(&*here, &question(&one)).await,
        ask_and_claim(&*here, &question(&two)).await,
    ];
    let held = Beat::Held { cancelled: false };
    for count in 1..=3 {
        let beat = here.beat(&claims[1].lease, count).await.unwrap();
        assert_eq!(beat, held);
    }
    // A repeat of one that was already counted changes nothing.
    assert_eq!(here.beat(&claims[1].lease, 2).await.unwrap(), held);
    let mut leases = there.leases().await.unwrap();
    leases.sort_by_key(|seen| seen.beats);
    let expected = [(0, 0), (1, 3)].map(|(n, beats): (usize, u64)| RunningLease {
        lease: claims[n].lease.clone(),
        beats,
    });
    assert_eq!(leases, expected);
}

pub async fn a_takeover_begins_again<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let earlier = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    finish(&*here, &earlier, "a turn").await;
    let dead = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    here.beat(&dead.lease, 1).await.unwrap();
    here.append(&dead.lease, &delta(&dead, 0, "half a"))
        .await
        .unwrap();
    let taken = take_over(&*there, &seen(&*there).await).await.unwrap();
    let expected = Lease {
        attempt: 2,
        claim: taken.lease.claim.clone(),
        ..dead.lease.clone()
    };
    assert_eq!(taken.lease, expected);
    assert_ne!(taken.lease.claim, dead.lease.claim);
    assert_eq!((&taken.task, &taken.turns), (&dead.task, &dead.turns));
    assert_eq!((&taken.user, taken.is_first), (&dead.user, false));
    assert_eq!(taken.in_reply_to, dead.in_reply_to);
    let running = here.read(&room, None, 0).await.unwrap().running.remove(0);
    assert_eq!((running.attempt, running.index), (2, -1));
    assert_eq!(running.text, "");
    assert_eq!(seen(&*here).await.beats, 0);

    let first = there.append(&taken.lease, &delta(&taken, 0, "whole")).await;
    assert_eq!(first.unwrap(), Appended::Done { cancelled: false });
    finish(&*there, &taken, "whole").await;
    let next = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    assert_eq!(next.turns, ["a turn", "whole"]);
}

pub async fn a_lease_lost_between_check_and_write_writes_nothing<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let slow = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    // The slow one has just been told that it holds the lease …
    assert!(!is_cancelled(&*here, &slow.lease).await);
    let taken = take_over(&*there, &seen(&*there).await).await.unwrap();
    there
        .append(&taken.lease, &delta(&taken, 0, "new"))
        .await
        .unwrap();
    // … and writes.
    let mut ear = Ear::open(&*there, &[&room]).await;
    for _ in 0..2 {
        let lease = &slow.lease;
        let appended = here.append(lease, &delta(&slow, 0, "old")).await;
        assert_eq!(appended.unwrap(), Appended::Fenced);
        let appended = here.append(lease, &delta(&slow, 1, "old")).await;
        assert_eq!(appended.unwrap(), Appended::Fenced);
        let announced = here.announce(lease, &[typing(&room, 1)]).await;
        assert_eq!(announced.unwrap(), Beat::Fenced);
        assert_eq!(here.beat(lease, 99).await.unwrap(), Beat::Fenced);
        let finished = here.finish(lease, &ending(&slow, "old")).await;
        assert_eq!(finished.unwrap(), Finished::Fenced);
    }
    assert_eq!(ear.until_now(&*there, &room).await, []);
    let running = there.read(&room, None, 0).await.unwrap().running.remove(0);
    assert_eq!((running.text.as_str(), running.attempt), ("new", 2));
    assert_eq!(seen(&*there).await.beats, 0);
    finish(&*there, &taken, "new").await;
    let late = here.finish(&slow.lease, &ending(&slow, "old")).await;
    assert_eq!(late.unwrap(), Finished::Fenced);
    assert_eq!(seqs(&whole_log(&*here, &room).await), [1, 2]);
}

pub async fn of_many_who_take_over_one_does<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    ask_and_claim(&*here, &question(&room)).await;
    for attempt in 2..=4 {
        let seen = seen(&*here).await;
        let takers: Vec<_> = (0..20)
            .map(|n| {
                let bus = Arc::clone(if n % 2 == 0 { &here } else { &there });
                let seen = seen.clone();
                tokio::spawn(async move { take_over(&*bus, &seen).await })
            })
            .collect();
        let mut taken = Vec::new();
        for taker in takers {
            taken.extend(taker.await.unwrap());
        }
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].lease.attempt, attempt);
    }
}

pub async fn who_beats_is_not_taken_over<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let alive = ask_and_claim(&*here, &question(&room)).await;
    let before = seen(&*there).await;
    here.beat(&alive.lease, 1).await.unwrap();
    assert_eq!(take_over(&*there, &before).await, None);
    assert!(!is_cancelled(&*here, &alive.lease).await);
    assert_eq!(seen(&*there).await.lease, alive.lease);
    let mut never_held = before;
    never_held.lease.attempt = 7;
    never_held.beats = 1;
    assert_eq!(take_over(&*there, &never_held).await, None);
}

/// The answer to its claim came late, or never.
pub async fn who_claims_again_is_not_taken_over<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    ask(&*here, &question(&room)).await;
    let id = ClaimId::generate();
    let claim = async || {
        here.claim(room.partition(), &room.tenant, &id)
            .await
            .unwrap()
    };
    let claimed = claim().await.unwrap();
    let before = seen(&*there).await;
    assert_eq!(claim().await, Some(claimed.clone()));
    assert_eq!(take_over(&*there, &before).await, None);
    // What has beaten since has not beaten less.
    here.beat(&claimed.lease, 3).await.unwrap();
    claim().await.unwrap();
    assert_eq!(seen(&*there).await.beats, 3);
}

pub async fn a_takeover_repeated_gets_the_same<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    ask_and_claim(&*here, &question(&room)).await;
    let seen = seen(&*here).await;
    let id = ClaimId::generate();
    let Takeover::Taken(first) = here.take_over(&seen, &id).await.unwrap() else {
        panic!("refused")
    };
    here.append(&first.lease, &delta(&first, 0, "kept"))
        .await
        .unwrap();
    let again = there.take_over(&seen, &id).await.unwrap();
    assert_eq!(again, Takeover::Taken(first.clone()));
    let running = there.read(&room, None, 0).await.unwrap().running.remove(0);
    assert_eq!(running.text, "kept");
    finish(&*here, &first, "kept").await;
    let late = there.take_over(&seen, &id).await.unwrap();
    assert_eq!(late, Takeover::Refused);
}

pub async fn a_cancellation_survives_its_broker<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:user:u1");
    let dead = ask_and_claim(&*here, &question(&room)).await;
    let cancelled = here.cancel(&room, &dead.lease.message_id).await.unwrap();
    assert_eq!(cancelled, Cancelled::Flagged);
    let taken = take_over(&*there, &seen(&*there).await).await.unwrap();
    assert!(taken.cancelled);
    assert!(is_cancelled(&*there, &taken.lease).await);
}
