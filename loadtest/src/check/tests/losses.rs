//! What the storage lost, and who was told.

use super::*;

#[test]
fn a_loss_that_is_told_though_nothing_can_be_lost() {
    let changed = |story: &mut Vec<What>| story[16] = subscribed(2, LIFE, 1, false);
    assert_eq!(found(changed), [Broken::LostForNoReason]);
    // That the storage lost something excuses nothing where it did not.
    let elsewhere = |story: &mut Vec<What>| {
        story[16] = subscribed(2, LIFE, 1, false);
        story.insert(10, fault(11, true));
    };
    assert_eq!(found(elsewhere), [Broken::LostForNoReason]);
}

#[test]
fn who_was_away_for_too_long_is_not_brought_up_to_date() {
    let told_with = |rules| {
        let mut story = good();
        story[21] = subscribed(2, LIFE, 2, false);
        broken_in(verdict_with(rules, story))
    };
    let rules = Rules::default();
    assert_eq!(told_with(rules), [Broken::LostForNoReason]);
    let max_recover = 0;
    assert_eq!(
        told_with(Rules {
            max_recover,
            ..rules
        }),
        []
    );
}

#[test]
fn an_acknowledged_message_that_is_gone() {
    let gone = |story: &mut Vec<What>| story[22] = log("acme", vec![]);
    let broken = [Broken::AckedAndGone, Broken::NotTold, Broken::LeftBehind];
    assert_eq!(found(gone), broken);
}

/// What is found where the storage lost what two clients have seen, `then`
/// comes, and the log holds `kept` in the end.
fn found_after_a_loss(then: Vec<What>, kept: Vec<Durable>) -> Vec<Broken> {
    let mut story = good();
    story.truncate(10);
    story.push(fault(11, true));
    story.extend(then);
    story.push(log("acme", kept));
    let verdict = verdict_on(story);
    assert_eq!(verdict.counts["messages lost with the storage"], 1);
    broken_in(verdict)
}

#[test]
fn who_has_seen_what_the_storage_lost_is_told() {
    let told = |client| subscribed(client, NEXT_LIFE, 0, false);
    assert_eq!(found_after_a_loss(vec![told(1), told(2)], vec![]), []);
    let only_one = found_after_a_loss(vec![told(1)], vec![]);
    assert_eq!(only_one, [Broken::NotTold, Broken::LeftBehind]);
    // A connection that ends tells nothing, whatever its code.
    let sent_away = says(2, closed(Some(4010)));
    let came_back = says(2, ClientEvent::Opened);
    let untold = found_after_a_loss(vec![told(1), sent_away, came_back], vec![]);
    assert_eq!(untold, [Broken::NotTold, Broken::LeftBehind]);
}

#[test]
fn who_has_seen_what_the_storage_lost_is_told_before_what_follows() {
    let new = said(NEXT_LIFE, 2, "q2");
    let goes_on = |client, recovered| {
        let told = subscribed(client, NEXT_LIFE, 1, recovered);
        [told, durable(client, new.clone())]
    };
    let kept = vec![new.clone()];
    let both = [goes_on(1, false), goes_on(2, false)].concat();
    assert_eq!(found_after_a_loss(both, kept.clone()), []);
    let late = subscribed(2, NEXT_LIFE, 2, false);
    let too_late = [&goes_on(1, false)[..], &goes_on(2, true), &[late]].concat();
    let broken = found_after_a_loss(too_late, kept);
    assert_eq!(broken, [Broken::LostForNoReason, Broken::NotTold]);
}

#[test]
fn what_is_said_again_after_a_loss_stands_elsewhere() {
    let (lost, again) = (said(LIFE, 2, "q2"), said(NEXT_LIFE, 1, "q2"));
    let sees = |client| {
        [
            durable(client, lost.clone()),
            subscribed(client, NEXT_LIFE, 0, false),
            durable(client, again.clone()),
        ]
    };
    let both = [sees(1), sees(2)].concat();
    assert_eq!(found_after_a_loss(both, vec![again.clone()]), []);
}
