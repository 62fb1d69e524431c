use super::*;
use crate::hub::testing::{delta, durable, ended, message_id, notice, position, running, start};

const LIFE: &str = "aaaaaaaa";

fn order() -> Order {
    Order::new(position(LIFE, 10))
}

#[test]
fn durable_events_come_once_and_without_a_hole() {
    let mut order = order();
    assert_eq!(order.take(&durable(LIFE, 11)), Verdict::Deliver);
    assert_eq!(order.take(&durable(LIFE, 11)), Verdict::Stale);
    assert_eq!(order.take(&durable(LIFE, 3)), Verdict::Stale);
    assert_eq!(
        order.take(&durable(LIFE, 13)),
        Verdict::Repair(Hole::Events)
    );
    assert_eq!(order.take(&durable(LIFE, 12)), Verdict::Deliver);
}

#[test]
fn a_new_life_is_read_and_the_old_one_is_over() {
    let mut order = order();
    assert_eq!(
        order.take(&durable("bbbbbbbb", 11)),
        Verdict::Repair(Hole::Life)
    );
    assert!(order.advance(&position("bbbbbbbb", 11)));
    assert!(!order.advance(&position("bbbbbbbb", 12)));
    assert_eq!(order.take(&durable(LIFE, 11)), Verdict::Stale);
    assert_eq!(order.take(&durable("bbbbbbbb", 13)), Verdict::Deliver);
}

#[test]
fn deltas_come_once_and_in_order() {
    let mut order = order();
    assert_eq!(order.take(&start(1, 1)), Verdict::Deliver);
    assert_eq!(order.take(&delta(1, 1, 0, "a")), Verdict::Deliver);
    assert_eq!(order.take(&delta(1, 1, 0, "a")), Verdict::Stale);
    assert_eq!(
        order.take(&delta(1, 1, 2, "c")),
        Verdict::Repair(Hole::Reply)
    );
    assert_eq!(order.take(&delta(1, 1, 1, "b")), Verdict::Deliver);
    assert_eq!(order.take(&start(1, 1)), Verdict::Stale);
}

#[test]
fn a_higher_attempt_starts_over_and_a_lower_one_is_late() {
    let mut order = order();
    order.take(&start(1, 1));
    order.take(&delta(1, 1, 0, "a"));
    assert_eq!(order.take(&start(1, 2)), Verdict::Deliver);
    assert_eq!(order.take(&delta(1, 1, 1, "b")), Verdict::Stale);
    assert_eq!(order.take(&delta(1, 2, 0, "x")), Verdict::Deliver);
    // A first delta implies the restart, a later one does not.
    assert_eq!(order.take(&delta(1, 3, 0, "y")), Verdict::Deliver);
    assert_eq!(
        order.take(&delta(1, 4, 1, "z")),
        Verdict::Repair(Hole::Reply)
    );
}

#[test]
fn nothing_of_a_reply_follows_its_end() {
    let mut order = order();
    order.take(&start(1, 1));
    assert_eq!(order.take(&ended(LIFE, 11, 1)), Verdict::Deliver);
    assert_eq!(order.take(&delta(1, 1, 0, "a")), Verdict::Stale);
    assert_eq!(order.take(&start(1, 2)), Verdict::Stale);
    assert_eq!(order.replies().count(), 0);
}

#[test]
fn an_unknown_reply_is_looked_for_once() {
    let mut order = order();
    let late = delta(1, 1, 3, "d");
    assert_eq!(order.take(&late), Verdict::Repair(Hole::Reply));
    order.doubt(&late);
    assert!(order.adopt(&[]).is_empty());
    assert_eq!(order.take(&late), Verdict::Stale);
}

#[test]
fn a_text_goes_back_to_what_a_new_life_has_of_it() {
    let mut order = order();
    order.take(&start(1, 1));
    for (index, text) in ["a", "b"].iter().enumerate() {
        order.take(&delta(1, 1, index as i64, text));
    }
    order.advance(&position("bbbbbbbb", 10));
    assert_eq!(order.adopt(&[running(1, 1, 0, "a")]), [message_id(1)]);
    assert_eq!(order.take(&delta(1, 1, 1, "c")), Verdict::Deliver);
}

#[test]
fn a_reply_whose_end_was_lost_runs_again() {
    let mut order = order();
    order.take(&start(1, 1));
    assert_eq!(order.take(&ended(LIFE, 11, 1)), Verdict::Deliver);
    order.advance(&position("bbbbbbbb", 10));
    order.forget_replies();
    assert_eq!(order.adopt(&[running(1, 2, -1, "")]), [message_id(1)]);
    assert_eq!(order.take(&delta(1, 2, 0, "a")), Verdict::Deliver);
}

