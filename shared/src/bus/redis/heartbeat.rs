//! Connections that only look alive.
//!
//! fred's own heartbeat asks only one node of a cluster, and its check for
//! unresponsive connections begins to count anew with every command written.

use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike, ClusterInterface};
use fred::types::config::{Options, Server, ServerConfig};
use futures::future::join_all;
use tokio::time::sleep;

use super::link::{Address, begin_anew};
use super::topology::Topology;

/// How often every connection is asked whether it lives.
const EVERY: Duration = Duration::from_secs(1);
/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Replaces connections that only look alive, for ever.
pub(super) async fn check(client: Client, address: Address) {
    loop {
        sleep(EVERY).await;
        if !client.is_connected() {
            continue;
        }
        let silent = silent_servers(&client).await;
        if !silent.is_empty() && would_help(&client, &address, silent).await {
            begin_anew(&client, "a heartbeat was not answered").await;
        }
    }
}

async fn silent_servers(client: &Client) -> Vec<Server> {
    let pings = client.active_connections().into_iter().map(|server| {
        let options = Options {
            max_attempts: Some(1),
            timeout: Some(PATIENCE),
            cluster_node: client.is_clustered().then(|| server.clone()),
            ..Options::default()
        };
        let client = client.with_options(&options);
        async move { client.ping::<()>(None).await.is_err().then_some(server) }
    });
    join_all(pings).await.into_iter().flatten().collect()
}

/// Whether new connections are better than these. A server that is paused takes
/// no new one either; and since fred makes all anew and does nothing else
/// meanwhile, trying would cut off the other nodes of a cluster as well.
async fn would_help(client: &Client, address: &Address, silent: Vec<Server>) -> bool {
    if client.uses_sentinels() {
        // Only they know where the primary is now.
        return true;
    }
    let answer_anew = silent.iter().map(|server| {
        let server = server.clone();
        address.probe_at(ServerConfig::Centralized { server })
    });
    if join_all(answer_anew).await.iter().any(Result::is_ok) {
        return true;
    }
    if let Some(topology) = Topology::ask(client).await {
        let is_replaced = |server: &Server| !topology.primaries.contains(&server.to_string());
        if silent.iter().any(is_replaced) {
            // Goes over to the nodes in their place; where it fails, the next
            // heartbeat tries again.
            let _ = client.sync_cluster().await;
        }
    }
    false
}
