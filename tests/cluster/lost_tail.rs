//! Redis loses the tail of a log while no gateway runs, and goes on with the
//! same numbers for other events. Who comes back after that is told.

use causerie_testkit::cluster::Cluster;
use causerie_testkit::storage::StorageKind;
use serde_json::{Value, json};

use crate::kit::device::Device;
use crate::kit::return_at;

const ROOM: &str = "project:p1";

#[tokio::test]
async fn an_append_only_file_cut_short_is_told_to_those_who_had_seen_more() {
    let mut cluster = Cluster::options().durable().start().await;
    let (early, late) =
        leave_before_and_after(&mut cluster, async |cluster| cluster.redis().aof_size()).await;

    stop_gateways(&mut cluster);
    cluster.redis().kill();
    cluster.redis().truncate_aof(early.mark);
    cluster.redis().mend_aof();
    cluster.redis().restart().await;
    start_gateways(&mut cluster).await;

    only_the_late_one_has_lost_something(&cluster, &early.position, &late).await;
}

#[tokio::test]
async fn replicas_that_lagged_are_told_to_those_who_had_seen_more() {
    let mut cluster = Cluster::options().on(StorageKind::Sentinel).start().await;
    let (early, late) = leave_before_and_after(&mut cluster, async |cluster| {
        let to_replicas = cluster.redis_replicated().through_proxy().await;
        to_replicas.stall();
        to_replicas
    })
    .await;

    stop_gateways(&mut cluster);
    let redis = cluster.redis_replicated();
    let primary = redis.primary().await;
    redis.server_mut(primary).kill();
    // What was on its way never comes.
    drop(early.mark);
    redis.taken_over(primary).await;
    start_gateways(&mut cluster).await;

    only_the_late_one_has_lost_something(&cluster, &early.position, &late).await;
}

#[tokio::test]
async fn a_redis_that_lost_everything_is_told_to_all() {
    let mut cluster = Cluster::options().durable().start().await;
    let (early, late) = leave_before_and_after(&mut cluster, async |_| ()).await;

    stop_gateways(&mut cluster);
    cluster.redis().kill();
    cluster.redis().lose_everything();
    cluster.redis().restart().await;
    start_gateways(&mut cluster).await;

    say(&cluster, "again ", 9).await;
    for position in [&early.position, &late] {
        let back = return_at(&cluster.gateways[0], position, 0).await;
        assert_eq!(back.subscribed["recovered"], false, "{}", back.subscribed);
        assert_eq!(back.subscribed["seq"], 9, "{}", back.subscribed);
        assert_eq!(back.missed, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn a_restart_that_lost_nothing_forces_nobody_to_reload() {
    for all_gateways_are_down in [false, true] {
        let mut cluster = Cluster::options().durable().start().await;
        let (early, late) = leave_before_and_after(&mut cluster, async |_| ()).await;

        if all_gateways_are_down {
            stop_gateways(&mut cluster);
        }
        cluster.redis().kill();
        cluster.redis().restart().await;
        if all_gateways_are_down {
            start_gateways(&mut cluster).await;
        }

        say(&cluster, "after ", 2).await;
        let expected = ["late 1", "late 2", "late 3", "after 1", "after 2"];
        for gateway in &cluster.gateways {
            for (position, expected) in [(&early.position, &expected[..]), (&late, &expected[3..])]
            {
                let back = return_at(gateway, position, expected.len()).await;
                assert_eq!(back.subscribed["recovered"], true, "{}", back.subscribed);
                assert_eq!(contents(&back.missed), expected);
            }
        }
    }
}

/// Where one was who left before the tail was written, and what was noted then.
struct Early<T> {
    position: String,
    mark: T,
}

/// Somebody says three things, and `mark` is called; then three more. Gives the
/// positions of two who had seen the first, and all.
async fn leave_before_and_after<T>(
    cluster: &mut Cluster,
    mark: impl AsyncFnOnce(&mut Cluster) -> T,
) -> (Early<T>, String) {
    say(cluster, "early ", 3).await;
    let position = position_of_head(cluster).await;
    let mark = mark(cluster).await;
    say(cluster, "late ", 3).await;
    let late = position_of_head(cluster).await;
    (Early { position, mark }, late)
}

/// Past where it was before, other things are said. Who had seen what is lost
/// is told so, and where the stream goes on; who had not misses nothing of what
/// there is.
async fn only_the_late_one_has_lost_something(cluster: &Cluster, early: &str, late: &str) {
    say(cluster, "again ", 5).await;

    for gateway in &cluster.gateways {
        let back = return_at(gateway, late, 0).await;
        assert_eq!(back.subscribed["recovered"], false, "{}", back.subscribed);
        assert_eq!(back.subscribed["seq"], 8, "{}", back.subscribed);
        assert_eq!(back.missed, Vec::<Value>::new(), "it goes on from the head");

        let expected: Vec<_> = (1..=5).map(|number| format!("again {number}")).collect();
        let back = return_at(gateway, early, expected.len()).await;
        assert_eq!(back.subscribed["recovered"], true, "{}", back.subscribed);
        assert_eq!(contents(&back.missed), expected);
    }
}

async fn say(cluster: &Cluster, what: &str, times: usize) {
    let mut device = Device::connect(&cluster.gateways[1], "acme", "u1", &[ROOM]).await;
    for number in 1..=times {
        let text = format!("{what}{number}");
        device
            .ask(json!({"user_input": text, "room": ROOM, "ai": false}))
            .await;
    }
    // So that another connection finds the gateway where this one left it.
    let _ = device.client.close(1000, "bye").await;
}

async fn position_of_head(cluster: &Cluster) -> String {
    let device = Device::connect(&cluster.gateways[0], "acme", "u2", &[ROOM]).await;
    let mut positions = device.view.positions().into_iter();
    let found = positions.find(|position| position.starts_with(ROOM));
    found.expect("the room was joined")
}

fn stop_gateways(cluster: &mut Cluster) {
    cluster.gateways.iter_mut().for_each(|node| node.kill());
}

async fn start_gateways(cluster: &mut Cluster) {
    for number in 0..cluster.gateways.len() {
        cluster.restart_gateway(number).await;
    }
}

fn contents(events: &[Value]) -> Vec<String> {
    let contents = events.iter().map(|event| &event["data"]["content"]);
    contents
        .map(|content| content.as_str().unwrap().to_owned())
        .collect()
}