/// Nobody has claimed its question again yet.
#[test]
fn nor_does_an_end_that_was_lost_end_a_reply_that_will_run_again() {
    let mut order = order();
    order.advance(&position("bbbbbbbb", 10));
    assert!(order.adopt(&[]).is_empty());
    assert_eq!(order.take(&ended(LIFE, 11, 1)), Verdict::Stale);
    assert_eq!(order.take(&start(1, 2)), Verdict::Deliver);
}

/// The bus has lost that the first attempt was begun: what is late of that is dropped, and
/// what is said in the next one, `attempt`, is heard.
fn assert_runs_again(mut order: Order, attempt: u32) {
    assert_eq!(order.take(&start(1, 1)), Verdict::Stale);
    assert_eq!(order.take(&delta(1, 1, 0, "a")), Verdict::Stale);
    assert_eq!(order.take(&error_of(1)), Verdict::Stale);
    assert_eq!(order.take(&error_of(attempt)), Verdict::Deliver);
    let next = delta(1, attempt, 1, "y");
    assert_eq!(order.take(&next), Verdict::Repair(Hole::Reply));
    assert!(order.unknown_reply(&next).is_some());
    assert_eq!(order.take(&start(1, attempt)), Verdict::Deliver);
    assert_eq!(order.take(&delta(1, attempt, 0, "x")), Verdict::Deliver);
    assert_eq!(order.take(&next), Verdict::Deliver);
    assert_eq!(order.take(&delta(1, 1, 1, "b")), Verdict::Stale);
    assert_eq!(order.take(&ended("bbbbbbbb", 11, 1)), Verdict::Deliver);
    assert_eq!(order.take(&start(1, attempt + 1)), Verdict::Stale);
}

fn error_of(attempt: u32) -> Record {
    let mut error = notice(1, Event::AiProcessingError);
    error.header.reply.as_mut().unwrap().attempt = attempt;
    error
}

#[test]
fn a_reply_whose_claim_was_lost_runs_again() {
    let mut order = order();
    order.take(&start(1, 1));
    order.advance(&position("bbbbbbbb", 10));
    assert!(order.adopt(&[]).is_empty());
    assert_runs_again(order, 2);
}

#[test]
fn so_does_one_that_was_heard_but_not_known() {
    let mut order = order();
    order.doubt(&delta(1, 1, 1, "b"));
    order.doubt(&start(1, 1));
    order.advance(&position("bbbbbbbb", 10));
    assert!(order.adopt(&[]).is_empty());
    assert_runs_again(order, 2);
}

#[test]
fn so_does_one_whose_claim_was_lost_as_well_as_its_end() {
    let mut order = order();
    order.take(&start(1, 1));
    assert_eq!(order.take(&ended(LIFE, 11, 1)), Verdict::Deliver);
    order.advance(&position("bbbbbbbb", 10));
    order.forget_replies();
    assert!(order.adopt(&[]).is_empty());
    assert_runs_again(order, 3);
}

#[test]
fn the_highest_attempt_that_was_heard_is_over() {
    let mut order = order();
    for heard in [delta(1, 3, 0, "a"), start(1, 2)] {
        order.doubt(&heard);
    }
    order.adopt(&[]);
    assert_eq!(order.take(&start(1, 3)), Verdict::Stale);
    assert_eq!(order.take(&start(1, 4)), Verdict::Deliver);
}

#[test]
fn an_end_that_a_read_brings_holds_for_what_was_heard_before() {
    let mut order = order();
    order.doubt(&delta(1, 1, 0, "a"));
    let end = ended(LIFE, 11, 1);
    order.advance(&position(LIFE, 11));
    order.note_end(&end.header);
    order.adopt(&[]);
    assert_eq!(order.take(&start(1, 2)), Verdict::Stale);
}

#[test]
fn a_read_brings_what_was_missed_of_a_reply() {
    let mut order = order();
    assert_eq!(
        order.take(&delta(1, 1, 1, "b")),
        Verdict::Repair(Hole::Reply)
    );
    order.doubt(&delta(1, 1, 1, "b"));
    assert_eq!(order.adopt(&[running(1, 1, 1, "ab")]), [message_id(1)]);
    assert_eq!(order.take(&delta(1, 1, 1, "b")), Verdict::Stale);
    assert_eq!(order.take(&delta(1, 1, 2, "c")), Verdict::Deliver);
    // What is known already is no change.
    assert!(order.adopt(&[running(1, 1, 2, "abc")]).is_empty());
    assert!(order.adopt(&[running(1, 1, 0, "a")]).is_empty());
    // And one that does not run any more is over.
    order.adopt(&[]);
    assert_eq!(order.take(&delta(1, 1, 3, "d")), Verdict::Stale);
}
