mod socket;

use super::queue::Queue;
use super::*;
use crate::frame::Control;
use crate::hub::testing::{delta, durable, ended, message_id, position, room, session};
use causerie_shared::protocol::event::Event;
use causerie_shared::record::{Class, Header, Record, ReplyPart};

/// Room for eight frames of a thousand bytes, and a little more.
const BOUND: usize = 8 * 1_100;

fn sized(mut record: Record) -> Arc<OutFrame> {
    record.frame = " ".repeat(1_000).into();
    OutFrame::event(&room(), &record)
}

fn event(seq: u64) -> Arc<OutFrame> {
    sized(durable("aaaaaaaa", seq))
}

fn text(index: i64) -> Arc<OutFrame> {
    sized(delta(1, 1, index, ""))
}

fn typing() -> Arc<OutFrame> {
    let header = Header {
        class: Class::Transient,
        event: Event::TypingIndicator.name().into(),
        position: None,
        ..durable("aaaaaaaa", 1).header
    };
    sized(Record {
        header,
        frame: Bytes::new(),
    })
}

fn fill(outbox: &Outbox, frames: u64) {
    for seq in 1..=frames {
        assert_eq!(outbox.push(&event(seq)), Pushed::Queued);
    }
}

async fn empty(outbox: &Outbox) -> Batch {
    outbox.next(usize::MAX).await
}

#[tokio::test]
async fn frames_come_in_order_and_in_batches() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 5);
    let seqs = |batch: Batch| -> Vec<u64> {
        let positions = batch.frames.iter().map(|frame| frame.position.clone());
        positions.map(|position| position.unwrap().seq).collect()
    };
    assert_eq!(seqs(outbox.next(2_200).await), [1, 2]);
    assert_eq!(seqs(outbox.next(1).await), [3]);
    assert_eq!(seqs(empty(&outbox).await), [4, 5]);
}

#[tokio::test]
async fn a_slow_reader_loses_transient_events_first() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 5);
    assert_eq!(outbox.push(&typing()), Pushed::DroppedTransient);
    assert_eq!(outbox.push(&text(0)), Pushed::Queued);
    assert_eq!(outbox.push(&event(6)), Pushed::Queued);
}

#[tokio::test]
async fn then_the_text_of_replies_which_a_snapshot_makes_up_for() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 6);
    assert_eq!(outbox.push(&text(0)), Pushed::DroppedText);
    let batch = outbox.next(5_500).await;
    assert!(batch.frames.len() == 5 && batch.lagging == [(room(), message_id(1))]);
    // Until the snapshot has come, deltas make no sense.
    assert_eq!(outbox.push(&text(1)), Pushed::DroppedText);
    outbox.forget(&message_id(1));
    outbox.push(&event(7));
    assert_eq!(outbox.push(&text(2)), Pushed::Queued);
    let batch = empty(&outbox).await;
    assert!(batch.frames.len() == 3 && batch.lagging.is_empty());
}

/// One who comes in gets it with the rest; where it is dropped another follows.
#[tokio::test]
async fn a_snapshot_counts_where_it_is_given() {
    let part = |number| ReplyPart {
        message_id: message_id(number),
        attempt: 1,
        index: 0,
    };
    let snapshot = |number| {
        let json = " ".repeat(1_000).into();
        OutFrame::snapshot(&room(), part(number), &message_id(100 + number), json)
    };
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 4);
    let (mut deliveries, mut expected) = (Deliveries::default(), Deliveries::default());
    let frames = [event(5), snapshot(1), snapshot(2), event(6)];
    outbox.push_all(&frames, &mut deliveries);
    expected.count(Pushed::Queued, 2);
    expected.count_snapshot(Pushed::Queued);
    expected.count_snapshot(Pushed::DroppedText);
    assert_eq!(deliveries, expected);
    assert_eq!(deliveries.snapshots(), 1);
}

#[tokio::test]
async fn a_reply_that_ended_meanwhile_needs_no_snapshot() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 6);
    assert_eq!(outbox.push(&text(0)), Pushed::DroppedText);
    assert_eq!(outbox.push(&sized(ended("aaaaaaaa", 7, 1))), Pushed::Queued);
    assert!(empty(&outbox).await.lagging.is_empty());
}

/// Each is for one alone, and its bytes are the least of it.
#[tokio::test]
async fn small_answers_are_counted_as_what_they_take() {
    let outbox = Outbox::new(64 << 10);
    let answer = || OutFrame::answer(Event::Pong, Bytes::from_static(b"{}"));
    let mut waiting = 0;
    while outbox.push(&answer()) == Pushed::Queued {
        waiting += 1;
    }
    assert!(
        waiting > 100 && waiting * size_of::<OutFrame>() <= 64 << 10,
        "{waiting}"
    );
}

#[test]
fn what_one_is_not_given_is_counted_and_never_wraps() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 7);
    assert_eq!(outbox.push(&typing()), Pushed::DroppedTransient);
    assert_eq!(outbox.push(&text(0)), Pushed::DroppedText);
    outbox.note_recovery();
    let Tally {
        given,
        dropped,
        recoveries,
    } = outbox.tally();
    assert_eq!((given, dropped, recoveries), (7, 2, 1));
    let frame = typing();
    for _ in 0..=u16::MAX {
        outbox.push(&frame);
        outbox.note_recovery();
    }
    let Tally {
        dropped,
        recoveries,
        ..
    } = outbox.tally();
    assert_eq!((dropped, recoveries), (u16::MAX, u8::MAX));
}

#[tokio::test]
async fn and_is_closed_at_the_bound() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 8);
    assert_eq!(outbox.push(&event(9)), Pushed::Overflown);
    assert_eq!(outbox.push(&event(10)), Pushed::Closed);
    let batch = empty(&outbox).await;
    assert!(batch.frames.is_empty());
    assert_eq!(batch.close, Some(CloseCode::TooSlow.into()));
}

#[tokio::test]
async fn a_frame_beyond_the_bound_is_sent_where_nothing_else_waits() {
    let outbox = Outbox::new(100);
    assert_eq!(outbox.push(&event(1)), Pushed::Queued);
    assert_eq!(empty(&outbox).await.frames.len(), 1);
}

#[tokio::test]
async fn nobody_is_slow_because_a_frame_is_large() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 1);
    let mut whole = ended("aaaaaaaa", 2, 1);
    whole.frame = " ".repeat(BOUND).into();
    let whole = OutFrame::event(&room(), &whole);
    assert_eq!(outbox.push(&whole), Pushed::Queued);
    assert_eq!(outbox.push(&event(3)), Pushed::Overflown);
}

#[tokio::test]
async fn a_close_comes_after_the_frames_before_it() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 2);
    outbox.close(CloseCode::Draining);
    outbox.close(CloseCode::Idle);
    assert_eq!(outbox.next(1).await.close, None);
    let batch = outbox.next(1).await;
    assert_eq!(batch.frames.len(), 1);
    assert_eq!(batch.close, Some(CloseCode::Draining.into()));
}

#[tokio::test]
async fn who_waits_for_room_is_woken_by_the_reader() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 8);
    let waiting = tokio::spawn({
        let outbox = Arc::clone(&outbox);
        async move { outbox.drained().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    empty(&outbox).await;
    waiting.await.unwrap();
}
