//! What servers publish at one gateway is heard at all.

use causerie_testkit::cluster::Cluster;
use causerie_testkit::token::Token;
use serde_json::json;

use crate::kit::device::Device;
use crate::kit::{post, return_at};

#[tokio::test]
async fn what_is_published_at_one_gateway_is_heard_once_at_each() {
    let cluster = Cluster::options().brokers(0).start().await;
    let mut here = Device::connect(&cluster.gateways[0], "acme", "u1", &["project:p1"]).await;
    let mut there = Device::connect(&cluster.gateways[1], "acme", "u2", &["project:p1"]).await;
    let server = Token::of("acme", "shop").role("publisher").project("p1");
    let server = server.sign(&Cluster::secret("acme"));
    let start = there.view.positions();
    let start = start
        .iter()
        .find(|at| at.starts_with("project:p1"))
        .unwrap();

    // Each order is published at both, as one is whose answer was lost.
    for order in 1..=20 {
        let body = json!({
            "rooms": ["project:p1", "tenant"], "type": "order.paid", "data": {"order": order},
            "durable": true, "id": format!("order-{order}"),
        });
        let posts = cluster
            .gateways
            .iter()
            .map(|gateway| post(gateway.url(), "/api/publish", &server, &body));
        let answers = futures::future::join_all(posts).await;
        assert_eq!(answers[0].status, 200, "{answers:?}");
        let results = answers[0].json()["results"].clone();
        assert_eq!(answers[1].json()["results"], results);
        for (at, room) in ["project:p1", "tenant"].into_iter().enumerate() {
            assert_eq!(results[at]["room"], room);
            assert_eq!(results[at]["seq"], order, "{results}");
        }
    }
    for device in [&mut here, &mut there] {
        for room in ["project:p1", "tenant"] {
            device
                .until("all orders", |view| {
                    (view.room(room).events.len() == 20).then_some(())
                })
                .await;
        }
        device.catch_up().await;
        // The view fails where an event comes twice, or out of order.
        let orders = device.view.room("project:p1").of_type("order.paid");
        let orders: Vec<_> = orders.map(|event| event["data"]["order"].clone()).collect();
        assert_eq!(
            orders,
            (1..=20).map(|order| json!(order)).collect::<Vec<_>>()
        );
    }
    assert_eq!(
        return_at(&cluster.gateways[0], start, 20)
            .await
            .missed
            .len(),
        20
    );
}
