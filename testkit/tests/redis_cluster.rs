//! The cluster is a real one: slots have owners, move, and outlive a master.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use causerie_testkit::redis_cluster::RedisCluster;
use causerie_testkit::resp::Resp;

#[tokio::test]
async fn slots_have_owners_move_with_their_keys_and_survive_a_kill() {
    let mut cluster = RedisCluster::start().await;
    assert_eq!(cluster.size(), 6);
    assert_eq!(cluster.url().matches("127.0.0.1:").count(), 6);

    let slot = cluster.slot_of("{p17}:a").await;
    let owner = cluster.owner(0, slot).await;
    assert!(owner < 3, "a replica owns no slot");
    cluster.node(owner).command(&["SET", "{p17}:a", "1"]).await;
    let elsewhere = (owner + 1) % 3;
    let refusal = cluster
        .node(elsewhere)
        .try_command(&["GET", "{p17}:a"])
        .await
        .unwrap_err();
    assert!(refusal.starts_with("MOVED"), "{refusal}");

    cluster.migrate_slot(slot, elsewhere).await;
    assert_eq!(cluster.owner(owner, slot).await, elsewhere);
    assert_eq!(
        cluster
            .node(elsewhere)
            .command(&["GET", "{p17}:a"])
            .await
            .text(),
        "1"
    );

    // WAIT counts what its own connection has written, and all before that.
    let port = cluster.node(elsewhere).port();
    let mut connection = Resp::connect(port).await.unwrap();
    connection.command(&["SET", "{p17}:b", "2"]).await.unwrap();
    let waited = connection.command(&["WAIT", "1", "10000"]).await.unwrap();
    assert_eq!(waited.integer(), 1);
    cluster.node_mut(elsewhere).kill();
    let heir = cluster.taken_over(slot, elsewhere).await;
    assert_eq!(heir, elsewhere + 3);
    assert_eq!(
        cluster.node(heir).command(&["GET", "{p17}:a"]).await.text(),
        "1"
    );

    cluster.node_mut(elsewhere).restart().await;
    cluster.ready().await;
}
