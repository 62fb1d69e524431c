//! What clients are shown of replies.

use super::*;

#[test]
fn pieces_that_do_not_make_the_text() {
    let other = |story: &mut Vec<What>| story[18] = delta_saying(1, 1, 1, "three");
    assert_eq!(found(other), [Broken::WrongText]);
    let twice = |story: &mut Vec<What>| story.insert(13, delta(1, 1, 0));
    assert_eq!(found(twice), [Broken::PieceTwice]);
    // The end brings what is missing of it.
    let last = |story: &mut Vec<What>| drop(story.remove(18));
    assert_eq!(found(last), []);
}

#[test]
fn a_hole_in_a_reply_is_mended_before_what_follows() {
    let hole = |story: &mut Vec<What>| drop(story.remove(12));
    assert_eq!(found(hole), [Broken::PieceMissing]);
    let mended = |story: &mut Vec<What>| story[12] = snapshot(1, 1, 0);
    assert_eq!(found(mended), []);
    // Who comes back in the middle has its old text, and that may be too old.
    let no_snapshot = |story: &mut Vec<What>| drop(story.remove(17));
    assert_eq!(found(no_snapshot), [Broken::PieceMissing]);
    let first_seen_in_the_middle = |story: &mut Vec<What>| {
        story.remove(17);
        story.remove(13);
    };
    assert_eq!(found(first_seen_in_the_middle), [Broken::PieceMissing]);
    // The end will do.
    let at_its_end = |story: &mut Vec<What>| {
        story.remove(19);
        story.remove(17);
    };
    assert_eq!(found(at_its_end), []);
}

#[test]
fn texts_that_were_said_in_another_call() {
    let replied_with = |content: String| {
        found(move |story| {
            let reply = Durable {
                content,
                ..answered(LIFE, 2, "r1", "q1")
            };
            story.truncate(12);
            story.extend([1, 2].map(|client| durable(client, reply.clone())));
            story.push(log("acme", vec![said(LIFE, 1, "q1"), reply]));
        })
    };
    let [first, last] = words("q1", 1);
    assert_eq!(replied_with([&*first, &last].concat()), []);
    // Of another question, of another attempt, of two attempts, not to the end.
    let [other, of_other] = words("q2", 1);
    let [again, at_last] = words("q1", 2);
    for text in [
        [&*other, &of_other].concat(),
        [&*again, &at_last].concat(),
        [&*first, &at_last].concat(),
        first,
    ] {
        assert_eq!(replied_with(text), [Broken::WrongText]);
    }
}

#[test]
fn a_text_that_was_wrong_until_it_was_replaced() {
    let of_another = |story: &mut Vec<What>| {
        story[13] = delta_saying(2, 1, 0, &words("q2", 1)[0]);
    };
    assert_eq!(found(of_another), [Broken::WrongText]);
}

#[test]
fn a_restart_begins_the_text_again_and_what_is_late_is_dropped() {
    let restarted = |story: &mut Vec<What>| {
        story.truncate(20);
        let killed = struck("broker-killed", "broker-1", 20);
        story.push(What::Fault(killed));
        story.push(call(2, 1, 20, Some(22)));
        let reply = Durable {
            attempt: Some(2),
            content: words("q1", 2).concat(),
            ..answered(LIFE, 2, "r1", "q1")
        };
        story.push(delta(1, 2, 0));
        story.push(delta_saying(1, 1, 2, "late"));
        story.push(delta(1, 2, 1));
        story.extend([1, 2].map(|client| durable(client, reply.clone())));
        story.push(log("acme", vec![said(LIFE, 1, "q1"), reply]));
    };
    assert_eq!(found(restarted), []);
    let in_the_old_text = |story: &mut Vec<What>| {
        restarted(story);
        story[22] = delta_saying(1, 2, 0, &words("q1", 1)[0]);
    };
    assert_eq!(found(in_the_old_text), [Broken::WrongText]);
}

#[test]
fn a_reply_of_which_nothing_was_heard_before_its_end() {
    let counts_of = |change: &dyn Fn(&mut Vec<What>)| {
        let mut story = good();
        change(&mut story);
        let verdict = verdict_on(story);
        assert_eq!(verdict.violations, []);
        [SEEN_TO_LAST_WORD, LAST_WORDS_WITH_END].map(|count| verdict.counted(count))
    };
    assert_eq!(counts_of(&|_| {}), [2, 0]);
    // One is given the last word with the end, one all of it.
    assert_eq!(counts_of(&|story| drop(story.remove(18))), [1, 1]);
    let nothing_before = |story: &mut Vec<What>| {
        story.remove(18);
        story.remove(12);
    };
    assert_eq!(counts_of(&nothing_before), [1, 1]);
}

#[test]
fn what_follows_a_replys_end() {
    let late = |story: &mut Vec<What>| story.push(delta_saying(1, 1, 2, "three"));
    assert_eq!(found(late), [Broken::AfterTheEnd]);
}

#[test]
fn typing_that_never_ends() {
    let typing = |story: &mut Vec<What>| story.push(typing(2, true));
    assert_eq!(found(typing), [Broken::LeftTyping]);
}
