//! A node has no way to its storage but the networks that faults strike, whatever
//! servers it is told of.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::chaos::installation::{Installation, Place};
use causerie_loadtest::chaos::link::{Link, Spoiling};
use causerie_loadtest::chaos::strike::Aim;
use causerie_loadtest::ledger::Pen;
use causerie_testkit::DEADLINE;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::storage::{Storage, StorageKind};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_send_a_node_to_no_server_by_another_way() {
    let mut at = Installation::start(StorageKind::Sentinel, 1, 0)
        .await
        .unwrap();
    only_by_its_networks(&at.gateways[0]).await;
    let Storage::Sentinel(replicated) = &mut at.storage else {
        panic!("another storage than was asked for");
    };
    let old = replicated.primary().await;
    replicated.server_mut(old).kill();
    replicated.taken_over(old).await;
    only_by_its_networks(&at.gateways[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_sends_a_node_to_no_server_by_another_way() {
    let at = Installation::start(StorageKind::Cluster, 1, 0)
        .await
        .unwrap();
    only_by_its_networks(&at.gateways[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_way_to_sentinels_is_to_all_of_them_and_to_nothing_else() {
    let mut at = Installation::start(StorageKind::Sentinel, 1, 0)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pen = Pen::new(&folder.path().join("ledger.jsonl")).unwrap();
    let of_sentinels = at.storage.sentinels();
    let ways = at.gateways[0].to_redis.iter();
    let ways: Vec<_> = ways
        .map(|(port, way)| (of_sentinels.contains(port), way.url("")))
        .collect();
    assert_eq!(ways.iter().filter(|(is_cut, _)| *is_cut).count(), 3);
    let aim = Aim::new(1, 1, 0).unwrap();
    let striking = aim.strike(Kind::Link(Link::Sentinels, Spoiling::Cut), &mut at, &pen);
    let looking = async {
        for (is_cut, way) in &ways {
            while passes(way).await == *is_cut {
                sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::select! {
        struck = striking => panic!("over before all was seen: {struck:?}"),
        () = looking => {}
    }
}

/// Whether a server answers that way.
async fn passes(way: &str) -> bool {
    let mut answer = [0; 5];
    let asking = async {
        let mut socket = TcpStream::connect(way.trim_start_matches("://")).await?;
        socket.write_all(b"PING\r\n").await?;
        socket.read_exact(&mut answer).await
    };
    asking.await.is_ok_and(|_| &answer == b"+PONG")
}

async fn only_by_its_networks(node: &Place) {
    answers(node, StatusCode::OK).await;
    node.to_redis.values().for_each(Proxy::block);
    answers(node, StatusCode::SERVICE_UNAVAILABLE).await;
    node.to_redis.values().for_each(Proxy::resume);
    answers(node, StatusCode::OK).await;
}

/// Waits until a node says of itself that it is ready, or is not.
async fn answers(node: &Place, wanted: StatusCode) {
    let ready = format!("{}/health/ready", node.node.admin_url());
    let asking = async {
        while reqwest::get(&ready).await.unwrap().status() != wanted {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let answered = timeout(DEADLINE, asking).await;
    answered.unwrap_or_else(|_| panic!("{} does not answer {wanted}", node.name));
}
