use super::*;
use crate::frame::OutFrame;
use crate::hub::testing::{delta, durable, ended, message_id, position, room, running, start};
use crate::hub::{Join, Live, Start, Viewer};
use crate::outbox::Outbox;
use causerie_shared::bus::log::RunningReply;
use causerie_shared::ids::UserId;
use causerie_shared::protocol::close::CloseCode;
use futures::FutureExt;
use serde_json::Value;

const LIFE: &str = "aaaaaaaa";
const NEXT_LIFE: &str = "bbbbbbbb";

/// A client in the room.
struct Client {
    outbox: Arc<Outbox>,
    joined: oneshot::Receiver<Result<Joined, BusError>>,
}

impl Client {
    /// What it was sent since this was last asked, in short.
    fn seen(&self) -> Vec<String> {
        let batch = self.outbox.next(usize::MAX).now_or_never();
        let frames = batch.map(|batch| batch.frames).unwrap_or_default();
        frames.iter().map(|frame| in_short(frame)).collect()
    }

    fn is_member(&mut self) -> bool {
        matches!(self.joined.try_recv(), Ok(Ok(Joined::Member)))
    }

    fn is_behind(&mut self) -> bool {
        matches!(self.joined.try_recv(), Ok(Ok(Joined::Behind)))
    }
}

fn in_short(frame: &OutFrame) -> String {
    let json: Value = serde_json::from_str(frame.json.as_str()).unwrap();
    let data = &json["data"];
    match frame.event.as_str() {
        "subscribed" => format!(
            "subscribed {}:{} {}",
            json["epoch"].as_str().unwrap(),
            json["seq"],
            json["recovered"]
        ),
        "message_snapshot" => format!(
            "snapshot {} {}",
            data["index"],
            data["text"].as_str().unwrap()
        ),
        "message_delta" => format!("delta {}", data["index"]),
        "ai_processing_start" => "start".into(),
        _ => json["seq"].to_string(),
    }
}

fn page(head: Position, records: Vec<Record>, running: Vec<RunningReply>) -> Page {
    Page {
        head,
        missed: Missed::Records(records),
        running,
    }
}

fn join(room: &mut Room, start: Start) -> (Client, Option<Need>) {
    join_as(
        room,
        start,
        Viewer::Member(UserId::new("u1").unwrap(), Live::ALL),
    )
}

fn join_as(in_room: &mut Room, start: Start, viewer: Viewer) -> (Client, Option<Need>) {
    let outbox = Outbox::new(1 << 20);
    let (reply, joined) = oneshot::channel();
    let join = Join {
        room: room(),
        outbox: Arc::clone(&outbox),
        viewer,
        start,
        told: Arc::default(),
    };
    let need = in_room.on_join(Waiting { join, reply });
    (Client { outbox, joined }, need)
}

fn join_of(outbox: &Arc<Outbox>, start: Start) -> Join {
    Join {
        room: room(),
        outbox: Arc::clone(outbox),
        viewer: Viewer::Member(UserId::new("u1").unwrap(), Live::ALL),
        start,
        told: Arc::default(),
    }
}

fn at_head() -> Start {
    Start::Head { recovered: true }
}

fn reached(epoch: &str, seq: u64, is_head: bool) -> Start {
    Start::Reached {
        position: position(epoch, seq),
        is_head,
    }
}

/// A live room at event 10, with one client in it that has seen that.
fn live() -> (Room, Client) {
    let mut room = Room::new(room(), Clock::default());
    let (client, need) = join(&mut room, at_head());
    assert_eq!(need, Some(Need::Open(None)));
    assert_eq!(
        room.on_opened(Ok(page(position(LIFE, 10), vec![], vec![]))),
        None
    );
    assert_eq!(client.seen(), ["subscribed aaaaaaaa:10 true"]);
    (room, client)
}

fn hear(room: &mut Room, record: Record) -> Option<Need> {
    room.on_record(Arc::new(record))
}

fn read_after(seq: u64) -> Option<Need> {
    Some(Need::Read {
        after: position(LIFE, seq),
        tries: 0,
    })
}

