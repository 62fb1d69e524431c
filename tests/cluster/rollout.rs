//! Who is told to use WebSockets changes while the program runs.

use causerie_testkit::DEADLINE;
use causerie_testkit::client::http::request;
use causerie_testkit::process::{Node, Program};
use reqwest::Method;
use tokio::time::{Instant, sleep};

async fn mode(node: &Node) -> String {
    let url = format!("{}/api/client-config?t=demo&visitor=v1", node.url());
    let answer = request(Method::GET, &url, &[("origin", node.url())], None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["mode"].as_str().unwrap().to_owned()
}

async fn mode_becomes(node: &Node, expected: &str) {
    let deadline = Instant::now() + DEADLINE;
    while mode(node).await != expected {
        assert!(Instant::now() < deadline, "{expected} {}", node.output());
        sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn put(node: &Node, rollout: &str) {
    std::fs::write(node.config_file(), format!("[rollout]\n{rollout}\n")).unwrap();
}

#[tokio::test]
async fn a_rollout_begins_grows_and_is_taken_back_without_a_restart() {
    let program = Program::causerie().config("[rollout]\npercentage = 0\n");
    let mut node = program.start().await;
    let told = |mode: &str| format!("causerie_client_configs_total{{mode=\"{mode}\"}}");
    for mode in ["auto", "streaming", "http"] {
        let series = format!("{} 0", told(mode));
        let metrics = node.metrics().await;
        assert!(metrics.contains(&series), "{series} in {metrics}");
    }
    assert_eq!(mode(&node).await, "streaming");
    let series = format!("{} 1\n", told("streaming"));
    assert!(node.metrics().await.contains(&series), "{series}");

    put(&node, "percentage = 100");
    mode_becomes(&node, "auto").await;
    // What makes no sense changes nothing, and the next that does is taken over.
    put(&node, "percentage = 101");
    let line = node.log_line("configuration not read again").await;
    assert!(
        line.contains("rollout.percentage is `101`") && line.contains("from 0 to 100"),
        "{line}"
    );
    assert_eq!(mode(&node).await, "auto");
    put(&node, "enabled = false\nfallback = 'http'");
    node.reload();
    mode_becomes(&node, "http").await;
}
