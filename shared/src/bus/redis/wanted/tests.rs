use super::*;
use crate::room::RoomKey;

fn connected() -> Wanted {
    let mut wanted = Wanted::new(false);
    wanted.on_connected();
    wanted
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn ask(wanted: &mut Wanted, channels: &[&str]) -> oneshot::Receiver<Refusals> {
    let (done, refusals) = oneshot::channel();
    wanted.subscribe(list(channels), done);
    assert!(wanted.try_ask());
    refusals
}

/// What was sent since this was last asked, a command each.
fn sent(wanted: &mut Wanted) -> Vec<String> {
    let mut bytes = wanted.outgoing.split();
    let mut commands = Vec::new();
    while let Some(Frame::List(parts)) = Frame::take(&mut bytes).unwrap() {
        let parts: Vec<_> = parts.iter().filter_map(Frame::as_str).collect();
        commands.push(parts.join(" "));
    }
    commands
}

fn push(kind: &'static str, channel: &str) -> Frame {
    let text = |text: &str| Frame::Text(Bytes::copy_from_slice(text.as_bytes()));
    Frame::Push(vec![text(kind), text(channel), Frame::Number(1)])
}

fn confirm(wanted: &mut Wanted, channels: &[&str]) {
    for channel in channels {
        let said = wanted.on_frame(push("ssubscribe", channel));
        assert_eq!(said, Said::Nothing);
    }
}

/// What one answers to ROLE, but for what follows.
fn role(name: &'static str) -> Frame {
    Frame::List(vec![Frame::Text(Bytes::from_static(name.as_bytes()))])
}

fn error(text: &str) -> Frame {
    Frame::Error(text.to_owned())
}

#[test]
fn who_asked_is_told_when_all_is_confirmed() {
    let mut wanted = connected();
    let mut one = ask(&mut wanted, &["a", "b"]);
    let mut other = ask(&mut wanted, &["c"]);
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE a b", "SSUBSCRIBE c"]);
    confirm(&mut wanted, &["a"]);
    assert!(one.try_recv().is_err());
    confirm(&mut wanted, &["b"]);
    assert_eq!(one.try_recv(), Ok(Refusals::new()));
    assert!(other.try_recv().is_err());
    confirm(&mut wanted, &["c"]);
    assert_eq!(other.try_recv(), Ok(Refusals::new()));
    // Nothing was lost before.
    assert_eq!(wanted.take_regained(), 0);

    let mut again = ask(&mut wanted, &["a", "c"]);
    assert_eq!(again.try_recv(), Ok(Refusals::new()));
    assert!(sent(&mut wanted).is_empty());
}

#[test]
fn of_many_that_are_refused_each_is_asked_for() {
    let mut wanted = connected();
    let mut asked = ask(&mut wanted, &["a", "b", "c"]);
    sent(&mut wanted);
    wanted.on_frame(error("NOPERM for b"));
    assert_eq!(
        sent(&mut wanted),
        ["SSUBSCRIBE a", "SSUBSCRIBE b", "SSUBSCRIBE c"]
    );
    confirm(&mut wanted, &["a"]);
    wanted.on_frame(error("NOPERM for b"));
    wanted.on_frame(error("MOVED 7 elsewhere"));
    let refused = |text: &str| Refusal::Refused(text.to_owned());
    let moved = Refusal::Moved("MOVED 7 elsewhere".to_owned());
    let refusals = [("b", refused("NOPERM for b")), ("c", moved)];
    let refusals = refusals.map(|(name, why)| (name.to_owned(), why));
    assert_eq!(asked.try_recv(), Ok(Refusals::from(refusals)));
    assert!(wanted.take_moved() && !wanted.take_moved());
}

#[test]
fn what_many_ask_for_takes_one_command_and_each_is_told() {
    let mut wanted = connected();
    let [mut one, mut other, mut refused] = ["a", "b", "c"].map(|channel| {
        let (done, refusals) = oneshot::channel();
        wanted.subscribe(list(&[channel]), done);
        refusals
    });
    assert!(sent(&mut wanted).is_empty() && wanted.try_ask());
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE a b c"]);
    wanted.on_frame(error("NOPERM for c"));
    assert_eq!(
        sent(&mut wanted),
        ["SSUBSCRIBE a", "SSUBSCRIBE b", "SSUBSCRIBE c"]
    );
    confirm(&mut wanted, &["a"]);
    assert_eq!(one.try_recv(), Ok(Refusals::new()));
    assert!(other.try_recv().is_err());
    confirm(&mut wanted, &["b"]);
    assert_eq!(other.try_recv(), Ok(Refusals::new()));
    wanted.on_frame(error("NOPERM for c"));
    let refusal = Refusal::Refused("NOPERM for c".to_owned());
    let refusals = Refusals::from([("c".to_owned(), refusal)]);
    assert_eq!(refused.try_recv(), Ok(refusals));
}

/// Redis was told that it is left before it would be asked for it again.
#[test]
fn what_was_refused_and_left_meanwhile_is_not_asked_for_again() {
    let mut wanted = connected();
    let _asked = ask(&mut wanted, &["a", "b"]);
    wanted.unsubscribe(list(&["a"]));
    assert!(wanted.try_ask());
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE a b", "SUNSUBSCRIBE a"]);
    wanted.on_frame(error("NOPERM"));
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE b"]);
    wanted.on_frame(push("sunsubscribe", "a"));
    confirm(&mut wanted, &["b"]);

    wanted.unsubscribe(list(&["b"]));
    drop(ask(&mut wanted, &["c", "d"]));
    wanted.on_frame(push("sunsubscribe", "b"));
    confirm(&mut wanted, &["c", "d"]);
    wanted.on_connected();
    wanted.unsubscribe(list(&["c"]));
    assert!(wanted.try_ask());
    sent(&mut wanted);
    wanted.on_frame(error("NOPERM"));
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE d"]);
}

#[test]
fn what_is_left_before_it_was_asked_for_is_not_asked_for() {
    let mut wanted = connected();
    let (done, mut left) = oneshot::channel();
    wanted.subscribe(list(&["a", "b"]), done);
    wanted.unsubscribe(list(&["a"]));
    assert!(wanted.try_ask());
    assert_eq!(sent(&mut wanted), ["SUNSUBSCRIBE a", "SSUBSCRIBE b"]);
    wanted.on_frame(push("sunsubscribe", "a"));
    confirm(&mut wanted, &["b"]);
    assert_eq!(left.try_recv(), Ok(Refusals::new()));
    assert!(!wanted.kept.contains("a") && wanted.kept.contains("b"));
}

#[test]
fn what_has_moved_has_moved_together() {
    let mut wanted = connected();
    let mut asked = ask(&mut wanted, &["a", "b"]);
    sent(&mut wanted);
    wanted.on_frame(error("CLUSTERDOWN"));
    assert_eq!(asked.try_recv().map(|refusals| refusals.len()), Ok(2));
    let mut again = ask(&mut wanted, &["a", "b"]);
    confirm(&mut wanted, &["a", "b"]);
    assert_eq!(again.try_recv(), Ok(Refusals::new()));
    wanted.on_connected();
    sent(&mut wanted);
    wanted.on_frame(error("MOVED 7 elsewhere"));
    let moved = Refusal::Moved("MOVED 7 elsewhere".to_owned());
    assert_eq!(wanted.take_refused(), Some((2, moved)));
    assert!(sent(&mut wanted).is_empty() && wanted.has_lost());
}

#[test]
fn who_has_given_up_is_not_asked_for_by_a_new_connection() {
    let mut wanted = connected();
    wanted.on_disconnected();
    for _ in 0..1_000 {
        drop(ask(&mut wanted, &["a"]));
    }
    wanted.forget_given_up();
    assert!(wanted.waiters.left().next().is_none());
    let waits = ask(&mut wanted, &["a"]);
    drop(ask(&mut wanted, &["b"]));
    wanted.on_connected();
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE a"]);
    drop(waits);
}

#[test]
fn a_redis_that_does_not_answer_is_not_asked_without_end() {
    let mut wanted = connected();
    let mut asked: Vec<_> = (0..UNANSWERED + 1)
        .map(|_| ask(&mut wanted, &["a"]))
        .collect();
    let refused = asked.pop().unwrap().try_recv().unwrap();
    assert!(matches!(refused.get("a"), Some(Refusal::Refused(_))));
    assert!(asked.pop().unwrap().try_recv().is_err());
    assert_eq!(sent(&mut wanted).len(), UNANSWERED);

    // By one order as by many.
    let mut wanted = connected();
    let crowd: Vec<_> = (0..UNANSWERED).map(|n| n.to_string()).collect();
    let crowd: Vec<_> = crowd.iter().map(String::as_str).collect();
    let _waits = ask(&mut wanted, &crowd);
    let refused = ask(&mut wanted, &["a"]).try_recv().unwrap();
    assert!(matches!(refused.get("a"), Some(Refusal::Refused(_))));

    let mut wanted = connected();
    for _ in 0..UNANSWERED {
        wanted.unsubscribe(list(&["a"]));
        assert!(wanted.try_ask());
    }
    wanted.unsubscribe(list(&["a"]));
    assert!(!wanted.try_ask());
    assert_eq!(sent(&mut wanted).len(), UNANSWERED);
    wanted.on_connected();
    assert!(wanted.try_ask() && sent(&mut wanted).is_empty());
}

#[test]
fn a_new_connection_is_asked_for_all_and_a_gap_is_told_when_it_has_confirmed() {
    let mut wanted = connected();
    drop(ask(&mut wanted, &["a", "b"]));
    confirm(&mut wanted, &["a", "b"]);
    let mut asked = ask(&mut wanted, &["c"]);
    wanted.on_disconnected();
    assert!(sent(&mut wanted).is_empty());
    let mut later = ask(&mut wanted, &["d"]);
    wanted.on_connected();
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE c d", "SSUBSCRIBE a b"]);
    confirm(&mut wanted, &["c", "d", "a"]);
    assert!(asked.try_recv().is_ok() && later.try_recv().is_ok());
    assert!(wanted.has_lost() && wanted.take_regained() == 0);
    confirm(&mut wanted, &["b"]);
    assert!(!wanted.has_lost());
    assert_eq!((wanted.take_regained(), wanted.take_regained()), (2, 0));
}

#[test]
fn what_is_refused_again_stays_lost_and_is_asked_for_until_it_is_not() {
    let mut wanted = connected();
    drop(ask(&mut wanted, &["a", "b"]));
    confirm(&mut wanted, &["a", "b"]);
    wanted.on_connected();
    wanted.on_frame(error("NOPERM"));
    confirm(&mut wanted, &["a"]);
    wanted.on_frame(error("NOPERM"));
    let refused = Refusal::Refused("NOPERM".to_owned());
    assert_eq!(wanted.take_refused(), Some((1, refused)));
    assert_eq!(wanted.take_regained(), 1);
    sent(&mut wanted);
    wanted.try_again();
    // Not twice at the same time.
    wanted.try_again();
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE b"]);
    confirm(&mut wanted, &["b"]);
    assert_eq!((wanted.take_refused(), wanted.take_regained()), (None, 1));
}

#[test]
fn what_nobody_wants_any_more_is_not_kept() {
    let mut wanted = connected();
    let mut asked = ask(&mut wanted, &["a", "b"]);
    wanted.unsubscribe(list(&["a"]));
    let mut anew = ask(&mut wanted, &["a"]);
    assert_eq!(
        sent(&mut wanted),
        ["SSUBSCRIBE a b", "SUNSUBSCRIBE a", "SSUBSCRIBE a"]
    );
    confirm(&mut wanted, &["a", "b"]);
    assert!(asked.try_recv().is_ok() && anew.try_recv().is_err());
    wanted.on_frame(push("sunsubscribe", "a"));
    confirm(&mut wanted, &["a"]);
    assert!(anew.try_recv().is_ok());
    for channel in ["b", "c"] {
        wanted.unsubscribe(list(&[channel]));
    }
    assert!(wanted.try_ask());
    assert_eq!(sent(&mut wanted), ["SUNSUBSCRIBE b c"]);
    wanted.on_connected();
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE a"]);
}

#[test]
fn a_subscription_that_redis_ends_has_moved() {
    let mut wanted = connected();
    drop(ask(&mut wanted, &["a"]));
    confirm(&mut wanted, &["a"]);
    wanted.unsubscribe(list(&["x"]));
    assert!(wanted.try_ask());
    sent(&mut wanted);
    wanted.on_frame(push("sunsubscribe", "a"));
    assert!(wanted.take_moved() && wanted.has_lost());
    wanted.on_frame(push("sunsubscribe", "x"));
    assert!(!wanted.take_moved());
    wanted.try_again();
    assert_eq!(sent(&mut wanted), ["SSUBSCRIBE a"]);
}

#[test]
fn an_answer_to_something_else_is_noticed() {
    let mut wanted = connected();
    let _waits = ask(&mut wanted, &["a"]);
    wanted.ask_role();
    assert_eq!(connected().on_frame(role("master")), Said::Shifted);
    assert_eq!(connected().on_frame(error("ERR")), Said::Shifted);
    let wrong = wanted.on_frame(push("ssubscribe", "b"));
    assert_eq!(wrong, Said::Shifted);

    wanted.on_connected();
    drop(ask(&mut wanted, &["a"]));
    wanted.ask_role();
    confirm(&mut wanted, &["a", "a"]);
    assert_eq!(wanted.on_frame(role("master")), Said::Nothing);
    assert_eq!(wanted.on_frame(role("master")), Said::Shifted);
}

#[test]
fn a_replica_is_told_from_a_primary_and_from_who_does_not_say() {
    let mut wanted = connected();
    for _ in 0..3 {
        wanted.ask_role();
    }
    assert_eq!(sent(&mut wanted), ["ROLE"; 3]);
    assert_eq!(wanted.on_frame(role("master")), Said::Nothing);
    assert_eq!(wanted.on_frame(error("NOPERM")), Said::Nothing);
    assert_eq!(wanted.on_frame(role("slave")), Said::Demoted);
}

#[test]
fn messages_are_handed_on_whatever_is_awaited() {
    let mut wanted = connected();
    drop(ask(&mut wanted, &["a"]));
    let parts = ["smessage", "b", "hello"].map(|part| Frame::Text(Bytes::from(part)));
    let said = wanted.on_frame(Frame::Push(parts.into()));
    let [channel, message] = ["b", "hello"].map(Bytes::from);
    assert_eq!(said, Said::Message { channel, message });
    confirm(&mut wanted, &["a"]);
}

#[test]
fn one_server_takes_any_and_a_cluster_those_of_one_partition() {
    let channels = || (0..2_500).map(channel).collect::<Vec<_>>();
    let sizes = |batches: Vec<Vec<String>>| batches.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(sizes(together(false, channels())), [1_000, 1_000, 500]);
    let of_cluster = together(true, channels());
    assert_eq!(of_cluster.len(), usize::from(Partition::COUNT));
    for batch in of_cluster {
        let of = |channel: &String| names::partition_of_channel(channel);
        assert!(batch.iter().all(|channel| of(channel) == of(&batch[0])));
    }
}

#[test]
fn what_other_nodes_serve_is_let_go_of_and_taken_over() {
    let (mut old, mut new) = (Wanted::new(true), Wanted::new(true));
    old.on_connected();
    new.on_connected();
    let channels: Vec<_> = (0..10).map(channel).collect();
    for channel in &channels {
        drop(ask(&mut old, &[channel]));
        confirm(&mut old, &[channel]);
    }
    let moved = names::partition_of_channel(&channels[3]).unwrap();
    let released = old.release(|partition| partition == moved);
    assert!(released.contains(&channels[3]) && !old.kept.contains(&channels[3]));
    new.adopt(released.clone());
    for channel in released {
        confirm(&mut new, &[&channel]);
    }
    assert!(new.take_regained() > 0 && !new.has_lost());
}

#[test]
fn who_asks_for_what_another_node_serves_now_is_told() {
    let mut wanted = Wanted::new(true);
    wanted.on_connected();
    let [stays, moves] = [0, 1].map(channel);
    let mut asked = ask(&mut wanted, &[&stays, &moves]);
    let moved = names::partition_of_channel(&moves).unwrap();
    assert_ne!(names::partition_of_channel(&stays), Some(moved));
    assert!(wanted.release(|partition| partition == moved).is_empty());
    assert!(asked.try_recv().is_err());
    // One that has become a replica confirms all the same.
    for command in sent(&mut wanted) {
        confirm(&mut wanted, &[command.strip_prefix("SSUBSCRIBE ").unwrap()]);
    }
    let refusals = asked.try_recv().unwrap();
    assert!(matches!(refusals.get(&moves), Some(Refusal::Moved(_))));
    assert!(wanted.kept.contains(&stays) && !wanted.kept.contains(&moves));
}

fn channel(number: u32) -> String {
    let room = format!("acme:user:u{number}").parse::<RoomKey>();
    names::room_channel(&room.unwrap())
}
