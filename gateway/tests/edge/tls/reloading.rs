//! Certificates that are renewed while clients are connected.

use causerie_testkit::DEADLINE;
use causerie_testkit::certificates::Authority;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::{Files, Trust, come_in, shake_hands};
use crate::support::node::Node;

/// Waits until new connections are shown another certificate.
async fn until_trusted(node: &Node, trust: &Trust) {
    let shaking = async {
        while shake_hands(node, trust.clone().config()).await.is_err() {
            yield_now().await;
        }
    };
    timeout(DEADLINE, shaking)
        .await
        .expect("the other certificate");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_clients_and_old_ones_stay() {
    let files = Files::new();
    let node = Node::with(&files.toml()).await;
    let mut early = come_in(&node, files.trust()).await;

    let renewed = Authority::new();
    files.put(&renewed.certify("127.0.0.1"));
    node.settings.reload();
    until_trusted(&node, &Trust::in_authority(&renewed)).await;
    early.ping().await;
    let mut late = come_in(&node, Trust::in_authority(&renewed)).await;
    assert!(shake_hands(&node, files.trust().config()).await.is_err());

    // One that cannot be used changes nothing; the next one that can does.
    std::fs::write(files.path("server.crt"), "").unwrap();
    node.settings.reload();
    early.ping().await;
    late.ping().await;
    files.put(&files.authority.certify("127.0.0.1"));
    node.settings.reload();
    until_trusted(&node, &files.trust()).await;
    late.ping().await;
}
