//! What clients see of rooms.

use super::*;

#[test]
fn an_event_that_is_missing_in_a_stream() {
    assert_eq!(found(|story| drop(story.remove(8))), [Broken::Hole]);
}

#[test]
fn an_event_that_comes_twice() {
    assert_eq!(
        found(|story| story.insert(10, durable(2, said(LIFE, 1, "q1")))),
        [Broken::Double]
    );
}

#[test]
fn two_events_at_one_place() {
    let changed = |story: &mut Vec<What>| story[9] = durable(2, said(LIFE, 1, "another"));
    assert_eq!(
        found(changed),
        [Broken::TwoOrders, Broken::SeenAndGone, Broken::NotTold]
    );
}

#[test]
fn an_event_that_says_one_thing_to_one_and_another_to_another() {
    let otherwise = || Durable {
        content: "q2?".into(),
        ..said(LIFE, 1, "q1")
    };
    let to_one = |story: &mut Vec<What>| story[9] = durable(2, otherwise());
    assert_eq!(found(to_one), [Broken::TwoContents]);
    let to_all = |story: &mut Vec<What>| {
        story[8] = durable(1, otherwise());
        story[9] = durable(2, otherwise());
    };
    assert_eq!(found(to_all), [Broken::TwoContents]);
    // Not only what it says.
    let of_another = |story: &mut Vec<What>| {
        let question = Durable {
            session: Some("s2".into()),
            ..said(LIFE, 1, "q1")
        };
        story[9] = durable(2, question);
    };
    assert_eq!(found(of_another), [Broken::TwoContents]);
}

#[test]
fn a_life_that_nobody_told_of() {
    let changed = |story: &mut Vec<What>| story[9] = durable(2, said(NEXT_LIFE, 1, "q1"));
    assert!(found(changed).contains(&Broken::UnknownLife));
}

#[test]
fn a_life_that_is_replayed_to_who_was_away_through_it() {
    const LAST_LIFE: &str = "cccccccc";
    let away = |told: &'static str| {
        found(move |story| {
            // Nobody has asked anything.
            story.truncate(6);
            let first = said(LIFE, 1, "q1");
            story.extend([1, 2].map(|client| durable(client, first.clone())));
            let during = said(NEXT_LIFE, 2, "q2");
            let after = said(LAST_LIFE, 3, "q3");
            for event in [&first, &during, &after] {
                story.extend(sends(1, event, false));
            }
            story.extend([
                subscribed(1, NEXT_LIFE, 1, true),
                durable(1, during.clone()),
                subscribed(1, LAST_LIFE, 2, true),
                durable(1, after.clone()),
                subscribed(2, told, 1, true),
                durable(2, during.clone()),
                subscribed(2, LAST_LIFE, 2, true),
                durable(2, after.clone()),
                log("acme", vec![first, during, after]),
            ]);
        })
    };
    assert_eq!(away(LAST_LIFE), []);
    // A new life is no former one.
    assert_eq!(away(LIFE), [Broken::UnknownLife]);
}

#[test]
fn a_stream_that_goes_on_elsewhere() {
    let changed = |story: &mut Vec<What>| story[16] = subscribed(2, LIFE, 0, true);
    assert!(found(changed).contains(&Broken::WrongPlace));
}

#[test]
fn a_client_that_has_not_seen_all() {
    let late = |story: &mut Vec<What>| {
        story.truncate(21);
        story.push(log(
            "acme",
            vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1")],
        ));
    };
    assert_eq!(found(late), [Broken::LeftBehind, Broken::LeftTyping]);
    let gone = |story: &mut Vec<What>| {
        story.push(says(2, closed(None)));
    };
    assert_eq!(found(gone), [Broken::LeftBehind]);
}

#[test]
fn what_crosses_tenants() {
    let crossed = |story: &mut Vec<What>| story[1] = named(2, "bolt");
    assert!(found(crossed).contains(&Broken::CrossedTenants));
}

#[test]
fn a_piece_of_another_tenants_reply() {
    let restart = || {
        let (room, message) = (ROOM.into(), "r1".into());
        let attempt = 1;
        says(
            3,
            ClientEvent::Restart {
                room,
                message,
                attempt,
            },
        )
    };
    for piece in [delta(3, 1, 0), snapshot(3, 1, 0), restart()] {
        let room = ROOM.to_owned();
        let leaving = says(3, ClientEvent::Leaving { room: room.clone() });
        let left = says(3, ClientEvent::Left { room });
        let others = |tenant: &'static str| {
            let comes = vec![
                named(3, tenant),
                says(3, ClientEvent::Opened),
                subscribed(3, LIFE, 0, true),
                piece.clone(),
                leaving.clone(),
                left.clone(),
            ];
            found(move |story| drop(story.splice(12..12, comes)))
        };
        assert_eq!(others("acme"), []);
        // It has left, and whose the reply is was told to nobody yet.
        assert_eq!(others("bolt"), [Broken::CrossedTenants]);
    }
}

#[test]
fn a_piece_of_a_reply_that_is_lost_and_was_shown_to_two_tenants() {
    let story = |tenant: &str| {
        let mut story = vec![named(1, "acme"), named(2, tenant)];
        for client in [1, 2] {
            story.push(says(client, ClientEvent::Opened));
            story.push(subscribed(client, LIFE, 0, true));
            story.push(delta(client, 1, 0));
            story.push(subscribed(client, NEXT_LIFE, 0, false));
        }
        story.insert(2, loss(0, 40));
        broken_in(verdict_on(story))
    };
    assert_eq!(story("acme"), []);
    assert_eq!(story("bolt"), [Broken::CrossedTenants]);
}

#[test]
fn a_log_that_has_a_hole() {
    let kept_at = |seq| {
        found(move |story| {
            let more = said(LIFE, seq, "q2");
            story.extend(sends(1, &more, false));
            let kept = vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1"), more];
            story.push(log("acme", kept));
        })
    };
    assert_eq!(kept_at(3), [Broken::LeftBehind]);
    assert_eq!(kept_at(4), [Broken::Hole, Broken::LeftBehind]);
}

#[test]
fn somebody_of_whom_nobody_knows_who_it_is() {
    let unnamed = |story: &mut Vec<What>| drop(story.remove(1));
    assert_eq!(found(unnamed), [Broken::WrongPlace]);
}

#[test]
fn what_nobody_can_read() {
    let reason = "no JSON".to_owned();
    let unreadable = says(1, ClientEvent::Unreadable { reason });
    let comes = |story: &mut Vec<What>| story.insert(9, unreadable);
    assert_eq!(found(comes), [Broken::Unreadable]);
}

#[test]
fn what_comes_of_a_room_before_it_is_joined() {
    let too_early = |story: &mut Vec<What>| story.swap(16, 17);
    assert_eq!(found(too_early), [Broken::WrongPlace, Broken::PieceMissing]);
}
