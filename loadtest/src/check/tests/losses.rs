//! What the storage lost, and who was told.

use super::*;

#[test]
fn a_loss_that_is_told_though_nothing_can_be_lost() {
    let changed = |story: &mut Vec<What>| story[16] = subscribed(2, LIFE, 1, false);
    assert_eq!(found(changed), [Broken::LostForNoReason]);
    // That the storage lost something excuses nothing where it did not.
    let elsewhere = |story: &mut Vec<What>| {
        story[16] = subscribed(2, LIFE, 1, false);
        story.insert(10, loss(0, 11));
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
    let broken = [
        Broken::AckedAndGone,
        Broken::SeenAndGone,
        Broken::NotTold,
        Broken::LeftBehind,
        Broken::NeverAsked,
    ];
    assert_eq!(found(gone), broken);
}

/// What is found where the storage lost what two clients have seen, `then`
/// comes, and the log holds `kept` in the end.
fn found_after_a_loss(then: Vec<What>, kept: Vec<Durable>) -> Vec<Broken> {
    let mut story = good();
    story.truncate(10);
    story.push(loss(0, 20));
    story.extend(then);
    story.extend(kept.iter().flat_map(|event| sends(1, event, false)));
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
fn who_was_acked_what_is_lost_is_told_before_they_heard_it() {
    let told = |recovered| {
        let mut story = good();
        story.truncate(10);
        story.splice(6..8, sends(1, &said(LIFE, 1, "q1"), false));
        let [sent, acked] = sends(1, &said(LIFE, 2, "q2"), false);
        story.extend([sent, loss(11, 30), acked]);
        story.push(subscribed(1, NEXT_LIFE, 1, false));
        story.push(subscribed(2, NEXT_LIFE, 1, recovered));
        story.push(log("acme", vec![said(LIFE, 1, "q1")]));
        broken_in(verdict_on(story))
    };
    assert_eq!(told(true), []);
    // Nothing that the other one has seen is lost.
    assert_eq!(told(false), [Broken::LostForNoReason]);
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

#[test]
fn what_is_said_again_at_the_same_number_of_another_life() {
    let (lost, again) = (said(LIFE, 2, "q2"), said(NEXT_LIFE, 2, "q2"));
    let first = said(NEXT_LIFE, 1, "q3");
    let sees = |client, recovered| {
        let told = subscribed(client, NEXT_LIFE, 0, recovered);
        let [first, again] = [&first, &again].map(|event| durable(client, event.clone()));
        [durable(client, lost.clone()), told, first, again]
    };
    let kept = vec![first.clone(), again.clone()];
    let both = [sees(1, false), sees(2, false)].concat();
    assert_eq!(found_after_a_loss(both, kept.clone()), []);
    let untold = [sees(1, false), sees(2, true)].concat();
    let broken = found_after_a_loss(untold, kept);
    assert_eq!(broken, [Broken::WrongPlace, Broken::NotTold]);
}

/// What is found where the storage, of which a fault of this kind says since
/// when it loses what, lost what was acknowledged at 7 and seen at 8 and 9.
fn found_where_lost(fault: What) -> Vec<Broken> {
    let mut story = good();
    story.truncate(10);
    story.push(fault);
    story.extend([1, 2].map(|client| subscribed(client, NEXT_LIFE, 0, false)));
    story.push(log("acme", vec![]));
    broken_in(verdict_on(story))
}

#[test]
fn what_is_gone_that_was_there_long_before_the_storage_lost_anything() {
    assert_eq!(found_where_lost(loss(7, 20)), []);
    let acked_before = found_where_lost(loss(8, 20));
    assert_eq!(acked_before, [Broken::AckedAndGone]);
    let seen_before = found_where_lost(loss(10, 20));
    assert_eq!(seen_before, [Broken::AckedAndGone, Broken::SeenAndGone]);
}

/// Sentinels let one more server take over than was planned.
#[test]
fn a_fail_over_that_nobody_planned_excuses_only_what_came_after_all_servers_had_all() {
    let since = |since: u64| {
        let mut story = good();
        story.truncate(10);
        let fault = What::Fault(struck("sentinel-failover", "the primary", 40));
        story.insert(0, fault);
        let between = (since, 40);
        story.push(What::UnplannedFailOver { between });
        story.extend([1, 2].map(|client| subscribed(client, NEXT_LIFE, 0, false)));
        story.push(log("acme", vec![]));
        let verdict = verdict_on(story);
        let count = "messages lost in fail-overs that nobody planned";
        let lost = verdict.counts.get(count).copied().unwrap_or(0);
        (lost, broken_in(verdict))
    };
    // It is acknowledged at 8, and seen at 9 and 10.
    assert_eq!(since(8), (1, vec![]));
    let before = vec![Broken::AckedAndGone, Broken::SeenAndGone];
    assert_eq!(since(11), (0, before));
}

/// Till then they go on with who was the primary before.
#[test]
fn such_a_fail_over_lasts_as_long_as_nodes_cannot_see_the_sentinels() {
    let blind_until = |until| {
        let mut story = good();
        story.truncate(10);
        let blind = What::Fault(struck("sentinels-link-cut", "broker-1", until));
        story.insert(0, blind);
        story.push(What::UnplannedFailOver { between: (2, 5) });
        story.extend([1, 2].map(|client| subscribed(client, NEXT_LIFE, 0, false)));
        story.push(log("acme", vec![]));
        broken_in(verdict_on(story))
    };
    assert_eq!(blind_until(40), []);
    let over_before = [Broken::AckedAndGone, Broken::SeenAndGone];
    assert_eq!(blind_until(1), over_before);
}
