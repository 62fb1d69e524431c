//! Who hears a room hears all of it, the bytes that the log keeps, and is told
//! where something is missing.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::Retention;
use causerie_shared::bus::feed::{Feed, Heard};
use causerie_shared::bus::reply::Cancelled::NotRunning;
use causerie_shared::bus::reply::{Beat, ClaimId, Finished};
use causerie_shared::protocol::action::IfBusy;
use causerie_shared::record::Record;

use crate::ear::Ear;
use crate::scene::*;
use crate::world::{World, two_nodes};

pub async fn transient_records_reach_all_and_no_log<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ears = [
        Ear::open(&*here, &[&room]).await,
        Ear::open(&*there, &[&room]).await,
    ];
    let before = head(&*here, &room).await;
    let record = typing(&room, 1_693_234_567_890);
    here.publish(&room, &record).await.unwrap();
    for ear in &mut ears {
        // With every field of its header: the excluded user is one.
        assert_eq!(*ear.record().await, record);
    }
    assert_eq!(head(&*there, &room).await, before);
    assert_eq!(whole_log(&*there, &room).await, []);
}

pub async fn the_log_keeps_what_was_heard<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*there, &[&room]).await;
    let claimed = ask_and_claim(&*here, &question_in(&room, "s1")).await;
    ask(&*here, &question_in(&room, "s1")).await;
    finish(&*here, &claimed, "über\n\"alles\" \\ \u{1F600} \u{0}").await;
    ask(
        &*here,
        &if_busy(IfBusy::Interrupt, question_in(&room, "s1")),
    )
    .await;
    ask(&*here, &for_people(question(&room))).await;

    let heard = ear.durable(6).await;
    let kept = whole_log(&*here, &room).await;
    assert_eq!(seqs(&kept), [1, 2, 3, 4, 5, 6]);
    let bytes = |record: &Record| record.encode();
    assert!(
        heard
            .iter()
            .map(|record| record.encode())
            .eq(kept.iter().map(bytes))
    );
    let types: Vec<_> = kept
        .iter()
        .map(|record| durable_frame(record)["type"].clone())
        .collect();
    let [said, reply] = ["new_message", "message"];
    assert_eq!(types, [said, said, reply, reply, said, said]);
}

pub async fn only_rooms_subscribed_to_are_heard<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    // One server publishes them all: between two servers there is no order.
    let mut rooms = (1..)
        .map(|number| room(&format!("acme:project:p{number}")))
        .filter(|room| room.partition().index() == 7);
    let [one, two, three] = [(); 3].map(|()| rooms.next().unwrap());
    let mut ear = Ear::open(&*there, &[&one, &two]).await;
    // Hearing a room twice is once.
    ear.rooms.subscribe(&one).await.unwrap();
    for room in [&one, &three, &two] {
        ask(&*here, &for_people(question(room))).await;
    }
    // As they were asked: of one server.
    let heard_in = [ear.next().await.0, ear.next().await.0];
    assert_eq!(heard_in, [one.clone(), two.clone()]);
    assert_eq!(ear.until_now(&*here, &one).await.len(), 0);

    ear.rooms.unsubscribe(&two).await.unwrap();
    ear.rooms.unsubscribe(&three).await.unwrap();
    // It need not be confirmed when it returns, but is soon.
    while ear.hears(&*here, &two, &one).await {}
    for room in [&two, &one] {
        ask(&*here, &for_people(question(room))).await;
    }
    let (heard_in, _) = ear.next().await;
    assert_eq!(heard_in, one);
    ear.rooms.subscribe(&two).await.unwrap();
    ask(&*here, &for_people(question(&two))).await;
    let (heard_in, record) = ear.next().await;
    assert_eq!((heard_in, seqs([&*record])), (two, vec![3]));
}

pub async fn many_rooms_are_heard_as_each_by_itself<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let rooms = |from: usize, to: usize| {
        let names = (from..to).map(|number| room(&format!("acme:user:u{number}")));
        names.collect::<Vec<_>>()
    };
    let mut ear = Ear::open(&*there, &[]).await;
    for some in [rooms(0, 3), rooms(2, 400), Vec::new(), rooms(300, 900)] {
        let heard = ear.rooms.subscribe_all(&some).await;
        assert!(heard.iter().all(Result::is_ok) && heard.len() == some.len());
        // When it returns, all that is published from then on is heard.
        for room in &some {
            here.publish(room, &typing(room, 1)).await.unwrap();
        }
        let mut heard = Vec::new();
        for _ in &some {
            heard.push(ear.next().await.0);
        }
        heard.sort();
        let mut expected = some.clone();
        expected.sort();
        assert_eq!(heard, expected);
    }
    let none = room("acme:user:u901");
    here.publish(&none, &typing(&none, 1)).await.unwrap();
    assert_eq!(ear.until_now(&*here, &rooms(0, 1)[0]).await.len(), 0);
}

