//! A client of fred's for a whole cluster, told to ask another node, takes for the answer to
//! ASKING that of whatever was asked there before. Ours know of one node.

use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::bus::question::Accepted;
use causerie_testkit::redis_cluster::RedisCluster;
use futures::future::join_all;

use super::ours;
use crate::scene::*;

/// The node that serves a slot says of what it does not have: ask that one.
async fn begin_to_move(cluster: &RedisCluster, slot: u32) {
    let from = cluster.owner(0, slot).await;
    let to = (from + 1) % 3;
    let (from, to) = (cluster.node(from), cluster.node(to));
    let from_id = from.command(&["CLUSTER", "MYID"]).await.text();
    let to_id = to.command(&["CLUSTER", "MYID"]).await.text();
    let slot = slot.to_string();
    to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])
        .await;
    from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])
        .await;
}

/// fred asks the other node whether it may, and takes the next answer that comes
/// from there for the answer to that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_asked_elsewhere_spoils_no_answer() {
    let cluster = RedisCluster::start().await;
    let bus = ours(cluster.url(), Duration::from_secs(3)).await;
    let (moving, others) = (
        room("acme:project:moving"),
        (0..300).map(|number| room(&format!("acme:project:p{number}"))),
    );
    let slot = cluster
        .slot_of(&format!("causerie:{{p{}}}:", moving.partition()))
        .await;
    begin_to_move(&cluster, slot).await;
    let others = others.filter(|other| other.partition() != moving.partition());
    let others: Vec<_> = others.collect();
    for _ in 0..3 {
        let is_put_off = async {
            let refused = bus.accept(&for_people(question(&moving))).await;
            assert!(
                matches!(refused, Err(BusError::Unavailable(_))),
                "{refused:?}"
            );
        };
        let are_answered = others.iter().map(async |other| {
            let said = for_people(question(other));
            let Accepted::Stored(receipt) = bus.accept(&said).await.unwrap() else {
                panic!("it was said before");
            };
            assert_eq!(receipt.message_id, said.message_id);
        });
        tokio::join!(is_put_off, join_all(are_answered));
    }
}
