//! Holes, new lives, and the reads that mend them.

use causerie_shared::position::Epoch;
use causerie_testkit::recorded::Recorded;

use super::*;

#[test]
fn what_is_heard_while_the_room_is_read_comes_after_it_and_once() {
    let mut room = Handled::new();
    let (mut client, _) = join(&mut room, Start::Asked(position(LIFE, 8)));
    for seq in [10, 11] {
        assert_eq!(hear(&mut room, durable(LIFE, seq)), None);
    }
    let missed = vec![durable(LIFE, 9), durable(LIFE, 10)];
    assert_eq!(
        room.on_opened(Ok(page(position(LIFE, 10), missed, vec![]))),
        None
    );
    assert!(client.is_member());
    assert_eq!(
        client.seen(),
        ["subscribed aaaaaaaa:8 true", "9", "10", "11"]
    );
}

#[test]
fn a_hole_is_read_before_what_came_after_it_is_delivered() {
    let (mut room, client) = live();
    assert_eq!(hear(&mut room, durable(LIFE, 12)), read_after(10));
    assert_eq!(hear(&mut room, durable(LIFE, 13)), None);
    assert!(client.seen().is_empty());
    let missed = vec![durable(LIFE, 11), durable(LIFE, 12)];
    assert_eq!(
        room.on_page(Ok(page(position(LIFE, 12), missed, vec![]))),
        None
    );
    assert_eq!(client.seen(), ["11", "12", "13"]);
}

#[test]
fn a_long_hole_is_read_page_by_page() {
    let (mut room, client) = live();
    hear(&mut room, durable(LIFE, 13));
    hear(&mut room, durable(LIFE, 14));
    let head = position(LIFE, 13);
    let first = vec![durable(LIFE, 11), durable(LIFE, 12)];
    assert_eq!(
        room.on_page(Ok(page(head.clone(), first, vec![]))),
        read_after(12)
    );
    assert_eq!(
        room.on_page(Ok(page(head, vec![durable(LIFE, 13)], vec![]))),
        None
    );
    assert_eq!(client.seen(), ["11", "12", "13", "14"]);
}

#[test]
fn a_last_event_that_was_lost_is_found_by_the_head() {
    let (mut room, client) = live();
    assert_eq!(room.on_head(position(LIFE, 10)), None);
    assert_eq!(room.on_head(position(LIFE, 11)), read_after(10));
    room.on_page(Ok(page(
        position(LIFE, 11),
        vec![durable(LIFE, 11)],
        vec![],
    )));
    assert_eq!(client.seen(), ["11"]);
}

#[test]
fn a_head_that_is_told_while_the_room_is_read_is_looked_at_afterwards() {
    for (told, is_missing) in [(11, false), (12, true)] {
        let (mut room, _client) = live();
        assert_eq!(room.on_head(position(LIFE, 11)), read_after(10));
        assert_eq!(room.on_head(position(LIFE, told)), None);
        let read = page(position(LIFE, 11), vec![durable(LIFE, 11)], vec![]);
        let need = room.on_page(Ok(read));
        assert_eq!(need.is_some(), is_missing);
        // Only once: what no read finds is not there.
        if is_missing {
            let none = page(position(LIFE, 11), vec![], vec![]);
            assert_eq!(room.on_page(Ok(none)), None);
        }
    }
}

#[test]
fn what_was_heard_but_is_not_in_the_log_is_dropped() {
    // An old master published the one; of the other the log lost what is before.
    for lost in [
        durable(NEXT_LIFE, 11),
        durable(LIFE, 12),
        delta(1, 1, 2, "c"),
    ] {
        let (mut room, client) = live();
        hear(&mut room, start(1, 1));
        assert_eq!(hear(&mut room, lost), read_after(10));
        hear(&mut room, durable(LIFE, 11));
        let read = page(
            position(LIFE, 11),
            vec![durable(LIFE, 11)],
            vec![running(1, 1, -1, "")],
        );
        assert_eq!(room.on_page(Ok(read)), None);
        hear(&mut room, delta(1, 1, 0, "a"));
        assert_eq!(client.seen(), ["start", "11", "delta 0"]);
    }
}

