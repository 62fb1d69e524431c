//! Sessions whose questions did not wait for their turn.

use super::*;

/// Two questions of a session, replies in the order in which they came, and the
/// call for each question, which is named.
fn session(replies: [&str; 2], second_began: u64, first_ended: u64) -> Vec<Broken> {
    let mut events = vec![said(LIFE, 1, "q1"), said(LIFE, 2, "q2")];
    for (seq, question) in (3..).zip(replies) {
        events.push(answered(LIFE, seq, &question.replace('q', "r"), question));
    }
    let story = vec![
        call_for("q1", 1, 1, 10, Some(first_ended)),
        call_for("q2", 1, 1, second_began, Some(second_began + 5)),
        log("acme", events),
    ];
    let violations = verdict_on(story).violations;
    violations
        .iter()
        .map(|violation| violation.broken)
        .collect()
}

#[test]
fn one_question_after_the_other() {
    assert_eq!(session(["q1", "q2"], 30, 20), []);
    assert_eq!(session(["q2", "q1"], 30, 20), [Broken::OutOfTurn]);
}

#[test]
fn no_call_beside_that_for_the_question_before() {
    assert_eq!(session(["q1", "q2"], 30, 5_000_030), []);
    assert_eq!(session(["q1", "q2"], 30, 5_000_031), [Broken::OutOfTurn]);
}