#[test]
fn what_is_heard_while_the_room_is_read_comes_after_it_and_once() {
    let mut room = Room::new(room(), Clock::default());
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
fn a_room_that_cannot_be_opened_tells_all_who_wait() {
    let mut room = Room::new(room(), Clock::default());
    let (mut first, _) = join(&mut room, at_head());
    let (mut second, need) = join(&mut room, at_head());
    assert_eq!(need, None);
    room.on_opened(Err(BusError::Unavailable("away".into())));
    for client in [&mut first, &mut second] {
        assert!(matches!(
            client.joined.try_recv(),
            Ok(Err(BusError::Unavailable(_)))
        ));
    }
    assert!(room.is_over());
}

#[test]
fn a_hole_is_read_before_what_came_after_it_is_delivered() {
    let (mut room, client) = live();
    assert_eq!(hear(&mut room, durable(LIFE, 12)), read_after(10));
    assert_eq!(hear(&mut room, durable(LIFE, 13)), None);
    assert!(client.seen().is_empty());
    let missed = vec![durable(LIFE, 11), durable(LIFE, 12)];
    assert_eq!(
        room.on_page(&page(position(LIFE, 12), missed, vec![])),
        None
    );
    assert_eq!(client.seen(), ["11", "12", "13"]);
}

#[test]
fn a_long_hole_is_read_page_by_page() {
    let (mut room, client) = live();
    hear(&mut room, durable(LIFE, 14));
    let head = position(LIFE, 13);
    let first = vec![durable(LIFE, 11), durable(LIFE, 12)];
    assert_eq!(
        room.on_page(&page(head.clone(), first, vec![])),
        read_after(12)
    );
    assert_eq!(
        room.on_page(&page(head, vec![durable(LIFE, 13)], vec![])),
        None
    );
    assert_eq!(client.seen(), ["11", "12", "13", "14"]);
}

#[test]
fn a_last_event_that_was_lost_is_found_by_the_head() {
    let (mut room, client) = live();
    assert_eq!(room.on_head(&position(LIFE, 10)), None);
    assert_eq!(room.on_head(&position(LIFE, 11)), read_after(10));
    room.on_page(&page(position(LIFE, 11), vec![durable(LIFE, 11)], vec![]));
    assert_eq!(client.seen(), ["11"]);
}

#[test]
fn reads_that_do_not_help_come_more_and_more_slowly() {
    let (mut room, _client) = live();
    let in_vain = page(position(LIFE, 10), vec![], vec![]);
    let mut need = hear(&mut room, durable(LIFE, 12));
    for expected in 0..3 {
        assert!(
            matches!(need, Some(Need::Read { tries, .. }) if tries == expected),
            "{need:?}"
        );
        need = room.on_page(&in_vain);
    }
}

#[test]
fn too_much_that_waits_is_read_again_instead() {
    let (mut room, client) = live();
    hear(&mut room, durable(LIFE, 12));
    for seq in 13..1_100 {
        hear(&mut room, durable(LIFE, seq));
    }
    let first = vec![durable(LIFE, 11), durable(LIFE, 12)];
    let need = room.on_page(&page(position(LIFE, 12), first, vec![]));
    assert!(matches!(need, Some(Need::Read { after, .. }) if after == position(LIFE, 12)));
    let rest = (13..1_101).map(|seq| durable(LIFE, seq)).collect();
    assert_eq!(
        room.on_page(&page(position(LIFE, 1_100), rest, vec![])),
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
        room.on_page(&page(position(NEXT_LIFE, 12), missed, vec![])),
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
    assert_eq!(room.on_page(&lost), None);
    hear(&mut room, durable(NEXT_LIFE, 10));
    let expected = ["start", "subscribed bbbbbbbb:9 false", "snapshot 0 a", "10"];
    assert_eq!(client.seen(), expected);
}

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
    room.on_page(&page(
        position(LIFE, 10),
        vec![],
        vec![running(1, 1, 1, "ab")],
    ));
    assert_eq!(client.seen(), ["start", "snapshot 1 ab", "delta 2"]);
}

#[test]
fn what_is_late_of_a_reply_that_ended_before_the_read_is_dropped() {
    let (mut room, client) = live();
    hear(&mut room, durable(LIFE, 12));
    for late in [start(1, 1), delta(1, 1, 0, "a"), ended(LIFE, 12, 1)] {
        hear(&mut room, late);
    }
    let missed = vec![durable(LIFE, 11), ended(LIFE, 12, 1)];
    assert_eq!(
        room.on_page(&page(position(LIFE, 12), missed, vec![])),
        None
    );
    assert_eq!(client.seen(), ["11", "12"]);
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
    room.on_page(&page(position(LIFE, 11), vec![durable(LIFE, 11)], vec![]));
    hear(&mut room, durable(LIFE, 12));
    assert!(ahead.is_member());
    assert_eq!(ahead.seen(), ["12"]);
    assert_eq!(first.seen(), ["11", "12"]);
}

#[test]
fn one_who_is_within_a_life_that_the_room_never_saw_reads_on() {
    let mut room = Room::new(room(), Clock::default());
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
        room.on_page(&page(position(LIFE, 10), vec![], vec![])),
        None
    );
    assert!(lost.is_behind() && second.is_member());
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
fn one_who_has_gone_is_taken_in_no_more() {
    for mut room in [live().0, Room::new(room(), Clock::default())] {
        let outbox = Outbox::new(1 << 20);
        outbox.close(CloseCode::InternalError);
        room.on_leave(outbox.id());
        let (reply, mut joined) = oneshot::channel();
        // Sent before it left, and come after that.
        let join = join_of(&outbox, reached(LIFE, 10, true));
        assert_eq!(room.on_join(Waiting { join, reply }), None);
        assert!(room.audience.members.get(outbox.id()).is_none());
        assert!(joined.try_recv().is_err() && joined.is_terminated());
    }
}

#[test]
fn an_empty_room_closes_and_opens_again_for_one_who_comes_meanwhile() {
    let (mut room, client) = live();
    let now = Instant::now();
    assert!(!room.closes_if_empty_since(now, now));
    room.on_leave(client.outbox.id());
    assert!(room.closes_if_empty_since(now, now));
    let (_client, need) = join(&mut room, Start::Asked(position(LIFE, 7)));
    assert_eq!(need, None);
    assert_eq!(
        room.on_unsubscribed(),
        Some(Need::Open(Some(position(LIFE, 7))))
    );
}