#[test]
fn what_is_heard_while_the_room_is_read_is_looked_for_by_another_read() {
    let (mut room, client) = live();
    assert_eq!(hear(&mut room, durable(LIFE, 12)), read_after(10));
    hear(&mut room, durable(LIFE, 14));
    let read = vec![durable(LIFE, 11), durable(LIFE, 12)];
    let need = room.on_page(Ok(page(position(LIFE, 12), read, vec![])));
    assert!(matches!(need, Some(Need::Read { after, tries: 1 }) if after == position(LIFE, 12)));
    let read = vec![durable(LIFE, 13), durable(LIFE, 14)];
    assert_eq!(
        room.on_page(Ok(page(position(LIFE, 14), read, vec![]))),
        None
    );
    assert_eq!(client.seen(), ["11", "12", "13", "14"]);
}

#[test]
fn too_much_that_waits_is_read_again_instead() {
    let (mut room, client) = live();
    hear(&mut room, durable(LIFE, 12));
    for seq in 13..1_100 {
        hear(&mut room, durable(LIFE, seq));
    }
    let first = vec![durable(LIFE, 11), durable(LIFE, 12)];
    let need = room.on_page(Ok(page(position(LIFE, 12), first, vec![])));
    assert!(matches!(need, Some(Need::Read { after, .. }) if after == position(LIFE, 12)));
    let rest = (13..1_101).map(|seq| durable(LIFE, seq)).collect();
    assert_eq!(
        room.on_page(Ok(page(position(LIFE, 1_100), rest, vec![]))),
        None
    );
    let seen = client.seen();
    assert_eq!(seen.len(), 1_090);
    assert_eq!(seen.last().unwrap(), "1100");
}

#[test]
fn a_new_life_is_told_before_its_first_event() {
    let (mut room, client) = live();
    assert_eq!(hear(&mut room, durable(NEXT_LIFE, 12)), read_after(10));
    let missed = vec![durable(LIFE, 11), durable(NEXT_LIFE, 12)];
    assert_eq!(
        room.on_page(Ok(page(position(NEXT_LIFE, 12), missed, vec![]))),
        None
    );
    assert_eq!(client.seen(), ["11", "subscribed bbbbbbbb:11 true", "12"]);
}

#[test]
fn a_lost_tail_is_told_and_the_stream_goes_on_from_the_head() {
    let (mut room, client) = live();
    hear(&mut room, start(1, 1));
    hear(&mut room, durable(NEXT_LIFE, 9));
    let lost = Page {
        head: position(NEXT_LIFE, 9),
        lives: vec![],
        missed: Missed::Lost,
        running: vec![running(2, 1, 0, "a")],
    };
    assert_eq!(room.on_page(Ok(lost.clone())), None);
    hear(&mut room, durable(NEXT_LIFE, 10));
    let expected = ["start", "subscribed bbbbbbbb:9 false", "snapshot 0 a", "10"];
    assert_eq!(client.seen(), expected);
}

#[test]
fn a_room_that_cannot_be_understood_is_given_up() {
    let recorded = Recorded::here();
    let (mut room, client) = live();
    let mut need = hear(&mut room, durable(LIFE, 12));
    let mut tries = 0;
    while let Some(Need::Read { .. }) = need {
        assert!(!client.outbox.is_closed());
        need = room.on_page(Err(BusError::Unreadable("what?".into())));
        tries += 1;
    }
    assert_eq!((tries, need), (5, Some(Need::Close)));
    recorded.metric_rises("causerie_rooms_given_up_total");
    let closed = client.outbox.next(usize::MAX).now_or_never();
    let closed = closed.unwrap().close.unwrap();
    assert_eq!(closed.code, CloseCode::LostPlace);
    assert_eq!(room.on_unsubscribed(), None);
    assert!(room.is_over());
}

