//! Clients that leave a room, come back, or come with a position.

use super::*;

#[test]
fn an_event_of_a_room_that_was_left() {
    let left = || says(2, ClientEvent::Left { room: ROOM.into() });
    let broken = found(|story| story.insert(18, left()));
    assert_eq!(broken, [Broken::WrongPlace]);
    // Nor is one who left left behind.
    let gone = found(|story| {
        story.insert(18, left());
        story.remove(20);
    });
    assert_eq!(gone, []);
}

#[test]
fn a_stream_goes_on_from_the_position_that_was_named() {
    let goes_on = |seq| {
        let room = ROOM.into();
        let epoch = LIFE.into();
        says(2, ClientEvent::GoesOn { room, epoch, seq })
    };
    assert_eq!(found(|story| story.insert(5, goes_on(0))), []);
    let broken = found(|story| story.insert(5, goes_on(1)));
    assert_eq!(broken, [Broken::WrongPlace]);
}

#[test]
fn a_conflict_is_an_answer() {
    let refused = |code: &str| {
        found(|story| {
            let (id, code) = (Some("m1".into()), code.into());
            story[7] = says(1, ClientEvent::Refused { id, code });
        })
    };
    assert_eq!(refused("conflict"), []);
    assert_eq!(refused("overloaded"), [Broken::Unacked]);
}

#[test]
fn a_gateway_that_is_behind_the_one_before_it() {
    let again = |came_again: bool| {
        found(move |story| {
            story[12] = delta(1, 2, 0, "one ");
            story[13] = delta(2, 2, 0, "one ");
            story[15] = snapshot(2, 1, -1, "");
            story[16] = delta(1, 2, 1, "two");
            story[17] = delta(2, 2, 1, "two");
            story.insert(16, delta(2, 2, 0, "one "));
            if came_again {
                story.insert(14, says(2, ClientEvent::Opened));
            }
        })
    };
    assert_eq!(again(true), []);
    assert_eq!(again(false), [Broken::PieceTwice]);
}
