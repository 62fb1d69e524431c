//! Servers behind real Sentinels: one dies, another takes over, with or without
//! the tail.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use causerie_testkit::replicated::Replicated;

#[tokio::test]
async fn a_replica_in_step_loses_nothing_and_one_behind_its_tail() {
    let mut storage = Replicated::start().await;
    let first = storage.primary().await;
    storage.server(first).command(&["SET", "a", "1"]).await;
    let first = storage.hold_in_step().await;
    storage.server_mut(first).kill();
    let second = storage.taken_over(first).await;
    let kept = storage.server(second).command(&["GET", "a"]).await;
    assert_eq!(kept.text(), "1");
    storage.server_mut(first).restart().await;
    storage.ready().await;

    let replication = storage.through_proxy().await;
    replication.stall();
    // Sentinels of a busy machine may have let yet another take over.
    let second = storage.primary().await;
    storage.server(second).command(&["SET", "b", "2"]).await;
    storage.server_mut(second).kill();
    let third = storage.taken_over(second).await;
    drop(replication);
    let server = storage.server(third);
    assert_eq!(server.command(&["GET", "a"]).await.text(), "1");
    assert_eq!(server.command(&["GET", "b"]).await.text(), "");
}

#[tokio::test]
async fn a_primary_that_stands_still_for_seconds_stays_the_primary() {
    let mut storage = Replicated::start().await;
    let primary = storage.primary().await;
    // Longer than Sentinels wait for one that is known to have died.
    let busy = storage
        .server(primary)
        .try_command(&["DEBUG", "SLEEP", "3"]);
    busy.await.unwrap();
    assert_eq!(storage.primary().await, primary);
    // And is followed soon where it has.
    storage.server_mut(primary).kill();
    let since = Instant::now();
    assert_ne!(storage.taken_over(primary).await, primary);
    assert!(since.elapsed() < Duration::from_secs(20));
}
