//! Replies in the making.

use super::*;

#[test]
fn a_late_joiner_gets_a_snapshot_and_then_exactly_the_deltas_after_it() {
    let (mut room, _first) = live();
    hear(&mut room, start(1, 1));
    for (index, text) in ["a", "b"].iter().enumerate() {
        hear(&mut room, delta(1, 1, index as i64, text));
    }
    let (mut late, need) = join(&mut room, at_head());
    assert_eq!(need, None);
    hear(&mut room, delta(1, 1, 1, "b"));
    hear(&mut room, delta(1, 1, 2, "c"));
    assert!(late.is_member());
    assert_eq!(
        late.seen(),
        ["subscribed aaaaaaaa:10 true", "snapshot 1 ab", "delta 2"]
    );
}

#[test]
fn a_lost_delta_is_mended_with_a_snapshot() {
    let (mut room, client) = live();
    hear(&mut room, start(1, 1));
    assert_eq!(hear(&mut room, delta(1, 1, 1, "b")), read_after(10));
    hear(&mut room, delta(1, 1, 2, "c"));
    room.on_page(Ok(page(
        position(LIFE, 10),
        vec![],
        vec![running(1, 1, 1, "ab")],
    )));
    assert_eq!(client.seen(), ["start", "snapshot 1 ab", "delta 2"]);
}

#[test]
fn what_is_late_of_a_reply_that_ended_before_the_read_is_dropped() {
    let (mut room, client) = live();
    hear(&mut room, durable(LIFE, 12));
    for late in [
        start(1, 1),
        notice(1, Event::TypingIndicator),
        delta(1, 1, 0, "a"),
        notice(1, Event::AiProcessingError),
        ended(LIFE, 12, 1),
        notice(1, Event::AiProcessingEnd),
    ] {
        hear(&mut room, late);
    }
    let missed = vec![durable(LIFE, 11), ended(LIFE, 12, 1)];
    assert_eq!(
        room.on_page(Ok(page(position(LIFE, 12), missed, vec![]))),
        None
    );
    assert_eq!(client.seen(), ["11", "12", "ai_processing_end"]);
}

/// It was told by a master that was replaced, and of which the log kept less.
#[test]
fn an_end_that_was_lost_does_not_end_the_reply_that_runs_again() {
    for is_told_while_reading in [true, false] {
        let (mut room, client) = live();
        hear(&mut room, start(1, 1));
        assert_eq!(hear(&mut room, durable(LIFE, 12)), read_after(10));
        if is_told_while_reading {
            hear(&mut room, ended(LIFE, 11, 1));
        }
        let runs = vec![running(1, 1, -1, "")];
        let read = page(position(NEXT_LIFE, 10), vec![], runs);
        assert_eq!(room.on_page(Ok(read)), None);
        if !is_told_while_reading {
            hear(&mut room, ended(LIFE, 11, 1));
        }
        hear(&mut room, start(1, 2));
        hear(&mut room, delta(1, 2, 0, "a"));
        let (late, _) = join(&mut room, at_head());
        let expected = ["start", "subscribed bbbbbbbb:10 true", "start", "delta 0"];
        assert_eq!(client.seen(), expected);
        let expected = ["subscribed bbbbbbbb:10 true", "snapshot 0 a"];
        assert_eq!(late.seen(), expected);
    }
}

/// A master that was replaced let it be claimed, and of that the log kept nothing.
#[test]
fn a_reply_whose_claim_was_lost_is_heard_when_it_is_made_again() {
    let (mut room, client) = live();
    hear(&mut room, start(1, 1));
    hear(&mut room, delta(1, 1, 0, "a"));
    assert_eq!(room.on_gap(), read_after(10));
    let read = page(position(NEXT_LIFE, 10), vec![], vec![]);
    assert_eq!(room.on_page(Ok(read)), None);
    hear(&mut room, delta(1, 1, 1, "b"));
    hear(&mut room, start(1, 2));
    hear(&mut room, delta(1, 2, 0, "x"));
    let (late, _) = join(&mut room, at_head());
    let before = ["start", "delta 0", "subscribed bbbbbbbb:10 true"];
    assert_eq!(client.seen(), [&before[..], &["start", "delta 0"]].concat());
    let expected = ["subscribed bbbbbbbb:10 true", "snapshot 0 x"];
    assert_eq!(late.seen(), expected);
}

