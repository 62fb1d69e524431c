//! What nobody sent, and what nobody asked.

use super::*;

#[test]
fn a_message_that_nobody_sent() {
    let comes = |other: fn(&mut Vec<What>, &Durable)| {
        found(move |story| {
            let more = said(LIFE, 3, "q2");
            other(story, &more);
            story.extend([1, 2].map(|client| durable(client, more.clone())));
            let kept = vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1"), more];
            story.push(log("acme", kept));
        })
    };
    let sent = |story: &mut Vec<What>, more: &Durable| story.extend(sends(1, more, false));
    assert_eq!(comes(sent), []);
    assert_eq!(comes(|_, _| {}), [Broken::NeverSent]);
    // Another tenant's user did.
    let elsewhere = |story: &mut Vec<What>, more: &Durable| {
        story.extend([named(3, "bolt"), says(3, ClientEvent::Opened)]);
        story.extend(sends(3, more, false));
    };
    assert!(comes(elsewhere).contains(&Broken::NeverSent));
}

#[test]
fn a_reply_to_what_asked_nobody() {
    let not_asked = |story: &mut Vec<What>| {
        let sent = ClientEvent::Sent {
            id: "m1".into(),
            room: ROOM.into(),
            session: Some("s1".into()),
            text: "q1?".into(),
            ai: false,
            if_busy: IfBusy::Queue,
        };
        story[6] = says(1, sent);
    };
    assert_eq!(found(not_asked), [Broken::NeverAsked]);
    // The call alone is one too many.
    let called = |story: &mut Vec<What>| {
        not_asked(story);
        story.truncate(11);
        story.push(log("acme", vec![said(LIFE, 1, "q1")]));
    };
    assert_eq!(found(called), [Broken::NeverAsked]);
}

#[test]
fn a_call_for_a_question_that_is_nowhere() {
    let called = |story: &mut Vec<What>| story.push(call_for("q9", 1, 1, 15, Some(16)));
    assert_eq!(found(called), [Broken::NeverAsked]);
    let lost = |since| {
        found(move |story| {
            called(story);
            story.insert(0, loss(since, 18));
        })
    };
    assert_eq!(lost(15), []);
    assert_eq!(lost(16), [Broken::NeverAsked]);
}

#[test]
fn a_reply_in_another_room_than_its_question() {
    let elsewhere = |story: &mut Vec<What>| {
        story.truncate(12);
        for (room, events) in [
            (ROOM, vec![said(LIFE, 1, "q1")]),
            ("user:u1", vec![answered(LIFE, 1, "r1", "q1")]),
        ] {
            let (tenant, room) = ("acme".into(), room.into());
            story.push(What::Log(Log {
                tenant,
                room,
                events,
            }));
        }
        story.push(typing(1, false));
    };
    assert_eq!(found(elsewhere), [Broken::NeverAsked]);
    let in_another_session = |story: &mut Vec<What>| {
        let reply = Durable {
            session: Some("s2".into()),
            ..answered(LIFE, 2, "r1", "q1")
        };
        story[20] = durable(1, reply.clone());
        story[21] = durable(2, reply.clone());
        story[22] = log("acme", vec![said(LIFE, 1, "q1"), reply]);
    };
    assert_eq!(found(in_another_session), [Broken::NeverAsked]);
}
