//! Joining, leaving, coming back.

use super::*;

#[test]
fn a_room_that_cannot_be_opened_tells_all_who_wait() {
    let mut room = Handled::new();
    let (mut first, _) = join(&mut room, at_head());
    let (mut second, need) = join(&mut room, at_head());
    assert_eq!(need, None);
    let need = room.on_opened(Err(BusError::Unavailable("away".into())));
    assert_eq!(need, Some(Need::Close));
    for client in [&mut first, &mut second] {
        assert!(matches!(
            client.joined.try_recv(),
            Ok(Err(BusError::Unavailable(_)))
        ));
    }
    // One who comes now is not forgotten.
    let (_third, need) = join(&mut room, at_head());
    assert_eq!(need, None);
    assert_eq!(room.on_unsubscribed(), Some(Need::Open(None)));
}

#[tokio::test]
async fn a_crowd_comes_in_in_turns() {
    let mut room = Handled::new();
    let mut crowd: Vec<_> = (0..5 * TURN)
        .map(|_| join(&mut room, at_head()).0)
        .collect();
    let opened = Ok(page(position(LIFE, 10), vec![], vec![]));
    room.0.act(|room| room.on_opened(opened)).await;
    for turn in 1..5 {
        let inside = crowd
            .iter_mut()
            .filter_map(|one| one.is_member().then_some(()));
        assert_eq!(inside.count(), TURN, "in turn {turn}");
        // Who is in does not get ahead of the others.
        assert!(room.has_to_proceed() && room.is_busy() && !room.takes_records());
        assert_eq!(room.0.proceed().await, None);
    }
    assert!(!room.has_to_proceed() && room.takes_records());
    hear(&mut room, durable(LIFE, 11));
    assert!(
        crowd
            .iter()
            .all(|one| one.seen() == ["subscribed aaaaaaaa:10 true", "11"])
    );
}

/// Which are made, and compressed, once a turn.
#[test]
fn those_who_come_together_get_the_same_frames() {
    let mut room = Handled(Room::new(room(), Clock::default(), 3));
    let crowd = [(); 3].map(|()| join(&mut room, at_head()).0);
    let running = vec![running(1, 1, 4, "Hello")];
    room.on_opened(Ok(page(position(LIFE, 10), vec![], running)));
    let batches = crowd.map(|client| client.outbox.next(usize::MAX).now_or_never());
    let [first, others @ ..] = batches.map(|batch| batch.unwrap().frames);
    assert_eq!(first.len(), 2);
    for frames in others {
        let mut pairs = first.iter().zip(&frames);
        assert!(pairs.all(|(one, other)| Arc::ptr_eq(one, other)));
        assert_eq!(frames.len(), first.len());
    }
}

#[test]
fn one_who_comes_back_is_served_from_the_tail() {
    let (mut room, _first) = live();
    for seq in [11, 12] {
        hear(&mut room, durable(LIFE, seq));
    }
    let (mut back, need) = join(&mut room, Start::Asked(position(LIFE, 11)));
    assert!(need.is_none() && back.is_member());
    assert_eq!(back.seen(), ["subscribed aaaaaaaa:11 true", "12"]);
}

#[test]
fn a_position_that_the_tail_cannot_judge_is_for_the_bus() {
    let (mut room, _first) = live();
    for unknown in [
        position(LIFE, 9),
        position(LIFE, 11),
        position(NEXT_LIFE, 10),
    ] {
        let (mut client, need) = join(&mut room, Start::Asked(unknown));
        assert!(need.is_none() && client.is_behind());
        assert!(client.seen().is_empty());
    }
}

#[test]
fn one_whom_the_bus_brought_beyond_the_room_waits_for_it() {
    let (mut room, first) = live();
    let (mut ahead, need) = join(&mut room, reached(LIFE, 11, true));
    assert_eq!(need, read_after(10));
    room.on_page(Ok(page(
        position(LIFE, 11),
        vec![durable(LIFE, 11)],
        vec![],
    )));
    hear(&mut room, durable(LIFE, 12));
    assert!(ahead.is_member());
    assert_eq!(ahead.seen(), ["12"]);
    assert_eq!(first.seen(), ["11", "12"]);
}

