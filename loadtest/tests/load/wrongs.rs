//! A server that breaks its promises is found out.

use causerie_loadtest::load::results::Counts;
use causerie_testkit::process::Node;

use crate::breaker::{Aim, Breaker, Wrong};
use crate::program::{End, causerie, run, target};

/// Something was lost, doubled, out of order, wrong or refused.
const FAULTY: i32 = 3;

async fn run_before(node: &Node, aim: Aim, scenario: &str, arguments: &str) -> End {
    let breaker = Breaker::start(node.port(), aim).await;
    run(scenario, &[breaker.target()], arguments).await
}

fn aim(wrong: Wrong, marked: &'static str, after: usize) -> Aim {
    Aim {
        wrong,
        marked,
        after,
        after_connections: 0,
    }
}

/// What the first client says, on its way to another: what comes back to itself is
/// not checked.
fn aim_at_first(wrong: Wrong, marked: &'static str, after: usize) -> Aim {
    Aim {
        after_connections: 1,
        ..aim(wrong, marked, after)
    }
}

fn faults(end: &End) -> &Counts {
    assert_eq!(end.code, FAULTY, "{end:#?}");
    &end.results().counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_lost_doubled_or_out_of_order_is_noticed() {
    let node = causerie().await;
    for scenario in [
        "fanout --subscribers 10 --rate 50 --seconds 1 --warm-up 0 --threads 1",
        "rooms --rooms 5 --rate 100 --seconds 1 --warm-up 0 --threads 1",
    ] {
        let (scenario, arguments) = scenario.split_once(' ').unwrap();
        for (wrong, expected) in [
            (Wrong::Lose, [1, 0, 0]),
            (Wrong::Double, [0, 1, 0]),
            (Wrong::Swap, [0, 0, 1]),
        ] {
            let aim = aim_at_first(wrong, "load:0:", 5);
            let end = run_before(&node, aim, scenario, arguments).await;
            let counts = faults(&end);
            let found = [counts.lost(), counts.duplicated, counts.reordered];
            assert_eq!(found, expected, "{scenario}, {wrong:?}: {counts:?}");
        }
    }
}

/// The rate is tried again, and borne; that something was doubled is not forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_search_has_seen_on_its_way_is_told() {
    let node = causerie().await;
    let arguments = "--subscribers 100 --search --search-from 20 --seconds 0.5 --warm-up 0.1 \
                     --p99 50 --threads 1";
    for (wrong, expected, said) in [
        (Wrong::Double, [1, 0], "1 duplicated"),
        (Wrong::Swap, [0, 1], "1 out of order"),
    ] {
        let aim = aim_at_first(wrong, "load:0:", 5);
        let end = run_before(&node, aim, "fanout", arguments).await;
        if end.code == 1 {
            // On a busy machine no rate may be borne.
            assert!(end.stderr.contains(said), "{end:#?}");
            continue;
        }
        let counts = faults(&end);
        let found = [counts.duplicated, counts.reordered];
        assert_eq!(found, expected, "{wrong:?}: {end:#?}");
        let tried = &end.results().tried;
        assert!(!tried[0].is_borne, "{tried:?}");
        assert_eq!(tried[0].rate, tried[1].rate, "{tried:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_heard_in_another_room_is_noticed_and_hides_no_loss() {
    let node = causerie().await;
    let aim = aim_at_first(Wrong::Misplace, "load:0:", 5);
    let arguments = "--rooms 5 --rate 100 --seconds 1 --warm-up 0 --threads 1";
    let end = run_before(&node, aim, "rooms", arguments).await;
    let counts = faults(&end);
    assert_eq!((counts.misplaced, counts.lost()), (1, 1), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_never_acknowledged_is_noticed() {
    let node = causerie().await;
    let aim = aim(Wrong::Lose, r#""type":"ack""#, 3);
    let arguments = "--rooms 5 --rate 100 --seconds 1 --warm-up 0 --threads 1";
    let end = run_before(&node, aim, "rooms", arguments).await;
    let counts = faults(&end);
    assert_eq!(counts.faults(), [("never acknowledged", 1)], "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_faster_than_was_told_is_noticed() {
    let node = causerie().await;
    // It begins after 100 ms.
    let arguments =
        "--clients 5 --seconds 1 --words 40 --first-token-delay 400 --tokens-per-second 100";
    let end = run("chat", &[target(&node)], arguments).await;
    let counts = faults(&end);
    assert!(counts.early > 0 && counts.astray == 0, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_message_that_is_lost_is_noticed() {
    let node = causerie().await;
    let aim = aim_at_first(Wrong::Lose, "load:0:49:", 0);
    let arguments = "--subscribers 10 --rate 50 --seconds 1 --warm-up 0 --threads 1";
    let end = run_before(&node, aim, "fanout", arguments).await;
    let counts = faults(&end);
    assert_eq!((counts.sent, counts.lost()), (50, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_a_reply_that_is_lost_doubled_or_out_of_order_is_noticed() {
    let node = causerie().await;
    for wrong in [Wrong::Lose, Wrong::Double, Wrong::Swap] {
        let end = run_before(
            &node,
            aim(wrong, "message_delta", 3),
            "chat",
            "--clients 5 --seconds 1 --words 40 --first-token-delay 100 --tokens-per-second 100",
        )
        .await;
        let counts = faults(&end);
        assert!(counts.astray > 0, "{wrong:?}: {counts:?}");
    }
}

/// All come twice; the second time each has three messages of the shared room to
/// catch up on.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_catch_up_or_is_given_something_twice_is_noticed() {
    let node = causerie().await;
    let arguments = "--clients 20 --room-size 20 --missed 3 --patience 5";
    let run = async |wrong| {
        let aim = Aim {
            after_connections: 20,
            ..aim(wrong, r#""new_message","room":"project:"#, 0)
        };
        run_before(&node, aim, "storm", arguments).await
    };
    let end = run(Wrong::Lose).await;
    assert_eq!(end.code, 1, "{end:#?}");
    let said = "only 19 of 20 clients are back and caught up after 5 s";
    assert!(end.stderr.contains(said), "{end:#?}");
    for wrong in [Wrong::Double, Wrong::Swap] {
        let end = run(wrong).await;
        assert!(
            faults(&end).errors.contains_key("Double"),
            "{wrong:?}: {end:#?}"
        );
    }
}
