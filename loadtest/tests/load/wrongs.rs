//! A server that breaks its promises is found out.

use causerie_loadtest::load::results::Counts;
use causerie_testkit::process::Node;

use crate::breaker::{Aim, Breaker, Wrong};
use crate::program::{End, causerie, run};

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
