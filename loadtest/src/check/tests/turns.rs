//! Sessions whose questions did not wait for their turn.

use super::*;

/// A second question of the session, and its reply.
fn second(story: &mut Vec<What>, replies: [(u64, &str, &str); 2], began: u64) {
    let mut events = vec![said(LIFE, 1, "q1"), said(LIFE, 2, "q2")];
    events[1].content = "And?".into();
    events.extend(replies.map(|(seq, reply, question)| answered(LIFE, seq, reply, question)));
    story.truncate(20);
    story.retain(|what| {
        !matches!(
            what,
            What::Client {
                event: ClientEvent::Durable { .. },
                ..
            }
        )
    });
    story.retain(|what| {
        !matches!(
            what,
            What::Client {
                event: ClientEvent::Subscribed { .. },
                ..
            }
        )
    });
    story.push(call_for("q2", 1, 1, began, Some(began + 5)));
    story.extend(
        events
            .iter()
            .flat_map(|event| [1, 2].map(|client| durable(client, event.clone()))),
    );
    story.splice(
        4..4,
        [subscribed(1, LIFE, 0, true), subscribed(2, LIFE, 0, true)],
    );
    story.push(log("acme", events));
}

#[test]
fn questions_of_a_session_that_do_not_wait_for_their_turn() {
    let in_turn = [(3, "r1", "q1"), (4, "r2", "q2")];
    assert_eq!(found(|story| second(story, in_turn, 30)), []);
    let swapped = [(3, "r2", "q2"), (4, "r1", "q1")];
    assert_eq!(
        found(|story| second(story, swapped, 30)),
        [Broken::OutOfTurn]
    );
    let beside = |ended| {
        found(move |story| {
            second(story, in_turn, 30);
            for what in story {
                if let What::Call(call) = what
                    && call.question == "q1"
                {
                    call.ended = Some(ended);
                }
            }
        })
    };
    assert_eq!(beside(5_000_030), []);
    assert_eq!(beside(5_000_031), [Broken::OutOfTurn]);
}