#[test]
fn one_who_is_within_a_life_that_the_room_never_saw_reads_on() {
    let mut room = Handled::new();
    let (_first, _) = join(&mut room, at_head());
    room.on_opened(Ok(page(position(NEXT_LIFE, 600), vec![], vec![])));
    let (mut back, need) = join(&mut room, reached(LIFE, 138, false));
    assert!(need.is_none() && back.is_behind());
    let (mut back, need) = join(&mut room, reached(NEXT_LIFE, 600, true));
    assert!(need.is_none() && back.is_member());
}

#[test]
fn one_whose_place_a_read_does_not_find_reads_on() {
    let (mut room, _first) = live();
    let (mut lost, need) = join(&mut room, reached(NEXT_LIFE, 10, true));
    assert_eq!(need, read_after(10));
    let (mut second, _) = join(&mut room, at_head());
    assert_eq!(
        room.on_page(Ok(page(position(LIFE, 10), vec![], vec![]))),
        None
    );
    assert!(lost.is_behind() && second.is_member());
}

#[test]
fn one_who_has_gone_is_taken_in_no_more() {
    for mut room in [live().0, Handled::new()] {
        let outbox = Outbox::new(1 << 20);
        outbox.close(CloseCode::InternalError);
        room.on_leave(outbox.id());
        let (reply, mut joined) = oneshot::channel();
        // Sent before it left, and come after that.
        let join = join_of(&outbox, reached(LIFE, 10, true));
        assert_eq!(room.on_join(Waiting { join, reply }), None);
        assert!(room.audience.get(outbox.id()).is_none());
        assert!(joined.try_recv().is_err() && joined.is_terminated());
    }
}

#[test]
fn an_empty_room_closes_and_opens_again_for_one_who_comes_meanwhile() {
    let (mut room, client) = live();
    let now = Instant::now();
    assert_eq!(room.close_if_empty_since(now, now), None);
    room.on_leave(client.outbox.id());
    assert_eq!(room.close_if_empty_since(now, now), Some(Need::Close));
    let (_client, need) = join(&mut room, Start::Asked(position(LIFE, 7)));
    assert_eq!(need, None);
    assert_eq!(
        room.on_unsubscribed(),
        Some(Need::Open(Some(position(LIFE, 7))))
    );
}

#[test]
fn one_who_comes_while_reads_fail_is_told_and_the_room_reads_on() {
    let (mut room, first) = live();
    hear(&mut room, durable(LIFE, 12));
    for tries in 1..4 {
        let (mut client, need) = join(&mut room, at_head());
        assert_eq!(need, None);
        let need = room.on_page(Err(BusError::Unavailable("away".into())));
        assert!(matches!(need, Some(Need::Read { tries: of, .. }) if of == tries));
        assert!(matches!(
            client.joined.try_recv(),
            Ok(Err(BusError::Unavailable(_)))
        ));
    }
    let missed = vec![durable(LIFE, 11), durable(LIFE, 12)];
    assert_eq!(
        room.on_page(Ok(page(position(LIFE, 12), missed, vec![]))),
        None
    );
    assert_eq!(first.seen(), ["11", "12"]);
}

#[test]
fn who_comes_or_goes_amid_a_burst_gets_what_came_before_or_nothing_of_it() {
    let (mut room, first) = live();
    // Gathered, and not sent yet.
    assert_eq!(room.0.on_record(Arc::new(durable(LIFE, 11))), None);
    let (mut second, need) = join(&mut room, at_head());
    assert!(need.is_none() && second.is_member());
    assert_eq!(room.0.on_record(Arc::new(durable(LIFE, 12))), None);
    room.act(|room| {
        room.on_leave(first.outbox.id());
        None
    });
    assert_eq!(first.seen(), ["11", "12"]);
    assert_eq!(second.seen(), ["subscribed aaaaaaaa:11 true", "12"]);
}

/// Looking for each of them among all took a hundred times as long.
#[test]
fn a_crowd_that_waits_comes_and_goes_in_no_time() {
    let begun = std::time::Instant::now();
    let mut room = Handled::new();
    let crowd: Vec<_> = (0..20_000).map(|_| join(&mut room, at_head()).0).collect();
    for client in &crowd {
        room.on_leave(client.outbox.id());
    }
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
