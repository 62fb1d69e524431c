//! What was sent, acknowledged and stored.

use super::*;

#[test]
fn one_message_stored_twice() {
    let changed = |story: &mut Vec<What>| {
        let twice = [
            said(LIFE, 1, "q1"),
            answered(LIFE, 2, "r1", "q1"),
            said(LIFE, 3, "q1"),
        ];
        story[22] = log("acme", twice.to_vec());
    };
    assert!(found(changed).contains(&Broken::TwoOrders));
}

#[test]
fn what_was_said_once_and_stored_twice() {
    let changed = |story: &mut Vec<What>| {
        let again = Durable {
            content: "q1?".into(),
            ..said(LIFE, 3, "q2")
        };
        for client in [1, 2] {
            story.push(durable(client, again.clone()));
        }
        let twice = [said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1"), again];
        story.push(log("acme", twice.to_vec()));
    };
    assert_eq!(found(changed), [Broken::StoredTwice]);
}

#[test]
fn what_is_stored_otherwise_than_it_was_sent() {
    let cut = |story: &mut Vec<What>| {
        let question = Durable {
            content: "q".into(),
            ..said(LIFE, 1, "q1")
        };
        story[22] = log("acme", vec![question, answered(LIFE, 2, "r1", "q1")]);
    };
    // Nobody sent that, and so nobody asked it.
    let broken = [
        Broken::TwoContents,
        Broken::StoredOtherwise,
        Broken::NeverSent,
        Broken::NeverAsked,
    ];
    assert_eq!(found(cut), broken);
    let no_message = |story: &mut Vec<What>| {
        let event = Durable {
            kind: "memory_stored".into(),
            ..said(LIFE, 1, "q1")
        };
        story[22] = log("acme", vec![event, answered(LIFE, 2, "r1", "q1")]);
    };
    let broken = [
        Broken::TwoContents,
        Broken::StoredOtherwise,
        Broken::NeverAsked,
    ];
    assert_eq!(found(no_message), broken);
    let elsewhere = |story: &mut Vec<What>| {
        let events = vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1")];
        story[22] = What::Log(Log {
            tenant: "acme".into(),
            room: "user:u1".into(),
            events,
        });
    };
    let broken = [
        Broken::StoredOtherwise,
        Broken::NeverSent,
        Broken::NeverAsked,
    ];
    assert_eq!(found(elsewhere), broken);
    let not_asked_for = |story: &mut Vec<What>| {
        story[6] = asks_in("user:u1", 1, "m1", "q1?", IfBusy::Queue);
    };
    let broken = [
        Broken::StoredOtherwise,
        Broken::NeverSent,
        Broken::NeverAsked,
        Broken::Unacked,
    ];
    assert_eq!(found(not_asked_for), broken);
}

#[test]
fn what_is_stored_as_of_another_or_of_another_session() {
    let stored = |change: fn(&mut Durable)| {
        found(move |story| {
            let mut question = said(LIFE, 1, "q1");
            change(&mut question);
            for place in [8, 9] {
                story[place] = durable(place as u32 - 7, question.clone());
            }
            let reply = Durable {
                session: question.session.clone(),
                ..answered(LIFE, 2, "r1", "q1")
            };
            story[20] = durable(1, reply.clone());
            story[21] = durable(2, reply.clone());
            story[22] = log("acme", vec![question, reply]);
        })
    };
    assert_eq!(stored(|_| {}), []);
    let otherwise = [Broken::StoredOtherwise];
    assert_eq!(stored(|of| of.user = Some("u2".into())), otherwise);
    assert_eq!(stored(|of| of.user = None), otherwise);
    assert_eq!(stored(|of| of.session = Some("s2".into())), otherwise);
    // Ledgers of before do not say in which session it was sent.
    let unknown = found(|story| {
        let What::Client {
            event: ClientEvent::Sent { session, .. },
            ..
        } = &mut story[6]
        else {
            panic!("{:?}", story[6]);
        };
        *session = None;
        story[22] = log(
            "acme",
            vec![said(LIFE, 1, "q1"), answered(LIFE, 2, "r1", "q1")],
        );
    });
    assert_eq!(unknown, []);
}

#[test]
fn two_messages_that_are_acknowledged_as_one() {
    // The same id of another user, who gets the first one's `ack`.
    let as_one = |story: &mut Vec<What>| {
        story.insert(8, sent(2, "m1"));
        story.insert(9, acked(2, "m1", "q1", 1));
    };
    assert_eq!(found(as_one), [Broken::AckedAsAnother]);
    // Both devices of one user: one message.
    let by_both = |story: &mut Vec<What>| {
        let named = ClientEvent::Named {
            tenant: "acme".into(),
            user: "u1".into(),
            rooms: vec![],
        };
        story[1] = says(2, named);
        story.insert(8, sent(2, "m1"));
        story.insert(9, acked(2, "m1", "q1", 1));
    };
    assert_eq!(found(by_both), []);
}

#[test]
fn questions_without_their_one_answer() {
    let none = |story: &mut Vec<What>| {
        story.truncate(10);
        story.push(log("acme", vec![said(LIFE, 1, "q1")]));
    };
    assert_eq!(found(none), [Broken::Unanswered]);
    let two = |story: &mut Vec<What>| {
        for client in [1, 2] {
            story.push(durable(client, answered(LIFE, 3, "r2", "q1")));
        }
        let events = [
            said(LIFE, 1, "q1"),
            answered(LIFE, 2, "r1", "q1"),
            answered(LIFE, 3, "r2", "q1"),
        ];
        story.push(log("acme", events.to_vec()));
    };
    assert_eq!(found(two), [Broken::AnsweredTwice]);
}

#[test]
fn a_message_without_its_ack() {
    let unacked = |story: &mut Vec<What>| story.push(sent(1, "m2"));
    assert_eq!(found(unacked), [Broken::Unacked]);
}

#[test]
fn what_is_refused_for_good_and_stored_all_the_same() {
    let refused_with = |text: &'static str, code: &'static str, then: Vec<What>| {
        found(move |story| {
            story.push(asks(1, "m2", text, IfBusy::Reject));
            story.extend(then);
            story.push(refused(1, "m2", code, false));
            story.insert(0, What::Fault(struck("redis-paused", "redis", 40)));
        })
    };
    assert_eq!(refused_with("Me?", "conflict", vec![]), []);
    let stored = refused_with("q1?", "conflict", vec![]);
    assert_eq!(stored, [Broken::RefusedAndStored]);
    // Nobody knows what became of one that was not answered, or half.
    let unknown = refused_with("q1?", "internal", vec![]);
    assert_eq!(unknown, [Broken::RefusedForNothing]);
    let again = asks(1, "m2", "q1?", IfBusy::Reject);
    assert_eq!(refused_with("q1?", "conflict", vec![again]), []);
}

#[test]
fn one_sending_may_be_refused_and_the_next_one_stored() {
    let answered_with = |sendings: usize, answers: Vec<What>| {
        found(move |story| {
            let sendings = vec![asks(1, "m1", "q1?", IfBusy::Reject); sendings];
            // In place of the one that is acknowledged.
            story.splice(6..8, sendings.into_iter().chain(answers));
        })
    };
    let conflict = || refused(1, "m1", "conflict", true);
    let ack = || acked(1, "m1", "q1", 1);
    // Somebody who read nothing for a while sent it again.
    assert_eq!(answered_with(2, vec![conflict(), ack()]), []);
    // What is stored is acknowledged again.
    let broken = [Broken::RefusedAndStored];
    assert_eq!(answered_with(2, vec![ack(), conflict()]), broken);
    assert_eq!(answered_with(1, vec![conflict(), ack()]), broken);
}