#[test]
fn one_who_asked_hears_only_what_concerns_the_question() {
    let (mut room, _first) = live();
    let (asker, _) = join_as(&mut room, at_head(), Viewer::Question(message_id(101)));
    hear(&mut room, durable(LIFE, 11));
    hear(&mut room, start(2, 1));
    hear(&mut room, start(1, 1));
    hear(&mut room, delta(1, 1, 0, "a"));
    assert_eq!(asker.seen(), ["start", "delta 0"]);
}

#[test]
fn a_slow_reader_gets_one_snapshot_for_the_deltas_it_lost() {
    let (mut room, client) = live();
    hear(&mut room, start(1, 1));
    hear(&mut room, delta(1, 1, 0, "a"));
    client.seen();
    room.on_resync(client.outbox.id(), &message_id(1));
    assert_eq!(client.seen(), ["snapshot 0 a"]);
    hear(&mut room, ended(LIFE, 11, 1));
    client.seen();
    room.on_resync(client.outbox.id(), &message_id(1));
    assert!(client.seen().is_empty());
}

#[test]
fn one_who_was_slow_left_and_came_again_gets_the_text() {
    let (mut room, client) = live();
    hear(&mut room, start(1, 1));
    let mut filling = durable(LIFE, 11);
    filling.frame = " ".repeat(900_000).into();
    hear(&mut room, filling);
    hear(&mut room, delta(1, 1, 0, "a"));
    room.on_leave(client.outbox.id());
    let lagging = client.outbox.next(usize::MAX).now_or_never();
    assert_eq!(lagging.unwrap().lagging.len(), 1);
    // Asked for after it left: nothing comes of it.
    room.on_resync(client.outbox.id(), &message_id(1));
    let (reply, _joined) = oneshot::channel();
    let join = join_of(&client.outbox, at_head());
    assert_eq!(room.on_join(Waiting { join, reply }), None);
    hear(&mut room, delta(1, 1, 1, "b"));
    assert_eq!(
        client.seen(),
        ["subscribed aaaaaaaa:11 true", "snapshot 0 a", "delta 1"]
    );
}

#[test]
fn a_reply_that_ended_while_its_room_was_opened_does_not_run() {
    let mut room = Handled::new();
    let (client, _) = join(&mut room, at_head());
    hear(&mut room, start(1, 1));
    hear(&mut room, delta(1, 1, 0, "a"));
    // The end was read; what was heard live of it is still on its way.
    let opened = page(position(LIFE, 11), vec![], vec![]);
    assert_eq!(room.on_opened(Ok(opened.clone())), read_after(11));
    assert_eq!(room.on_page(Ok(opened.clone())), None);
    hear(&mut room, ended(LIFE, 11, 1));
    assert_eq!(client.seen(), ["subscribed aaaaaaaa:11 true"]);
}

#[test]
fn a_reply_that_began_while_its_room_was_opened_runs() {
    let mut room = Handled::new();
    let (client, _) = join(&mut room, at_head());
    hear(&mut room, start(1, 1));
    let opened = page(position(LIFE, 11), vec![], vec![]);
    assert_eq!(room.on_opened(Ok(opened)), read_after(11));
    hear(&mut room, delta(1, 1, 0, "a"));
    let read = page(position(LIFE, 11), vec![], vec![running(1, 1, -1, "")]);
    assert_eq!(room.on_page(Ok(read.clone())), None);
    let expected = ["subscribed aaaaaaaa:11 true", "snapshot 0 a"];
    assert_eq!(client.seen(), expected);
}
