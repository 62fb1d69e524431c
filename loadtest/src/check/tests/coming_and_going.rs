//! Clients that leave a room, or come with a position of somebody else.

use super::*;

fn goes_on(seq: u64) -> What {
    let (room, epoch) = (ROOM.into(), LIFE.into());
    says(1, ClientEvent::GoesOn { room, epoch, seq })
}

fn leaving() -> What {
    says(1, ClientEvent::Leaving { room: ROOM.into() })
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
    assert_eq!(found_after(vec![], vec![leaving(), left()]), []);
    let heard = durable(1, said(LIFE, 1, "q1"));
    assert_eq!(
        found_after(vec![], vec![leaving(), left(), heard]),
        [Broken::WrongPlace]
    );
}

#[test]
fn nobody_is_taken_out_of_a_room() {
    let taken_out = [Broken::WrongPlace];
    assert_eq!(found_after(vec![], vec![left()]), taken_out);
    // A wish counts once, and on its connection.
    let twice = vec![leaving(), left(), left()];
    assert_eq!(found_after(vec![], twice), taken_out);
    let back = || [says(1, closed(None)), says(1, ClientEvent::Opened)];
    let joined = || subscribed(1, LIFE, 0, true);
    let [gone, opened] = back();
    let another = vec![leaving(), gone, opened, joined(), left()];
    assert_eq!(found_after(vec![], another), taken_out);
}

#[test]
fn who_wants_to_hear_a_room_is_in_it_at_the_end() {
    let wanting = |rooms: &[&str], then: Vec<What>| {
        let named = ClientEvent::Named {
            tenant: "acme".into(),
            user: "u1".into(),
            rooms: rooms.iter().copied().map(str::to_owned).collect(),
        };
        let mut story = vec![says(1, named), says(1, ClientEvent::Opened)];
        story.push(subscribed(1, LIFE, 0, true));
        story.extend(then);
        broken_in(verdict_on(story))
    };
    let behind = [Broken::LeftBehind];
    assert_eq!(wanting(&[ROOM], vec![]), []);
    assert_eq!(wanting(&[ROOM, "tenant"], vec![]), behind);
    assert_eq!(wanting(&[ROOM], vec![leaving(), left()]), []);
    let away = || [says(1, closed(None)), says(1, ClientEvent::Opened)];
    let back = [away().to_vec(), vec![subscribed(1, LIFE, 0, true)]].concat();
    assert_eq!(wanting(&[ROOM], back), []);
    assert_eq!(wanting(&[ROOM], away().into()), behind);
}