pub async fn a_feed_ends_with_its_handle<W: World>() {
    let (_world, here, _) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*here, &[&room]).await;
    ask(&*here, &for_people(question(&room))).await;
    let Ear { rooms, receiver } = &mut ear;
    assert!(matches!(receiver.recv().await, Some(Heard::Record { .. })));
    let other = here.subscriptions(Arc::new(Feed::new(1).0));
    drop(std::mem::replace(rooms, other));
    let end = tokio::time::timeout(Duration::from_secs(10), receiver.recv());
    assert_eq!(end.await.expect("the feed goes on"), None);
    // Nobody is in the way of those who speak.
    ask(&*here, &for_people(question(&room))).await;
}

pub async fn a_slow_subscriber_is_told_and_in_nobodys_way<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut slow = Ear::with_buffer(&*there, &[&room], 4).await;
    let mut quick = Ear::open(&*there, &[&room]).await;
    let speaking = async {
        for _ in 0..200 {
            ask(&*here, &for_people(question(&room))).await;
        }
    };
    let spoken = tokio::time::timeout(Duration::from_secs(20), speaking);
    spoken.await.expect("a slow reader holds up who speaks");
    // All was on its way when this is heard, for the slow one too.
    assert_eq!(
        seqs(quick.durable(200).await.iter().map(|record| &**record)).last(),
        Some(&200)
    );

    let mut heard = 0;
    while let Heard::Record { record, .. } = slow.try_next().await.unwrap() {
        heard += 1;
        assert_eq!(seqs([&*record]), [heard]);
    }
    assert!(heard < 100, "{heard} of 200 waited in a buffer of 4");
    // It is told, reads, and goes on live.
    assert_eq!(head(&*there, &room).await.seq, 200);
    ask(&*here, &for_people(question(&room))).await;
    loop {
        match slow.try_next().await.unwrap() {
            Heard::Gap => {}
            Heard::Record { record, .. } if seqs([&*record]) == [201] => break,
            Heard::Record { .. } => {}
        }
    }
}

pub async fn nothing_crosses_tenants<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    for name in ["tenant", "project:p1", "user:u1"] {
        let [acme, bolt] = ["acme", "bolt"].map(|tenant| room(&format!("{tenant}:{name}")));
        let mut ear = Ear::open(&*there, &[&bolt]).await;
        let asked = question_in(&acme, "s1");
        ask(&*here, &asked).await;
        here.publish(&acme, &typing(&acme, 1)).await.unwrap();
        let reply = reply_of(&asked);
        assert_eq!(there.cancel(&bolt, reply).await.unwrap(), NotRunning);
        let foreign = ClaimId::generate();
        let none = there.claim(acme.partition(), &bolt.tenant, &foreign).await;
        assert_eq!(none.unwrap(), None);

        let claimed = claim(&*here, &acme).await;
        here.append(&claimed.lease, &delta(&claimed, 0, "secret"))
            .await
            .unwrap();
        assert_eq!(there.cancel(&bolt, reply).await.unwrap(), NotRunning);
        let mut stolen = claimed.clone();
        stolen.lease.room = bolt.clone();
        assert_eq!(there.beat(&stolen.lease, 1).await.unwrap(), Beat::Fenced);
        let ended = there.finish(&stolen.lease, &ending(&stolen, "x")).await;
        assert_eq!(ended.unwrap(), Finished::Fenced);
        finish(&*here, &claimed, "secret").await;

        assert_eq!(
            ear.until_now(&*there, &bolt).await,
            Vec::<Arc<Record>>::new()
        );
        let page = there.read(&bolt, None, 100).await.unwrap();
        assert_eq!((page.head.seq, page.running), (0, Vec::new()));
        assert_eq!(whole_log(&*there, &bolt).await, []);
        let mut same_session = question_in(&bolt, "s1");
        same_session.client_id = asked.client_id;
        let theirs = ask_and_claim(&*there, &if_busy(IfBusy::Reject, same_session)).await;
        assert_eq!((theirs.turns, theirs.is_first), (Vec::new(), true));
    }
}
