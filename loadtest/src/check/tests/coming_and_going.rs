//! Clients that leave a room, or come with a position of somebody else.

use super::*;

fn goes_on(seq: u64) -> What {
    let (room, epoch) = (ROOM.into(), LIFE.into());
    says(1, ClientEvent::GoesOn { room, epoch, seq })
}

fn left() -> What {
    says(1, ClientEvent::Left { room: ROOM.into() })
}

/// What is found where one comes to a room that has one event, and does this.
fn found_after(before: Vec<What>, after: Vec<What>) -> Vec<Broken> {
    let event = said(LIFE, 1, "q1");
    let mut story = vec![named(1, "acme"), says(1, ClientEvent::Opened)];
    story.extend(sends(1, &event, false));
    story.extend(before);
    story.push(subscribed(1, LIFE, 0, true));
    story.extend(after);
    story.push(log("acme", vec![event]));
    let violations = verdict_on(story).violations;
    violations
        .iter()
        .map(|violation| violation.broken)
        .collect()
}

#[test]
fn a_stream_goes_on_from_the_position_that_was_named() {
    let heard = || vec![durable(1, said(LIFE, 1, "q1"))];
    assert_eq!(found_after(vec![goes_on(0)], heard()), []);
    assert_eq!(found_after(vec![goes_on(1)], heard()), [Broken::WrongPlace]);
}

#[test]
fn nothing_comes_of_a_room_that_was_left_and_nothing_is_missed_there() {
    assert_eq!(found_after(vec![], vec![left()]), []);
    let heard = durable(1, said(LIFE, 1, "q1"));
    assert_eq!(
        found_after(vec![], vec![left(), heard]),
        [Broken::WrongPlace]
    );
}