/// The ack came before the room's stream did, and then it was lost.
#[test]
fn who_was_told_of_their_own_message_is_told_that_it_is_lost() {
    let (mut room, speaker) = live();
    let (other, _) = join(&mut room, Start::Asked(position(LIFE, 10)));
    let (before, _) = join(&mut room, Start::Asked(position(LIFE, 10)));
    let (elsewhere, _) = join(&mut room, Start::Asked(position(LIFE, 10)));
    let note = |client: &Client, room: &str, seq| {
        let room = room.parse().unwrap();
        client.outbox.note_stored(&room, &position(LIFE, seq));
    };
    note(&speaker, "acme:project:p1", 9);
    note(&speaker, "acme:project:p1", 15);
    note(&before, "acme:project:p1", 10);
    note(&elsewhere, "acme:project:p2", 11);
    hear(&mut room, start(1, 1));
    hear(&mut room, delta(1, 1, 0, "a"));
    for client in [&speaker, &other, &before, &elsewhere] {
        client.seen();
    }
    hear(&mut room, durable(NEXT_LIFE, 11));
    let missed = vec![durable(NEXT_LIFE, 11)];
    let goes_on = vec![running(1, 1, 0, "a")];
    room.on_page(Ok(page(position(NEXT_LIFE, 11), missed, goes_on)));
    hear(&mut room, delta(1, 1, 1, "b"));
    // Who has not recovered has let go of the reply.
    let told = [
        "subscribed bbbbbbbb:10 false",
        "snapshot 0 a",
        "11",
        "delta 1",
    ];
    assert_eq!(speaker.seen(), told);
    for client in [other, before, elsewhere] {
        let told = ["subscribed bbbbbbbb:10 true", "11", "delta 1"];
        assert_eq!(client.seen(), told);
    }
    // Once, whatever life comes then.
    hear(&mut room, durable("cccccccc", 12));
    let missed = vec![durable("cccccccc", 12)];
    room.on_page(Ok(page(position("cccccccc", 12), missed, vec![])));
    assert_eq!(speaker.seen(), ["subscribed cccccccc:11 true", "12"]);
}

/// Two lives began while the room was not read, and the peer spoke in the second.
#[test]
fn who_spoke_in_the_life_after_next_has_lost_nothing_with_the_next() {
    const LAST_LIFE: &str = "cccccccc";
    let (mut room, speaker) = live();
    let spoken = position(LAST_LIFE, 12);
    speaker.outbox.note_stored(&super::room(), &spoken);
    assert_eq!(hear(&mut room, durable(LAST_LIFE, 12)), read_after(10));
    let missed = vec![durable(NEXT_LIFE, 11), durable(LAST_LIFE, 12)];
    let read = Page {
        lives: lives([LAST_LIFE, NEXT_LIFE, LIFE]),
        ..page(spoken, missed, vec![])
    };
    assert_eq!(room.on_page(Ok(read)), None);
    let told = [
        "subscribed bbbbbbbb:10 true",
        "11",
        "subscribed cccccccc:11 true",
        "12",
    ];
    assert_eq!(speaker.seen(), told);
    // Nor is it forgotten what they said.
    let kept = position("dddddddd", 11);
    assert!(speaker.outbox.has_lost(&super::room(), &kept, &[]));
}

/// The second of three lives begins with the next page.
#[test]
fn nor_has_who_spoke_in_a_life_that_a_page_does_not_reach() {
    let (mut room, speaker) = live();
    let spoken = position("cccccccc", 12);
    speaker.outbox.note_stored(&super::room(), &spoken);
    let head = position("dddddddd", 13);
    let part = |records| Page {
        lives: lives(["dddddddd", "cccccccc", NEXT_LIFE, LIFE]),
        ..page(head.clone(), records, vec![])
    };
    assert_eq!(hear(&mut room, durable("dddddddd", 13)), read_after(10));
    let need = room.on_page(Ok(part(vec![durable(NEXT_LIFE, 11)])));
    assert!(matches!(need, Some(Need::Read { after, .. }) if after == position(NEXT_LIFE, 11)));
    let rest = vec![durable("cccccccc", 12), durable("dddddddd", 13)];
    assert_eq!(room.on_page(Ok(part(rest))), None);
    let told = [
        "subscribed bbbbbbbb:10 true",
        "11",
        "subscribed cccccccc:11 true",
        "12",
        "subscribed dddddddd:12 true",
        "13",
    ];
    assert_eq!(speaker.seen(), told);
}

/// Of lives, as a page tells of them.
fn lives<const N: usize>(names: [&str; N]) -> Vec<Epoch> {
    names.map(|name| position(name, 0).epoch).to_vec()
}
