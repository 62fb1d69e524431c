//! Each scenario, for some seconds.

use causerie_loadtest::load::results::{Measure, Results};
use causerie_loadtest::load::sample::Role;
use causerie_testkit::certificates::Authority;

use crate::program::{Gateways, causerie, command, run, run_as, standalone, target};

fn count(results: &Results, measure: Measure) -> u64 {
    let latency = results.latencies.get(&measure);
    latency.map_or(0, |latency| latency.whole.count())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connect_and_the_servers_memory_is_seen() {
    let node = standalone().env("AUDIT_ENABLED", "true").start().await;
    let end = run(
        "connect",
        &[target(&node)],
        &format!(
            "--clients 300 --plateau 100 --hold 1 --connect-rate 500 --sources \
             127.0.0.1-127.0.0.3 --server node={}",
            node.pid()
        ),
    )
    .await;
    let results = end.well();
    assert_eq!(results.counts.connections, 300);
    assert_eq!(count(results, Measure::Connect), 300);
    assert!(!results.samples.rss_bytes(Role::Server).is_empty());
    let most = results.seconds.values().map(|second| second.connections);
    assert_eq!(most.max(), Some(300), "{:?}", results.seconds);
    assert!(!end.stdout.contains("connections a second"), "it paused");
    for source in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        node.log_line(&format!(r#""address":"{source}""#)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_at_a_time_is_heard_by_all_on_two_gateways() {
    let gateways = Gateways::start().await;
    let end = run(
        "fanout",
        &gateways.targets(),
        "--subscribers 41 --seconds 1 --warm-up 0.2",
    )
    .await;
    let counts = &end.well().counts;
    assert!(counts.sent > 5, "{counts:?}");
    assert_eq!(counts.expected, counts.sent * 40);
    assert_eq!(counts.delivered, counts.expected);
    assert_eq!(counts.accepted, counts.sent);
    assert!(end.results().stretch.deliveries > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_spoken_to_over_tls() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let certified = authority.certify("127.0.0.1");
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let node = standalone()
        .env("TLS_CERT_FILE", put("server.crt", &certified.certificate))
        .env("TLS_KEY_FILE", put("server.key", &certified.key))
        .start()
        .await;
    let target = target(&node).replacen("ws", "wss", 1);
    let trust = put("authority.crt", &authority.certificate);
    let end = run(
        "fanout",
        std::slice::from_ref(&target),
        &format!("--subscribers 41 --seconds 1 --warm-up 0.2 --bytes 20000 --trust {trust}"),
    )
    .await;
    let counts = &end.well().counts;
    assert!(counts.sent > 5, "{counts:?}");
    assert_eq!(counts.delivered, counts.sent * 40);

    let end = run("connect", &[target], "--clients 1").await;
    assert_eq!(end.code, 1, "{end:#?}");
    let said = "name with --trust who has signed for wss://";
    assert!(end.stderr.contains(said), "{end:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_speak_at_the_rate_that_is_wanted() {
    let node = causerie().await;
    let end = run(
        "fanout",
        &[target(&node)],
        "--subscribers 20 --publishers 3 --rate 60 --seconds 2 --warm-up 1 --bytes 1500",
    )
    .await;
    let results = end.well();
    // Three seconds, of which two are measured.
    assert_eq!(results.counts.sent, 180);
    assert_eq!(count(results, Measure::Delivery), 120 * 19);
    assert_eq!(count(results, Measure::Send), 120);
    assert!(results.counts.received_bytes > 180 * 19 * 1500);
    assert_eq!(results.parameters["rate"], "60");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_a_rate_that_is_borne() {
    let node = causerie().await;
    // Nobody can be as fast as that: so it ends.
    let end = run(
        "fanout",
        &[target(&node)],
        "--subscribers 200 --search --search-from 20 --seconds 0.5 --warm-up 0.1 --p99 30",
    )
    .await;
    if end.code == 1 {
        // On a busy machine no rate may be borne, and that is said.
        assert!(
            end.stderr.contains("no rate was borne: 20 too much"),
            "{end:?}"
        );
        return;
    }
    let results = end.well();
    let tried = &results.parameters["tried"];
    assert!(tried.contains(" too much (p99 "), "{tried}");
    let rate = &results.parameters["rate"];
    assert!(tried.contains(&format!("{rate} borne")), "{rate}: {tried}");
    assert!(
        results.latencies[&Measure::Delivery]
            .whole
            .quantile_ms(0.99)
            < 30.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_speak_in_small_rooms_across_gateways() {
    let gateways = Gateways::start().await;
    let end = run(
        "rooms",
        &gateways.targets(),
        "--rooms 20 --members 3 --rate 120 --seconds 1 --warm-up 0.5",
    )
    .await;
    let counts = &end.well().counts;
    assert_eq!(counts.sent, 180);
    assert_eq!(counts.delivered, 180 * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_are_read_piece_by_piece() {
    let node = causerie().await;
    let end = run(
        "chat",
        &[target(&node)],
        "--clients 20 --seconds 1 --words 40 --first-token-delay 100 --tokens-per-second 100",
    )
    .await;
    let results = end.well();
    assert!(results.counts.replies >= 20, "{:?}", results.counts);
    assert_eq!(results.counts.replies, results.counts.questions);
    let most = results
        .seconds
        .values()
        .map(|second| second.streaming)
        .max();
    assert!((1..=20).contains(&most.unwrap()), "{:?}", results.seconds);
    let replies = count(results, Measure::Reply);
    assert!(replies > 0);
    assert_eq!(count(results, Measure::FirstDelta), replies);
    assert!(count(results, Measure::Delta) > replies * 2);
    // 100 ms to the first of 40 words, 10 to each next.
    let reply = &results.latencies[&Measure::Reply].whole;
    assert!(
        reply.quantile_ms(0.0) >= 490.0,
        "{}",
        reply.quantile_ms(0.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_come_back_to_the_other_gateway_and_miss_nothing() {
    let gateways = Gateways::start().await;
    let end = run(
        "storm",
        &gateways.targets(),
        "--clients 120 --room-size 30 --missed 3",
    )
    .await;
    let results = end.well();
    assert_eq!(count(results, Measure::Return), 120);
    assert_eq!(results.counts.delivered, 120 * 4);
    // It is over with the last who is back, and what follows is not part of it: they
    // are looked at each few milliseconds, on a machine that may be busy.
    let last = results.latencies[&Measure::Return].whole.max_ms();
    let all = results.stretch.seconds() * 1e3;
    assert!((last - 3.0..last + 500.0).contains(&all), "{all}, {last}");
    assert!(end.stdout.contains("until all were back, s"), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_idle_talk_and_questions() {
    let node = causerie().await;
    let day = "--clients 200 --speak-every 3 --ask-after 1 --words 20 --first-token-delay 100 \
               --tokens-per-second 100";
    let mixed = format!("{day} --seconds 4 --warm-up 1");
    let soak = format!("{day} --minutes 0.05 --warm-up 0.02");
    for (scenario, arguments) in [("mixed", mixed), ("soak", soak)] {
        let end = run(scenario, &[target(&node)], &arguments).await;
        let counts = &end.well().counts;
        assert!(counts.sent > 0 && counts.questions > 0, "{counts:?}");
        assert_eq!(counts.delivered, counts.sent * 9, "rooms of ten");
        assert_eq!(counts.replies, counts.questions);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_share_the_clients_and_are_one_run() {
    let node = causerie().await;
    let folder = tempfile::tempdir().unwrap();
    let part = |number: u32| {
        let mut command = command();
        command.args(["rooms", "--rooms", "7", "--rate", "70", "--seconds", "1"]);
        command.args(["--target", &target(&node), "--part", &format!("{number}/2")]);
        let json = folder.path().join(format!("{number}.json"));
        command.arg("--json").arg(&json);
        (command, json)
    };
    let ((mut one, first), (mut other, second)) = (part(1), part(2));
    let (one, other) = tokio::join!(run_as(&mut one), run_as(&mut other));
    assert_eq!((one.code, other.code), (0, 0), "{one:#?} {other:#?}");
    let sum = folder.path().join("sum.json");
    let mut merge = command();
    merge
        .arg("merge")
        .arg(first)
        .arg(second)
        .arg("--json")
        .arg(&sum);
    let merged = run_as(&mut merge).await;
    assert_eq!(merged.code, 0, "{merged:#?}");
    let results = Results::read(&sum).unwrap();
    assert_eq!((results.processes, results.counts.connections), (2, 14));
    // 70 a second for three seconds, and rounding.
    let sent = results.counts.sent;
    assert!((206..=214).contains(&sent), "{sent}");

    // What was wanted of it is said by the exit code.
    for (goal, code) in [("p99, ms>=0", 0), ("p99, ms<=0", 4), ("p42, ms<=1000", 4)] {
        let mut merge = command();
        merge.arg("merge").arg(&sum);
        merge.args(["--goal", &format!("Delivery, {goal}")]);
        let judged = run_as(&mut merge).await;
        assert_eq!(judged.code, code, "{goal}: {judged:#?}");
    }
}
