//! Holes, new lives, and the reads that mend them.

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
    assert_eq!(room.on_head(&position(LIFE, 10)), None);
    assert_eq!(room.on_head(&position(LIFE, 11)), read_after(10));
    room.on_page(Ok(page(
        position(LIFE, 11),
        vec![durable(LIFE, 11)],
        vec![],
    )));
    assert_eq!(client.seen(), ["11"]);
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
    let (mut room, client) = live();
    let mut need = hear(&mut room, durable(LIFE, 12));
    let mut tries = 0;
    while let Some(Need::Read { .. }) = need {
        assert!(!client.outbox.is_closed());
        need = room.on_page(Err(BusError::Unreadable("what?".into())));
        tries += 1;
    }
    assert_eq!((tries, need), (5, Some(Need::Close)));
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
    for client in [&speaker, &other, &before, &elsewhere] {
        client.seen();
    }
    hear(&mut room, durable(NEXT_LIFE, 11));
    let missed = vec![durable(NEXT_LIFE, 11)];
    room.on_page(Ok(page(position(NEXT_LIFE, 11), missed, vec![])));
    assert_eq!(speaker.seen(), ["subscribed bbbbbbbb:10 false", "11"]);
    for client in [other, before, elsewhere] {
        assert_eq!(client.seen(), ["subscribed bbbbbbbb:10 true", "11"]);
    }
    // Once, whatever life comes then.
    hear(&mut room, durable("cccccccc", 12));
    let missed = vec![durable("cccccccc", 12)];
    room.on_page(Ok(page(position("cccccccc", 12), missed, vec![])));
    assert_eq!(speaker.seen(), ["subscribed cccccccc:11 true", "12"]);
}
